# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds record batches of magic 2 as a producer does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .batch import CRC_FROM, HEADER, HEADER_SIZE
from .codecs import compress
from .decode import Record
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
    first_time = records[0].timestamp
    body = b"".join([_record(record, number, first_time) for number, record in enumerate(records)])
    packed = compress(codec, body)
    if at_most is not None and HEADER_SIZE + len(packed) > at_most:
        packed = min(packed, compress(codec, body, hard=True), key=len)
    batch = bytearray(HEADER_SIZE)
    HEADER.pack_into(
        batch, 0, 0, HEADER_SIZE - 12 + len(packed), -1, 2, 0, codec, len(records) - 1,
        first_time, max(record.timestamp for record in records), -1, -1, -1, len(records),
    )  # fmt: skip
    batch += packed
    seal(batch)
    return bytes(batch)


def seal(batch: bytearray) -> None:
    """Set the checksum of a magic-2 batch."""
    with memoryview(batch) as view, view[CRC_FROM:] as covered:
        checksum = crc32c(covered)
    batch[_CRC_AT:CRC_FROM] = checksum.to_bytes(4, "big")


def _record(record: Record, number: int, first_time: int) -> bytes:
    fields = [
        b"\x00",
        _varint(record.timestamp - first_time),
        _varint(number),
        *_blob(record.key),
        *_blob(record.value),
        _varint(len(record.headers)),
    ]
    for key, value in record.headers:
        fields += _blob(key.encode("utf-8", "surrogateescape"))
        fields += _blob(value)
    content = b"".join(fields)
    return _varint(len(content)) + content


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
