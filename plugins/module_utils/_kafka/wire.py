# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kafka's raw protocol: record batches fetched and produced as they are, offsets, epochs, metadata, producer ids."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._core.settings import KafkaSettings
from .by_leader import Answers, ask_leaders
from .connection import Connection
from .coordinators import Ask, ask_coordinators
from .errors import broker_error, retriable
from .fetching import Fetched, Want, fetch_request, fetched, held_back
from .headers import first_headers
from .kafka_python import InitProducerIdRequest, require_kafka_python
from .loop import Loop
from .metadata import Partition, Topic, read_topics, topics_request
from .nodes import Nodes
from .offsets import Which, epochs_request, offsets_request, read_epochs, read_offsets
from .producing import Batch, Produced, produce_request, produced

__all__ = ["Fetched", "Partition", "Produced", "Topic", "Want", "Wire"]

T = TypeVar("T")

_TOPICS_A_REQUEST = 500
_THROTTLED = 600.0  # seconds without anything from a broker that holds us to a quota


class Wire:
    """Talks to the brokers of one cluster, in the calling thread; make it in the process that uses it, after a fork.

    The methods without ``async`` drive the loop themselves, so coroutines use those whose names begin with ``ask_``.
    Errors of single partitions come back as values. Those of a connection are raised, after trying again for up to
    ``timeout`` seconds; a refusal of the credentials or certificates at once.

    Args:
        settings: How the cluster is reached.
        receive_bytes: The largest answer that is taken, in bytes.
        timeout: Seconds for an answer, and for trying again.

    Raises:
        MissingLibrary: kafka-python is missing or too old.
        KafkaError: The cluster cannot be reached, or refuses us.
        InvalidOption: A certificate file cannot be used.
    """

    def __init__(self, settings: KafkaSettings, *, receive_bytes: int = 64 << 20, timeout: float = 30.0) -> None:
        require_kafka_python()
        self._process = os.getpid()
        self._timeout = timeout
        self._topics: dict[str, Topic] = {}
        self._loop = Loop()
        self._closed = False
        try:
            self._nodes = Nodes(settings, self._loop, receive_bytes=receive_bytes, timeout=timeout)
            self.run(self._nodes.find())
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections; in a process forked from the one that made it, nothing happens."""
        if not self._closed and self._process == os.getpid():
            self._closed = True
            self._nodes.close()
            self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Drive the loop until a coroutine has ended, and return its result."""
        result: T = self._loop.run(coroutine)
        return result

    async def gather(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines together, begun in the given order, and return their results in that order.

        Raises:
            Exception: What the first of them, in the given order, has raised; after all have ended.
        """
        return await self._loop.gather(*coroutines)

    async def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        await self._loop.sleep(seconds)

    @property
    def cluster_id(self) -> str:
        """The cluster's own id; empty where it has none (before Kafka 0.10.1)."""
        return self._nodes.cluster_id

    @property
    def brokers(self) -> list[int]:
        """The brokers that ran when the cluster was last asked."""
        return sorted(self._nodes.brokers)

    def ask_every_broker(self, build: Callable[[Connection], Any]) -> list[Any]:
        """Send a request to each broker, and return their answers.

        Args:
            build: Makes the request for a connection, whose versions it may look at.
        """
        return self.run(self.gather(*(self._nodes.ask(build, node=node) for node in self.brokers)))

    # Topics

    def topics(self, names: Iterable[str] | None = None) -> dict[str, Topic]:
        """Ask the cluster for topics, in requests of bounded size.

        Args:
            names: Which; None for all that the user may see.

        Returns:
            The topics by name; one that does not exist or may not be seen has an ``error`` and no partitions.
        """
        return self.run(self.ask_topics(names))

    async def ask_topics(self, names: Iterable[str] | None = None) -> dict[str, Topic]:
        """As `topics`, for coroutines."""
        wanted = None if names is None else sorted(set(names))
        shares: list[list[str] | None] = [None]
        if wanted is not None:
            shares = [wanted[at : at + _TOPICS_A_REQUEST] for at in range(0, len(wanted), _TOPICS_A_REQUEST)]
        found: dict[str, Topic] = {}
        for share in shares:
            answer = await self._nodes.ask(partial(_ask_for_topics, share))
            self._nodes.learn(answer)
            found.update(read_topics(answer))
        self._topics.update(found)
        return found

    def refresh(self, names: Iterable[str]) -> None:
        """Ask anew who leads the partitions of topics, for `leader`."""
        self.topics(names)

    def leader(self, topic: str, partition: int) -> int:
        """The broker that led a partition when it was last asked about; -1 when none did or it is not known."""
        known = self._topics.get(topic)
        found = known.partitions.get(partition) if known is not None else None
        return found.leader if found is not None else -1

    # Offsets

    def offsets(self, which: Which, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int | KafkaError]:
        """Ask for offsets, each leader once for all of its partitions.

        Args:
            which: ``earliest``: the first there is; ``latest``: the high watermark; ``stable``: the offset before which
                all transactions are decided.
            partitions: Of which.
        """
        return self.run(self.ask_offsets(which, partitions))

    async def ask_offsets(
        self, which: Which, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int | KafkaError]:
        """As `offsets`, for coroutines."""

        async def ask(node: int, share: Mapping[TopicPartition, None]) -> Answers[int]:
            epochs = {partition: self._leader_epoch(*partition) for partition in share}
            return read_offsets(await self._nodes.ask(lambda _connection: offsets_request(which, epochs), node=node))

        return await self._by_leader("Reading the offsets of", dict.fromkeys(partitions), ask)

    def epoch_ends(self, epochs: Mapping[TopicPartition, int]) -> dict[TopicPartition, tuple[int, int] | KafkaError]:
        """Ask where leader epochs end (OffsetForLeaderEpoch).

        Args:
            epochs: For each partition, the epoch in question.

        Returns:
            For each partition the largest epoch that there is, not above that one, and the offset after its last
            record; (-1, -1) when there is none.
        """
        return self.run(self.ask_epoch_ends(epochs))

    async def ask_epoch_ends(
        self, epochs: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, int] | KafkaError]:
        """As `epoch_ends`, for coroutines."""

        async def ask(node: int, share: Mapping[TopicPartition, int]) -> Answers[tuple[int, int]]:
            wanted = {partition: (self._leader_epoch(*partition), epoch) for partition, epoch in share.items()}
            return read_epochs(await self._nodes.ask(lambda _connection: epochs_request(wanted), node=node))

        return await self._by_leader("Reading the leader epochs of", epochs, ask)

    def headers(self, at: Mapping[TopicPartition, int]) -> dict[TopicPartition, bytes | KafkaError]:
        """Read the beginning of the batch that holds an offset, or of the next one where that offset is gone.

        Args:
            at: For each partition, the offset.

        Returns:
            For each partition the batch's first 61 bytes; nothing where the log ends there.
        """
        return self.run(self.ask_headers(at))

    async def ask_headers(self, at: Mapping[TopicPartition, int]) -> dict[TopicPartition, bytes | KafkaError]:
        """As `headers`, for coroutines."""

        async def ask(node: int, share: Mapping[TopicPartition, int]) -> Answers[bytes]:
            return await first_headers(share, self._topics, lambda wants, limit: self._fetch_now(node, wants, limit))

        return await self._by_leader("Reading", at, ask)

    async def _fetch_now(self, node: int, wants: Sequence[Want], max_bytes: int) -> list[Fetched]:
        return await self.fetch(node, wants, max_bytes=max_bytes, max_wait=0, min_bytes=0, isolation="uncommitted")

    # Groups

    def by_coordinator(
        self, groups: Iterable[str], ask: Ask[T], *, doing: Callable[[str], str], needs: str
    ) -> dict[str, T | KafkaError]:
        """Ask for something of many groups; see `ask_coordinators`."""
        return self.run(
            ask_coordinators(
                groups, ask, nodes=self._nodes, loop=self._loop, timeout=self._timeout, doing=doing, needs=needs
            )
        )

    # Batches

    async def fetch(
        self,
        node: int,
        wants: Sequence[Want],
        *,
        max_bytes: int,
        max_wait: float,
        min_bytes: int,
        isolation: Literal["committed", "uncommitted"],
    ) -> list[Fetched]:
        """Fetch raw batches from one broker.

        Args:
            node: The broker that leads the partitions.
            wants: What is wanted; topics go by their ids where all wants have one and the broker takes them.
            max_bytes: How much in all, but for the first batch, which comes whole.
            max_wait: Seconds that the broker may wait until there are ``min_bytes``.
            min_bytes: See there.
            isolation: ``committed`` ends at the last stable offset; aborted records and markers come all the same.

        Returns:
            One for each want, in order. What a quota holds back is waited for.

        Raises:
            KafkaError: ``throttled``: a quota lets nothing through at all.
        """
        deadline = time.monotonic() + _THROTTLED
        while True:
            answer = await self._nodes.ask(
                lambda connection: fetch_request(
                    connection,
                    wants,
                    max_bytes=max_bytes,
                    max_wait=max_wait,
                    min_bytes=min_bytes,
                    committed=isolation == "committed",
                ),
                node=node,
                wait=max_wait,
            )
            if answer.error_code:
                raise broker_error(f"Reading from broker {node}", answer.error_code)
            if not answer.is_held_back:
                return fetched(wants, answer)
            if time.monotonic() > deadline:
                raise held_back(node, wants, _THROTTLED)

    async def produce(self, node: int, batches: Sequence[Batch], *, timeout: float) -> list[Produced]:
        """Send raw batches to one broker, for all in-sync replicas to have them; never twice.

        Requests to one broker leave in the order in which they were begun, up to five before the first is answered.
        When a connection breaks, it is not known what has arrived of those under way: they raise ``unreachable``.

        Args:
            node: The broker that leads the partitions.
            batches: Topic, its id (may be empty), partition and batch; one batch for each partition at most.
            timeout: Seconds in which the replicas have to follow.

        Returns:
            One for each batch, in order.
        """
        answer = await self._nodes.ask(
            lambda connection: produce_request(connection, batches, timeout=timeout),
            node=node,
            wait=timeout,
            repeat=False,
        )
        return produced(batches, answer)

    def init_producer(self) -> tuple[int, int]:
        """Ask for a new idempotent producer (KIP-98).

        Returns:
            Its id and epoch.

        Raises:
            KafkaError: ``not_authorized``, or no broker gave one in time.
        """
        return self.run(self.ask_init_producer())

    async def ask_init_producer(self) -> tuple[int, int]:
        """As `init_producer`, for coroutines."""
        deadline = time.monotonic() + self._timeout
        while True:
            answer = await self._nodes.ask(
                lambda _connection: InitProducerIdRequest(
                    transactional_id=None, transaction_timeout_ms=0, producer_id=-1, producer_epoch=-1, max_version=4
                )
            )
            if not answer.error_code:
                return answer.producer_id, answer.producer_epoch
            if not retriable(answer.error_code) or time.monotonic() > deadline:
                raise broker_error("Asking the cluster for a producer id", answer.error_code)
            await self.sleep(0.2)

    # Below

    def _leader_epoch(self, topic: str, partition: int) -> int:
        return self._topics[topic].partitions[partition].leader_epoch

    async def _by_leader(
        self,
        doing: str,
        wanted: Mapping[TopicPartition, Any],
        ask: Callable[[int, Mapping[TopicPartition, Any]], Awaitable[Answers[T]]],
    ) -> dict[TopicPartition, T | KafkaError]:
        missing = {topic for topic, _partition in wanted} - self._topics.keys()
        if missing:
            await self.ask_topics(missing)
        return await ask_leaders(
            doing,
            wanted,
            ask,
            topics=self._topics,
            refresh=self.ask_topics,
            loop=self._loop,
            timeout=self._timeout,
            was_reached=self._nodes.was_reached,
        )


def _ask_for_topics(names: Sequence[str] | None, _connection: Connection) -> Any:
    return topics_request(names)
