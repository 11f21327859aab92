# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading partitions and comparing them, record by record, with what a restore point holds of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .._core.errors import KafkaError, VerificationFailed
from .._core.kafka_names import TopicPartition
from .._kafka.fetching import EMPTY_ANSWERS
from .._kafka.nodes import PASSING
from .._kafka.wire import Fetched, Want, Wire
from .._records.alignment import MISSING, UNEXPECTED, Alignment, Difference
from .._records.batch import batches
from .._records.outgoing import Outgoing
from .archived_partitions import ArchivedPartition
from .archived_records import PIECE_BYTES, ArchivedRecords
from .patience import PAUSE, Patience, no_leader

_LANES = 2
"""Requests under way to a broker."""

_FETCH_BYTES = 4 << 20
_MOST_WANTS = 500  # partitions in a request
_ACTIVE_BYTES = 16 << 20  # of the archive, in memory at once
_MOST_ACTIVE = 512  # partitions


@dataclass(frozen=True)
class CompareTask:
    """A partition that is compared.

    Args:
        archived: What the archive holds.
        topic: The topic that is read.
        topic_id: Its id; may be empty.
        leader: The broker that leads the partition.
        begin: The first offset that there is.
        end: The offset behind the last one, up to which it is read.
        first: The offset there of the first wanted record, which the others follow without holes; None where records
            have the offsets that they have in the archive.
        may_lack: Whether records before the end may be missing, since the topic is compacted.
    """

    archived: ArchivedPartition
    topic: str
    topic_id: str
    leader: int
    begin: int
    end: int
    first: int | None
    may_lack: bool = False

    @property
    def key(self) -> TopicPartition:
        """The topic that is read, and the partition's number."""
        return self.topic, self.archived.state.partition


class Compared(NamedTuple):
    """How a partition compares.

    Args:
        topic: The topic's name in the archive.
        found_in: The topic that was read.
        partition: Its number.
        records: How many records are as they should be.
        trimmed: How many are missing since they lie before the first offset.
        lacking: How many others are missing and may be.
        newer: How many offsets there are behind what the archive holds.
        differing: How many records are not as they should be.
        differences: The first of these.
    """

    topic: str
    found_in: str
    partition: int
    records: int
    trimmed: int
    lacking: int
    newer: int
    differing: int
    differences: tuple[Difference, ...]


def compare_partitions(
    wire: Wire,
    tasks: Sequence[CompareTask],
    records: Callable[[CompareTask], ArchivedRecords],
    advance: Callable[[int], None],
) -> list[Compared]:
    """Compare partitions with what a restore point holds of them.

    Args:
        wire: Reads them.
        tasks: Which.
        records: Goes through what the archive holds of one.
        advance: Is told how many bytes more were read.

    Raises:
        KafkaError: The cluster refuses us, or a partition cannot be read.
        Damaged: The archive is damaged.
    """
    return _Comparison(wire, tasks, records, advance).run()


def differs(compared: Compared) -> VerificationFailed:
    """Return the error for a partition that is not as it should be."""
    first = compared.differences[0]
    at = f"offset {first.found_at}" + ("" if first.offset is None else f" (offset {first.offset} in the archive)")
    what = {MISSING: "the record is missing", UNEXPECTED: "there is a record that is not in the archive"}
    return VerificationFailed(
        f"Topic {compared.found_in!r}, partition {compared.partition}, does not hold what the restore point does: at "
        f"{at} {what.get(first.what, f'the {first.what} is another one')}; {compared.differing} records differ in all.",
        object_name=f"{compared.found_in}/{compared.partition}",
        topic=compared.found_in,
        partition=compared.partition,
        offset=first.found_at,
    )


class _Comparing:
    """A partition while it is compared."""

    def __init__(self, task: CompareTask, records: ArchivedRecords) -> None:
        self.task = task
        self.key = task.key
        self.topic_id = task.topic_id
        self.leader = task.leader
        self.trouble: KafkaError | None = None
        self.stuck_since: float | None = None
        self.is_asked_for = False
        self._position = task.begin
        self._end = task.end if task.first is not None else min(task.end, task.archived.state.next)
        self._wanted_end = task.archived.state.next if task.first is None else task.first
        self._empty = 0
        self._alignment = Alignment(
            self._placed(records.outgoing()), begin=task.begin, end=task.end, may_lack=task.may_lack
        )

    @property
    def is_done(self) -> bool:
        """Whether all that there is to be compared was read."""
        return self._position >= self._end or self._alignment.is_exhausted

    def want(self) -> Want:
        """Return what to ask the broker for."""
        topic, partition = self.key
        return Want(topic, self.topic_id, partition, self._position, _FETCH_BYTES)

    def take(self, answer: Fetched, *, is_first: bool) -> int:
        """Compare what came; return how many bytes that was."""
        if answer.error is not None:
            self.trouble = answer.error
            return 0
        at = 0
        for batch in batches(answer.records):
            if batch.base_offset >= self._end:
                self._position = self._end
                break
            if batch.last_offset >= self._position:
                self._alignment.found(answer.records, batch)
                self._position = batch.next_offset
            at = batch.at + batch.size
        self.stuck_since = None
        self._empty = 0 if at or not is_first else self._empty + 1
        if self._empty >= EMPTY_ANSWERS:
            self._position = self._end  # compaction took away all that was left
        return at

    def result(self) -> Compared:
        """Return how it compares, when it is done."""
        self._alignment.finish()
        found = self._alignment
        topic, partition = self.task.archived.key
        return Compared(
            topic, self.task.topic, partition, found.records, found.trimmed, found.lacking,
            max(0, self.task.end - max(self._wanted_end, self.task.begin)), found.differing, tuple(found.differences),
        )  # fmt: skip

    def _placed(self, wanted: Iterator[Outgoing]) -> Iterator[tuple[Outgoing, Sequence[int]]]:
        """Yield what is wanted, with the offsets that it should have."""
        for outgoing in wanted:
            offsets = outgoing.offsets
            if self.task.first is not None:
                offsets = range(self._wanted_end, self._wanted_end + outgoing.records)
                self._wanted_end = offsets.stop
            yield outgoing, offsets


class _Comparison:
    def __init__(
        self,
        wire: Wire,
        tasks: Sequence[CompareTask],
        records: Callable[[CompareTask], ArchivedRecords],
        advance: Callable[[int], None],
    ) -> None:
        self._wire = wire
        self._waiting = deque(tasks)
        self._records = records
        self._advance = advance
        self._active: list[_Comparing] = []
        self._compared: list[Compared] = []
        self._stop = False
        self._patience = Patience()

    def run(self) -> list[Compared]:
        self._admit()
        while self._active:
            self._stop = False
            nodes = {partition.leader for partition in self._active if partition.trouble is None}
            if nodes:
                lanes = (self._lane(node) for _lane in range(_LANES) for node in nodes)
                self._wire.run(self._wire.gather(*lanes))
            else:
                time.sleep(PAUSE)
            for partition in self._patience.look(self._wire, self._active):
                partition.trouble = None
            self._admit()
        return self._compared

    def _admit(self) -> None:
        """Let go of partitions that are done, and begin others."""
        for partition in [each for each in self._active if each.is_done]:
            self._active.remove(partition)
            self._compared.append(partition.result())
        held = sum(partition.task.archived.held_bytes(PIECE_BYTES) for partition in self._active)
        while self._waiting and len(self._active) < _MOST_ACTIVE:
            held += self._waiting[0].archived.held_bytes(PIECE_BYTES)
            if self._active and held > _ACTIVE_BYTES:
                return
            task = self._waiting.popleft()
            partition = _Comparing(task, self._records(task))
            self._active.append(partition)
            if partition.leader < 0:
                self._patience.set_aside(partition, no_leader(*partition.key))

    async def _lane(self, node: int) -> None:
        """Read some of what a broker leads, until that is done or others are to be begun."""
        try:
            while not self._stop and not self._patience.is_over:
                mine = [each for each in self._active if each.leader == node and each.trouble is None]
                free = [each for each in mine if not each.is_asked_for and not each.is_done]
                asked = free[: min(_MOST_WANTS, -(-len(mine) // _LANES))]
                if not asked:
                    return
                await self._read(node, asked)
                self._stop = self._stop or (bool(self._waiting) and any(each.is_done for each in asked))
        except BaseException:
            self._stop = True
            raise

    async def _read(self, node: int, partitions: Sequence[_Comparing]) -> None:
        for partition in partitions:
            partition.is_asked_for = True
        try:
            answers = await self._wire.fetch(
                node,
                [partition.want() for partition in partitions],
                max_bytes=_FETCH_BYTES,
                max_wait=0.5,
                min_bytes=1,
                isolation="uncommitted",
            )
            for place, (partition, answer) in enumerate(zip(partitions, answers, strict=True)):
                self._advance(partition.take(answer, is_first=place == 0))
        except KafkaError as error:
            if error.code not in PASSING:
                raise
            for partition in partitions:
                partition.trouble = error
        finally:
            for partition in partitions:
                partition.is_asked_for = False
                if partition.trouble is not None:
                    self._patience.set_aside(partition, partition.trouble)
