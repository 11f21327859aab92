# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a cluster over confluent-kafka's AdminClient: many calls under way, and clear errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from .._core.errors import InvalidOption, KafkaError
from .._core.settings import KafkaSettings
from .client_options import INSTEAD
from .confluent import AdminClient, KafkaException, require_confluent_kafka
from .errors import REQUEST_TIMED_OUT, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, broker_error, retriable
from .librdkafka import librdkafka_config
from .trouble import Trouble

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_AT_ONCE = 500  # how many topics or groups a request names, or how many requests are under way
_FIRST_PAUSE, _LISTEN = 0.001, 0.02  # seconds between two looks at what is under way
_NO_ANSWER = frozenset({"_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_AUTHENTICATION", "_SSL"})
_PAUSE = 0.2  # seconds before something is tried again


class Fault(Exception):
    """An error code in an answer, raised by whoever reads answers.

    Args:
        code: The protocol's error code, or a local one of librdkafka, which are below -1.
        detail: The broker's own words.
    """

    def __init__(self, code: int, detail: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @classmethod
    def of(cls, error: Any) -> Fault:
        """Make one of a `confluent_kafka.KafkaError`."""
        text = str(error.str())
        return cls(error.code(), None if text.startswith("Broker: ") else text)


class Session:
    """Talks to a cluster; make it in the process that uses it, and end it before that process forks others.

    Args:
        settings: How the cluster is reached.
        timeout: Seconds for each call, in which what passes is tried again.

    Raises:
        MissingLibrary: confluent-kafka is missing or too old.
        InvalidOption: The settings cannot be used.
    """

    def __init__(self, settings: KafkaSettings, timeout: float = 30.0) -> None:
        require_confluent_kafka()
        self.settings = settings
        self.timeout = timeout
        self._trouble = Trouble(settings)
        config: dict[str, Any] = {**librdkafka_config(settings), "error_cb": self._trouble.on_error}
        try:
            self._client: Any = AdminClient(config, logger=self._trouble.logger())
        except KafkaException as error:
            raise _unusable(error) from error

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._client = None

    def _one(self, future: Future[T], doing: str, *, needs: str | None = None) -> T:
        """Wait for one call.

        Args:
            future: The call.
            doing: What it does, as the beginning of a sentence: ``Asking for the brokers``.
            needs: The permissions that it takes.

        Raises:
            KafkaError: It failed.
        """
        self._wait([future], doing)
        try:
            return self._value(future, doing)
        except Fault as fault:
            raise broker_error(doing, fault.code, detail=fault.detail, needs=needs) from fault

    def _each(
        self,
        keys: Iterable[K],
        start: Callable[[Sequence[K]], Mapping[K, Future[Any]]],
        read: Callable[[K, Any], T],
        *,
        doing: Callable[[K], str],
        needs: str | None = None,
        until_known: bool = False,
    ) -> dict[K, T | KafkaError]:
        """Do the same to many things, many at a time.

        Args:
            keys: The things, each once.
            start: Begins the calls for a share of them, never an empty one.
            read: Makes the result of an answer; may raise `Fault`.
            doing: What is done to one of them, as the beginning of a sentence.
            needs: The permissions that it takes.
            until_known: Whether to wait for what the brokers do not know yet.

        Returns:
            The result or the broker's error for each of them, in their order.

        Raises:
            KafkaError: There is no connection.
        """
        wanted = list(keys)
        found: dict[K, T | KafkaError] = {}
        left, deadline = wanted, time.monotonic() + self.timeout
        while left:
            again = []
            for at in range(0, len(left), _AT_ONCE):
                share = left[at : at + _AT_ONCE]
                futures = start(share)
                self._wait(futures.values(), doing(share[0]))
                for key, future in futures.items():
                    try:
                        found[key] = read(key, self._value(future, doing(key)))
                    except Fault as fault:
                        if _passing(fault.code, until_known) and time.monotonic() < deadline:
                            again.append(key)
                        found[key] = broker_error(
                            doing(key), fault.code, object_name=str(key), detail=fault.detail, needs=needs
                        )
            left = again
            if left:
                self._client.poll(_PAUSE)
        return {key: found[key] for key in wanted}

    def _wait(self, futures: Iterable[Future[Any]], doing: str) -> None:
        deadline = (
            time.monotonic() + self.timeout + 5.0
        )  # librdkafka ends its calls itself; this is for what it forgets
        pause = _FIRST_PAUSE  # most answers come at once, and a call takes many
        for future in futures:
            while not future.done():
                self._client.poll(pause)
                pause = min(2 * pause, _LISTEN)
                if self._trouble.fatal is not None:
                    raise self._trouble.fatal
                if time.monotonic() > deadline:
                    raise self._trouble.unreachable(doing)

    def _value(self, future: Future[T], doing: str) -> T:
        """The result of a call that is done.

        Raises:
            KafkaError: There was no connection.
            Fault: The broker answered with an error.
        """
        try:
            return future.result()
        except KafkaException as error:
            fault = Fault.of(error.args[0])
            if fault.code >= -1:
                raise fault from error
            self._client.poll(0)  # whatever was told of the connections meanwhile
            if error.args[0].name() in _NO_ANSWER:
                raise self._trouble.fatal or self._trouble.unreachable(doing) from error
            raise KafkaError(f"{doing} failed: {fault.detail}.", kafka_error=error.args[0].name()) from error


def settled(found: Mapping[K, T | KafkaError]) -> dict[K, T]:
    """Return results among which there is no error.

    Raises:
        KafkaError: The first one there is.
    """
    results = {}
    for key, value in found.items():
        if isinstance(value, KafkaError):
            raise value
        results[key] = value
    return results


def _passing(code: int, until_known: bool) -> bool:
    if code in (UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID):
        return until_known
    return retriable(code) and code != REQUEST_TIMED_OUT  # after which it may have been done


def _unusable(error: Any) -> InvalidOption:
    reason = " ".join(str(error.args[0].str()).split()).removeprefix("Failed to create admin client: ")
    named = next((option for name, option in INSTEAD.items() if name in reason), None)
    option = "kafka.client_options" if named is None else f"kafka.{named}"
    return InvalidOption(f"The option {option} cannot be used: {reason}.", object_name=option)
