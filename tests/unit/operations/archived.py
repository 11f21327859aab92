# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived partitions to test with, made of batches that tests spell out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.slice_reader import SliceReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import FIRST, PartitionState
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_partitions import (
    ArchivedPartition,
    as_slice,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import CONTROL, TRANSACTIONAL
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build, seal
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.scan import scan
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage

TOPIC = "orders"
BACKUP = "prod"
LINEAGE = "0" * 16
NO_END = 1 << 62


def batch(first: int, values: Sequence[bytes], *, producer: int = -1, flags: int = 0, codec: int = 0) -> bytes:
    """A batch with a record for each offset from the first on, as a broker keeps it."""
    records = [Record(0, 1000 + first + number, None, value, ()) for number, value in enumerate(values)]
    data = bytearray(build(records, codec=codec))
    struct.pack_into(">q", data, 0, first)
    struct.pack_into(">i", data, 12, 3)
    struct.pack_into(">h", data, 21, codec | flags)
    struct.pack_into(">qhi", data, 43, producer, 0, 0)
    seal(data)
    return bytes(data)


def numbered(first: int, count: int, **kind: int) -> bytes:
    """A batch whose records tell their offsets."""
    return batch(first, [b"%d" % (first + number) for number in range(count)], **kind)


def transactional(first: int, count: int, producer: int) -> bytes:
    """A batch of a transaction."""
    return numbered(first, count, producer=producer, flags=TRANSACTIONAL)


def marker(offset: int, producer: int, *, commit: bool) -> bytes:
    """The end of a transaction."""
    records = [Record(0, 1000, struct.pack(">hh", 0, commit), b"\0" * 6, ())]
    data = bytearray(build(records, codec=0))
    struct.pack_into(">q", data, 0, offset)
    struct.pack_into(">h", data, 21, TRANSACTIONAL | CONTROL)
    struct.pack_into(">qhi", data, 43, producer, 0, -1)
    seal(data)
    return bytes(data)


class Archive:
    """A store with one partition.

    Args:
        folder: The store's folder.
        runs: What each run of a backup has written: its batches, and the offset up to which it covers.
        start: The log's start when it was archived last.
    """

    def __init__(self, folder: Path, *runs: tuple[Sequence[bytes], int], start: int = 0) -> None:
        self.folder = folder
        self.store, _made = Store.initialise(FilesystemStorage(str(folder)))
        position = min([start, *(struct.unpack_from(">q", batches[0])[0] for batches, _next in runs[:1] if batches)])
        entries = []
        for batches, after in runs:
            with SegmentWriter(self.store, BACKUP) as writer:
                partition = writer.partition(TOPIC, 0, LINEAGE, position)
                data = b"".join(batches)
                if data:
                    found = scan(data, 0, len(data), expected=position, stop=NO_END)
                    partition.write(memoryview(data), found._asdict(), position, found.next_offset)
                if partition.next < after:
                    partition.cover(after)
                partition.close()
                entries += writer.finish()
            position = after
        state = PartitionState(0, LINEAGE, FIRST, start, position, 0, None)
        self.partition = ArchivedPartition(TOPIC, state, tuple(map(as_slice, entries)))

    def reader(self) -> SliceReader:
        return SliceReader(self.store, BACKUP)

    def damage(self, number: int) -> None:
        """Change a byte of a slice."""
        piece = self.partition.slices[number]
        path = self.folder / BACKUP / piece.file
        content = bytearray(path.read_bytes())
        content[piece.at + piece.length // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)
