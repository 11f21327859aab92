# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a worker is with one partition: what it makes of each answer of the broker, and when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from .._archive.segments import PartitionWriter
from .._archive.topic_state import LastBatch
from .._core.errors import Damaged, KafkaError
from .._core.kafka_names import TopicPartition
from .._kafka.fetching import DAMAGED_ANSWERS, EMPTY_ANSWERS
from .._kafka.wire import Fetched, Want
from .._records.batch import read_batch
from .._records.scan import Scan, scan
from .topic_plan import Isolation, PartitionPlan

MOST_ROUNDS = 100
"""How often the end of a compacted partition may move on while it is read."""


class Read(NamedTuple):
    """What became of a partition.

    Args:
        topic: Its topic.
        partition: Its number.
        start: The first offset of its log.
        next: The first offset that is not archived.
        last: The last batch that is.
        records: How many records were read, markers not counted.
        bytes: How many bytes were written.
        trimmed: Whether retention took away what was to be read.
        settled: Whether it is a state that a compacted partition was in: what compaction took away while it was read
            is there in a later record, and no tombstone is missing.
        problem: Why it could not be read; then nothing of it counts.
    """

    topic: str
    partition: int
    start: int
    next: int
    last: LastBatch | None
    records: int
    bytes: int
    trimmed: bool
    settled: bool
    problem: KafkaError | None

    @property
    def key(self) -> TopicPartition:
        """Its topic and number."""
        return self.topic, self.partition


class Piece(NamedTuple):
    """Whole batches of an answer that are to be archived, and the offsets that they cover."""

    copy: PartitionCopy
    data: memoryview
    scan: Scan
    start: int
    next: int


class PartitionCopy:
    """A partition while it is read.

    Args:
        plan: What is to be read.
        isolation: Up to where it is read.
        open_writer: Begins what is written of it; called when there is something.
        clock: Tells the time in seconds, as time.monotonic does.

    Attributes:
        position: The next offset to be read.
        mark: Up to which it is read; that of a compacted partition may move on.
        leader: The broker that leads it.
        leader_epoch: The leadership's number; -1 where unknown.
        trouble: Why it cannot be read at the moment; None while all is well.
        stuck_since: When its trouble began, by the clock of whoever set it.
        problem: Why it cannot be read at all.
    """

    def __init__(
        self,
        plan: PartitionPlan,
        isolation: Isolation,
        open_writer: Callable[[PartitionPlan], PartitionWriter],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.key = plan.key
        self.position = plan.position
        self.mark = plan.mark
        self.leader = plan.leader
        self.leader_epoch = plan.leader_epoch
        self.trouble: KafkaError | None = None
        self.stuck_since: float | None = None
        self.problem: KafkaError | None = None
        self._committed = isolation == "committed"
        self._open_writer = open_writer
        self._writer: PartitionWriter | None = None
        self._start = plan.start
        self._last = plan.last
        self._records = self._bytes = 0
        self._trimmed = False
        self._settled = True
        self._clock = clock
        self._began: float | None = None  # when the first piece came
        self._rounds = 0
        self._dense = False  # whether each offset of the current round had a record
        self._empty = self._damaged = 0

    @property
    def done(self) -> bool:
        """Whether nothing more is to be read of it."""
        return self.problem is not None or self.position >= self.mark

    @property
    def history_epoch(self) -> int:
        """The leadership under which what was read so far was written; -1 where unknown."""
        return max(self.plan.leader_epoch, self._last.leader_epoch if self._last is not None else -1)

    def want(self, max_bytes: int) -> Want:
        """Return what to ask the broker for."""
        topic, partition = self.key
        return Want(topic, self.plan.topic_id, partition, self.position, max_bytes, self.leader_epoch)

    def take(self, answer: Fetched, *, is_first: bool) -> Piece | None:
        """Look at what came, and go on to behind it.

        Batches that begin at the mark or later are left where they are. A batch that begins before the mark and ends
        behind it is taken whole, and the mark moves to its end: a broker gives out nothing that is not committed, so
        the archive then holds a little more than was asked for, and never half a batch, which could not be read on
        from. Marks lie between batches, so this only happens where a log was cut off and written anew meanwhile.

        Args:
            answer: The broker's answer for this partition.
            is_first: Whether it was the first that the broker looked at, so that it had its turn.

        Returns:
            What is to be written; None for nothing.
        """
        before = self.position
        if answer.error is not None:
            self.trouble = answer.error
            return None
        try:
            found = scan(answer.records, 0, len(answer.records), expected=self.position, stop=self.mark)
            behind = read_batch(answer.records, found.bytes) if found.bytes < len(answer.records) else None
        except Damaged as error:
            self._take_damage(error)
            return None
        piece = None
        if found.batches:
            piece = Piece(self, answer.records[: found.bytes], found, before, found.next_offset)
            self._note(found)
            self._began = self._began or self._clock()
            self.position = found.next_offset
            self.mark = max(self.mark, self.position)
        if behind is not None and self.position < self.mark and behind.base_offset >= self.mark:
            self.cover(self.mark)  # compaction took away all that was left before the mark
        if self.position == before:
            self._take_nothing(answer, is_first)
        if self.position > before:
            self._empty = self._damaged = 0
            self.trouble = self.stuck_since = None
        if self.position >= self.mark:
            self._end_round(answer)
        return piece

    def cover(self, offset: int) -> None:
        """Go on to an offset before which there is nothing more."""
        self._dense = False
        self.position = offset

    def trim(self, log_start: int) -> None:
        """Go on after retention has taken away what was to be read next; what was read before it goes as well."""
        self._trimmed = True
        self._start = min(log_start, self.mark)
        self.cover(max(self.position, self._start))

    def write(self, piece: Piece) -> None:
        """Write what `take` has returned."""
        if self._writer is None:
            self._writer = self._open_writer(self.plan)
        if self._writer.next < piece.start:
            self._writer.cover(piece.start)
        self._writer.write(piece.data, piece.scan._asdict(), piece.start, piece.next)

    def close(self) -> None:
        """End what is written of it; what ends it may be empty."""
        if self.position > self.plan.position and self._writer is None and self.problem is None:
            self._writer = self._open_writer(self.plan)
        if self._writer is not None:
            if self._writer.next < self.position:
                self._writer.cover(self.position)
            self._writer.close()

    def result(self) -> Read:
        """Return what became of it."""
        return Read(
            *self.key, self._start, self.position, self._last, self._records, self._bytes, self._trimmed, self._settled,
            self.problem,
        )  # fmt: skip

    def _note(self, found: Scan) -> None:
        self._records += found.records
        self._bytes += found.bytes
        self._dense = self._dense and found.dense
        if found.last is not None:
            self._last = LastBatch(found.last.base_offset, found.last.crc, found.last.leader_epoch)

    def _take_damage(self, error: Damaged) -> None:
        """Ask again, since what is damaged on its way comes whole the next time; but not for ever."""
        self._damaged += 1
        if self._damaged >= DAMAGED_ANSWERS:
            topic, partition = self.key
            self.problem = KafkaError(
                f"Topic {topic!r}, partition {partition}, cannot be read from offset {self.position} on: "
                f"{error.message} See the disk of broker {self.leader}; another replica may be sound.",
                code="damaged_source",
                object_name=f"{topic}/{partition}",
                offset=self.position,
            )

    def _take_nothing(self, answer: Fetched, is_first: bool) -> None:
        """Find out why a broker gives nothing below the mark."""
        limit = answer.last_stable if self._committed else answer.high_watermark
        if limit < self.mark:
            # A new leader may not know yet what the one before it told; or the end of the log is lost.
            self.trouble = self._stuck(f"broker {self.leader} gives out nothing beyond offset {limit}")
        elif is_first and not answer.records:
            self._empty += 1
            if self._empty >= EMPTY_ANSWERS:
                if self.plan.compacted:
                    self.cover(self.mark)
                else:  # a slow read of remote storage (KIP-405) is answered so for a while
                    self.trouble = self._stuck(f"broker {self.leader} answers with nothing, though there is more")

    def _end_round(self, answer: Fetched) -> None:
        """At the mark: go on to the new end, where a compacted partition is not yet in a state that it was in.

        What compaction took away before it could be read has a later record with the same key: below the end that the
        log had when the last of it was read. So that part is read on, unless records were taken away there too.
        """
        tombstones = self.plan.tombstones
        if tombstones is None:
            return
        now = self._clock()
        if tombstones.outlived(self._began or now, now, goes_on=self.plan.base is not None):
            self._settled = False
        end = answer.last_stable if self._committed else answer.high_watermark
        if end <= self.mark or (self._rounds and self._dense):
            return
        self._rounds += 1
        if self._rounds > MOST_ROUNDS:
            self._settled = False
            return
        self.mark = end
        self._dense = True

    def _stuck(self, why: str) -> KafkaError:
        topic, partition = self.key
        return KafkaError(
            f"Topic {topic!r}, partition {partition}, cannot be read from offset {self.position} to {self.mark}: {why}."
            " See the broker's log, and run again.",
            code="no_progress",
            object_name=f"{topic}/{partition}",
            offset=self.position,
        )
