# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of a record batch, as it lies in a segment or comes in a Fetch answer.

Format: Kafka protocol, "Record Batch" (magic 2, KIP-98), and "Message Sets" for entries of magic 0 and 1, which brokers
from before 0.11 wrote and newer ones still hand out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from .._core.errors import Damaged
from .legacy import LOG_OVERHEAD, SMALLEST, messages
from .libraries import crc32c

Buffer: TypeAlias = "bytes | bytearray | memoryview"

HEADER_SIZE = 61  # bytes of a magic-2 header; the records follow

# Base offset, length of what follows, leader epoch, magic, CRC, attributes, last offset delta, base and max timestamp,
# producer id, epoch and base sequence, record count.
HEADER = struct.Struct(">qiibIhiqqqhii")
CRC_FROM = 21  # what lies behind the CRC is under it
MAGIC_AT = 16

CODEC_BITS = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40

_LEGACY = struct.Struct(">qiIbb")  # offset, length of what follows, CRC-32, magic, attributes


class Batch(NamedTuple):
    """The header of one batch of magic 2, or of one entry of a message set (magic 0 and 1), which stands for a batch.

    Offsets are absolute; times are milliseconds since 1970, -1 where there is none. What magic 0 and 1 lack is -1.
    """

    at: int  # position in the buffer
    size: int  # bytes, header included
    base_offset: int
    last_offset: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int  # type: ignore[assignment]  # hides tuple.count; records, or messages packed into one entry

    @property
    def next_offset(self) -> int:
        """The offset after this batch."""
        return self.last_offset + 1

    @property
    def codec(self) -> int:
        """How the records are packed: 0 not, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & CODEC_BITS

    @property
    def log_append_time(self) -> bool:
        """Whether ``max_timestamp``, set by the broker, is every record's time."""
        return self.attributes & LOG_APPEND_TIME != 0 and self.magic > 0

    @property
    def transactional(self) -> bool:
        """Whether it belongs to a transaction; the markers that end one do as well."""
        return self.attributes & TRANSACTIONAL != 0 and self.magic > 1

    @property
    def control(self) -> bool:
        """Whether it holds a marker of the broker and no data."""
        return self.attributes & CONTROL != 0 and self.magic > 1

    @property
    def delete_horizon(self) -> bool:
        """Whether ``base_timestamp`` says when compaction may drop the tombstones, and is no record's time."""
        return self.attributes & DELETE_HORIZON != 0 and self.magic > 1

    @property
    def dense(self) -> bool:
        """Whether each of its offsets has a record."""
        return self.count == self.last_offset - self.base_offset + 1

    @property
    def wire_offset(self) -> int:
        """The offset as it stands in the first eight bytes: of the first record, but the last in magic 0 and 1."""
        return self.base_offset if self.magic > 1 else self.last_offset


def read_batch(buffer: Buffer, at: int = 0, end: int | None = None) -> Batch | None:
    """Read the batch at a position.

    The first offset and the count of a packed message of magic 0 or 1 stand inside: it is unpacked for them.

    Args:
        buffer: A piece of a segment or of a Fetch answer.
        at: Where the batch begins.
        end: Where the buffer's content ends; default: its end.

    Returns:
        The header, or None: the batch is cut off before its end.

    Raises:
        Damaged: There is no batch: an unknown magic, an impossible size or count.
    """
    end = len(buffer) if end is None else end
    if end - at <= MAGIC_AT:
        return None
    magic: int = buffer[at + MAGIC_AT]
    size = 12 + int.from_bytes(buffer[at + 8 : at + 12], "big", signed=True)
    _check_frame(buffer, at, magic, size)
    if size > end - at:
        return None
    return _parse(buffer, at) if magic > 1 else _parse_legacy(buffer, at, shallow=False)


def read_header(buffer: Buffer) -> Batch:
    """Read a batch's header alone; the rest of the batch may be missing.

    Args:
        buffer: At least the first 61 bytes of the batch, or the whole batch.

    Returns:
        The header. A packed message of magic 0 or 1 is not unpacked for it: its ``base_offset`` is its
        ``last_offset``, its ``base_timestamp`` its ``max_timestamp``, and its ``count`` 0 (``wire_offset`` and
        ``crc`` still tell it from others).

    Raises:
        Damaged: There is no batch, or no whole header.
    """
    if len(buffer) <= MAGIC_AT:
        raise _no_batch(buffer, 0, f"{len(buffer)} bytes are no header")
    magic: int = buffer[MAGIC_AT]
    size = 12 + int.from_bytes(buffer[8:12], "big", signed=True)
    _check_frame(buffer, 0, magic, size)
    if len(buffer) < min(size, HEADER_SIZE if magic > 1 else SMALLEST[magic]):
        raise _no_batch(buffer, 0, f"{len(buffer)} bytes are no header")
    return _parse(buffer, 0) if magic > 1 else _parse_legacy(buffer, 0, shallow=True)


def batches(buffer: Buffer, at: int = 0, end: int | None = None) -> Iterator[Batch]:
    """Give the whole batches of a buffer in their order; a cut-off tail is left out.

    Args:
        buffer: A piece of a segment or of a Fetch answer.
        at: Where the first batch begins.
        end: Where the buffer's content ends; default: its end.

    Raises:
        Damaged: As `read_batch` does.
    """
    end = len(buffer) if end is None else end
    while (batch := read_batch(buffer, at, end)) is not None:
        yield batch
        at += batch.size


def is_sound(buffer: Buffer, batch: Batch) -> bool:
    """Whether the batch's bytes have its checksum: CRC-32C in magic 2, CRC-32 before.

    In magic 2 the base offset, the length and the leader epoch are not under it, in magic 0 and 1 the offset and the
    length.
    """
    view = memoryview(buffer)
    end = batch.at + batch.size
    if batch.magic > 1:
        return crc32c(view[batch.at + CRC_FROM : end]) == batch.crc
    return zlib.crc32(view[batch.at + LOG_OVERHEAD + 4 : end]) == batch.crc


def _parse(buffer: Buffer, at: int) -> Batch:
    base, length, epoch, magic, crc, attributes, delta, first, latest, producer, term, sequence, count = (
        HEADER.unpack_from(buffer, at)
    )
    if base < 0 or not 0 <= count <= delta + 1:
        raise _no_batch(buffer, at, f"{count} records on {delta + 1} offsets from {base} on cannot be")
    return Batch(
        at, 12 + length, base, base + delta, epoch, magic, crc, attributes, first, latest, producer, term, sequence,
        count,
    )  # fmt: skip


def _parse_legacy(buffer: Buffer, at: int, *, shallow: bool) -> Batch:
    offset, length, crc, magic, attributes = _LEGACY.unpack_from(buffer, at)
    if offset < 0:
        raise _no_batch(buffer, at, f"the offset {offset} cannot be")
    latest = int.from_bytes(buffer[at + 18 : at + 26], "big", signed=True) if magic else -1
    first, base, count = offset, latest, 1
    if attributes & CODEC_BITS:
        count = 0
        if not shallow:
            inner = messages(buffer, at, 12 + length)
            first, base, count = inner[0].offset, inner[0].timestamp, len(inner)
    return Batch(at, 12 + length, first, offset, -1, magic, crc, attributes, base, latest, -1, -1, -1, count)


def _check_frame(buffer: Buffer, at: int, magic: int, size: int) -> None:
    if magic > 2:
        raise _no_batch(buffer, at, f"its format has the unknown number {magic}")
    if size < (HEADER_SIZE if magic > 1 else SMALLEST[magic]):
        raise _no_batch(buffer, at, f"{size} bytes are too few for one")


def _no_batch(buffer: Buffer, at: int, why: str) -> Damaged:
    offset = int.from_bytes(buffer[at : at + 8], "big", signed=True) if len(buffer) >= at + 8 else None
    where = f", where offset {offset} stands" if offset is not None else ""
    return Damaged(f"No record batch begins at byte {at} of what was read{where}: {why}.", offset=offset, at=at)
