# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions are compared offset by offset, whatever batches their records come in."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.records.strategies import records

from ansible_collections.lifeboat.kafka.plugins.module_utils._records.alignment import Alignment, Difference
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import LOG_APPEND_TIME, read_batch
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build, seal
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.outgoing import Outgoing

END = 100  # behind all that there is
SHIFT = 40  # from the source's offsets to those of the partition


def made(first: int, count: int) -> list[Record]:
    offsets = range(first, first + count)
    return [Record(offset, 1000 + offset, b"key", b"value %d" % offset, (("h", None),)) for offset in offsets]


def outgoing(batch: Sequence[Record], codec: int = 0) -> Outgoing:
    offsets = [record.offset for record in batch]
    return Outgoing(bytearray(build(batch, codec=codec)), len(batch), offsets[0], offsets[-1], offsets)


def wanted(batches: Sequence[Sequence[Record]], first: int | None = None) -> Iterator[tuple[Outgoing, Sequence[int]]]:
    """Batches as a restore sends them; with ``first``, where their records follow each other from there on."""
    for batch in batches:
        sent = outgoing(batch)
        offsets: Sequence[int] = sent.offsets
        if first is not None:
            offsets = range(first, first + len(batch))
            first += len(batch)
        yield sent, offsets


def found(alignment: Alignment, batch: Sequence[Record], codec: int = 0) -> None:
    """Hand over a batch as it lies in a log: with its own base offset, and holes where the records have them."""
    data = bytearray(build(batch, codec=codec))
    first = batch[0].offset
    struct.pack_into(">q", data, 0, first)
    if batch[-1].offset - first + 1 != len(batch):
        for record in batch:
            found(alignment, [record], codec)
        return
    seal(data)
    header = read_batch(data)
    assert header is not None
    alignment.found(data, header)


def test_equal_partitions_are_equal() -> None:
    alignment = Alignment(wanted([made(0, 3), made(3, 4)]), begin=0, end=END)
    found(alignment, made(0, 3))
    found(alignment, made(3, 4))
    alignment.finish()
    assert (alignment.records, alignment.differences, alignment.is_exhausted) == (7, [], True)


@given(st.data())
def test_batches_may_be_cut_and_packed_otherwise(data: st.DataObject) -> None:
    stream = data.draw(records(most=20, holes=False))
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, 19)))), len(stream)]
    others = [0, *sorted(data.draw(st.sets(st.integers(1, 19)))), len(stream)]
    pieces = [stream[one:other] for one, other in pairwise(cuts) if stream[one:other]]
    alignment = Alignment(wanted(pieces), begin=0, end=END)
    for one, other in pairwise(others):
        if stream[one:other]:
            found(alignment, stream[one:other], data.draw(st.integers(0, 4)))
    alignment.finish()
    assert (alignment.records, alignment.differing) == (len(stream), 0)


def test_restored_records_follow_each_other() -> None:
    source = [made(0, 2), made(5, 2), made(9, 1)]  # with holes at the source
    alignment = Alignment(wanted(source, SHIFT), begin=SHIFT, end=END)
    flat = [record for batch in source for record in batch]
    found(alignment, [record._replace(offset=SHIFT + n) for n, record in enumerate(flat)])
    alignment.finish()
    assert (alignment.records, alignment.differing) == (5, 0)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"timestamp": 7}, "timestamp"),
        ({"key": None}, "key"),
        ({"value": b""}, "value"),
        ({"headers": ()}, "headers"),
        ({"headers": (("h", b""),), "value": None}, "value"),
    ],
)
def test_a_record_that_differs_is_told(change: dict[str, object], what: str) -> None:
    alignment = Alignment(wanted([made(0, 4)], SHIFT), begin=SHIFT, end=END)
    there = [record._replace(offset=SHIFT + n) for n, record in enumerate(made(0, 4))]
    there[2] = there[2]._replace(**change)  # type: ignore[arg-type]
    found(alignment, there)
    alignment.finish()
    assert alignment.differences == [Difference(2, SHIFT + 2, what)]
    assert (alignment.records, alignment.differing) == (3, 1)


def test_missing_records_are_told_together() -> None:
    alignment = Alignment(wanted([made(0, 10)]), begin=0, end=END)
    found(alignment, made(0, 2))
    found(alignment, made(5, 1))
    found(alignment, made(7, 1))
    alignment.finish()
    assert alignment.differences == [
        Difference(2, 2, "missing", 3), Difference(6, 6, "missing"), Difference(8, 8, "missing", 2)
    ]  # fmt: skip
    assert (alignment.records, alignment.differing) == (4, 6)


def test_compacted_partitions_may_lack_records() -> None:
    alignment = Alignment(wanted([made(0, 5), made(5, 5)]), begin=0, end=10, may_lack=True)
    found(alignment, made(3, 1))
    found(alignment, made(8, 1))
    alignment.finish()
    assert (alignment.records, alignment.lacking, alignment.differing) == (2, 8, 0)


def test_no_partition_may_lack_what_lies_at_its_end() -> None:
    empty = Alignment(wanted([made(0, 5), made(5, 5)]), begin=0, end=0, may_lack=True)
    empty.finish()
    assert empty.differences == [Difference(0, 0, "missing", 10)]
    shorter = Alignment(wanted([made(0, 5), made(5, 5)], SHIFT), begin=SHIFT, end=SHIFT + 7, may_lack=True)
    found(shorter, [made(3, 1)[0]._replace(offset=SHIFT + 3)])
    shorter.finish()
    assert shorter.differences == [Difference(7, SHIFT + 7, "missing", 3)]
    assert (shorter.records, shorter.lacking, shorter.differing) == (1, 6, 3)


def test_unexpected_records_are_told_but_newer_ones_are_not() -> None:
    alignment = Alignment(wanted([made(0, 2), made(5, 2)]), begin=0, end=END)
    found(alignment, made(0, 7))
    found(alignment, made(7, 3))
    alignment.finish()
    assert alignment.differences == [Difference(None, 2, "unexpected", 3)]
    assert alignment.records == 4


def test_what_was_trimmed_is_counted() -> None:
    alignment = Alignment(wanted([made(0, 3), made(3, 4)]), begin=5, end=END)
    found(alignment, made(3, 4))  # a batch that begins before the first offset comes whole
    alignment.finish()
    assert (alignment.trimmed, alignment.records, alignment.differing) == (5, 2, 0)


def test_everything_may_be_trimmed_or_missing() -> None:
    trimmed = Alignment(wanted([made(0, 3), made(3, 4)]), begin=7, end=END)
    trimmed.finish()
    assert (trimmed.trimmed, trimmed.differing) == (7, 0)
    missing = Alignment(wanted([made(0, 3), made(3, 4)]), begin=0, end=END)
    missing.finish()
    assert missing.differences == [Difference(0, 0, "missing", 7)]


def test_only_so_many_differences_are_kept() -> None:
    alignment = Alignment(wanted([made(0, 9)]), begin=0, end=END, most=2)
    found(alignment, [record._replace(value=b"other") for record in made(0, 9)])
    alignment.finish()
    assert (len(alignment.differences), alignment.differing) == (2, 9)


def test_times_that_a_broker_set_are_compared_as_consumers_see_them() -> None:
    seen = [record._replace(timestamp=5000) for record in made(0, 3)]
    data = bytearray(build(made(0, 3), codec=0))
    struct.pack_into(">h", data, 21, LOG_APPEND_TIME)
    struct.pack_into(">q", data, 35, 5000)
    seal(data)
    header = read_batch(data)
    assert header is not None
    alignment = Alignment(wanted([seen]), begin=0, end=END)
    alignment.found(data, header)
    alignment.finish()
    assert (alignment.records, alignment.differing) == (3, 0)
