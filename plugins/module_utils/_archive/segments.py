# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing record batches, as a broker gave them, to segment files and packs of a backup."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from .layout import backup_folder, segment_file
from .parts import Entry
from .slices import SLICE_BYTES, Slice
from .store import Store
from .streamed import PackWriter, StreamedFile, StreamedFiles

SEGMENT_BYTES = 1024 * 1024 * 1024
"""A segment file has at most so many bytes, unless a single piece is larger."""

SMALL_BYTES = 64 * 1024
"""What a run adds to a partition goes into a pack when it has fewer bytes."""

_WAITING_BYTES = 8 * 1024 * 1024
_MOST_OPEN = 200


class SegmentWriter:
    """Writes the pieces of many partitions into a backup: one in each process that captures.

    It is a context manager: what is not finished when the context ends is discarded. Memory is bounded by what waits
    for a pack, whatever the number of partitions; a fixed number of files is open at once.

    Args:
        store: Where.
        backup_id: The backup, on which this run has the lease.
        durable: Is told of slices once they are on disk under their names.
    """

    def __init__(
        self, store: Store, backup_id: str, durable: Callable[[Sequence[Slice]], None] = lambda _slices: None
    ) -> None:
        self._durable = durable
        self._files = StreamedFiles(store.storage, backup_folder(backup_id))
        self._pack = PackWriter(self._files)
        self._open: OrderedDict[int, StreamedFile] = OrderedDict()
        self._waiting: dict[int, PartitionWriter] = {}
        self._waiting_bytes = 0
        self._partitions: dict[int, PartitionWriter] = {}
        self._complete: list[StreamedFile] = []
        self._slices: list[Slice] = []
        self._not_durable: list[Slice] = []  # of those that are ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def partition(self, topic: str, partition: int, lineage: str, start: int) -> PartitionWriter:
        """Begin what this run adds to a partition.

        Args:
            topic: The topic's true name.
            partition: Its number.
            lineage: The name of the partition's lineage.
            start: The first offset that is covered.
        """
        writer = PartitionWriter(self, topic, partition, lineage, start)
        self._partitions[id(writer)] = writer
        return writer

    def commit_files(self) -> None:
        """Make what is complete so far durable: packs and segments that are full, and those of closed partitions.

        Raises:
            Damaged: A file that has a hash in its name has other content.
            StoreError: The store refuses to write.
        """
        files, self._complete = [*self._complete, *self._pack.take_full()], []
        self._files.place(files)
        placed = {id(file) for file in files}
        durable = [found for found in self._not_durable if found.piece is not None and id(found.piece.file) in placed]
        if durable:
            known = {id(found) for found in durable}
            self._not_durable = [found for found in self._not_durable if id(found) not in known]
            self._durable(durable)

    def finish(self) -> list[Entry]:
        """Close all partitions, and make everything durable.

        Returns:
            The index entries of all that was written, sorted by topic, partition and offset.

        Raises:
            Damaged, StoreError: As `commit_files`.
        """
        for writer in list(self._partitions.values()):
            writer.close()
        self._pack.flush()
        self.commit_files()
        self._slices.sort(key=lambda found: (found.topic, found.partition, found.start))
        return [found.piece.entry(found.facts()) for found in self._slices if found.piece is not None]

    def _begin_segment(self, of: Slice) -> StreamedFile:
        """Begin a file whose first slice is given; it has a batch."""
        name = segment_file(of.topic, of.lineage, of.partition, of.start if of.base is None else of.base)
        return StreamedFile(name, self._files.begin(name))

    def _write(self, file: StreamedFile, data: bytes | bytearray | memoryview) -> None:
        self._open[id(file)] = file
        self._open.move_to_end(id(file))
        if len(self._open) > _MOST_OPEN:
            _pause(self._open.popitem(last=False)[1])
        file.write(data)

    def _complete_file(self, file: StreamedFile) -> None:
        self._open.pop(id(file), None)
        _pause(file)
        self._complete.append(file)

    def _wait(self, writer: PartitionWriter, size: int) -> None:
        """Note that a partition keeps so many more bytes in memory; when all have too many, the largest gets a file."""
        self._waiting[id(writer)] = writer
        self._waiting_bytes += size
        while self._waiting_bytes > _WAITING_BYTES:
            max(self._waiting.values(), key=PartitionWriter.waiting_bytes).spill()

    def _wait_no_more(self, writer: PartitionWriter) -> None:
        if self._waiting.pop(id(writer), None) is not None:
            self._waiting_bytes -= writer.waiting_bytes()

    def _ended(self, of: Slice) -> None:
        self._not_durable.append(of)

    def _closed(self, writer: PartitionWriter, slices: list[Slice]) -> None:
        del self._partitions[id(writer)]
        self._slices += slices


class PartitionWriter:
    """Takes what one run adds to one partition; made by `SegmentWriter.partition`."""

    def __init__(self, owner: SegmentWriter, topic: str, partition: int, lineage: str, start: int) -> None:
        self._owner = owner
        self._names = (topic, partition, lineage)
        self._from = start
        self._next = start
        self._waiting = bytearray()
        self._file: StreamedFile | None = None
        self._slices: list[Slice] = []
        self._closed = False

    @property
    def next(self) -> int:
        """The first offset that is not covered yet."""
        return self._next

    def waiting_bytes(self) -> int:
        """Return how many bytes are in memory, until it is known whether they go to a pack."""
        return len(self._waiting)

    def write(
        self, data: bytes | bytearray | memoryview, scan_facts: Mapping[str, Any], start: int, next_offset: int
    ) -> None:
        """Append whole batches.

        Args:
            data: Their bytes, at most `SLICE_BYTES` unless it is one batch; not kept.
            scan_facts: What they hold, as `Slice.add` says: the fields of a scan of the record batches.
            start: The first offset that they cover, which is the one after those covered so far. Where the first
                batch begins before it, the slice says so.
            next_offset: The first offset that they do not cover.

        Raises:
            ValueError: They do not go on where the earlier ones end.
            StoreError: The store refuses to write.
        """
        if start != self._next or next_offset < start or self._closed:
            raise ValueError(f"{self._names}: offsets {start} to {next_offset} do not go on at {self._next}")
        current = self._slices[-1] if self._slices else None
        if current is None or current.piece is not None or current.length + len(data) > SLICE_BYTES:
            current = self._begin_slice(current, len(data))
        current.add(data, scan_facts, next_offset)
        self._next = next_offset
        if self._file is None and len(self._waiting) + len(data) < SMALL_BYTES:
            self._waiting += data
            self._owner._wait(self, len(data))
        else:
            self._owner._write(self._file or self.spill(), data)

    def cover(self, next_offset: int) -> None:
        """Note that offsets up to this one hold nothing more.

        Raises:
            ValueError: They are covered already.
        """
        if next_offset < self._next:
            raise ValueError(f"{self._names}: offset {next_offset} is covered up to {self._next}")
        self._next = next_offset
        if self._slices:
            self._slices[-1].next = next_offset

    def close(self) -> None:
        """End it: what is in memory goes to a pack; twice is no error.

        Raises:
            StoreError: The store refuses to write.
        """
        if self._closed:
            return
        if not self._slices and self._next > self._from:
            self._slices.append(Slice(*self._names, self._from))
            self._slices[-1].next = self._next
        if self._slices and self._slices[-1].piece is None:
            self._end_slice(self._slices[-1])
        if self._file is not None:
            self._owner._complete_file(self._file)
        self._closed = True
        self._owner._closed(self, self._slices)

    def spill(self) -> StreamedFile:
        """Begin a file of its own with what waits in memory, and return it; needs a slice."""
        self._file = self._owner._begin_segment(self._slices[-1])
        if self._waiting:
            self._owner._wait_no_more(self)
            waiting, self._waiting = self._waiting, bytearray()
            self._owner._write(self._file, waiting)
        return self._file

    def _begin_slice(self, current: Slice | None, size: int) -> Slice:
        if current is not None and current.piece is None:
            self._end_slice(current)
        if self._file is not None and self._file.size + max(size, SLICE_BYTES) > SEGMENT_BYTES:
            self._owner._complete_file(self._file)
            self._file = None
        self._slices.append(Slice(*self._names, self._next if self._slices else self._from))
        return self._slices[-1]

    def _end_slice(self, current: Slice) -> None:
        sha256 = current.end()
        if self._file is None:
            self._owner._wait_no_more(self)
            current.piece = self._owner._pack.add(self._waiting, sha256)
            self._waiting = bytearray()
        else:
            current.piece = self._file.add_piece(self._file.size - current.length, current.length, sha256)
        self._owner._ended(current)


def _pause(streamed: StreamedFile) -> None:
    if streamed.file is not None:
        streamed.file.pause()
