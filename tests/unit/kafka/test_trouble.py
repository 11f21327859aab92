# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What librdkafka tells of its connections, and what people are told of it."""

from __future__ import annotations

import logging
from typing import NamedTuple

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import OAuthSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.trouble import Trouble

OAUTH = OAuthSettings("https://login.example.org/token", "backup", "hunter2")


class Told(NamedTuple):
    """As much of a `confluent_kafka.KafkaError` as is looked at."""

    kind: str
    text: str

    def name(self) -> str:
        return self.kind

    def str(self) -> str:
        return self.text


def trouble() -> Trouble:
    return Trouble(KafkaSettings(("kafka-1:9092", "kafka-2:9092"), "SASL_SSL", "PLAIN", "me", "hunter2", OAUTH))


def log(to: Trouble, text: str) -> None:
    to.logger().log(logging.INFO, text)


def test_silence_is_a_time_out() -> None:
    told = trouble().unreachable("Listing the groups")
    assert (told.code, told.object_name) == ("timed_out", "kafka-1:9092, kafka-2:9092")
    assert told.message.startswith("Listing the groups failed: the Kafka brokers kafka-1:9092, kafka-2:9092 did not")


@pytest.mark.parametrize(
    ("line", "server", "reason"),
    [
        (
            (
                "FAIL [x#producer-1] [thrd:sasl_ssl://kafka-2:9092/bootstrap]: sasl_ssl://kafka-2:9092/bootstrap: "
                "Disconnected: connection closed by peer (after 0ms in state APIVERSION_QUERY)"
            ),
            "kafka-2:9092",
            "Disconnected: connection closed by peer",
        ),
        (
            (
                "FAIL [x#producer-1] [thrd:[::1]:9092/3]: [::1]:9092/3: Connect to ipv6#[::1]:9092 failed: Connection "
                "refused (after 12ms in state CONNECT, 3 identical error(s) suppressed)"
            ),
            "[::1]:9092",
            "Connect to ipv6#[::1]:9092 failed: Connection refused",
        ),
    ],
)
def test_the_log_tells_why_there_is_no_connection(line: str, server: str, reason: str) -> None:
    heard = trouble()
    log(heard, line)
    log(heard, "REQTMOUT [x#producer-1] [thrd:kafka-1:9092/1]: kafka-1:9092/1: Timed out 0 in-flight")
    assert heard.fatal is None
    told = heard.unreachable("Listing the groups")
    assert (told.code, told.object_name) == ("unreachable", server)
    assert f"no connection to the Kafka broker {server}: {reason}. Check" in told.message


def test_the_last_reason_counts() -> None:
    heard = trouble()
    heard.on_error(
        Told("_RESOLVE", "kafka-1:9092/bootstrap: Failed to resolve 'kafka-1:9092': no (after 1ms in state X)")
    )
    heard.on_error(Told("_TRANSPORT", "kafka-2:9092/2: Connection refused (after 1ms in state CONNECT)"))
    heard.on_error(Told("_ALL_BROKERS_DOWN", "2/2 brokers are down"))
    assert "kafka-2:9092: Connection refused." in heard.unreachable("It").message
    assert heard.fatal is None


@pytest.mark.parametrize(
    ("told", "code", "message"),
    [
        (
            Told("_AUTHENTICATION", "sasl_ssl://kafka-2:9092/2: SASL error: invalid (after 3ms in state AUTH_REQ)"),
            "authentication_failed",
            "The Kafka broker kafka-2:9092 refused the login as user 'me' by PLAIN: SASL error: invalid. Check",
        ),
        (
            Told("_SSL", "ssl://kafka-2:9092/2: certificate verify failed: no, verify that ssl.ca.location is right"),
            "tls_failed",
            "kafka-2:9092: certificate verify failed: no. Give the authority",
        ),
        (
            Told("_TRANSPORT", "ssl://kafka-2:9092/2: Receive failed: tls alert certificate required: number 116"),
            "tls_failed",
            "The broker may demand another client certificate",
        ),
        (
            Told(
                "_AUTHENTICATION", 'Failed to acquire SASL OAUTHBEARER token: {"error":"invalid_scope","x":"hunter2"}'
            ),
            "authentication_failed",
            "No token for client 'backup' from https://login.example.org/token: invalid_scope. Check kafka.oauth",
        ),
        (
            Told("_AUTHENTICATION", "Failed to acquire SASL OAUTHBEARER token: {hunter2}"),
            "authentication_failed",
            "token: it answered with something unusable.",
        ),
        (
            Told("_AUTHENTICATION", "Failed to acquire SASL OAUTHBEARER token: Failed to connect to login: refused"),
            "unreachable",
            "token: Failed to connect to login: refused.",
        ),
    ],
)
def test_a_refusal_ends_the_waiting(told: Told, code: str, message: str) -> None:
    heard = trouble()
    heard.on_error(told)
    heard.on_error(Told("_SSL", "kafka-1:9092/1: something that came later"))
    assert heard.fatal is not None
    assert heard.fatal.code == code
    assert message in heard.fatal.message
    assert "hunter2" not in heard.fatal.message
    assert "ssl.ca" not in heard.fatal.message
