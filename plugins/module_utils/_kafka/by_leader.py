# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking each broker for the partitions that it leads, and again where leadership has moved."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .errors import LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION, error_code, partition_error, retriable
from .loop import Loop
from .metadata import Topic
from .nodes import PASSING

T = TypeVar("T")

#: Each partition's error code, and what was answered where that is 0.
Answers: TypeAlias = "dict[TopicPartition, tuple[int, T]]"

_PARTITIONS_A_REQUEST = 2000
_LEADERLESS = 5.0  # seconds that partitions without a leader are given to find one
_NEVER_REACHED = (
    12.0  # seconds for a broker that was never reached: a dead one counts as such after 9 (KRaft's default)
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


async def ask_leaders(
    doing: str,
    wanted: Mapping[TopicPartition, Any],
    ask: Callable[[int, Mapping[TopicPartition, Any]], Awaitable[Answers[T]]],
    *,
    topics: Mapping[str, Topic],
    refresh: Callable[[Iterable[str]], Awaitable[Any]],
    loop: Loop,
    timeout: float,
    was_reached: Callable[[int], bool],
) -> dict[TopicPartition, T | KafkaError]:
    """Ask for something of many partitions, each at its leader.

    Args:
        doing: What is done, for messages: ``Reading the offsets of``.
        wanted: What is wanted of each partition.
        ask: Asks one broker for the partitions that it leads.
        topics: What is known of the topics; `refresh` brings it up to date.
        refresh: Asks the cluster for topics anew.
        loop: For waiting.
        timeout: Seconds for asking again where an error is passing.
        was_reached: Whether a broker has ever been reached; one that was not is given less time.

    Returns:
        What was answered for each partition, or why nothing was.

    Raises:
        KafkaError: A broker could not be reached in time, or refused us.
    """
    begun = time.monotonic()
    pending = dict(wanted)
    results: dict[TopicPartition, T | KafkaError] = {}
    pause = _FIRST_PAUSE
    while True:
        round_ = _Round(doing, topics)
        shares = round_.share_out(pending)
        await loop.gather(*(round_.one(node, share, ask) for node, share in shares))
        results |= round_.results
        results |= round_.overdue(time.monotonic() - begun, timeout, was_reached)
        if not round_.waiting:
            return {partition: results[partition] for partition in wanted}
        await loop.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        pending = {partition: wanted[partition] for partition in round_.waiting}
        await refresh({topic for topic, _partition in pending})


class _Round:
    """One time of asking everybody."""

    def __init__(self, doing: str, topics: Mapping[str, Topic]) -> None:
        self.results: dict[TopicPartition, Any] = {}
        self.waiting: dict[TopicPartition, KafkaError] = {}
        self.leaderless: set[TopicPartition] = set()
        self.failures: dict[int, KafkaError] = {}
        self._doing = doing
        self._topics = topics

    def share_out(self, pending: Mapping[TopicPartition, Any]) -> list[tuple[int, dict[TopicPartition, Any]]]:
        """Part what is wanted by who leads it, in shares of bounded size."""
        by_node: dict[int, list[TopicPartition]] = {}
        for partition in pending:
            leader = self._leader(partition)
            if leader is not None:
                by_node.setdefault(leader, []).append(partition)
        return [
            (node, {partition: pending[partition] for partition in led[at : at + _PARTITIONS_A_REQUEST]})
            for node, led in by_node.items()
            for at in range(0, len(led), _PARTITIONS_A_REQUEST)
        ]

    async def one(
        self,
        node: int,
        share: Mapping[TopicPartition, Any],
        ask: Callable[[int, Mapping[TopicPartition, Any]], Awaitable[Answers[Any]]],
    ) -> None:
        """Ask one broker for its share."""
        try:
            answers = await ask(node, share)
        except KafkaError as error:
            if error.code not in PASSING:
                raise
            self.failures[node] = error
            self.waiting |= dict.fromkeys(share, error)
            return
        for partition in share:
            code, value = answers.get(partition, (UNKNOWN_TOPIC_OR_PARTITION, None))
            if not code:
                self.results[partition] = value
            elif retriable(code):
                self.waiting[partition] = self._error(code, partition)
            else:
                self.results[partition] = self._error(code, partition)

    def overdue(
        self, waited: float, timeout: float, was_reached: Callable[[int], bool]
    ) -> dict[TopicPartition, KafkaError]:
        """Take out what has waited for too long.

        Raises:
            KafkaError: A broker was not reached for too long.
        """
        for node, failure in self.failures.items():
            if waited > (timeout if was_reached(node) else min(_NEVER_REACHED, timeout)):
                raise failure
        late = {
            partition: error
            for partition, error in self.waiting.items()
            if waited > (_LEADERLESS if partition in self.leaderless else timeout)
        }
        for partition in late:
            del self.waiting[partition]
        return late

    def _leader(self, partition: TopicPartition) -> int | None:
        name, number = partition
        topic = self._topics.get(name)
        found = topic.partitions.get(number) if topic is not None else None
        if found is None:
            code = error_code(topic.error) if topic is not None and topic.error else UNKNOWN_TOPIC_OR_PARTITION
            self.results[partition] = self._error(code, partition)
            return None
        if found.leader < 0:
            self.waiting[partition] = self._error(LEADER_NOT_AVAILABLE, partition)
            self.leaderless.add(partition)
            return None
        return found.leader

    def _error(self, code: int, partition: TopicPartition) -> KafkaError:
        return partition_error(self._doing, code, *partition)
