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
from typing import NamedTuple, TypeAlias

from .._core.errors import Damaged
from .batch import HEADER_SIZE, Batch, Buffer
from .codecs import decompress
from .legacy import messages

_CONTROL_TYPES = {0: "abort", 1: "commit"}
_VARINT_BYTES = 10  # of a 64-bit number
_LONGS = range(-(1 << 63), 1 << 63)


Headers: TypeAlias = "tuple[tuple[str, bytes | None], ...]"


class Record(NamedTuple):
    """One record: absolute offset, time in milliseconds (-1: none), key, value and headers.

    A header's key is text with surrogate escapes where it was no UTF-8.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


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
    data = unpacked(buffer, batch)
    for offset, timestamp, begin, end in spans(data, batch):
        try:
            key, at = _blob(data, begin, end)
            value, at = _blob(data, at, end)
            count, at = _varint(data, at)
            headers: Headers = ()
            if count:
                headers, at = _headers(data, at, end, count)
        except (IndexError, ValueError) as error:
            raise _damaged(batch, begin, error) from error
        if at != end:
            raise _damaged(batch, begin, f"the record at offset {offset} has {end - at} bytes more than its fields")
        yield Record(offset, timestamp, key, value, headers)


def unpacked(buffer: Buffer, batch: Batch) -> bytes:
    """Return the records of a magic-2 batch as they lie behind one another once they are unpacked.

    Raises:
        Damaged: They cannot be unpacked.
        MissingLibrary: The library for it is missing.
    """
    payload = memoryview(buffer)[batch.at + HEADER_SIZE : batch.at + batch.size]
    try:
        return decompress(batch.codec, payload)
    except Damaged as error:
        raise _damaged(batch, 0, error) from error


def spans(data: bytes, batch: Batch) -> Iterator[tuple[int, int, int, int]]:
    """Tell where each record lies, without reading its key, value and headers.

    Args:
        data: What `unpacked` returned.
        batch: The header of the magic-2 batch.

    Returns:
        Of each record: absolute offset, time, where its key begins (with the key's length), and where it ends.

    Raises:
        Damaged: Lengths or offsets make no sense, or there are not as many records as the header says.
    """
    base_offset, last_delta = batch.base_offset, batch.last_offset - batch.base_offset
    stamped, base_time = batch.log_append_time, batch.base_timestamp
    at, previous, size_of_all = 0, -1, len(data)
    for _number in range(batch.count):
        begin = at
        try:
            size, at = _varint(data, at)
            end = at + size
            time_delta, at = _varint(data, at + 1)
            offset_delta, at = _varint(data, at)
        except (IndexError, ValueError) as error:
            raise _damaged(batch, begin, error) from error
        if not at <= end <= size_of_all:
            raise _damaged(batch, begin, f"a record claims {size} of {size_of_all - begin} bytes")
        timestamp = batch.max_timestamp if stamped else base_time + time_delta
        if not previous < offset_delta <= last_delta or timestamp not in _LONGS:
            raise _damaged(batch, begin, f"a record has the offset {base_offset + offset_delta}, the time {timestamp}")
        yield base_offset + offset_delta, timestamp, at, end
        at, previous = end, offset_delta
    if at != size_of_all:
        raise _damaged(batch, at, f"{size_of_all - at} bytes follow the last record")


def control_type(buffer: Buffer, batch: Batch) -> str:
    """Tell what a control batch marks: "abort" or "commit" of its producer's transaction, or "other".

    Raises:
        Damaged: It cannot be read.
    """
    for record in decode(buffer, batch):
        key = record.key or b""  # a version and a type, two bytes each (KIP-98)
        return _CONTROL_TYPES.get(int.from_bytes(key[2:4], "big"), "other") if len(key) >= 4 else "other"
    return "other"


def _headers(data: bytes, at: int, end: int, count: int) -> tuple[Headers, int]:
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


def _damaged(batch: Batch, at: int, why: str | Exception) -> Damaged:
    if isinstance(why, IndexError):
        why = "its records end too early"
    elif isinstance(why, Damaged):
        why = why.message.removesuffix(".")
    return Damaged(
        f"The batch at offset {batch.base_offset} cannot be read: {why} (byte {at} of its unpacked records).",
        offset=batch.base_offset,
        at=at,
    )
