# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going through what a restore point holds of a partition, batch by batch, as a restore sends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .._archive.slice_reader import SliceReader
from .._core.errors import Damaged
from .._records.batch import Batch, Buffer, read_batch
from .._records.outgoing import Outgoing, Rules, outgoing
from .._records.transactions import Aborted, Outcomes
from .archived_partitions import ArchivedPartition, Slice

UNKNOWN_OUTCOME = "nobody can tell whether its transaction was committed, since a piece behind it is damaged"
"""Why records are left out that are not damaged themselves."""

PIECE_BYTES = 1 << 20
"""How much of a partition is in memory at once, unless a single batch has more."""


class Lost(NamedTuple):
    """Something that was left out: it is damaged, or nobody can tell whether it was committed, since a marker is.

    Args:
        topic: The topic's name in the archive.
        partition: The partition's number.
        start: The first offset that is missing.
        next: The first offset after it that is not.
        reason: What is wrong.
    """

    topic: str
    partition: int
    start: int
    next: int
    reason: str


class ArchivedRecords:
    """The records of a partition that a restore sends. It may be gone through several times.

    Args:
        reader: Reads slices.
        partition: What there is.
        committed: Whether records of aborted and undecided transactions are left out.
        skip_damaged: Whether what is damaged is left out; otherwise it is an error.

    Attributes:
        lost: What was left out, when it was last gone through.
    """

    def __init__(
        self, reader: SliceReader, partition: ArchivedPartition, *, committed: bool, skip_damaged: bool = False
    ) -> None:
        self.partition = partition
        self.lost: list[Lost] = []
        self._reader = reader
        self._committed = committed
        self._skip_damaged = skip_damaged
        self._aborted: Aborted | None = None

    def outgoing(self) -> Iterator[Outgoing]:
        """Give what is sent, the same each time.

        Raises:
            Damaged: A slice or a batch is damaged, and is not to be left out. Nothing of a damaged slice is given. The
                facts tell ``topic``, ``partition``, ``start`` and ``next``.
            MissingLibrary: A batch has to be built anew, and the library for its codec is missing.
        """
        if self._committed and self._aborted is None and self.partition.has_transactions:
            self._aborted = self._find_aborted()
        self.lost = []
        rules = Rules(self.partition.state.start, self.partition.state.next, self._committed, self._aborted)
        for piece in self.partition.slices:
            for buffer, batch in self._batches(piece):
                try:
                    yield from outgoing(buffer, batch, rules)
                except Damaged as error:
                    self._lose(batch.base_offset, batch.next_offset, error)
                    continue
                if rules.committed and self._aborted is not None and self._aborted.is_unknown(batch):
                    self._leave_out(max(batch.base_offset, rules.start), min(batch.next_offset, rules.next))

    def _find_aborted(self) -> Aborted:
        """Find out how transactions ended: all that tells of them is read for it. What is lost tells nothing."""
        outcomes = Outcomes()
        for piece in self.partition.slices:
            if not piece.has_transactions:
                continue
            known = len(self.lost)
            for buffer, batch in self._batches(piece):
                try:
                    outcomes.observe(buffer, batch)
                except Damaged as error:
                    self._lose(batch.base_offset, batch.next_offset, error)
                    outcomes.lose(batch.base_offset)
                    known = len(self.lost)
            if len(self.lost) > known and piece.has_markers:
                outcomes.lose(piece.start)
        return outcomes.finish()

    def _batches(self, piece: Slice) -> Iterator[tuple[Buffer, Batch]]:
        """Give the batches of a slice; a buffer is good until the next one is asked for."""
        if not piece.length:
            return
        try:
            file = self._reader.open(self.partition.entry(piece))
        except Damaged as error:
            self._lose(piece.start, piece.next, error)
            return
        with file:
            left = piece.length
            begun = b""
            while left:
                content = begun + file.read(min(max(PIECE_BYTES, _size(begun)) - len(begun), left))
                if len(content) == len(begun):
                    raise OSError(f"{piece.file} was changed while it was read")
                left -= len(content) - len(begun)
                buffer, at = memoryview(content), 0
                while (batch := read_batch(buffer, at)) is not None:
                    yield buffer, batch
                    at += batch.size
                begun = content[at:]

    def _leave_out(self, start: int, after: int) -> None:
        """Take note of records of a transaction whose outcome is lost; those that follow each other are told as one."""
        if start >= after:
            return
        last = self.lost[-1] if self.lost else None
        if last is not None and (last.next, last.reason) == (start, UNKNOWN_OUTCOME):
            self.lost[-1] = last._replace(next=after)
        else:
            self.lost.append(Lost(*self.partition.key, start, after, UNKNOWN_OUTCOME))

    def _lose(self, start: int, after: int, error: Damaged) -> None:
        topic, partition = self.partition.key
        if not self._skip_damaged:
            facts: dict[str, Any] = {"topic": topic, "partition": partition, "start": start, "next": after}
            error.facts.update(facts)
            raise error
        self.lost.append(Lost(topic, partition, start, after, str(error.facts.get("reason", error.message))))


def _size(begun: bytes) -> int:
    """Return how many bytes a batch has of which only the beginning is there; 0 where that does not tell."""
    return 12 + int.from_bytes(begun[8:12], "big") if len(begun) >= 12 else 0
