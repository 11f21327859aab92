# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore sends of a batch: the batch as it is wherever Kafka allows, else built anew from the records.

A broker takes from a client (LogValidator, Kafka 4.3.1): base offset 0, consecutive offsets, no control batches, no
LogAppendTime. It keeps the delete horizon, which would let the target drop tombstones at its first cleaning: it is
cleared, and no record's time changes by that, since they are relative to the base timestamp either way.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .batch import CODEC_BITS, CONTROL, HEADER_SIZE, LOG_APPEND_TIME, TRANSACTIONAL, Batch, Buffer
from .build import build, rebuild, seal
from .decode import decode
from .transactions import Aborted

_BASE_OFFSET = struct.pack(">q", 0)
_LEADER_EPOCH = struct.pack(">i", -1)
_PRODUCER = struct.Struct(">qhi")  # id, epoch, base sequence
_PRODUCER_AT, _PRODUCER_END = 43, 57
_NO_PRODUCER = _PRODUCER.pack(-1, -1, -1)
_TIMES = struct.Struct(">qq")
_TIMES_AT = 27


class Outgoing(NamedTuple):
    """A batch that a Produce request may carry as it is, and where its records come from."""

    data: bytearray  # base offset 0, leader epoch and producer -1, no bits but the codec's, its checksum right
    records: int
    first_offset: int  # at the source, of the first record
    last_offset: int  # and of the last
    offsets: Sequence[int]  # at the source, of each record


@dataclass(frozen=True, slots=True)
class Rules:
    """Which records are sent, and how.

    Args:
        start: Records before this source offset are not.
        next: Nor are those at this source offset or behind it.
        committed: Leave out what ``aborted`` covers.
        aborted: The partition's aborted transactions; None: it has none.
        codec: What records are packed with (0 to 4); None: as they were.
    """

    start: int
    next: int
    committed: bool = True
    aborted: Aborted | None = None
    codec: int | None = None


def outgoing(buffer: Buffer, batch: Batch, rules: Rules) -> list[Outgoing]:
    """Make of a batch what is sent: nothing, or one batch; never several, and never of several.

    A batch that is built anew is packed as it was and harder if it would become larger, so that a target with the
    source's ``max.message.bytes`` takes it (an entry of magic 0 or 1 may grow by its header's 61 bytes).

    Args:
        buffer: What the batch was read from.
        batch: Its header.
        rules: What is wanted.

    Returns:
        The same for the same input, so that a restore can go on by the number of records sent.

    Raises:
        Damaged: The batch has to be built anew, and cannot be read.
        MissingLibrary: Likewise, and a library is missing.
    """
    attributes = batch.attributes
    first, last, count, magic = batch.base_offset, batch.last_offset, batch.count, batch.magic
    if not count or last < rules.start or first >= rules.next:
        return []
    if magic > 1 and attributes & (TRANSACTIONAL | CONTROL):
        if attributes & CONTROL:
            return []
        if rules.committed and rules.aborted is not None and rules.aborted.covers(batch):
            return []
    codec = attributes & CODEC_BITS
    if (
        magic == 2
        and not attributes & LOG_APPEND_TIME
        and count == last - first + 1
        and first >= rules.start
        and last < rules.next
        and rules.codec in (None, codec)
    ):
        return [Outgoing(_as_it_is(buffer, batch), count, first, last, range(first, last + 1))]
    return _anew(buffer, batch, rules)


def stamp(data: bytearray, producer_id: int, epoch: int, sequence: int) -> None:
    """Make a batch one of an idempotent producer, in place.

    Args:
        data: What `outgoing` gave.
        producer_id: From InitProducerId.
        epoch: Likewise.
        sequence: Records sent to the partition before, modulo 2³¹.
    """
    _PRODUCER.pack_into(data, _PRODUCER_AT, producer_id, epoch, sequence)
    seal(data)


def same(mine: Outgoing, other_buffer: Buffer, other: Batch) -> bool:
    """Whether a batch of a log holds just what was sent, byte for byte.

    Args:
        mine: What was sent.
        other_buffer: What the other batch was read from.
        other: Its header.

    Returns:
        True: its records are equal, times included. False: they may be equal all the same, packed in another way.
    """
    data = mine.data
    attributes = other.attributes
    return (
        other.magic == 2
        and other.count == mine.records
        and other.size == len(data)
        and not attributes & (CONTROL | LOG_APPEND_TIME)
        and attributes & CODEC_BITS == data[22] & CODEC_BITS
        and _TIMES.unpack_from(data, _TIMES_AT) == (other.base_timestamp, other.max_timestamp)
        # A bytearray's comparison runs over memory at full speed, a memoryview's from item to item.
        and data[HEADER_SIZE:] == memoryview(other_buffer)[other.at + HEADER_SIZE : other.at + other.size]
    )


def _as_it_is(buffer: Buffer, batch: Batch) -> bytearray:
    data = bytearray(buffer[batch.at : batch.at + batch.size])
    data[0:8] = _BASE_OFFSET
    data[12:16] = _LEADER_EPOCH
    data[21:23] = bytes((0, batch.attributes & CODEC_BITS))
    data[_PRODUCER_AT:_PRODUCER_END] = _NO_PRODUCER
    seal(data)
    return data


def _anew(buffer: Buffer, batch: Batch, rules: Rules) -> list[Outgoing]:
    codec = batch.codec if rules.codec is None else rules.codec
    if batch.magic > 1:
        rebuilt = rebuild(buffer, batch, rules.start, rules.next, codec=codec)
        if rebuilt is None:
            return []
        data, offsets = rebuilt
    else:
        records = [record for record in decode(buffer, batch) if rules.start <= record.offset < rules.next]
        if not records:
            return []
        data = bytearray(build(records, codec=codec, at_most=batch.size))
        offsets = [record.offset for record in records]
    first, last, count = offsets[0], offsets[-1], len(offsets)
    dense = count == last - first + 1
    return [Outgoing(data, count, first, last, range(first, last + 1) if dense else offsets)]
