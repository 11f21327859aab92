# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a batch.

Format: Kafka protocol, "Record" (magic 2, KIP-98): a length, attributes (one byte, unused), timestamp delta, offset
delta, key, value, and the number of headers with a key and a value each. All numbers are zigzag varints; -1 as a length
is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .._core.errors import Damaged
from .batch import HEADER_SIZE, Batch, Buffer
from .codecs import decompress
from .legacy import messages

_CONTROL_TYPES = {0: "abort", 1: "commit"}
_VARINT_BYTES = 10  # of a 64-bit number
_LONGS = range(-(1 << 63), 1 << 63)


class Record(NamedTuple):
    """One record: absolute offset, time in milliseconds (-1: none), key, value and headers.

    A header's key is text with surrogate escapes where it was no UTF-8.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def decode(buffer: Buffer, batch: Batch) -> Iterator[Record]:
    """Give the records of a batch of any magic, with absolute offsets and the times that consumers see.

    Args:
        buffer: What the batch was read from.
        batch: Its header.

    Raises:
        Damaged: They cannot be read; the facts ``offset`` (of the batch) and ``at`` (byte of the unpacked records).
        MissingLibrary: The library that unpacks them is missing.
    """
    if batch.magic < 2:
        for message in messages(buffer, batch.at, batch.size):
            yield Record(message.offset, message.timestamp, message.key, message.value, ())
        return
    data = _unpacked(buffer, batch)
    base_offset, last_delta = batch.base_offset, batch.last_offset - batch.base_offset
    stamped, base_time = batch.log_append_time, batch.base_timestamp
    at, previous = 0, -1
    for _number in range(batch.count):
        begin = at
        try:
            offset_delta, time_delta, key, value, headers, at = _record(data, at)
        except (IndexError, ValueError) as error:
            why = "the data end within a record" if isinstance(error, IndexError) else str(error)
            raise _damaged(batch, begin, why) from error
        timestamp = batch.max_timestamp if stamped else base_time + time_delta
        if not previous < offset_delta <= last_delta or timestamp not in _LONGS:
            raise _damaged(batch, begin, f"a record has the offset {base_offset + offset_delta}, the time {timestamp}")
        previous = offset_delta
        yield Record(base_offset + offset_delta, timestamp, key, value, headers)
    if at != len(data):
        raise _damaged(batch, at, f"{len(data) - at} bytes follow the last record")


def control_type(buffer: Buffer, batch: Batch) -> str:
    """Tell what a control batch marks: "abort" or "commit" of its producer's transaction, or "other".

    Raises:
        Damaged: It cannot be read.
    """
    for record in decode(buffer, batch):
        key = record.key or b""  # a version and a type, two bytes each (KIP-98)
        return _CONTROL_TYPES.get(int.from_bytes(key[2:4], "big"), "other") if len(key) >= 4 else "other"
    return "other"


def _unpacked(buffer: Buffer, batch: Batch) -> bytes:
    payload = memoryview(buffer)[batch.at + HEADER_SIZE : batch.at + batch.size]
    try:
        return decompress(batch.codec, payload)
    except Damaged as error:
        raise Damaged(
            f"The batch at offset {batch.base_offset} cannot be read: {error.message}", offset=batch.base_offset
        ) from error


_Fields = tuple[int, int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...], int]


def _record(data: bytes, at: int) -> _Fields:
    """Read one record: offset delta, timestamp delta, key, value, headers, and where the next one begins."""
    size, at = _varint(data, at)
    end = at + size
    if size < 0 or end > len(data):
        raise ValueError(f"a record claims {size} of {len(data) - at} bytes")
    time_delta, at = _varint(data, at + 1)
    offset_delta, at = _varint(data, at)
    key, at = _blob(data, at, end)
    value, at = _blob(data, at, end)
    count, at = _varint(data, at)
    headers: tuple[tuple[str, bytes | None], ...] = ()
    if count:
        headers, at = _headers(data, at, end, count)
    if at != end:
        raise ValueError(f"a record of {size} bytes ends {abs(end - at)} bytes {'early' if at < end else 'late'}")
    return offset_delta, time_delta, key, value, headers, at


def _headers(data: bytes, at: int, end: int, count: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    if not 0 <= 2 * count <= end - at:
        raise ValueError(f"a record claims {count} headers in {end - at} bytes")
    headers = []
    for _number in range(count):
        key, at = _blob(data, at, end)
        if key is None:
            raise ValueError("a header has no key")
        value, at = _blob(data, at, end)
        headers.append((key.decode("utf-8", "surrogateescape"), value))
    return tuple(headers), at


def _blob(data: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    size, at = _varint(data, at)
    if size < 0:
        if size < -1:
            raise ValueError(f"a length is {size}")
        return None, at
    behind = at + size
    if behind > end:
        raise ValueError(f"a field claims {size} of {end - at} bytes")
    return data[at:behind], behind


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), at + 1
    value = byte & 0x7F
    for place in range(1, _VARINT_BYTES):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at + place + 1
    raise ValueError("a number has no end")


def _damaged(batch: Batch, at: int, why: str) -> Damaged:
    return Damaged(
        f"The batch at offset {batch.base_offset} cannot be read: {why} (byte {at} of its unpacked records).",
        offset=batch.base_offset,
        at=at,
    )
