# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a broker's batches, sent to the broker: it takes all of it, and consumers read the same records."""

from __future__ import annotations

import itertools

import pytest
from unit.records.kafka_python import written_legacy

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records import decode
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.codecs import NAMES
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.outgoing import Rules, outgoing, same, stamp
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.scan import scan
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.transactions import Outcomes
from testbed.reading import Record, check_same, read_topic
from testbed.records import KINDS, Place, make
from testbed.topics import Topics

NODE = 1
FAR = 1 << 62
EVERYTHING = Rules(0, FAR)
_names = (f"records-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def place(kafka):
    return Place.of(kafka)


@pytest.fixture(scope="module")
def wire(kafka):
    with Wire(KafkaSettings.from_options(kafka.options)) as wire:
        yield wire


@pytest.fixture(scope="module")
def codecs_topic(place):
    return source_of(place, "codecs")


def source_of(place, kind):
    name = next(_names)
    make(place, kind, name)
    return name


def target_for(place, wire, partitions=1):
    """Make a topic that takes large batches, and wait until its leaders answer for it."""
    name = next(_names)
    Topics(place.client).create(name, partitions, {"max.message.bytes": 10_000_000})
    assert set(wire.offsets("latest", [(name, number) for number in range(partitions)]).values()) == {0}
    return name


def log_of(wire, topic, partition):
    """Fetch a whole partition; every batch is checked on the way."""
    where = (topic, partition)
    offset, end = wire.offsets("earliest", [where])[where], wire.offsets("latest", [where])[where]
    topic_id = wire.topics([topic])[topic].topic_id
    log = bytearray()
    while offset < end:
        want = Want(topic, topic_id, partition, offset, 4 << 20)
        answer = wire.run(
            wire.fetch(NODE, [want], max_bytes=4 << 20, max_wait=1, min_bytes=1, isolation="uncommitted")
        )[0]
        assert answer.error is None
        found = scan(answer.records, 0, len(answer.records), expected=offset, stop=end)
        assert found.batches > 0
        log += answer.records[: found.bytes]
        offset = found.next_offset
    return bytes(log)


def send(wire, topic, partition, packets):
    """Send batches as an idempotent producer does; what the broker has of them must be the same bytes."""
    topic_id = wire.topics([topic])[topic].topic_id
    producer, epoch = wire.init_producer()
    sequence = 0
    for packet in packets:
        stamp(packet.data, producer, epoch, sequence)
        answer = wire.run(wire.produce(NODE, [(topic, topic_id, partition, packet.data)], timeout=30))[0]
        assert (answer.code, answer.base_offset) == (0, sequence), answer
        sequence += packet.records
    stored = log_of(wire, topic, partition)
    for packet, batch in zip(packets, batches(stored), strict=True):
        assert same(packet, stored, batch)


def copy(wire, source, target, partitions, **rules):
    """Send all that rules leave of a topic to another one; give the numbers of batches sent as they were, and anew."""
    as_they_were = anew = 0
    for partition in range(partitions):
        log = log_of(wire, source, partition)
        outcomes = Outcomes()
        for batch in batches(log):
            outcomes.observe(log, batch)
        start = wire.offsets("earliest", [(source, partition)])[source, partition]  # perhaps within a batch
        chosen = Rules(**{"start": start, "next": FAR, "aborted": outcomes.finish(), **rules})
        packets = []
        for batch in batches(log):
            for packet in outgoing(log, batch, chosen):
                packets.append(packet)
                verbatim = packet.data[61:] == log[batch.at + 61 : batch.at + batch.size]
                as_they_were += verbatim
                anew += not verbatim
                assert rules.get("codec") is not None or len(packet.data) <= batch.size
        send(wire, target, partition, packets)
    return as_they_were, anew


@pytest.mark.parametrize("kind", ["keys", "values", "headers", "codecs", "idempotent", "transactions", "large"])
def test_what_kafka_takes_comes_back_as_it_was(place, wire, kind):
    partitions = KINDS[kind].partitions
    source, target = source_of(place, kind), target_for(place, wire, partitions)
    as_they_were, anew = copy(wire, source, target, partitions)
    assert as_they_were > 0
    assert anew == 0
    check_same(read_topic(place.client, source), read_topic(place.client, target))


@pytest.mark.parametrize(
    "kind", ["log-append-time", "compacted", "compacted-log-append-time", "compacted-transactions", "trimmed"]
)
def test_what_is_rebuilt_holds_the_same_records(place, wire, kind):
    partitions = KINDS[kind].partitions
    source, target = source_of(place, kind), target_for(place, wire, partitions)
    _as_they_were, anew = copy(wire, source, target, partitions)
    assert anew > 0 or kind == "trimmed"  # by chance, its log may begin with a batch
    check_same(read_topic(place.client, source), read_topic(place.client, target))


@pytest.mark.parametrize("kind", ["transactions", "compacted-transactions"])
def test_uncommitted_records_come_back_where_they_are_wanted(place, wire, kind):
    source, target = source_of(place, kind), target_for(place, wire, 2)
    copy(wire, source, target, 2, committed=False)
    check_same(
        read_topic(place.client, source, isolation="uncommitted"),
        read_topic(place.client, target),
    )


@pytest.mark.parametrize("codec", range(5), ids=NAMES)
def test_broker_takes_what_is_packed_anew(place, wire, codec, codecs_topic):
    target = target_for(place, wire, 2)
    copy(wire, codecs_topic, target, 2, codec=codec)
    log = log_of(wire, target, 0)
    assert {batch.codec for batch in batches(log)} == {codec}
    check_same(read_topic(place.client, codecs_topic), read_topic(place.client, target))


def test_broker_takes_the_edges_of_a_window(place, wire, codecs_topic):
    target = target_for(place, wire, 2)
    assert copy(wire, codecs_topic, target, 2, start=7, next=1_333)[1] >= 2
    wanted = {
        partition: [record for record in records if 7 <= record.offset < 1_333]
        for partition, records in read_topic(place.client, codecs_topic).items()
    }
    check_same(wanted, read_topic(place.client, target))


@pytest.mark.parametrize(("magic", "codec"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)])
def test_broker_takes_old_entries_rebuilt(place, wire, magic, codec):
    old = [
        decode.Record(offset, 1_000_000 + offset if magic else -1, None if offset % 3 else b"k", b"v" * offset, ())
        for offset in (4, 5, 6, 9, 200)
    ]
    log = written_legacy(old, magic=magic, codec=codec)
    target = target_for(place, wire)
    send(wire, target, 0, [packet for batch in batches(log) for packet in outgoing(log, batch, EVERYTHING)])
    wanted = [Record(each.offset, False, each.timestamp, each.key, each.value, ()) for each in old]
    check_same({0: wanted}, read_topic(place.client, target))
