# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords
from unit.records import strategies
from unit.records.kafka_python import marker, written, written_legacy
from unit.records.strategies import Piece, joined

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import (
    Batch,
    batches,
    is_sound,
    read_batch,
    read_header,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record

RECORD = Record(5, 1000, b"k", b"v", ())


def read(data: bytes) -> Batch:
    batch = read_batch(data)
    assert batch is not None
    return batch


@given(strategies.logs())
def test_headers_say_what_kafka_python_reads(log: list[Piece]) -> None:
    data = joined(log)
    found = list(batches(data))
    assert [(batch.base_offset, batch.last_offset) for batch in found] == [(piece.base, piece.last) for piece in log]
    for batch, other in zip(found, MemoryRecords(data), strict=True):
        assert (batch.magic, batch.codec) == (other.magic, other.compression_type)
        assert batch.size == other.size_in_bytes
        assert is_sound(data, batch)
        assert bool(batch.log_append_time) == bool(other.timestamp_type)
        if batch.magic > 1:
            assert (batch.base_timestamp, batch.max_timestamp) == (other.first_timestamp, other.max_timestamp)
            assert (batch.producer_id, batch.producer_epoch) == (other.producer_id, other.producer_epoch)
            assert (batch.count, batch.base_sequence) == (other.records_count, other.base_sequence)
            assert (batch.transactional, batch.control) == (other.is_transactional, other.is_control_batch)
            assert (batch.leader_epoch, batch.crc) == (other.leader_epoch, other.crc)


@given(strategies.logs())
def test_buffers_of_any_kind_are_read_from_any_place(log: list[Piece]) -> None:
    data = joined(log)
    found = list(batches(data))
    shifted = memoryview(bytearray(b"\xff" * 7 + data + b"\xff" * 99))
    assert [each._replace(at=each.at - 7) for each in batches(shifted, 7, 7 + len(data))] == found
    assert all(is_sound(shifted, each._replace(at=each.at + 7)) for each in found)


@given(strategies.logs(most=3), st.data())
def test_cut_off_tail_is_left_out(log: list[Piece], chosen: st.DataObject) -> None:
    data = joined(log)
    ends = [batch.at + batch.size for batch in batches(data)]
    near = [end + by for end in [0, *ends] for by in (0, 10, 16, 17, 60, 61, 62) if end + by <= len(data)]
    for cut in (*near, chosen.draw(st.integers(0, len(data)))):
        assert [batch.at + batch.size for batch in batches(data, 0, cut)] == [end for end in ends if end <= cut]


@given(strategies.logs(with_legacy=False))
def test_header_is_read_without_the_rest(log: list[Piece]) -> None:
    for piece in log:
        assert read_header(piece.data[:61]) == read_batch(piece.data)


@pytest.mark.parametrize(("magic", "codec"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)])
def test_header_of_an_old_entry_tells_it_from_others(magic: int, codec: int) -> None:
    inner = [RECORD._replace(offset=offset, value=b"v" * 200) for offset in range(5, 9)]
    entry = written_legacy(inner[:1] if not codec else inner, magic=magic, codec=codec)
    header, batch = read_header(entry[:61]), read(entry)
    assert (header.wire_offset, header.crc, header.size) == (batch.wire_offset, batch.crc, batch.size)
    assert header.count == (0 if codec else 1)
    assert (batch.base_offset, batch.last_offset, batch.dense) == (5, 8 if codec else 5, True)


def test_what_a_batch_is() -> None:
    batch = read(marker(9, 4, 0))
    assert (batch.control, batch.transactional, batch.dense, batch.next_offset) == (True, True, True, 10)
    batch = read(written([RECORD], base=3, last=7, horizon=12))
    assert (batch.delete_horizon, batch.base_timestamp, batch.dense, batch.wire_offset) == (True, 12, False, 3)


@given(strategies.plain(0), st.data())
def test_every_flipped_bit_under_the_checksum_is_found(piece: Piece, data: st.DataObject) -> None:
    for place in (*range(17, 61), data.draw(st.integers(61, len(piece.data) - 1))):
        broken = bytearray(piece.data)
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
        try:
            batch = read_batch(broken)
        except Damaged:
            continue
        assert batch is not None
        assert not is_sound(broken, batch)


def changed(at: int, layout: str, value: int) -> bytes:
    data = bytearray(written([RECORD]))
    struct.pack_into(layout, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (changed(16, ">b", 3), "unknown number 3"),
        (changed(16, ">b", -1), "unknown number 255"),
        (changed(8, ">i", 48), "60 bytes are too few"),
        (changed(8, ">i", -1), "11 bytes are too few"),
        (changed(8, ">i", -(1 << 31)), "too few"),
        (changed(0, ">q", -1), "from -1 on"),
        (changed(57, ">i", -1), "-1 records on 1 offsets"),
        (changed(57, ">i", 2), "2 records on 1 offsets"),
        (changed(23, ">i", -5), "1 records on -4 offsets"),
        (bytes(200), "12 bytes are too few"),
    ],
)
def test_nonsense_is_no_batch(data: bytes, reason: str) -> None:
    with pytest.raises(Damaged, match="No record batch begins at byte 0") as raised:
        read_batch(data)
    assert reason in raised.value.message
    with pytest.raises(Damaged):
        read_header(data)


def test_too_little_is_no_header() -> None:
    for size in (0, 16, 60):
        with pytest.raises(Damaged, match="are no header"):
            read_header(written([RECORD])[:size])
