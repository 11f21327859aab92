# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what a partition should hold with what it holds, record by record, whatever batches they come in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from .batch import Batch, Buffer, read_header
from .decode import Record, decode
from .outgoing import Outgoing, same


class Difference(NamedTuple):
    """Where two streams of records part.

    ``what`` is ``key``, ``value``, ``headers`` or ``timestamp`` (the first of these that differs between two records),
    ``missing`` (no record was found for the wanted one) or ``unexpected`` (a record was found where none was wanted).
    """

    offset: int | None  # of the wanted record, at the source; None: unexpected
    found_at: int | None  # of the record that was found; None: missing
    what: str


class Comparison:
    """Compares two streams of batches; both are handed over batch by batch, in any interleaving.

    Records are equal when key, value, headers and time are; their offsets are not compared. Batches that hold the same
    bytes are not unpacked. What is handed over too early is kept, so hand over to the side that is behind. After the
    first difference nothing is looked at any more.

    Whatever takes a batch, and `finish`, raises Damaged where a batch has to be unpacked and cannot be, and
    MissingLibrary where a library is missing for it.
    """

    def __init__(self) -> None:
        self._wanted = _Side()
        self._found = _Side()
        self.difference: Difference | None = None
        self.records = 0  # compared, and equal

    @property
    def ahead(self) -> int:
        """How many wanted records wait for found ones; negative: found ones wait for wanted ones."""
        return self._wanted.waiting - self._found.waiting

    def expect(self, outgoing: Outgoing) -> None:
        """Hand over what should be there next."""
        self._wanted.add(_Piece(outgoing, outgoing.data, read_header(outgoing.data), outgoing.offsets))
        self._match()

    def found(self, buffer: Buffer, batch: Batch) -> None:
        """Hand over what the log holds next; control batches and empty ones are passed by.

        Args:
            buffer: What the batch was read from. It may be used for something else afterwards.
            batch: Its header.
        """
        if not batch.count or batch.control:
            return
        if not self._found.waiting and self._is_next(buffer, batch):
            self.records += self._wanted.drop()
            return
        copy = bytes(memoryview(buffer)[batch.at : batch.at + batch.size])
        self._found.add(_Piece(None, copy, batch._replace(at=0), None))
        self._match()

    def found_outgoing(self, outgoing: Outgoing) -> None:
        """Hand over what the log holds next, where rules leave out some of it; its ``offsets`` are the log's."""
        self._found.add(_Piece(outgoing, outgoing.data, read_header(outgoing.data), outgoing.offsets))
        self._match()

    def finish(self) -> Difference | None:
        """Tell the first difference, now that both streams have ended; None: they are equal."""
        if self.difference is None and self._wanted.waiting:
            self.difference = Difference(self._wanted.unpack()[0].offset, None, "missing")
        elif self.difference is None and self._found.waiting:
            self.difference = Difference(None, self._found.unpack()[0].offset, "unexpected")
        return self.difference

    def _is_next(self, buffer: Buffer, batch: Batch) -> bool:
        """Whether the next thing wanted is a whole batch with the same bytes."""
        wanted = self._wanted
        if wanted.records or not wanted.pieces:
            return False
        outgoing = wanted.pieces[0].outgoing
        return outgoing is not None and same(outgoing, buffer, batch)

    def _match(self) -> None:
        wanted, found = self._wanted, self._found
        while self.difference is None and wanted.waiting and found.waiting:
            if not found.records and self._is_next(found.pieces[0].data, found.pieces[0].batch):
                self.records += wanted.drop()
                found.drop()
            else:
                self._compare(wanted.unpack(), found.unpack())
        if self.difference is not None:
            wanted.clear()
            found.clear()

    def _compare(self, wanted: deque[Record], found: deque[Record]) -> None:
        while wanted and found:
            one, other = wanted.popleft(), found.popleft()
            if one[1:] != other[1:]:
                self.difference = Difference(one.offset, other.offset, _what_differs(one, other))
                return
            self.records += 1


class _Piece(NamedTuple):
    """A batch that waits."""

    outgoing: Outgoing | None  # what it was handed over as
    data: Buffer
    batch: Batch
    offsets: Sequence[int] | None  # of its records; None: those that the batch says


class _Side:
    """One stream: the batches that wait, and the records left of the one before them, where it had to be unpacked."""

    def __init__(self) -> None:
        self.pieces: deque[_Piece] = deque()
        self.records: deque[Record] = deque()
        self._packed = 0  # records in pieces

    @property
    def waiting(self) -> int:
        return self._packed + len(self.records)

    def add(self, piece: _Piece) -> None:
        self.pieces.append(piece)
        self._packed += piece.batch.count

    def drop(self) -> int:
        """Take the first batch away; give the number of its records."""
        count = self.pieces.popleft().batch.count
        self._packed -= count
        return count

    def unpack(self) -> deque[Record]:
        """Give the records that wait first, at least one; what is taken from them is taken away."""
        if not self.records:
            piece = self.pieces[0]
            records = decode(piece.data, piece.batch)
            if piece.offsets is None:
                self.records.extend(records)
            else:
                self.records.extend(
                    record._replace(offset=offset) for record, offset in zip(records, piece.offsets, strict=True)
                )
            self.drop()
        return self.records

    def clear(self) -> None:
        self.pieces.clear()
        self.records.clear()
        self._packed = 0


def _what_differs(one: Record, other: Record) -> str:
    if one.key != other.key:
        return "key"
    if one.value != other.value:
        return "value"
    return "headers" if one.headers != other.headers else "timestamp"
