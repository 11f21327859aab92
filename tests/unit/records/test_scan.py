# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords
from unit.records import strategies
from unit.records.kafka_python import read, written
from unit.records.strategies import Piece, joined

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._records import scan as scan_file
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.scan import NOTHING, Scan, merge, scan

FAR = 1 << 62


def scan_all(data: bytes, expected: int | None = None) -> Scan:
    return scan(data, 0, len(data), expected=expected, stop=FAR)


def facts(log: list[Piece]) -> dict[str, Any]:
    """What a scan must tell, as kafka-python and the making of the log know it."""
    pairs = [(piece, next(iter(MemoryRecords(piece.data)))) for piece in log]
    data = [(piece, batch) for piece, batch in pairs if piece.records]
    held = [record.offset for piece in log for record in read(piece.data)]
    held += [piece.base for piece in log if piece.ends]
    return {
        "batches": len(log),
        "records": sum(len(piece.records) for piece in log),
        "first_offset": log[0].base,
        "next_offset": log[-1].last + 1,
        "bytes": len(joined(log)),
        "dense": sorted(held) == list(range(log[0].base, log[-1].last + 1)),
        "transactional": sum(piece.producer is not None for piece, _batch in data),
        "control": sum(bool(piece.ends) for piece in log),
        "legacy": sum(batch.magic < 2 for _piece, batch in pairs),
        "largest": max(len(piece.data) for piece in log),
        "log_append_time": sum(bool(batch.timestamp_type) for _piece, batch in data),
        "codecs": sum(1 << codec for codec in {batch.compression_type for _piece, batch in data}),
    }


@given(strategies.logs())
def test_scan_tells_what_a_log_holds(log: list[Piece]) -> None:
    data = joined(log)
    found = scan_all(data)
    assert {name: getattr(found, name) for name in facts(log)} == facts(log)
    assert found.last == list(batches(data))[-1]
    seen = [record.timestamp for piece in log for record in piece.records]
    newest = max((batch.max_timestamp for batch in batches(data) if batch.count and not batch.control), default=-1)
    assert found.max_timestamp == newest
    assert not seen or found.max_timestamp >= max(seen)
    assert found.min_timestamp <= found.max_timestamp


def test_times_are_those_of_records() -> None:
    def record(offset: int, time: int) -> Record:
        return Record(offset, time, None, b"v", ())

    data = written([record(0, 50), record(1, 90)]) + written([record(2, 20), record(3, 30)])
    assert scan_all(data)[10:12] == (90, 20)
    assert scan_all(written([record(0, 50), record(1, 90)], horizon=3))[10:12] == (90, 90)
    assert scan_all(written([record(0, 50)], flags=8, append_time=77))[10:12] == (77, 77)


@given(strategies.logs(), st.data())
def test_parts_merge_to_the_whole(log: list[Piece], data: st.DataObject) -> None:
    whole = joined(log)
    middle = data.draw(st.sampled_from([0, *(batch.at for batch in batches(whole)), len(whole)]))
    first = scan(whole, 0, middle, expected=None, stop=FAR)
    second = scan(whole, middle, len(whole), expected=first.next_offset if first.batches else None, stop=FAR)
    merged = merge(first, second)
    assert merged == scan_all(whole)
    assert merge(NOTHING, merged) == merge(merged, NOTHING) == merged


@given(strategies.logs())
def test_many_headers_are_taken_in_several_goes(log: list[Piece]) -> None:
    whole = scan_all(joined(log))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_file, "_TOGETHER", 2)
        assert scan_all(joined(log)) == whole


@given(strategies.logs(), st.data())
def test_scan_ends_before_the_stop_and_before_a_cut(log: list[Piece], data: st.DataObject) -> None:
    whole = joined(log)
    stop = data.draw(st.integers(log[0].base, log[-1].last + 2))
    taken = [piece for piece in log if piece.base < stop]
    assert scan(whole, 0, len(whole), expected=None, stop=stop)[:5] == scan_all(joined(taken))[:5]
    cut = data.draw(st.integers(0, len(whole)))
    size = max((batch.at + batch.size for batch in batches(whole) if batch.at + batch.size <= cut), default=0)
    assert scan(whole, 0, cut, expected=None, stop=FAR) == scan(whole[:size], 0, size, expected=None, stop=FAR)


@given(strategies.logs(), st.data())
def test_no_flipped_bit_passes(log: list[Piece], data: st.DataObject) -> None:
    whole = bytearray(joined(log))
    before = scan_all(bytes(whole), expected=log[0].base)
    place = data.draw(st.integers(0, len(whole) - 1))
    batch = next(each for each in batches(bytes(whole)) if each.at <= place < each.at + each.size)
    assume(batch.magic < 2 or not 12 <= place - batch.at < 16)  # no checksum covers the leader epoch
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        after = scan_all(bytes(whole), expected=log[0].base)
    except Damaged:
        return
    # A changed offset or length is under no checksum either: the piece then has another end, or a hole.
    assert (after.bytes, after.next_offset, after.dense) != (before.bytes, before.next_offset, True)


def test_damage_is_told_with_its_offset() -> None:
    log = b"".join(written([Record(offset, 1, None, b"v", ())]) for offset in (4, 5, 6))
    size = len(log) // 3
    broken = bytearray(log)
    broken[2 * size - 1] ^= 1
    with pytest.raises(Damaged, match="offset 5 does not have its checksum") as raised:
        scan_all(bytes(broken))
    assert raised.value.failure() == {"code": "damaged", "offset": 5, "at": size}
    with pytest.raises(Damaged, match="begins at offset 4, where offset 7 or a later one"):
        scan_all(log + log)
    with pytest.raises(Damaged, match="begins at offset 4, where offset 5 or a later one"):
        scan_all(log[:size], expected=5)


def test_batch_may_reach_over_the_expected_offset_and_leave_a_hole_before_it() -> None:
    data = written([Record(offset, 1, None, b"v", ()) for offset in range(10, 15)])
    assert scan_all(data, expected=12).dense
    assert scan_all(data, expected=10).dense
    assert not scan_all(data, expected=9).dense


def test_nothing_is_found_in_nothing() -> None:
    assert scan_all(b"") == NOTHING
    assert scan_all(written([Record(1, 1, None, b"v", ())])[:-1]) == NOTHING
