# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.records import strategies
from unit.records.kafka_python import emptied, marker, read, written, written_legacy
from unit.records.strategies import Piece, joined, undone

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import Batch, batches, is_sound, read_batch
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.outgoing import (
    Outgoing,
    Rules,
    outgoing,
    same,
    stamp,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.transactions import Aborted, Outcomes

EVERYTHING = Rules(0, 1 << 62)


def header(data: bytes | bytearray) -> Batch:
    batch = read_batch(data)
    assert batch is not None
    return batch


def aborted(data: bytes) -> Aborted:
    observer = Outcomes()
    for batch in batches(data):
        observer.observe(data, batch)
    return observer.finish()


def sent(data: bytes, rules: Rules) -> list[Outgoing]:
    return [each for batch in batches(data) for each in outgoing(data, batch, rules)]


def one(data: bytes, rules: Rules = EVERYTHING) -> Outgoing:
    (only,) = sent(data, rules)
    return only


@st.composite
def rules_for(draw: st.DrawFn, log: list[Piece]) -> Rules:
    edges = [
        0,
        1 << 62,
        *chain.from_iterable((piece.base, piece.base + 1, piece.last, piece.last + 1) for piece in log),
    ]
    start, end = sorted((draw(st.sampled_from(edges)), draw(st.sampled_from(edges))))
    codec = draw(st.one_of(st.none(), st.sampled_from(strategies.CODECS)))
    return Rules(start, end, draw(st.booleans()), aborted(joined(log)), codec)


@given(strategies.logs(), st.data())
def test_just_the_wanted_records_are_sent(log: list[Piece], data: st.DataObject) -> None:
    rules = data.draw(rules_for(log))
    for place, piece in enumerate(log):
        wanted = [record for record in piece.records if rules.start <= record.offset < rules.next]
        if rules.committed and undone(log, place):
            wanted = []
        found = sent(piece.data, rules)
        assert len(found) == (1 if wanted else 0)
        for each in found:
            assert read(each.data) == [record._replace(offset=number) for number, record in enumerate(wanted)]
            assert list(each.offsets) == [record.offset for record in wanted]
            assert (each.records, each.first_offset, each.last_offset) == (
                len(wanted),
                wanted[0].offset,
                wanted[-1].offset,
            )


@given(strategies.logs(), st.data())
def test_a_broker_takes_what_is_sent(log: list[Piece], data: st.DataObject) -> None:
    whole = joined(log)
    rules = data.draw(rules_for(log))
    for source in batches(whole):
        for each in outgoing(whole, source, rules):
            batch = header(each.data)
            assert (batch.base_offset, batch.leader_epoch, batch.magic, batch.dense) == (0, -1, 2, True)
            assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (-1, -1, -1)
            assert batch.attributes == (source.codec if rules.codec is None else rules.codec)
            assert (batch.count, batch.size) == (each.records, len(each.data))
            assert is_sound(each.data, batch)


@given(strategies.logs(), st.data())
def test_the_same_is_sent_every_time_from_any_buffer(log: list[Piece], data: st.DataObject) -> None:
    whole = joined(log)
    rules = data.draw(rules_for(log))
    shifted = memoryview(bytearray(b"\xff" * 5 + whole))
    again = [each for batch in batches(shifted, 5) for each in outgoing(shifted, batch, rules)]
    assert again == sent(whole, rules)
    assert whole == joined(log)


@given(strategies.plain(50))
def test_what_kafka_takes_is_sent_with_its_own_payload(piece: Piece) -> None:
    batch = header(piece.data)
    for each in sent(piece.data, EVERYTHING):
        if batch.dense and not batch.log_append_time:
            assert each.data[61:] == piece.data[61:]
            assert each.data[23:43] == piece.data[23:43]
            assert each.offsets == range(piece.base, piece.last + 1)


@pytest.mark.parametrize("codec", strategies.CODECS)
def test_what_is_built_anew_is_not_larger(codec: int) -> None:
    inner = [
        Record(number, 1_000 + number * 7, b"%d" % number, b'{"name": "customer %d"}' % (number * 7919 % 10_007), ())
        for number in range(500)
    ]
    for data, rules in (
        (written(inner, codec=codec, flags=8, append_time=5_000), EVERYTHING),
        (written(inner[:200] + inner[201:], codec=codec), EVERYTHING),
        (written(inner, codec=codec), Rules(1, 1 << 62)),
    ):
        assert len(one(data, rules).data) <= len(data)


def test_markers_and_empty_batches_are_never_sent() -> None:
    data = marker(4, 1, 1) + emptied(5, 8) + marker(9, 2, 2)
    assert sent(data, Rules(0, 1 << 62, committed=False)) == []


def test_a_window_is_half_open() -> None:
    data = written([Record(offset, 1, None, b"%d" % offset, ()) for offset in range(10, 15)])
    assert one(data, Rules(11, 14)).offsets == range(11, 14)
    assert one(data, Rules(10, 15)).data[61:] == data[61:]
    assert sent(data, Rules(0, 10)) == sent(data, Rules(15, 20)) == sent(data, Rules(12, 12)) == []


def test_holes_are_closed_and_told() -> None:
    data = written([Record(offset, 1, None, b"%d" % offset, ()) for offset in (10, 11, 14)])
    assert one(data).offsets == [10, 11, 14]
    assert [record.offset for record in read(one(data).data)] == [0, 1, 2]
    assert one(data, Rules(0, 12)).offsets == range(10, 12)


def test_delete_horizon_is_cleared_and_times_stay() -> None:
    inner = [Record(number, 2_000 + number, b"k", None, ()) for number in range(3)]
    data = written(inner, horizon=9_999)
    assert header(data).delete_horizon
    assert read(one(data).data) == inner
    assert one(data).data[61:] == data[61:]


def test_old_entries_become_batches_of_today() -> None:
    inner = [Record(offset, 100 + offset, b"k", b"v" * 50, ()) for offset in (3, 4, 7)]
    data = written_legacy(inner, magic=1, codec=1, append_time=900)
    assert one(data).offsets == [3, 4, 7]
    assert [record.timestamp for record in read(one(data).data)] == [900] * 3
    assert header(one(data).data).codec == 1
    without_times = one(written_legacy(inner, magic=0, codec=2))
    assert [record.timestamp for record in read(without_times.data)] == [-1] * 3


def test_damaged_batch_is_told_where_it_has_to_be_read() -> None:
    data = bytearray(written([Record(5, 1, None, b"v", ()), Record(7, 1, None, b"v", ())]))
    data[61] = 0x7F
    with pytest.raises(Damaged, match="batch at offset 5 cannot be read"):
        sent(bytes(data), EVERYTHING)


@given(strategies.plain(0), st.integers(0, 1 << 40), st.integers(0, 32_767), st.integers(0, (1 << 31) - 1))
def test_stamp_makes_it_an_idempotent_producers(piece: Piece, producer: int, epoch: int, sequence: int) -> None:
    each = one(piece.data)
    before = bytes(each.data)
    stamp(each.data, producer, epoch, sequence)
    batch = header(each.data)
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (producer, epoch, sequence)
    assert is_sound(each.data, batch)
    assert read(each.data) == read(before)
    stamp(each.data, -1, -1, -1)
    assert bytes(each.data) == before


@given(strategies.plain(0))
def test_same_knows_what_a_broker_stored(piece: Piece) -> None:
    each = one(piece.data)
    stamp(each.data, 5, 0, 3)
    stored = bytearray(b"\x00" * 9 + each.data)
    struct.pack_into(">q", stored, 9, 4_711)  # what a broker fills in
    struct.pack_into(">i", stored, 21, 8)
    batch = read_batch(stored, 9)
    assert batch is not None
    assert same(each, stored, batch)
    stored[-1] ^= 1
    assert not same(each, stored, batch)


def test_same_sees_every_difference_of_the_header() -> None:
    each = one(written([Record(0, 10, None, b"v", ()), Record(1, 20, None, b"w", ())]))
    batch = header(each.data)
    assert same(each, each.data, batch)
    for difference in (
        {"count": 1},
        {"base_timestamp": 11},
        {"max_timestamp": 21},
        {"attributes": 1},
        {"attributes": 8},
        {"attributes": 32},
        {"magic": 1},
        {"size": batch.size - 1},
    ):
        assert not same(each, each.data, batch._replace(**difference)), difference
