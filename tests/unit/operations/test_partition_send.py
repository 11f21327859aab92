# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records arrive once and in order whatever gets lost on the way; other writers are noticed."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.operations.archived import Archive, batch, marker, numbered, transactional

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError, VerificationFailed
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Fetched, Produced
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_records import ArchivedRecords
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.partition_send import (
    Packet,
    PartitionSend,
    SendTask,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches, read_header
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import decode

PRODUCER = 4000
LANES = 5


class Broker:
    """A partition's leader, as far as idempotent producers are concerned (KIP-98)."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.log: list[bytes] = []
        self.end = start
        self._remembered: dict[int, list[tuple[int, int, int]]] = {}  # sequence, the one after, offset

    def produce(self, packet: Packet) -> Produced:
        header = read_header(packet.data)
        first, after = header.base_sequence, header.base_sequence + header.count
        known = self._remembered.setdefault(header.producer_id, [])
        for sequence, next_sequence, offset in known[-LANES:]:
            if (sequence, next_sequence) == (first, after):
                return answer(0, offset)
        if known and first != known[-1][1]:
            return answer(46 if after <= known[-1][1] else 45)
        known.append((first, after, self.end))
        return answer(0, self.append(packet.data))

    def append(self, data: bytes | bytearray) -> int:
        offset = self.end
        self.log.append(struct.pack(">q", offset) + bytes(data[8:]))
        self.end += read_header(data).count
        return offset

    def fetch(self, offset: int) -> Fetched:
        found = b"".join(data for data in self.log if struct.unpack_from(">q", data)[0] >= offset)
        return Fetched("orders", 0, None, 0, self.end, self.end, 0, memoryview(found))

    def values(self) -> list[bytes | None]:
        content = b"".join(self.log)
        return [record.value for found in batches(content) for record in decode(content, found)]


def answer(code: int, offset: int = -1) -> Produced:
    return Produced("orders", 0, code, KafkaError(f"error {code}") if code else None, offset, 0)


def task(archive: Archive, **fields: Any) -> SendTask:
    values: dict[str, Any] = {"start": 0, "there": 0, "leader": 1, **fields}
    return SendTask(archive.partition, "orders", "", producer_id=PRODUCER, producer_epoch=0, **values)


def sending(archive: Archive, **fields: Any) -> PartitionSend:
    return PartitionSend(task(archive, **fields), ArchivedRecords(archive.reader(), archive.partition, committed=True))


def step(partition: PartitionSend, broker: Broker) -> bool:
    """Send one batch and look at what is there; tell whether there is more to do."""
    packet = partition.next_packet()
    if packet is not None:
        partition.answered(packet, broker.produce(packet))
    while partition.to_check:
        partition.check(broker.fetch(partition.read_back.position), is_first=True)
    return not partition.is_done


def finish(partition: PartitionSend, broker: Broker) -> None:
    while step(partition, broker):
        pass


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Eight batches of different sizes."""
    sizes = (3, 1, 4, 2, 5, 1, 1, 3)
    return Archive(tmp_path / "store", ([numbered(sum(sizes[:n]), size) for n, size in enumerate(sizes)], sum(sizes)))


def wanted(archive: Archive) -> list[bytes]:
    return [b"%d" % number for number in range(archive.partition.records)]


def test_all_records_arrive(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    finish(partition, broker)
    assert broker.values() == wanted(archive)
    sent = partition.result()
    assert (sent.records, sent.sent, sent.bytes) == (20, 20, archive.partition.bytes)
    assert sent.map.translate(13).offset == 13


def test_records_go_behind_what_is_there(archive: Archive) -> None:
    broker = Broker(100)
    partition = sending(archive, start=100, asked=(4, 20))
    finish(partition, broker)
    assert broker.values() == wanted(archive)
    assert partition.end == broker.end == 120
    assert partition.result().map.translate(4).offset == 104


@pytest.mark.parametrize("there", [0, 1, 3, 7])
def test_a_later_run_goes_on(archive: Archive, there: int) -> None:
    broker = Broker()
    first = sending(archive)
    for _batch in range(there):
        step(first, broker)
    second = sending(archive, there=broker.end)
    before = broker.end
    finish(second, broker)
    assert broker.values() == wanted(archive)
    assert (second.result().records, second.result().sent) == (20, 20 - before)


def test_a_run_may_go_on_from_an_end_that_lags_behind(archive: Archive) -> None:
    broker = Broker()
    first = sending(archive)
    for _batch in range(4):
        step(first, broker)
    finish(sending(archive, there=4), broker)  # two batches more are there than the brokers told
    assert broker.values() == wanted(archive)


def test_trouble_while_what_is_there_is_read_back_is_not_another_writer(archive: Archive) -> None:
    broker = Broker()
    finish(sending(archive), broker)
    later = sending(archive, there=broker.end)
    later.trouble = KafkaError("no leader")
    later.resume(broker.end)
    assert later.trouble is None
    finish(later, broker)
    assert later.result().sent == 0
    another = sending(archive, there=10)
    with pytest.raises(VerificationFailed, match="Somebody else"):
        another.resume(11)


def test_patience_begins_anew_when_something_is_found_right(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    finish_sending(partition, broker)
    partition.stuck_since = 1.0
    nothing = Fetched("orders", 0, None, 0, 20, 20, 0, memoryview(b""))
    partition.check(nothing, is_first=False)
    assert partition.stuck_since == 1.0
    assert partition.check(broker.fetch(0), is_first=True) > 0
    assert partition.stuck_since is None


def test_nothing_is_sent_where_all_is_there(archive: Archive) -> None:
    broker = Broker()
    finish(sending(archive), broker)
    again = sending(archive, there=20)
    finish(again, broker)
    assert again.result().sent == 0
    assert broker.values() == wanted(archive)


def test_transactions_shift_offsets(tmp_path: Path) -> None:
    content = [transactional(0, 2, 7), marker(2, 7, commit=False), numbered(3, 2), transactional(5, 1, 7)]
    archive = Archive(tmp_path, ([*content, marker(6, 7, commit=True)], 7))
    broker = Broker()
    partition = sending(archive, asked=(0, 4, 7))
    finish(partition, broker)
    assert broker.values() == [b"3", b"4", b"5"]
    assert [partition.result().map.translate(offset).offset for offset in (0, 3, 4, 5, 7)] == [0, 0, 1, 2, 3]


def test_a_packet_that_was_answered_out_of_turn_is_not_forgotten(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    packets = [partition.next_packet() for _packet in range(3)]
    answers = [broker.produce(packet) for packet in packets if packet is not None]
    for number in (2, 0, 1):
        packet = packets[number]
        assert packet is not None
        partition.answered(packet, answers[number])
    assert partition.flying == 0
    finish(partition, broker)
    assert broker.values() == wanted(archive)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_whatever_gets_lost_records_arrive_once(archive: Archive, seed: int) -> None:
    """Requests and answers get lost, runs die; requests that were under way arrive late, also twice."""
    chance = random.Random(seed)
    broker = Broker()
    partition = sending(archive)
    late: list[Packet] = []
    for _turn in range(400):
        if partition.is_done:
            break
        if late and chance.random() < 0.2:
            broker.produce(late.pop(0))  # in their order: a connection keeps it
        flying = []
        for _lane in range(chance.randrange(1, LANES + 1) if partition.is_in_step else 1):
            packet = partition.next_packet()
            if packet is not None:
                flying.append(packet)
        broken = chance.random() < 0.3
        for number, packet in enumerate(flying):
            if broken and chance.random() < 0.4:
                late = flying[number:]
                partition.trouble = KafkaError("the connection broke")
                break
            got = broker.produce(packet)
            if broken and chance.random() < 0.4:
                late = flying[number + 1 :]
                partition.trouble = KafkaError("the answer got lost")
                break
            partition.answered(packet, got)
        if partition.trouble is not None or chance.random() < 0.05:
            if chance.random() < 0.4:
                partition = sending(archive, there=broker.end)  # the run died, another one goes on
            else:
                partition.resume(broker.end)
        if partition.to_check:
            partition.check(broker.fetch(partition.read_back.position), is_first=True)
    assert partition.is_done
    assert broker.values() == wanted(archive)


@pytest.mark.parametrize("code", [6, 7, 19, 45])
def test_what_may_pass_is_trouble_and_tried_again(archive: Archive, code: int) -> None:
    partition, broker = sending(archive), Broker()
    packet = partition.next_packet()
    assert packet is not None
    partition.answered(packet, answer(code))
    assert partition.trouble is not None
    partition.resume(broker.end)
    assert partition.trouble is None
    finish(partition, broker)
    assert broker.values() == wanted(archive)


def test_what_does_not_pass_is_raised(archive: Archive) -> None:
    partition = sending(archive)
    packet = partition.next_packet()
    assert packet is not None
    with pytest.raises(KafkaError, match="error 10"):
        partition.answered(packet, answer(10))


def test_a_duplicate_counts_as_arrived(archive: Archive) -> None:
    partition = sending(archive)
    packet = partition.next_packet()
    assert packet is not None
    partition.answered(packet, answer(46))
    assert partition.flying == 0


def test_records_that_vanish_are_trouble(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    step(partition, broker)
    partition.resume(0)
    assert partition.trouble is not None
    assert partition.trouble.code == "records_lost"
    partition.resume(broker.end)
    assert partition.trouble is None


def test_another_writer_shows_in_an_answer(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    step(partition, broker)
    broker.append(batch(0, [b"foreign"]))
    with pytest.raises(VerificationFailed, match="Somebody else"):
        step(partition, broker)


@pytest.mark.parametrize("end", [2, 21])
def test_another_writer_shows_in_the_end_of_the_log(archive: Archive, end: int) -> None:
    """Within a batch, or beyond all that was sent."""
    partition = sending(archive)
    partition.next_packet()
    with pytest.raises(VerificationFailed, match="Somebody else"):
        partition.resume(end)


@pytest.mark.parametrize("there", [2, 6, 21])
def test_another_writer_shows_when_a_run_goes_on(archive: Archive, there: int) -> None:
    partition = sending(archive, there=there)
    with pytest.raises(VerificationFailed, match="Somebody else"):
        finish(partition, Broker())


def test_records_that_are_packed_otherwise_are_left_to_be_compared(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    finish_sending(partition, broker)
    broker.log[3] = struct.pack(">q", 8) + batch(8, [b"8", b"9"], codec=3)[8:]
    while partition.to_check:
        partition.check(broker.fetch(partition.read_back.position), is_first=True)
    assert partition.read_back.differs
    assert partition.is_done


def finish_sending(partition: PartitionSend, broker: Broker) -> None:
    while not partition.is_sent:
        packet = partition.next_packet()
        if packet is not None:
            partition.answered(packet, broker.produce(packet))


def test_a_damaged_answer_is_asked_for_again_but_not_for_ever(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    finish_sending(partition, broker)
    right = broker.log[0]
    broker.log[0] = right[:-1] + bytes([right[-1] ^ 1])
    for _time in range(2):
        assert partition.check(broker.fetch(0), is_first=True) == 0
    broker.log[0] = right
    assert partition.check(broker.fetch(0), is_first=True) == archive.partition.bytes
    other = sending(archive)
    finish_sending(other, Broker())
    damaged = Fetched("orders", 0, None, 0, 20, 20, 0, memoryview(right[:-1] + b"?"))
    for _time in range(2):
        assert other.check(damaged, is_first=True) == 0
    with pytest.raises(KafkaError, match="wrong checksum"):
        other.check(damaged, is_first=True)


def test_a_broker_that_gives_nothing_is_trouble(archive: Archive) -> None:
    partition, broker = sending(archive), Broker()
    finish_sending(partition, broker)
    nothing = Fetched("orders", 0, None, 0, 20, 20, 0, memoryview(b""))
    for _time in range(5):
        partition.check(nothing, is_first=False)
    assert partition.trouble is None
    for _time in range(3):
        partition.check(nothing, is_first=True)
    assert partition.trouble is not None
