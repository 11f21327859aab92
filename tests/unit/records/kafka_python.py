# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches written and read by kafka-python: what our own reading and building is held to."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import calc_crc32, calc_crc32c

from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record

LOG_APPEND_TIME, TRANSACTIONAL, CONTROL, DELETE_HORIZON = 8, 16, 32, 64
LARGE = 1 << 30


def written(
    records: Sequence[Record],
    *,
    codec: int = 0,
    base: int | None = None,
    last: int | None = None,
    flags: int = 0,
    append_time: int | None = None,
    horizon: int | None = None,
    producer: tuple[int, int, int] = (-1, -1, -1),
    epoch: int = 7,
) -> bytes:
    """Write a magic-2 batch as it lies in a log.

    Args:
        records: What it holds, with absolute offsets; there may be holes.
        codec: How it is packed, if that makes it smaller.
        base: Its base offset, where compaction has taken the first records.
        last: Its last offset, where compaction has taken the last ones.
        flags: Further bits of the attributes.
        append_time: The broker's time, with LOG_APPEND_TIME.
        horizon: Stands for the base timestamp, with DELETE_HORIZON.
        producer: Id, epoch and base sequence.
        epoch: The leader's.
    """
    base = records[0].offset if base is None else base
    builder = DefaultRecordBatchBuilder(2, codec, False, *producer, batch_size=LARGE)
    if horizon is not None:
        flags |= DELETE_HORIZON
        builder._first_timestamp = builder._max_timestamp = horizon  # the deltas are relative to it
    for record in records:
        assert builder.append(record.offset - base, record.timestamp, record.key, record.value, record.headers)
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, base)
    struct.pack_into(">i", batch, 12, epoch)
    struct.pack_into(">h", batch, 21, struct.unpack_from(">h", batch, 21)[0] | flags)
    if last is not None:
        struct.pack_into(">i", batch, 23, last - base)
    newest = max((record.timestamp for record in records), default=-1)
    struct.pack_into(">q", batch, 35, newest if append_time is None else append_time)
    struct.pack_into(">I", batch, 17, calc_crc32c(memoryview(batch)[21:]))
    return bytes(batch)


def written_legacy(records: Sequence[Record], *, magic: int, codec: int, append_time: int | None = None) -> bytes:
    """Write a message set as it lies in a log: an entry for each record, or one that packs them all."""
    if not codec:
        return b"".join(_entry([record], magic, 0, record.offset, append_time) for record in records)
    return _entry(records, magic, codec, records[0].offset if magic else 0, append_time)


def _entry(records: Sequence[Record], magic: int, codec: int, base: int, append_time: int | None) -> bytes:
    builder = LegacyRecordBatchBuilder(magic, codec, LARGE)
    for record in records:
        builder.append(record.offset - base, record.timestamp, record.key, record.value)
    entry = bytearray(builder.build())
    struct.pack_into(">q", entry, 0, records[-1].offset)
    if magic:
        entry[17] |= LOG_APPEND_TIME if append_time is not None else 0
        newest = max(record.timestamp for record in records)
        struct.pack_into(">q", entry, 18, newest if append_time is None else append_time)
    struct.pack_into(">I", entry, 12, calc_crc32(memoryview(entry)[16:]))
    return bytes(entry)


def marker(offset: int, producer: int, kind: int, *, epoch: int = 0) -> bytes:
    """Write a control batch: kind 0 aborts, 1 commits."""
    record = Record(offset, 1, struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0), ())
    return written([record], flags=TRANSACTIONAL | CONTROL, producer=(producer, epoch, -1))


def emptied(base: int, last: int, producer: int = 5) -> bytes:
    """Write the batch without records that compaction leaves to keep a producer's sequence."""
    return written([], base=base, last=last, producer=(producer, 0, 3))


def read(data: Iterable[int]) -> list[Record]:
    """Read the data records of all batches; control batches are passed by, checksums checked."""
    found = []
    for batch in MemoryRecords(bytes(data)):
        assert batch.validate_crc()
        if batch.magic > 1 and batch.is_control_batch:
            continue
        found += [
            Record(each.offset, -1 if each.timestamp is None else each.timestamp, each.key, each.value, _headers(each))
            for each in batch
        ]
    return found


def _headers(record: object) -> tuple[tuple[str, bytes | None], ...]:
    return tuple((key, None if value is None else bytes(value)) for key, value in record.headers)
