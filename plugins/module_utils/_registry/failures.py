# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when a schema registry gives no usable answer: what was asked, of whom, and what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .._core.errors import RegistryError
from .._core.settings import RegistrySettings
from .transport import Interrupted, NotConnected, RawAnswer

_QUOTED = 200

_KEYS = "/dek-registry/"
"""Below it registries answer with keys in clear, and with what their key management services are told."""

_CREDENTIALS = re.compile(r"(authorization\W{1,5}(?:basic|bearer)\s+)[^\s\"',;<>]+", re.IGNORECASE)
"""As a proxy may repeat the headers that it got; a user and password are hidden by their values, but not in Base64."""


class AnswerLost(RegistryError):
    """A request was sent and no whole answer came, so that it may have been carried out."""


@dataclass(frozen=True)
class Asked:
    """A request that failed.

    Args:
        settings: How the registry is reached.
        url: Which of its URLs was in use.
        method: How it was asked.
        path: What was asked: path and query.
    """

    settings: RegistrySettings
    url: str
    method: str
    path: str

    def unreachable(self, error: NotConnected) -> RegistryError:
        """Return the error for a registry to which no connection came about."""
        check = "registry.url, and that the server runs"
        if self.settings.proxy is not None:
            check = f"registry.url, and that the server and the proxy {self.settings.proxy} run"
        return self._error(
            f"The schema registry cannot be reached: {error}. Check {check}.", "unreachable", self.settings.urls[0]
        )

    def interrupted(self, error: Interrupted) -> AnswerLost:
        """Return the error for an answer that did not come, or not whole."""
        if error.timed_out:
            what = f"gave no answer within {self.settings.timeout:g} s (registry.timeout)"
        else:
            what = f"was cut off: {str(error).rstrip('.')}"
        outcome = "" if self.method == "GET" else " Whether it was carried out is not known; run again."
        return AnswerLost(
            f"{self.method} {self.path} at the schema registry {self._place} {what}.{outcome}",
            code="timeout" if error.timed_out else "unreachable",
            object_name=self.url,
            method=self.method,
            path=self.path,
        )

    def refused(self, raw: RawAnswer, value: Any, code: int | None) -> RegistryError:
        """Return the error for a status from 400 on.

        Args:
            raw: The answer.
            value: Its parsed body, if it is JSON.
            code: The registry's own code; None for a body that is not a registry's.
        """
        word, advice = self._advice(raw.status)
        message = value.get("message") if isinstance(value, dict) else None
        said = quoted(str(message) if message else raw.content.decode("utf-8", "replace"))
        number = f", code {code}" if code not in (None, raw.status) else ""
        return self._error(
            f"{self.method} {self.path} at the schema registry {self._place} was answered with HTTP "
            f"{raw.status}{number}: {said}.{advice and ' '}{advice}",
            word,
            http_status=raw.status,
            registry_code=code,
        )

    def not_a_registry(self, raw: RawAnswer) -> RegistryError:
        """Return the error for a redirection, or for a body that is not JSON."""
        if 300 <= raw.status < 400:
            said = f"a redirection to {quoted(raw.headers.get('location', ''))}; redirections are not followed"
        else:
            kind = raw.headers.get("content-type", "no content type")
            body = quoted(raw.content.decode("utf-8", "replace"))
            if self.path.startswith(_KEYS):
                body = "not shown, as it may hold a key"
            said = f"{kind} instead of JSON: {body}"
        return self._error(
            f"{self.method} {self.path} at {self._place} gave {said}. Is this URL a schema registry's?",
            "not_a_registry",
            http_status=raw.status,
        )

    def empty(self) -> RegistryError:
        """Return the error for an answer without a body where there must be one."""
        return self._error(
            f"{self.method} {self.path} at {self._place} was answered without a body. Is this URL a schema registry's?",
            "not_a_registry",
        )

    def unexpected(self, value: Any, wanted: str) -> RegistryError:
        """Return the error for an answer of the wrong shape; ``wanted`` is what it should have been."""
        return self._error(
            f"{self.method} {self.path} at {self.url} gave {quoted(json.dumps(value))} instead of {wanted}. "
            "Is this URL a schema registry's?",
            "not_a_registry",
        )

    def _error(self, message: str, code: str, about: str | None = None, **facts: Any) -> RegistryError:
        facts = {**facts, "method": self.method, "path": self.path}
        return RegistryError(message, code=code, object_name=about or self.url, **facts)

    @property
    def _place(self) -> str:
        return self.url + (f" (through the proxy {self.settings.proxy})" if self.settings.proxy else "")

    def _advice(self, status: int) -> tuple[str, str]:
        given = self.settings
        if status == 407:
            return "authentication_failed", "Check registry.proxy_username and registry.proxy_password."
        if status == 403:
            return "permission_denied", f"This was asked as {given.read_as}, which lacks the right."
        if status != 401:
            return "registry_error", ""
        if given.token is not None:
            advice = "Check registry.token; it may have expired."
        elif given.oauth is not None:
            advice = "It takes no token of registry.oauth, not even a new one; check the scope and the audience."
        elif given.api_key is not None:
            advice = "Check registry.api_key."
        elif given.username is not None:
            advice = "Check registry.username and registry.password."
        else:
            advice = (
                "It wants to know who asks: give registry.username and registry.password, registry.token, "
                "registry.oauth or registry.api_key."
            )
        return "authentication_failed", advice


def quoted(text: str) -> str:
    """Bound and flatten what a server said, for a message."""
    flat = " ".join("".join(character if character.isprintable() else " " for character in text[:2000]).split())
    flat = _CREDENTIALS.sub(r"\1…", flat)
    return repr(flat if len(flat) <= _QUOTED else flat[:_QUOTED] + "…")
