# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a schema registry: retries, several URLs, errors that say what to do."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from .._core.clock import Clock, SystemClock
from .._core.errors import RegistryError
from .._core.settings import RegistrySettings
from .parallel import map_concurrently
from .transport import Interrupted, NotConnected, RawAnswer, Transport

if TYPE_CHECKING:
    import httpx

Item = TypeVar("Item")
Result = TypeVar("Result")

TURNED_AWAY = frozenset({429})
"""The server did not carry the request out: anything may be repeated."""

RETRIED = frozenset({408, 429, 502, 503, 504})
"""Worth repeating when repeating does no harm; the list of Confluent's own client, whose 500 is for reads only."""

LONGEST_DELAY = 60.0
LONGEST_RETRY_AFTER = 300.0
_QUOTED = 200


@dataclass(frozen=True)
class Answer:
    """What the registry said.

    Args:
        status: The HTTP status.
        value: The parsed body; None for an empty one.
        code: For a status from 400 on: the registry's ``error_code``, else the status.
    """

    status: int
    value: Any
    code: int | None = None


class RegistryClient:
    """Speaks with one schema registry; threads may share it.

    Args:
        settings: How the registry is reached.
        clock: Sleeps between repetitions.
        transport: Carries the requests instead of the network; for tests.

    Raises:
        MissingLibrary: httpx is missing or too old.
        InvalidOption: A setting cannot be used.
    """

    def __init__(
        self, settings: RegistrySettings, *, clock: Clock | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._transport = Transport(settings, transport)
        self._node = 0
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The URL that is in use: the first one that could be connected to."""
        return self.settings.urls[self._node]

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by kind; repetitions count."""
        with self._lock:
            return dict(sorted(self._requests.items()))

    def get(self, path: str, kind: str, *, absent: Collection[int] = ()) -> Any:
        """Read something.

        Args:
            path: Percent-encoded path and query.
            kind: A word under which the request is counted.
            absent: Registry codes that mean that it is not there.

        Returns:
            The parsed body, or None for an answer with one of those codes.

        Raises:
            RegistryError: No usable answer.
        """
        answer = self.send("GET", path, kind, accept=absent)
        return answer.value if answer.code is None else None

    def send(
        self,
        method: str,
        path: str,
        kind: str,
        *,
        body: Any = None,
        repeatable: bool = True,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send a request, and repeat it where that helps and does no harm.

        Args:
            method: ``GET``, ``PUT``, ``POST`` or ``DELETE``.
            path: Percent-encoded path and query.
            kind: A word under which the request is counted.
            body: A JSON value, or None for no body.
            repeatable: Whether carrying it out twice is as good as once. What is not repeatable is repeated only
                while nothing was sent, or when the server turned it away (429).
            accept: Registry codes of errors that are answers too.

        Returns:
            The answer; its ``code`` is None, or one of ``accept``.

        Raises:
            RegistryError: ``unreachable``, ``timeout``, ``tls_failed``, ``authentication_failed`` (401),
                ``permission_denied`` (403), ``not_a_registry`` (no JSON), or ``registry_error``.
        """
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode("ascii")
        outcome, again = self._attempt(method, path, content, kind, repeatable)
        for attempt in range(self.settings.retries):
            if not again:
                break
            self._clock.sleep(self._delay(attempt, outcome))
            outcome, again = self._attempt(method, path, content, kind, repeatable)
        if isinstance(outcome, RegistryError):
            raise outcome
        return self._read(method, path, outcome, accept)

    def map_concurrently(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to every item, as many at once as the settings allow; see `parallel.map_concurrently`."""
        return map_concurrently(function, items, self.settings.concurrency)

    def unexpected(self, path: str, value: Any, wanted: str, *, method: str = "GET") -> RegistryError:
        """Return the error for an answer of the wrong shape.

        Args:
            path: What was asked.
            value: The parsed answer.
            wanted: What it should have been, for example ``a list of subjects``.
            method: How it was asked.
        """
        return RegistryError(
            f"{method} {path} at {self.url} gave {_quote(json.dumps(value))} instead of {wanted}. "
            "Is this URL a schema registry's?",
            code="not_a_registry",
            object_name=self.url,
            method=method,
            path=path,
        )

    def _attempt(
        self, method: str, path: str, content: bytes | None, kind: str, repeatable: bool
    ) -> tuple[RawAnswer | RegistryError, bool]:
        """Send once; return what came of it, and whether sending again may help and does no harm."""
        try:
            raw = self._exchange(method, path, content, kind)
        except NotConnected as error:
            return self._unreachable(method, path, error), True
        except Interrupted as error:
            return self._interrupted(method, path, error), repeatable
        return raw, _may_repeat(method, raw.status, repeatable)

    def _exchange(self, method: str, path: str, content: bytes | None, kind: str) -> RawAnswer:
        """Try the URLs in turn, beginning with the one that answered last."""
        reasons = []
        for step in range(len(self.settings.urls)):
            node = (self._node + step) % len(self.settings.urls)
            with self._lock:
                self._requests[kind] += 1
            try:
                answer = self._transport.exchange(node, method, path, content)
            except NotConnected as error:
                reasons.append(f"{self.settings.urls[node]} ({error})")
            else:
                self._node = node
                return answer
        raise NotConnected(", ".join(reasons))

    def _delay(self, attempt: int, outcome: RawAnswer | RegistryError) -> float:
        """Exponential with full jitter, and no less than what the server asked for."""
        asked = _retry_after(outcome, self._clock) if isinstance(outcome, RawAnswer) else 0.0
        return max(random.uniform(0, min(self.settings.retry_backoff * 2**attempt, LONGEST_DELAY)), asked)

    def _read(self, method: str, path: str, raw: RawAnswer, accept: Collection[int]) -> Answer:
        try:
            value = json.loads(raw.content) if raw.content else None
            is_json = True
        except ValueError:
            value, is_json = None, False
        if raw.status < 300 and is_json:
            return Answer(raw.status, value)
        if raw.status >= 400:
            code = _error_code(raw.status, value)
            if code in accept:
                return Answer(raw.status, value, code)
            raise self._refused(method, path, raw, value, code if is_json else None)
        raise self._not_a_registry(method, path, raw)

    def _unreachable(self, method: str, path: str, error: NotConnected) -> RegistryError:
        return RegistryError(
            f"The schema registry cannot be reached: {error}. Check registry.url, and that the server runs.",
            code="unreachable",
            object_name=self.settings.urls[0],
            method=method,
            path=path,
        )

    def _interrupted(self, method: str, path: str, error: Interrupted) -> RegistryError:
        if error.timed_out:
            what = f"gave no answer within {self.settings.timeout:g} s (registry.timeout)"
        else:
            what = f"was cut off: {str(error).rstrip('.')}"
        outcome = "" if method == "GET" else " Whether it was carried out is not known; run again."
        return RegistryError(
            f"{method} {path} at the schema registry {self.url} {what}.{outcome}",
            code="timeout" if error.timed_out else "unreachable",
            object_name=self.url,
            method=method,
            path=path,
        )

    def _refused(self, method: str, path: str, raw: RawAnswer, value: Any, code: int | None) -> RegistryError:
        word, advice = {
            401: ("authentication_failed", "Check registry.username and registry.password, or registry.api_key."),
            403: ("permission_denied", "The user of registry.username or registry.api_key lacks the right to do this."),
        }.get(raw.status, ("registry_error", ""))
        message = value.get("message") if isinstance(value, dict) else None
        said = _quote(str(message) if message else raw.content.decode("utf-8", "replace"))
        number = f", code {code}" if code not in (None, raw.status) else ""
        return RegistryError(
            f"{method} {path} at the schema registry {self.url} was answered with HTTP {raw.status}{number}: {said}."
            + (f" {advice}" if advice else ""),
            code=word,
            object_name=self.url,
            http_status=raw.status,
            registry_code=code,
            method=method,
            path=path,
        )

    def _not_a_registry(self, method: str, path: str, raw: RawAnswer) -> RegistryError:
        if 300 <= raw.status < 400:
            said = f"a redirection to {_quote(raw.headers.get('location', ''))}; redirections are not followed"
        else:
            kind = raw.headers.get("content-type", "no content type")
            said = f"{kind} instead of JSON: {_quote(raw.content.decode('utf-8', 'replace'))}"
        return RegistryError(
            f"{method} {path} at {self.url} gave {said}. Is this URL a schema registry's?",
            code="not_a_registry",
            object_name=self.url,
            http_status=raw.status,
            method=method,
            path=path,
        )


def _may_repeat(method: str, status: int, repeatable: bool) -> bool:
    if status in TURNED_AWAY:
        return True
    return repeatable and (status in RETRIED or (status == 500 and method == "GET"))


def _error_code(status: int, value: Any) -> int:
    code = value.get("error_code") if isinstance(value, dict) else None
    return code if isinstance(code, int) else status


def _retry_after(raw: RawAnswer, clock: Clock) -> float:
    """Read ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3). What cannot be read asks for nothing."""
    text = raw.headers.get("retry-after", "").strip()
    try:
        seconds = float(text) if text.isdigit() else (_utc(parsedate_to_datetime(text)) - clock.now()).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _quote(text: str) -> str:
    """Bound and flatten what a server said, for a message."""
    flat = " ".join("".join(character if character.isprintable() else " " for character in text[:2000]).split())
    return repr(flat if len(flat) <= _QUOTED else flat[:_QUOTED] + "…")
