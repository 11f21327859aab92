# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why librdkafka gets no connection: its calls only ever time out, and it tells the reason elsewhere."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from .._core.errors import KafkaError
from .._core.settings import KafkaSettings

# librdkafka's local errors, by the names in its rdkafka.h
_NO_LOGIN = "_AUTHENTICATION"
_NO_TLS = "_SSL"

_TOLD = re.compile(r"^(?:\w+://)?(?P<server>[^/\s]+)/(?:bootstrap|\d+): (?P<reason>.*)$")
_STATE = re.compile(r" \(after \d+ms in state \w+.*\)$")
_ALERT = re.compile(r"alert (?:bad certificate|certificate|unknown ca|handshake failure|access denied)")
_WITHOUT_BEARER = "Failed to acquire SASL OAUTHBEARER token: "


class Trouble(logging.Handler):
    """Collects what librdkafka tells of connections that failed, as its error callback and as its log.

    Its log goes nowhere else, so that nothing appears on the standard error.

    Args:
        settings: Those of the connections, for advice.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__()
        self._settings = settings
        self._last: tuple[str, str] | None = None
        self.fatal: KafkaError | None = None
        """What makes it pointless to go on waiting."""

    def logger(self) -> logging.Logger:
        """A logger of its own for librdkafka's lines."""
        logger = logging.Logger("librdkafka", logging.DEBUG)
        logger.addHandler(self)
        return logger

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the log: ``FAIL [client] [thread]: server/node: reason``."""
        kind, _space, text = record.getMessage().partition(" ")
        if kind == "FAIL":
            self._note(text.partition("]: ")[2])

    def on_error(self, error: Any) -> None:
        """Take what the error callback is called with, a `confluent_kafka.KafkaError`."""
        text = str(error.str())
        if error.name() not in (_NO_LOGIN, _NO_TLS) and not _ALERT.search(text):
            self._note(text)
        elif self.fatal is None:
            self.fatal = self._refusal(error.name(), text)

    def unreachable(self, doing: str) -> KafkaError:
        """The error for a call that got no connection, or no answer, in time.

        Args:
            doing: What was tried, as the beginning of a sentence: ``Listing the topics``.
        """
        if self._last is None:
            servers = ", ".join(self._settings.bootstrap_servers)
            return KafkaError(
                f"{doing} failed: the Kafka brokers {servers} did not answer in time. See that they run.",
                code="timed_out",
                object_name=servers,
            )
        server, reason = self._last
        advice = (
            "Check kafka.bootstrap_servers, that the broker runs, and that kafka.security_protocol is its listener's."
        )
        return KafkaError(
            f"{doing} failed: no connection to the Kafka broker {server}: {reason}. {advice}",
            code="unreachable",
            object_name=server,
        )

    def _note(self, text: str) -> None:
        found = _TOLD.match(text)
        if found is not None:
            self._last = found["server"], _plain(found["reason"])

    def _refusal(self, kind: str, text: str) -> KafkaError:
        if text.startswith(_WITHOUT_BEARER):
            return self._no_token(text.removeprefix(_WITHOUT_BEARER))
        found = _TOLD.match(text)
        server, reason = (found["server"], found["reason"]) if found else (self._settings.bootstrap_servers[0], text)
        reason = _plain(reason)
        if kind == _NO_LOGIN:
            who = f" as user {self._settings.username!r}" if self._settings.username is not None else ""
            advice = "Check the user, its password, and that the broker has this SASL mechanism enabled for this user."
            if "handshake failed" in reason:  # before any user was named
                advice = "See kafka.security_protocol and kafka.sasl_mechanism."
            return KafkaError(
                f"The Kafka broker {server} refused the login{who} by {self._settings.sasl_mechanism}: {reason}. "
                f"{advice}",
                code="authentication_failed",
                object_name=server,
            )
        if "verify failed" in reason or "hostname" in reason:
            advice = "Give the authority that signed the broker's certificate as kafka.ca_cert, and a host name in it."
            reason = reason.partition(", verify that ")[0]  # advice that names librdkafka's own options
        else:
            advice = "The broker may demand another client certificate: kafka.client_cert and kafka.client_key."
        return KafkaError(
            f"No TLS connection to the Kafka broker {server}: {reason}. {advice}", code="tls_failed", object_name=server
        )

    def _no_token(self, answer: str) -> KafkaError:
        """The error for an authorization server's answer, of which only its error code is shown."""
        oauth = self._settings.oauth
        url, client = (oauth.token_url, oauth.client_id) if oauth is not None else ("", "")
        code = "authentication_failed"
        try:
            said = str(json.loads(answer)["error"])
        except (ValueError, KeyError, TypeError):
            said = _plain(answer.partition("{")[0]) or "it answered with something unusable"
            if "onnect" in said or "resolve" in said:
                code = "unreachable"
        return KafkaError(
            f"No token for client {client!r} from {url}: {said}. Check kafka.oauth: token_url, client_id, "
            "client_secret and scope.",
            code=code,
            object_name=url,
        )


def _plain(reason: str) -> str:
    """A reason without librdkafka's state and without punctuation at its end."""
    return " ".join(_STATE.sub("", reason).split()).rstrip(" .:?")
