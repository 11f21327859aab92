# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offsets are translated to the record that comes next, or to one before it where that is not known."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.offset_map import (
    MapMaker,
    OffsetMap,
    PartitionMap,
    plain_map,
)

START = 700


@st.composite
def batches(draw: st.DrawFn) -> list[list[int]]:
    """Source offsets of the records of some batches."""
    found = []
    offset = draw(st.integers(0, 50))
    for _batch in range(draw(st.integers(0, 12))):
        offsets = []
        for _record in range(draw(st.integers(1, 6))):
            offset += draw(st.sampled_from((0, 0, 0, 1, 4)))
            offsets.append(offset)
            offset += 1
        found.append(offsets)
    return found


def made(found: list[list[int]], asked: set[int], most: int) -> PartitionMap:
    maker = MapMaker(START, asked, most=most)
    for offsets in found:
        dense = offsets[-1] - offsets[0] + 1 == len(offsets)
        maker.add(range(offsets[0], offsets[-1] + 1) if dense else offsets)
    return maker.finish()


@given(batches(), st.sets(st.integers(0, 120)), st.sampled_from((2, 3, 1000)))
def test_offsets_are_translated(found: list[list[int]], asked: set[int], most: int) -> None:
    offsets = [offset for batch in found for offset in batch]
    partition = made(found, asked, most)
    assert partition.end == START + len(offsets)
    assert len(partition.runs) <= most
    for offset in range(130):
        right = START + bisect_left(offsets, offset)
        told = partition.translate(offset)
        assert told.offset == right if told.is_exact else told.offset <= right
        assert told.is_exact or (offset not in asked and not partition.is_exact)


def test_a_lower_offset_is_told_where_it_is_not_known() -> None:
    found = [[0, 1, 5, 6, 20, 21, 25, 26, 40]]
    exact, coarse = made(found, set(), 1000), made(found, {21}, 2)
    assert exact.is_exact
    assert not coarse.is_exact
    assert coarse.translate(21) == exact.translate(21)
    assert not coarse.translate(25).is_exact
    assert coarse.translate(0).is_exact


def test_a_plain_partition_is_shifted() -> None:
    plain = plain_map(100, 250, 7)
    assert [plain.translate(offset).offset for offset in (0, 100, 249, 250, 999)] == [7, 7, 156, 157, 157]
    assert plain_map(5, 5, 7).translate(5).offset == 7
    assert plain_map(5, 5, 7).runs == ()


def test_partitions_are_told_apart() -> None:
    offsets = OffsetMap({("orders", 0): plain_map(0, 10, 0), ("orders", 1): plain_map(0, 10, 100)})
    assert [offsets.translate("orders", number, 3) for number in (0, 1)] == [(3, True), (103, True)]
    assert offsets.translate("orders", 2, 3) is None
