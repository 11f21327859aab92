# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords
from unit.records import strategies
from unit.records.kafka_python import LOG_APPEND_TIME, emptied, marker, read, written, written_legacy
from unit.records.strategies import Piece, joined

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import Batch, batches, is_sound, read_batch
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record, control_type, decode

RECORD = Record(5, 1000, b"k", b"v", (("h", b"1"),))


def header(data: bytes) -> Batch:
    batch = read_batch(data)
    assert batch is not None
    return batch


def records(data: bytes) -> list[Record]:
    return list(decode(data, header(data)))


@given(strategies.logs())
def test_records_are_those_that_kafka_python_reads(log: list[Piece]) -> None:
    data = joined(log)
    found = [record for batch in batches(data) if not batch.control for record in decode(data, batch)]
    assert found == read(data)
    assert found == [record for piece in log for record in piece.records]


@given(strategies.records(holes=False), st.sampled_from(strategies.CODECS))
def test_kafka_python_reads_what_is_built(wanted: list[Record], codec: int) -> None:
    built = build(wanted, codec=codec)
    assert read(built) == wanted
    assert records(built) == wanted
    assert built == build(wanted, codec=codec)
    batch, other = header(built), next(iter(MemoryRecords(built)))
    assert is_sound(built, batch)
    assert (batch.base_offset, batch.leader_epoch, batch.attributes, batch.dense) == (0, -1, codec, True)
    assert batch[10:13] == (-1, -1, -1)
    assert (other.first_timestamp, other.max_timestamp) == (
        wanted[0].timestamp,
        max(record.timestamp for record in wanted),
    )


@given(strategies.records(holes=False))
def test_kafka_python_builds_the_same_bytes(wanted: list[Record]) -> None:
    mine, theirs = build(wanted, codec=0), written(wanted, epoch=-1)
    assert mine == theirs


@given(strategies.records())
def test_offsets_are_made_consecutive(wanted: list[Record]) -> None:
    assert [record.offset for record in records(build(wanted, codec=0))] == list(range(len(wanted)))


def test_header_keys_that_are_no_text_stay_as_they_are() -> None:
    record = RECORD._replace(headers=(("", None), ("a\udcff", b""), ("a\udcff", b"\x00")))
    built = build([record], codec=0)
    assert b"\x04a\xff" in built
    assert records(built) == [record._replace(offset=0)]


@pytest.mark.parametrize("size", [0, 63, 64, 8191, 8192, 1 << 20])
def test_lengths_at_the_edges_of_their_coding(size: int) -> None:
    record = RECORD._replace(offset=0, key=b"k" * size, value=b"v" * (size + 1))
    assert records(build([record], codec=0)) == [record]
    assert read(build([record], codec=0)) == [record]


@pytest.mark.parametrize("time", [-1, 0, 1 << 40, (1 << 62) - 1, -(1 << 61)])
def test_times_far_apart(time: int) -> None:
    wanted = [RECORD._replace(offset=0, timestamp=5), RECORD._replace(offset=1, timestamp=time)]
    assert records(build(wanted, codec=0)) == wanted


def test_too_large_a_batch_is_packed_harder() -> None:
    wanted = [Record(number, 1, None, b'{"id": %d}' % (number * 7919 % 10_007), ()) for number in range(2_000)]
    usual = build(wanted, codec=4)
    assert build(wanted, codec=4, at_most=len(usual)) == usual
    assert len(build(wanted, codec=4, at_most=len(usual) - 1)) <= len(usual)
    assert len(build(wanted, codec=3, at_most=1)) < len(build(wanted, codec=3))


@pytest.mark.parametrize(("kind", "word"), [(0, "abort"), (1, "commit"), (2, "other"), (6, "other")])
def test_markers_say_how_a_transaction_ended(kind: int, word: str) -> None:
    data = marker(3, 1, kind)
    assert control_type(data, header(data)) == word


def test_a_marker_without_a_type_is_another() -> None:
    for data in (emptied(4, 4), written([RECORD._replace(key=None)]), written([RECORD._replace(key=b"\x00\x00\x00")])):
        assert control_type(data, header(data)) == "other"


def test_old_messages_have_the_times_that_consumers_see() -> None:
    old = [Record(offset, 100 + offset, b"k", b"v" * 100, ()) for offset in (7, 8, 12)]
    for codec in (0, 2, 3):
        data = written_legacy(old, magic=1, codec=codec, append_time=500)
        found = [record for batch in batches(data) for record in decode(data, batch)]
        assert found == [record._replace(timestamp=500) for record in old]
        data = written_legacy(old, magic=0, codec=min(codec, 2))
        found = [record for batch in batches(data) for record in decode(data, batch)]
        assert found == [record._replace(timestamp=-1) for record in old]


def test_append_time_is_every_records_time() -> None:
    data = written([RECORD, RECORD._replace(offset=6, timestamp=2000)], flags=LOG_APPEND_TIME, append_time=77)
    assert [record.timestamp for record in records(data)] == [77, 77]


def with_body(body: bytes, count: int = 1, last_delta: int | None = None) -> bytes:
    """A batch at offset 40 with any bytes where its records belong."""
    data = bytearray(written([RECORD._replace(offset=40)])[:61]) + body
    struct.pack_into(">i", data, 8, len(data) - 12)
    struct.pack_into(">i", data, 23, count - 1 if last_delta is None else last_delta)
    struct.pack_into(">i", data, 57, count)
    return bytes(data)


PLAIN = bytes.fromhex("10 00 00 00 026b 0276 00")  # length 8, attributes, time 0, offset 0, "k", "v", no headers
LATER = bytes.fromhex("10 00 00 02 026b 0276 00")  # the same with offset 1


def test_the_plain_record_of_these_tests_is_read() -> None:
    assert records(with_body(PLAIN + LATER, 2)) == [
        Record(40, 1000, b"k", b"v", ()),
        Record(41, 1000, b"k", b"v", ()),
    ]


@pytest.mark.parametrize(
    ("body", "count", "reason"),
    [
        (b"", 1, "end too early"),
        (PLAIN, 2, "end too early"),
        (PLAIN + LATER, 1, "9 bytes follow the last record"),
        (PLAIN + PLAIN, 2, "has the offset 40, the time 1000"),
        (LATER + PLAIN, 2, "has the offset 40"),
        (LATER, 1, "has the offset 41"),
        (PLAIN[:-1], 1, "claims 8 of 8 bytes"),
        (b"\x7f" + PLAIN[1:], 1, "claims -64 of"),
        (b"\xff" * 10 + b"\x01", 1, "a number has no end"),
        (bytes.fromhex("0e 00 00 00 07 0276 00"), 1, "a length is -4"),
        (bytes.fromhex("10 00 00 00 7e6b 0276 00"), 1, "a field claims 63 of 4 bytes"),
        (bytes.fromhex("12 00 00 00 026b 0276 00 00"), 1, "1 bytes more than its fields"),
        (bytes.fromhex("10 00 00 00 026b 0276 02"), 1, "claims 1 headers in 0 bytes"),
        (bytes.fromhex("14 00 00 00 026b 0276 02 01 00"), 1, "a header has no key"),
        (bytes.fromhex("14 00 00 00 026b 0276 01 00 00"), 1, "claims -1 headers"),
        (bytes.fromhex("20 00 feffffffffffffffff01 00 0101 0000"), 1, "the time 9223372036854776807"),
    ],
)
def test_nonsense_is_damaged_and_told(body: bytes, count: int, reason: str) -> None:
    with pytest.raises(Damaged, match="batch at offset 40 cannot be read") as raised:
        records(with_body(body, count))
    assert reason in raised.value.message
    assert raised.value.facts["offset"] == 40


@given(strategies.records(), st.data())
def test_any_bytes_are_damaged_or_records(wanted: list[Record], data: st.DataObject) -> None:
    whole = bytearray(written(wanted))
    for _number in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(61, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = records(bytes(whole))
    except Damaged:
        return
    assert len(found) == len(wanted)


@given(strategies.legacy(0), st.data())
def test_any_bytes_in_old_entries_are_damaged_or_messages(log: list[Piece], data: st.DataObject) -> None:
    whole = bytearray(joined(log))
    whole[data.draw(st.integers(16, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Damaged):
        for batch in batches(bytes(whole)):
            list(decode(bytes(whole), batch))
