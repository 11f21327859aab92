# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message sets of magic 0 and 1, which brokers from before 0.11 wrote: read only.

Format: Kafka protocol, "Message Sets". An entry is an offset (8 bytes), a length (4), and a message: CRC-32 (4), magic
(1), attributes (1), in magic 1 a timestamp (8), key and value, each a length (4; -1: null) and its bytes. A packed
entry's value holds a whole message set. In magic 0 the inner offsets are absolute; in magic 1 they count from 0, and
the entry's own offset is that of the last (KIP-31); its LogAppendTime holds for all that it packs (KIP-32).
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from .._core.errors import Damaged
from .codecs import decompress

Buffer: TypeAlias = "bytes | bytearray | memoryview"

LOG_OVERHEAD = 12  # bytes before what the length counts: the offset and the length itself
SMALLEST = (26, 34)  # bytes of an entry without key and value: magic 0, magic 1

_CODEC_BITS = 0x07
_LOG_APPEND_TIME = 0x08
_ENTRY = struct.Struct(">qi")
_LENGTH = struct.Struct(">i")
_LONG = struct.Struct(">q")


class Message(NamedTuple):
    """One message: its absolute offset, time (milliseconds, -1: none), key and value."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def messages(buffer: Buffer, at: int, size: int) -> list[Message]:
    """Read the messages of one entry: itself, or those that it packs.

    Args:
        buffer: What holds the entry.
        at: Where it begins.
        size: Its bytes, offset and length included.

    Returns:
        At least one message, with absolute and ascending offsets.

    Raises:
        Damaged: It cannot be read.
    """
    magic, attributes, outer = _message(buffer, at, at + size, at)
    codec = attributes & _CODEC_BITS
    if not codec:
        return [outer]
    if outer.value is None:
        raise _damaged(outer.offset, at, "it is packed, but empty")
    inner = _unpack(decompress(codec, outer.value, magic), outer.offset)
    base = 0
    if magic and outer.offset:  # some producers left the outer offset at 0, as Kafka's own reader knows
        base = outer.offset - inner[-1].offset
    stamped = magic == 1 and attributes & _LOG_APPEND_TIME
    unpacked = [
        Message(base + each.offset, outer.timestamp if stamped else each.timestamp, each.key, each.value)
        for each in inner
    ]
    offsets = [each.offset for each in unpacked]
    if offsets[0] < 0 or any(later <= sooner for sooner, later in pairwise(offsets)):
        raise _damaged(outer.offset, at, "the offsets of the messages in it do not ascend")
    return unpacked


def _unpack(data: bytes, offset: int) -> list[Message]:
    found = []
    at = 0
    while at < len(data):
        if at + LOG_OVERHEAD > len(data):
            raise _damaged(offset, at, "a message in it is cut off")
        size = LOG_OVERHEAD + _LENGTH.unpack_from(data, at + 8)[0]
        if not SMALLEST[0] <= size <= len(data) - at:
            raise _damaged(offset, at, f"a message in it claims {size} of {len(data) - at} bytes")
        _magic, attributes, message = _message(data, at, at + size, at)
        if attributes & _CODEC_BITS:
            raise _damaged(offset, at, "a message in it is packed once more")
        found.append(message)
        at += size
    if not found:
        raise _damaged(offset, 0, "there is no message in it")
    return found


def _message(data: Buffer, at: int, end: int, where: int) -> tuple[int, int, Message]:
    """Read the message between two positions; give its magic and attributes as well."""
    offset, _length = _ENTRY.unpack_from(data, at)
    magic, attributes = data[at + 16], data[at + 17]
    if magic > 1 or end - at < SMALLEST[magic]:
        raise _damaged(offset, where, f"{end - at} bytes with the format number {magic} are no message")
    timestamp = _LONG.unpack_from(data, at + 18)[0] if magic else -1
    key, at = _blob(data, at + (26 if magic else 18), end, offset)
    value, at = _blob(data, at, end, offset)
    if at != end:
        raise _damaged(offset, where, f"{end - at} bytes follow its value")
    return magic, attributes, Message(offset, timestamp, key, value)


def _blob(data: Buffer, at: int, end: int, offset: int) -> tuple[bytes | None, int]:
    if end - at < 4:
        raise _damaged(offset, at, "it ends before its key or value")
    size: int = _LENGTH.unpack_from(data, at)[0]
    at += 4
    if size == -1:
        return None, at
    if not 0 <= size <= end - at:
        raise _damaged(offset, at, f"a key or value claims {size} of {end - at} bytes")
    return bytes(data[at : at + size]), at + size


def _damaged(offset: int, at: int, why: str) -> Damaged:
    return Damaged(f"The message at offset {offset} cannot be read: {why} (byte {at}).", offset=offset, at=at)
