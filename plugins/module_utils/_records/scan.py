# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a piece of a log holds: all that a backup notes of it, in one pass that looks at headers and checksums alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import add
from typing import NamedTuple

from .._core.errors import Damaged
from .batch import (
    CODEC_BITS,
    CONTROL,
    CRC_FROM,
    DELETE_HORIZON,
    HEADER,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    MAGIC_AT,
    TRANSACTIONAL,
    Batch,
    Buffer,
    is_sound,
    read_batch,
)
from .libraries import crc32c

_TOGETHER = 1_000  # headers that are looked at together, column by column: far cheaper than one by one


class Scan(NamedTuple):
    """What a piece of whole batches holds.

    *Data batches* are those with records that consumers see: no control batches, and none that compaction has emptied.
    Times are of data batches alone, in milliseconds, -1 where there are none.
    """

    batches: int
    records: int  # of data batches
    first_offset: int  # of the first batch
    next_offset: int  # behind the last batch
    bytes: int
    dense: bool  # each offset from the first (or the expected one) to the last has a record
    transactional: int  # transactional data batches
    control: int  # control batches
    legacy: int  # entries of magic 0 and 1
    largest: int  # bytes of the largest batch
    max_timestamp: int
    min_timestamp: int  # lowest first time of a batch; later records of a batch may be older
    log_append_time: int  # data batches whose time the broker set
    codecs: int  # bit n is set: a data batch is packed with codec n
    last: Batch | None


NOTHING = Scan(0, 0, -1, -1, 0, True, 0, 0, 0, 0, -1, -1, 0, 0, None)

# A header's fields as `HEADER` unpacks them.
_Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
_LENGTH, _ATTRIBUTES, _DELTA, _FIRST_TIME, _MAX_TIME, _COUNT = 1, 5, 6, 7, 8, 12


def scan(buffer: Buffer, at: int, end: int, *, expected: int | None, stop: int) -> Scan:
    """Read the headers of the whole batches in a piece of a log and check their checksums.

    Args:
        buffer: What a Fetch answered, or a piece of a segment.
        at: Where the first batch begins.
        end: Where the content ends. A batch that is cut off there is not taken.
        expected: The offset that was asked for, or that follows the piece before; None: any will do. The first batch
            may begin before it, but must reach it. Where it begins behind it, there is a hole: not ``dense``.
        stop: Batches that begin at this offset or later are not taken.

    Returns:
        What was taken; ``bytes`` says how far it went. `NOTHING` where no batch was.

    Raises:
        Damaged: A checksum is wrong, offsets do not ascend, or there is no batch where one must be; the fact
            ``offset`` says at which offset.
    """
    view = memoryview(buffer)
    found = NOTHING
    more = True
    while more:
        rows, reached, more = _take(view, at, end, stop)
        if rows:
            found = merge(found, _summary(rows, found.next_offset if found.batches else expected, reached - at))
            last_size = 12 + rows[-1][_LENGTH]
        at = reached
    return found._replace(last=read_batch(view, at - last_size, at)) if found.batches else found


def merge(a: Scan, b: Scan) -> Scan:
    """Put together what two neighbouring pieces hold, ``b`` the later one."""
    if not a.batches or not b.batches:
        return b if b.batches else a
    return Scan(
        a.batches + b.batches,
        a.records + b.records,
        a.first_offset,
        b.next_offset,
        a.bytes + b.bytes,
        a.dense and b.dense and b.first_offset <= a.next_offset,
        a.transactional + b.transactional,
        a.control + b.control,
        a.legacy + b.legacy,
        max(a.largest, b.largest),
        max(a.max_timestamp, b.max_timestamp),
        _oldest((a.min_timestamp, b.min_timestamp)),
        a.log_append_time + b.log_append_time,
        a.codecs | b.codecs,
        b.last,
    )


def _take(view: memoryview, at: int, end: int, stop: int) -> tuple[list[_Row], int, bool]:
    """Read headers and check their batches; give them, where they end, and whether there may be more."""
    rows: list[_Row] = []
    unpack, check, smallest, crc_from = HEADER.unpack_from, crc32c, HEADER_SIZE, CRC_FROM
    while len(rows) < _TOGETHER:
        if end - at < smallest or view[at + MAGIC_AT] != 2:
            legacy = _legacy_row(view, at, end)
            if legacy is None or legacy[0] >= stop:
                return rows, at, False
            row = legacy
            size = 12 + row[_LENGTH]
        else:
            row = unpack(view, at)
            size = 12 + row[1]
            if size > end - at or row[0] >= stop or size < smallest:
                read_batch(view, at, end)  # raises where the size cannot be
                return rows, at, False
            if check(view[at + crc_from : at + size]) != row[4]:
                raise _unsound(row[0], at)
        rows.append(row)
        at += size
    return rows, at, True


def _legacy_row(view: memoryview, at: int, end: int) -> _Row | None:
    """Read an entry of magic 0 or 1 as if it were a batch; None: it is cut off."""
    batch = read_batch(view, at, end)
    if batch is None:
        return None
    if not is_sound(view, batch):
        raise _unsound(batch.wire_offset, at)
    attributes = batch.codec | (LOG_APPEND_TIME if batch.log_append_time else 0)
    return (
        batch.base_offset, batch.size - 12, -1, batch.magic, batch.crc, attributes,
        batch.last_offset - batch.base_offset, batch.base_timestamp, batch.max_timestamp, -1, -1, -1, batch.count,
    )  # fmt: skip


def _summary(rows: Sequence[_Row], expected: int | None, size: int) -> Scan:
    bases, lengths, _epochs, magics, _crcs, attributes, deltas, *_rest, counts = zip(*rows, strict=True)
    lasts = list(map(add, bases, deltas))
    gapless = _check_order(bases, lasts, expected)
    full = [count - 1 for count in counts] == list(deltas)
    if not full or min(counts) < 1 or bases[0] < 0:
        _check_counts(rows)
    kinds = set(attributes)
    data = rows
    if any(kind & CONTROL for kind in kinds) or 0 in counts:
        data = [row for row in rows if row[_COUNT] and not row[_ATTRIBUTES] & CONTROL]
    return Scan(
        batches=len(rows),
        records=sum([row[_COUNT] for row in data]),
        first_offset=bases[0],
        next_offset=lasts[-1] + 1,
        bytes=size,
        dense=gapless and full,
        transactional=_having(TRANSACTIONAL, kinds, data),
        control=_having(CONTROL, kinds, rows),
        legacy=len(rows) - magics.count(2),
        largest=12 + max(lengths),
        max_timestamp=max([row[_MAX_TIME] for row in data], default=-1),
        min_timestamp=_oldest(_first_times(kinds, data)),
        log_append_time=_having(LOG_APPEND_TIME, kinds, data),
        codecs=sum(1 << codec for codec in {row[_ATTRIBUTES] & CODEC_BITS for row in data}),
        last=None,
    )


def _check_order(bases: Sequence[int], lasts: Sequence[int], expected: int | None) -> bool:
    """Check that offsets ascend; tell whether there is no hole between the batches, nor before the first."""
    if expected is not None and lasts[0] < expected:
        raise _backwards(bases[0], expected)
    nexts = [last + 1 for last in lasts]
    if list(bases[1:]) != nexts[:-1]:
        for base, wanted in zip(bases[1:], nexts, strict=False):
            if base < wanted:
                raise _backwards(base, wanted)
        return False
    return expected is None or bases[0] <= expected


def _check_counts(rows: Sequence[_Row]) -> None:
    for row in rows:
        if row[0] < 0 or not 0 <= row[_COUNT] <= row[_DELTA] + 1:
            raise Damaged(
                f"The batch at offset {row[0]} claims {row[_COUNT]} records on {row[_DELTA] + 1} offsets.",
                offset=row[0],
            )


def _having(bit: int, kinds: Collection[int], rows: Sequence[_Row]) -> int:
    """Count the rows with a bit of the attributes; at once where no kind of attributes that occurs has it."""
    if not any(kind & bit for kind in kinds):
        return 0
    return sum(1 for row in rows if row[_ATTRIBUTES] & bit)


def _first_times(kinds: Collection[int], rows: Sequence[_Row]) -> list[int]:
    """Give the batches' first times; the last one where the field holds something else."""
    if not any(kind & (LOG_APPEND_TIME | DELETE_HORIZON) for kind in kinds):
        return [row[_FIRST_TIME] for row in rows]
    other = LOG_APPEND_TIME | DELETE_HORIZON
    return [row[_MAX_TIME] if row[_ATTRIBUTES] & other else row[_FIRST_TIME] for row in rows]


def _oldest(times: Iterable[int]) -> int:
    return min([time for time in times if time >= 0], default=-1)


def _unsound(offset: int, at: int) -> Damaged:
    return Damaged(
        f"The batch at offset {offset} does not have its checksum: its bytes were changed on their way or on disk.",
        offset=offset,
        at=at,
    )


def _backwards(offset: int, wanted: int) -> Damaged:
    return Damaged(
        f"A batch begins at offset {offset}, where offset {wanted} or a later one must follow.",
        offset=offset,
    )
