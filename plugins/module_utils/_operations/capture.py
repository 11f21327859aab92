# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker does in a backup of topics: reading a share of the partitions, and writing it into the archive.

One request for many partitions is under way to each broker while the answer before is written. A partition whose leader
has moved, or does not answer, is set aside; now and then everything stops for a moment, and leaders are looked up anew.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from .._archive.parts import Entry
from .._archive.segments import PartitionWriter, SegmentWriter
from .._archive.slices import Slice
from .._archive.store import Store
from .._archive.unfinished import UnfinishedNotes, noted
from .._core.errors import KafkaError
from .._core.settings import KafkaSettings
from .._kafka.nodes import PASSING
from .._kafka.wire import Fetched, Wire
from .leaders import find_leaders
from .partition_copy import PartitionCopy, Piece, Read
from .rate import SharedRate
from .topic_plan import Isolation, PartitionPlan, unavailable
from .workers import Reporter

_PIECE_BYTES = 8 << 20  # of one broker; two pieces are in memory, and smaller ones of several brokers
_MOST_NODES = 15  # brokers that are read from at once
_MOST_WANTS = 1000  # partitions in one request
_MAX_WAIT = 0.5  # seconds that a broker may wait for something to give
_DURABLE_BYTES = 1 << 28  # how much may be written before what is complete is made durable, and noted
_MOST_NOTES = 1000  # in one file, which is in memory while it is written

_PAUSE, _LONGEST_PAUSE = 0.3, 5.0  # seconds between two looks for a leader


@dataclass(frozen=True)
class Job:
    """What all workers of a backup have in common.

    Args:
        kafka: How the cluster is reached.
        store: Where to.
        backup_id: Which backup.
        notes: Where is noted what is durable.
        isolation: Up to where partitions are read.
        partial: Whether the others go on when a partition cannot be read.
        rate: How much all of them may read a second.
        workers: How many there are at a time.
    """

    kafka: KafkaSettings
    store: Store
    backup_id: str
    notes: UnfinishedNotes
    isolation: Isolation
    partial: bool
    rate: SharedRate
    workers: int


class Captured(NamedTuple):
    """What a worker brought home.

    Args:
        entries: The index entries of what it has written, which is durable.
        partitions: What became of each partition.
    """

    entries: list[Entry]
    partitions: list[Read]


def capture(job: Job, plans: Sequence[PartitionPlan], reporter: Reporter) -> Captured:
    """Read some partitions and write them into the archive.

    Args:
        job: What all workers have in common.
        plans: The partitions.
        reporter: Is told how many offsets are done.

    Raises:
        KafkaError: The cluster refuses us; or a partition cannot be read, and the others are not to go on without it.
        StoreError: The store refuses to write.
    """
    origins = {plan.key: plan.origin for plan in plans if not plan.compacted}

    def note(slices: Sequence[Slice]) -> None:
        told = ((each, origins.get((each.topic, each.partition))) for each in slices)
        notes = (noted(each, origin) for each, origin in told if origin is not None)
        while page := list(islice(notes, _MOST_NOTES)):
            job.notes.add(page)

    with SegmentWriter(job.store, job.backup_id, note) as segments, Wire(job.kafka) as wire:
        return _Capture(job, plans, reporter, segments, wire).run()


class _Capture:
    def __init__(
        self, job: Job, plans: Sequence[PartitionPlan], reporter: Reporter, segments: SegmentWriter, wire: Wire
    ) -> None:
        self._job = job
        self._reporter = reporter
        self._segments = segments
        self._wire = wire
        self._copies = [PartitionCopy(plan, job.isolation, self._open_writer) for plan in plans]
        self._left = [copy for copy in self._copies if not copy.done]
        self._ending = False
        self._look_at = float("inf")  # when leaders are to be looked for, by time.monotonic
        self._not_durable = 0

    def run(self) -> Captured:
        while self._left:
            by_node: dict[int, deque[PartitionCopy]] = {}
            for copy in self._left:
                if copy.trouble is None:
                    by_node.setdefault(copy.leader, deque()).append(copy)
            if by_node:
                nodes = list(by_node.items())[:_MOST_NODES]
                piece = self._job.rate.piece(2 * _PIECE_BYTES // (1 + len(nodes)), self._job.workers)
                self._wire.run(self._wire.gather(*(self._pump(node, queue, piece) for node, queue in nodes)))
            else:
                time.sleep(_PAUSE)
            self._find_leaders()
        failed = {copy.key for copy in self._copies if copy.problem is not None}
        entries = [
            entry for entry in self._segments.finish() if (entry.facts["topic"], entry.facts["partition"]) not in failed
        ]
        return Captured(entries, [copy.result() for copy in self._copies])

    def _open_writer(self, plan: PartitionPlan) -> PartitionWriter:
        return self._segments.partition(plan.topic, plan.partition, plan.lineage, plan.position)

    # Reading

    async def _pump(self, node: int, queue: deque[PartitionCopy], piece: int) -> None:
        """Read what one broker leads, until that is done or leaders are to be looked for."""
        try:
            answers = await self._ask(node, queue, piece, 0.0)
            while answers:
                pieces, wait = self._take(answers, queue)
                del answers
                more = bool(queue) and not self._is_interrupted()
                asked, _stored = await self._wire.gather(
                    self._ask(node, queue, piece, wait) if more else _nothing(), self._store(pieces)
                )
                del pieces
                answers = asked
        except BaseException:
            self._ending = True
            raise

    async def _ask(
        self, node: int, queue: deque[PartitionCopy], piece: int, wait: float
    ) -> list[tuple[PartitionCopy, Fetched]]:
        """Ask a broker for the first partitions of a queue; nothing comes when it cannot be reached."""
        asked = [queue.popleft() for _place in range(min(len(queue), _MOST_WANTS))]
        if wait:
            await self._wire.sleep(wait)
        began = time.monotonic()
        try:
            answers = await self._wire.fetch(
                node,
                [copy.want(piece) for copy in asked],
                max_bytes=piece,
                max_wait=_MAX_WAIT,
                min_bytes=1,
                isolation=self._job.isolation,
            )
        except KafkaError as error:
            if error.code not in PASSING:
                raise
            for copy in (*asked, *queue):
                self._set_aside(copy, error, began)
            queue.clear()
            return []
        return list(zip(asked, answers, strict=True))

    def _take(
        self, answers: list[tuple[PartitionCopy, Fetched]], queue: deque[PartitionCopy]
    ) -> tuple[list[Piece], float]:
        """Look at an answer, and line up again what is not read to its end.

        The order stays, so that one partition after the other is complete, and is gone on from after a kill.
        """
        pieces: list[Piece] = []
        left: list[PartitionCopy] = []
        received = 0
        for place, (copy, answer) in enumerate(answers):
            before = copy.position
            piece = copy.take(answer, is_first=place == 0)
            self._reporter.advance(copy.position - before, len(piece.data) if piece is not None else 0)
            received += len(answer.records)
            if piece is not None:
                pieces.append(piece)
            if copy.problem is not None:
                self._give_up(copy, copy.problem)
            elif copy.trouble is not None:
                self._set_aside(copy, copy.trouble)
            elif not copy.done:
                left.append(copy)
            elif piece is None:
                copy.close()
        queue.extendleft(reversed(left))
        return pieces, self._job.rate.take(received)

    async def _store(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            piece.copy.write(piece)
            self._not_durable += len(piece.data)
            if piece.copy.done:
                piece.copy.close()
        if self._not_durable >= _DURABLE_BYTES:
            self._segments.commit_files()
            self._not_durable = 0

    # Trouble

    def _is_interrupted(self) -> bool:
        return self._ending or time.monotonic() >= self._look_at

    def _set_aside(self, copy: PartitionCopy, trouble: KafkaError, since: float | None = None) -> None:
        now = time.monotonic()
        copy.trouble = trouble
        copy.stuck_since = copy.stuck_since or since or now
        # What takes long is looked at less often, since all wait for it.
        self._look_at = min(self._look_at, now + min(max((now - copy.stuck_since) / 4, _PAUSE), _LONGEST_PAUSE))

    def _give_up(self, copy: PartitionCopy, problem: KafkaError) -> None:
        if not self._job.partial:
            raise unavailable(problem)
        copy.problem = problem
        copy.close()

    def _find_leaders(self) -> None:
        """Find out how those that were set aside can be read on."""
        aside = [copy for copy in self._left if copy.trouble is not None]
        self._look_at = float("inf")
        try:
            find_leaders(self._wire, aside, time.monotonic())
        except KafkaError as error:
            if error.code not in PASSING:
                raise
        for copy in aside:
            if copy.problem is not None:
                self._give_up(copy, copy.problem)
            elif copy.trouble is not None:
                self._set_aside(copy, copy.trouble)
            elif copy.done:
                copy.close()
        self._left = [copy for copy in self._left if not copy.done]


async def _nothing() -> None:
    """Ask for nothing."""
