# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what a partition holds with what it should hold, offset by offset, whatever batches the records come in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .batch import Batch, Buffer, read_header
from .decode import Record, decode
from .outgoing import Outgoing, same

MISSING = "missing"
UNEXPECTED = "unexpected"
FIELDS = ("timestamp", "key", "value", "headers")


class Difference(NamedTuple):
    """Where a partition is not as it should be.

    Args:
        offset: The wanted record's offset at the source; None where no record is wanted.
        found_at: The offset in the partition.
        what: Which of `FIELDS` differs first, or `MISSING` or `UNEXPECTED`.
        records: How many records in a row are missing or unexpected; else 1.
    """

    offset: int | None
    found_at: int
    what: str
    records: int = 1


class Alignment:
    """Compares a partition that is read from its beginning to its end.

    Args:
        wanted: What it should hold, with the offsets that it should have there.
        begin: The first offset that there is; what is wanted before it is passed over.
        end: The offset behind the last one that there is or was. Neither retention nor compaction lowers it, so what is
            wanted there is missing in any case.
        may_lack: Whether records before it may be missing, since the partition is compacted.
        most: How many differences are kept.

    Attributes:
        records: How many records are as they should be.
        trimmed: How many wanted ones lie before the beginning.
        lacking: How many others are missing and may be.
        differing: How many are not as they should be.
        differences: The first of these.
        is_exhausted: Whether nothing more is wanted: what is found from now on is newer.
    """

    def __init__(
        self,
        wanted: Iterator[tuple[Outgoing, Sequence[int]]],
        *,
        begin: int,
        end: int,
        may_lack: bool = False,
        most: int = 20,
    ) -> None:
        self.records = self.trimmed = self.lacking = self.differing = 0
        self.differences: list[Difference] = []
        self.is_exhausted = False
        self._wanted = wanted
        self._begin = begin
        self._end = end
        self._may_lack = may_lack
        self._most = most
        self._piece: tuple[Outgoing, Sequence[int]] | None = None
        self._unpacked: deque[tuple[int, Record]] = deque()  # offset there, and the record with its source offset

    def found(self, buffer: Buffer, batch: Batch) -> None:
        """Take the next batch that the partition holds; control batches and empty ones are passed by.

        Raises:
            Damaged: It has to be unpacked, and cannot be.
            MissingLibrary: Likewise, and a library is missing.
        """
        if not batch.count or batch.control:
            return
        if not self._unpacked and batch.base_offset >= self._begin:
            piece = self._next_piece()
            if piece is not None and _is_at(piece[1], batch) and same(piece[0], buffer, batch):
                self.records += batch.count
                self._piece = None
                return
        for record in decode(buffer, batch):
            if record.offset >= self._begin:
                self._compare(record)

    def finish(self) -> None:
        """Take note that the partition has ended: what is still wanted is missing."""
        while self._unpacked:
            offset, record = self._unpacked.popleft()
            self._miss(offset, record.offset)
        while (piece := self._next_piece()) is not None:
            for offset, source in zip(piece[1], piece[0].offsets, strict=True):
                self._miss(offset, source)
            self._piece = None

    def _compare(self, found: Record) -> None:
        while self._unpacked or self._unpack():
            offset, wanted = self._unpacked[0]
            if offset > found.offset:
                break
            self._unpacked.popleft()
            if offset < found.offset:
                self._miss(offset, wanted.offset)
            elif wanted[1:] == found[1:]:
                self.records += 1
                return
            else:
                self._differ(Difference(wanted.offset, offset, _what_differs(wanted, found)))
                return
        if not self.is_exhausted or self._unpacked:
            self._differ(Difference(None, found.offset, UNEXPECTED))

    def _miss(self, offset: int, source: int) -> None:
        if offset < self._begin:
            self.trimmed += 1
        elif self._may_lack and offset < self._end:
            self.lacking += 1
        else:
            self._differ(Difference(source, offset, MISSING))

    def _differ(self, difference: Difference) -> None:
        """Note a difference; those that follow each other are one where records are missing or unexpected."""
        self.differing += 1
        last = self.differences[-1] if self.differences else None
        if last is not None and _follows(last, difference):
            self.differences[-1] = last._replace(records=last.records + 1)
        elif len(self.differences) < self._most:
            self.differences.append(difference)

    def _next_piece(self) -> tuple[Outgoing, Sequence[int]] | None:
        """Return the next wanted batch, those before the beginning passed over; None at the end."""
        while self._piece is None:
            self._piece = next(self._wanted, None)
            if self._piece is None:
                self.is_exhausted = True
                return None
            if self._piece[1][-1] < self._begin:
                self.trimmed += len(self._piece[1])
                self._piece = None
        return self._piece

    def _unpack(self) -> bool:
        """Unpack the next wanted batch; tell whether there is one."""
        piece = self._next_piece()
        if piece is None:
            return False
        outgoing, offsets = piece
        records = decode(outgoing.data, read_header(outgoing.data))
        for record, offset, source in zip(records, offsets, outgoing.offsets, strict=True):
            self._unpacked.append((offset, record._replace(offset=source)))
        self._piece = None
        return True


def _follows(one: Difference, other: Difference) -> bool:
    is_kind = other.what in (MISSING, UNEXPECTED) and one.what == other.what
    return is_kind and one.found_at + one.records == other.found_at


def _is_at(offsets: Sequence[int], batch: Batch) -> bool:
    return offsets[0] == batch.base_offset and offsets[-1] == batch.last_offset and len(offsets) == batch.count


def _what_differs(one: Record, other: Record) -> str:
    return next(name for name in FIELDS if getattr(one, name) != getattr(other, name))
