# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a schema registry: retries, several URLs, errors that say what to do."""

from __future__ import annotations

import copy
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from .._core.clock import Clock, SystemClock
from .._core.errors import RegistryError
from .._core.settings import RegistrySettings
from .failures import AnswerLost, Asked
from .pace import TURNED_AWAY, Pace, asked_to_wait
from .parallel import do_in_order, map_concurrently
from .tokens import NoTokenYet, Tokens
from .transport import Interrupted, NotConnected, RawAnswer, Transport

if TYPE_CHECKING:
    import httpx

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIED = frozenset({408, 429, 502, 503, 504})
"""Worth repeating when repeating does no harm; the list of Confluent's own client, whose 500 is for reads only."""

IN_DOUBT = frozenset({408, 500, 502, 503, 504})
"""The server, or what is before it, failed while it was at work: a write may have been carried out all the same."""

LONGEST_DELAY = 60.0


@dataclass(frozen=True)
class Answer:
    """What the registry said.

    Args:
        status: The HTTP status.
        value: The parsed body; None for an empty one.
        code: For a status from 400 on: the registry's ``error_code``, else the status.
        has_body: Whether there was a body.
    """

    status: int
    value: Any
    code: int | None = None
    has_body: bool = True


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
        self._pace = Pace(settings.rate_limit, self._clock)
        self._tokens = Tokens(settings.oauth, self._transport.post, self._clock) if settings.oauth else None
        self._through = f" through the proxy {settings.proxy}" if settings.proxy else ""
        self._node = 0
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def beside(self, urls: Iterable[str], headers: Mapping[str, str]) -> RegistryClient:
        """Return a client of another interface of the same server, which shares connections, pace and counts.

        Args:
            urls: Its URL on each of the nodes, in the order of the settings'.
            headers: Request headers instead of this client's, or beside them.
        """
        twin = copy.copy(self)
        twin.settings = replace(self.settings, urls=tuple(urls))
        twin._transport = self._transport.beside(twin.settings.urls, headers)
        return twin

    @property
    def url(self) -> str:
        """The URL that is in use: the first one that could be connected to."""
        return self.settings.urls[self._node]

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by kind; repetitions count."""
        with self._lock:
            return dict(sorted(self._requests.items()))

    def get(self, path: str, kind: str, *, absent: Collection[int] = (), null: bool = False) -> Any:
        """Read something.

        Args:
            path: Percent-encoded path and query.
            kind: A word under which the request is counted.
            absent: Registry codes that mean that it is not there.
            null: Whether ``null`` is an answer too, as it is to some servers that have nothing to list.

        Returns:
            The parsed body, or None for an answer with one of those codes.

        Raises:
            RegistryError: No usable answer. An empty one is none: what is there would be taken for gone.
        """
        answer = self.send("GET", path, kind, accept=absent)
        if answer.code is not None:
            return None
        if not answer.has_body:
            raise self._asked("GET", path).empty()
        if answer.value is None and not null:
            raise self.unexpected(path, None, "an answer")
        return answer.value

    def send(
        self,
        method: str,
        path: str,
        kind: str,
        *,
        body: Any = None,
        repeatable: bool = True,
        look: Callable[[], Any] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send a request, and repeat it where that helps and does no harm.

        Args:
            method: ``GET``, ``PUT``, ``POST`` or ``DELETE``.
            path: Percent-encoded path and query.
            kind: A word under which the request is counted.
            body: A JSON value, bytes that are sent as they are, or None for no body.
            repeatable: Whether carrying it out twice is as good as once. What is not repeatable is repeated only
                while nothing was sent, or when the server turned it away (429).
            look: For what must not be carried out twice: called when a request may have been, and its answer was lost
                or says that the server failed. It looks, and returns what the answer would have held, or None where
                the request was not carried out, so that it is repeated.
            accept: Registry codes of errors that are answers too.

        Returns:
            The answer; its ``code`` is None, or one of ``accept``.

        Raises:
            RegistryError: ``unreachable``, ``timeout``, ``tls_failed``, ``authentication_failed`` (401),
                ``permission_denied`` (403), ``not_a_registry`` (no JSON), or ``registry_error``.
        """
        content = _written(body)
        for attempt in range(self.settings.retries + 1):
            outcome, again = self._attempt(method, path, content, kind, repeatable)
            if look is not None and _is_in_doubt(outcome):
                try:
                    found = look()
                except RegistryError:
                    break  # what became of the request stays unknown, as its own error says
                if found is not None:
                    return Answer(200, found)
                again = True
            if not again or attempt == self.settings.retries:
                break
            self._wait(attempt, outcome)
        if isinstance(outcome, RegistryError):
            raise outcome
        return self._read(method, path, outcome, accept)

    def map_concurrently(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to every item, as many at once as the settings allow; see `parallel.map_concurrently`."""
        return map_concurrently(function, items, self.settings.concurrency)

    def do_in_order(self, function: Callable[[int], object], needs: Sequence[Collection[int]], *, most: int) -> None:
        """Do what changes something, as many at once as the settings allow, and no more than ``most``.

        See `parallel.do_in_order`.
        """
        do_in_order(function, needs, min(most, self.settings.concurrency))

    def unexpected(self, path: str, value: Any, wanted: str, *, method: str = "GET") -> RegistryError:
        """Return the error for an answer of the wrong shape.

        Args:
            path: What was asked.
            value: The parsed answer.
            wanted: What it should have been, for example ``a list of subjects``.
            method: How it was asked.
        """
        return self._asked(method, path).unexpected(value, wanted)

    def _attempt(
        self, method: str, path: str, content: bytes | None, kind: str, repeatable: bool
    ) -> tuple[RawAnswer | RegistryError, bool]:
        """Send once; return what came of it, and whether sending again may help and does no harm."""
        try:
            raw = self._authorized(method, path, content, kind)
        except NoTokenYet as error:
            return error, True
        except NotConnected as error:
            return self._asked(method, path).unreachable(error), True
        except Interrupted as error:
            return self._asked(method, path).interrupted(error), repeatable
        return raw, _may_repeat(method, raw.status, repeatable)

    def _authorized(self, method: str, path: str, content: bytes | None, kind: str) -> RawAnswer:
        """Send with a token, if tokens are used; with a new one, once, where the registry does not take it."""
        if self._tokens is None:
            return self._exchange(method, path, content, kind)
        token = self._tokens.token()
        answer = self._exchange(method, path, content, kind, token)
        if answer.status != 401:
            return answer
        self._tokens.refused(token)
        return self._exchange(method, path, content, kind, self._tokens.token())

    def _exchange(
        self, method: str, path: str, content: bytes | None, kind: str, token: str | None = None
    ) -> RawAnswer:
        """Try the URLs in turn, beginning with the one that answered last."""
        reasons = []
        for step in range(len(self.settings.urls)):
            node = (self._node + step) % len(self.settings.urls)
            self._pace.wait()
            with self._lock:
                self._requests[kind] += 1
            try:
                answer = self._transport.exchange(node, method, path, content, token)
            except NotConnected as error:
                reasons.append(f"{self.settings.urls[node]}{self._through} ({error})")
            else:
                self._node = node
                return answer
        raise NotConnected(", ".join(reasons))

    def _wait(self, attempt: int, outcome: RawAnswer | RegistryError) -> None:
        """Wait exponentially longer, with full jitter, and no less than the server asked for: all threads wait that."""
        asked = asked_to_wait(outcome, self._clock) if isinstance(outcome, RawAnswer) else 0.0
        self._pace.hold(asked)
        jitter = random.uniform(0, min(self.settings.retry_backoff * 2**attempt, LONGEST_DELAY))
        self._clock.sleep(max(jitter, asked))

    def _read(self, method: str, path: str, raw: RawAnswer, accept: Collection[int]) -> Answer:
        try:
            value = json.loads(raw.content) if raw.content else None
            is_json = True
        except (ValueError, RecursionError):
            value, is_json = None, False
        if raw.status < 300 and is_json:
            return Answer(raw.status, value, has_body=bool(raw.content))
        if raw.status >= 400:
            code = _error_code(raw.status, value)
            if code in accept:
                return Answer(raw.status, value, code)
            raise self._asked(method, path).refused(raw, value, code if is_json else None)
        raise self._asked(method, path).not_a_registry(raw)

    def _asked(self, method: str, path: str) -> Asked:
        return Asked(self.settings, self.url, method, path)


def _may_repeat(method: str, status: int, repeatable: bool) -> bool:
    if status in TURNED_AWAY:
        return True
    return repeatable and (status in RETRIED or (status == 500 and method == "GET"))


def _is_in_doubt(outcome: RawAnswer | RegistryError) -> bool:
    """Tell whether a write may have been carried out, although no answer says so."""
    if isinstance(outcome, RawAnswer):
        return outcome.status in IN_DOUBT
    return isinstance(outcome, AnswerLost)


def _written(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _error_code(status: int, value: Any) -> int:
    code = value.get("error_code") if isinstance(value, dict) else None
    return code if isinstance(code, int) else status
