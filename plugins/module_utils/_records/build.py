# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds record batches of magic 2 as a producer does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from .batch import CRC_FROM, HEADER, HEADER_SIZE, Batch, Buffer
from .codecs import compress
from .decode import Record, spans, unpacked
from .libraries import crc32c

_CRC_AT = 17
_NULL = b"\x01"  # the varint -1, as a length


def build(records: Sequence[Record], *, codec: int, at_most: int | None = None) -> bytes:
    """Build one batch that a Produce request may carry.

    Offsets are consecutive from 0, whatever the records' own are; the times are the records' (CreateTime); producer id,
    epoch and sequence are -1.

    Args:
        records: At least one.
        codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        at_most: Bytes that the batch should not exceed: packs harder if it does. It may still.

    Returns:
        The same bytes for the same input.

    Raises:
        MissingLibrary: The library that packs them is missing.
    """
    times = [record.timestamp for record in records]
    pieces: list[bytes] = []
    for number, record in enumerate(records):
        _append(pieces, number, record.timestamp - times[0], _fields(record))
    return bytes(_batch(pieces, times, codec, at_most))


def rebuild(
    buffer: Buffer, batch: Batch, start: int, next_offset: int, *, codec: int
) -> tuple[bytearray, list[int]] | None:
    """Build one batch of those records of a magic-2 batch that lie in a window, as `build` does.

    Keys, values and headers are taken over as bytes, without being read: three times as fast.

    Args:
        buffer: What the batch was read from.
        batch: Its header.
        start: First offset of the window.
        next_offset: The offset behind the window.
        codec: What the records are packed with; harder than usual if the batch would be larger than it was.

    Returns:
        The batch and its records' offsets at the source; None: no record lies in the window.

    Raises:
        Damaged: The batch cannot be read.
        MissingLibrary: A library that packs or unpacks is missing.
    """
    data = unpacked(buffer, batch)
    pieces: list[bytes] = []
    offsets: list[int] = []
    times: list[int] = []
    for offset, timestamp, at, end in spans(data, batch):
        if start <= offset < next_offset:
            times.append(timestamp)
            _append(pieces, len(offsets), timestamp - times[0], data[at:end])
            offsets.append(offset)
    return (_batch(pieces, times, codec, batch.size), offsets) if offsets else None


def seal(batch: bytearray) -> None:
    """Set the checksum of a magic-2 batch."""
    with memoryview(batch) as view, view[CRC_FROM:] as covered:
        checksum = crc32c(covered)
    batch[_CRC_AT:CRC_FROM] = checksum.to_bytes(4, "big")


def _batch(pieces: Iterable[bytes], times: Sequence[int], codec: int, at_most: int | None) -> bytearray:
    body = b"".join(pieces)
    packed = compress(codec, body)
    if at_most is not None and HEADER_SIZE + len(packed) > at_most:
        packed = min(packed, compress(codec, body, hard=True), key=len)
    batch = bytearray(HEADER_SIZE)
    HEADER.pack_into(
        batch, 0, 0, HEADER_SIZE - 12 + len(packed), -1, 2, 0, codec, len(times) - 1, times[0], max(times),
        -1, -1, -1, len(times),
    )  # fmt: skip
    batch += packed
    seal(batch)
    return batch


def _append(pieces: list[bytes], number: int, time_delta: int, fields: bytes) -> None:
    """Append one record: its length, attributes (none), time and offset, and its fields."""
    head = b"\x00" + _varint(time_delta) + _varint(number)
    pieces += (_varint(len(head) + len(fields)), head, fields)


def _fields(record: Record) -> bytes:
    fields = [*_blob(record.key), *_blob(record.value), _varint(len(record.headers))]
    for key, value in record.headers:
        fields += _blob(key.encode("utf-8", "surrogateescape"))
        fields += _blob(value)
    return b"".join(fields)


def _blob(value: bytes | None) -> tuple[bytes, ...]:
    return (_NULL,) if value is None else (_varint(len(value)), value)


@lru_cache(maxsize=4096)  # lengths and deltas are much the same from record to record
def _varint(value: int) -> bytes:
    zigzag = value << 1 if value >= 0 else ~(value << 1)
    encoded = bytearray()
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)
