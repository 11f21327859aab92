# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw batches, offsets and metadata of a real broker."""

from __future__ import annotations

import hashlib
import itertools
import struct

import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.outgoing import stamp
from testbed.reading import check_same, read_topic
from testbed.records import LARGE, Message, numbered, open_transaction, send
from testbed.topics import Topics

MIB = 1 << 20
NODE = 1
_names = (f"wire-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def topics(kafka):
    return Topics(kafka.client)


@pytest.fixture
def wire(kafka):
    with Wire(KafkaSettings.from_options(kafka.options)) as wire:
        yield wire


@pytest.fixture
def topic(topics):
    """A topic of three partitions."""
    name = next(_names)
    topics.create(name, 3)
    return name


def fetch(wire, *wants, max_bytes=16 * MIB, isolation="uncommitted"):
    return wire.run(wire.fetch(NODE, wants, max_bytes=max_bytes, max_wait=0, min_bytes=0, isolation=isolation))


def want(wire, topic, partition, offset=0, max_bytes=16 * MIB):
    return Want(topic, wire.topics([topic])[topic].topic_id, partition, offset, max_bytes)


def create(wire, topics, partitions, configs=None):
    """Make a topic, and wait until its leaders answer for it; the name and the id."""
    name = next(_names)
    topics.create(name, partitions, configs)
    assert set(wire.offsets("latest", [(name, number) for number in range(partitions)]).values()) == {0}
    return name, wire.topics([name])[name].topic_id


def copies(records):
    """The batches of fetched records as a client may send them: base offset 0, and no leader epoch."""
    for batch in batches(records):
        data = bytearray(records[batch.at : batch.at + batch.size])
        data[:8] = bytes(8)
        data[12:16] = b"\xff" * 4
        yield data, batch.count


def test_topics_are_described_with_their_ids(kafka, wire, topic):
    admin = AdminClient(kafka.client)
    described = admin.describe_topics(TopicCollection([topic]))[topic].result(timeout=30)
    low = struct.pack(
        ">qq", described.topic_id.get_most_significant_bits(), described.topic_id.get_least_significant_bits()
    )
    found = wire.topics([topic])[topic]
    assert (found.name, found.topic_id, found.internal, found.error) == (topic, low.hex(), False, None)
    assert {
        number: (part.leader, part.replicas, part.isr) for number, part in found.partitions.items()
    } == dict.fromkeys(range(3), (NODE, (NODE,), (NODE,)))
    assert wire.cluster_id == admin.list_topics(timeout=30).cluster_id
    assert wire.brokers == [NODE]
    assert wire.leader(topic, 2) == NODE
    assert wire.leader(topic, 3) == -1


def test_all_topics_are_given_where_none_is_named(wire, topics, topic):
    assert set(wire.topics()) == topics.names() >= {topic}


def test_topics_that_do_not_exist_are_values_and_are_not_created(wire, topics, topic):
    names = [f"nothing-{number}" for number in range(1200)]  # more than go into one request
    found = wire.topics([*names, topic])
    assert {name: (each.error, each.partitions) for name, each in found.items() if name != topic} == {
        name: ("UNKNOWN_TOPIC_OR_PARTITION", {}) for name in names
    }
    assert not topics.names() & set(names)


def test_offsets_are_those_of_the_log(kafka, wire, topics, topic):
    send(kafka.client, topic, numbered(90, partitions=3))
    topics.trim(topic, {1: 7})
    with open_transaction(kafka.client, topic, [Message(b"k", b"v", partition=2)]):
        partitions = [(topic, number) for number in range(3)]
        assert wire.offsets("earliest", partitions) == {(topic, 0): 0, (topic, 1): 7, (topic, 2): 0}
        assert wire.offsets("latest", partitions) == {(topic, 0): 30, (topic, 1): 30, (topic, 2): 31}
        assert wire.offsets("stable", partitions) == {(topic, 0): 30, (topic, 1): 30, (topic, 2): 30}


def test_what_cannot_be_answered_is_a_value_beside_what_can(kafka, wire, topic):
    send(kafka.client, topic, numbered(3, partitions=3))
    asked = [(topic, 0), (topic, 3), ("nothing", 0)]
    for found in (
        wire.offsets("latest", asked),
        wire.epoch_ends(dict.fromkeys(asked, 0)),
        wire.headers(dict.fromkeys(asked, 0)),
    ):
        assert list(found) == asked
        assert not isinstance(found[topic, 0], KafkaError)
        for missing in asked[1:]:
            assert found[missing].code == "unknown_topic"
            assert found[missing].facts == {"kafka_error": "UNKNOWN_TOPIC_OR_PARTITION"}


def test_an_epoch_ends_where_the_log_ends_when_it_is_the_last(kafka, wire, topic):
    send(kafka.client, topic, numbered(30, partitions=3))
    assert wire.epoch_ends({(topic, 0): 0, (topic, 1): 0}) == {(topic, 0): (0, 10), (topic, 1): (0, 10)}


def test_fetched_records_are_the_brokers_segment_byte_for_byte(kafka, wire, topic):
    send(kafka.client, topic, numbered(3000, partitions=3), compression_type="zstd", linger_ms=5)
    found = fetch(wire, *(want(wire, topic, number) for number in range(3)))
    for each in found:
        segment = kafka.data / f"{topic}-{each.partition}" / "00000000000000000000.log"
        assert bytes(each.records) == segment.read_bytes()
        assert (each.error, each.code, each.high_watermark, each.last_stable, each.log_start) == (
            None,
            0,
            1000,
            1000,
            0,
        )


def test_topics_go_by_name_where_no_id_is_known(kafka, wire, topic):
    send(kafka.client, topic, numbered(300, partitions=3))
    by_id = want(wire, topic, 1)
    [one], [other] = fetch(wire, by_id), fetch(wire, by_id._replace(topic_id=""))
    assert other == one
    assert len(one.records) > 0


def test_fetching_begins_with_the_batch_that_holds_the_offset(kafka, wire, topic):
    send(kafka.client, topic, numbered(100), linger_ms=100)
    whole = want(wire, topic, 0)
    [from_start] = fetch(wire, whole)
    spans = [(batch.base_offset, batch.last_offset) for batch in batches(from_start.records)]
    for offset in (0, 1, 50, 99):
        [found] = fetch(wire, whole._replace(offset=offset))
        first = next(batches(found.records))
        assert (first.base_offset, first.last_offset) == next(span for span in spans if span[0] <= offset <= span[1])
        assert first.base_offset <= offset <= first.last_offset


def test_a_committed_fetch_ends_at_the_last_stable_offset(kafka, wire, topic):
    send(kafka.client, topic, numbered(10))
    with open_transaction(kafka.client, topic, numbered(5, first=10)):
        send(kafka.client, topic, numbered(10, first=15))
        asked = want(wire, topic, 0)
        [committed], [everything] = (fetch(wire, asked, isolation=which) for which in ("committed", "uncommitted"))
    assert (committed.last_stable, committed.high_watermark) == (10, 25)
    assert [batch.last_offset for batch in batches(committed.records)][-1] == 9
    assert [batch.last_offset for batch in batches(everything.records)][-1] == 24


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(kafka, wire, topics, topic):
    send(kafka.client, topic, numbered(3, partitions=3))
    before = want(wire, topic, 0)
    topics.recreate(topic)
    send(kafka.client, topic, numbered(3, partitions=3))
    [found] = fetch(wire, before)
    assert (found.error.code, found.error.facts["kafka_error"]) == ("unknown_topic", "UNKNOWN_TOPIC_ID")
    assert len(found.records) == 0
    assert wire.topics([topic])[topic].topic_id != before.topic_id


def test_an_offset_out_of_the_log_is_a_value(kafka, wire, topic):
    send(kafka.client, topic, numbered(3, partitions=3))
    beyond, fine = fetch(wire, want(wire, topic, 0, offset=2), want(wire, topic, 1))
    assert (beyond.code, beyond.error.code, beyond.error.object_name) == (1, "offset_out_of_range", f"{topic}/0")
    assert (fine.code, fine.error, len(fine.records) > 0) == (0, None, True)


def test_headers_are_those_of_the_batches_at_the_offsets(kafka, wire, topics, topic):
    send(kafka.client, topic, numbered(3000, partitions=2), linger_ms=5, batch_size=5000)
    large = next(_names)
    topics.create(large, 2, {"max.message.bytes": 6_000_000})
    for number in range(2):
        send(kafka.client, large, [Message(b"k", b"v" * LARGE, partition=number)], message_max_bytes=6_000_000)
    wanted = {(topic, 0): 700, (topic, 1): 0, (topic, 2): 0, (large, 0): 0, (large, 1): 0}
    whole = {}
    for (name, number), offset in wanted.items():
        [found] = fetch(wire, want(wire, name, number, offset))
        whole[name, number] = bytes(found.records[:61])
    assert whole[topic, 2] == b""
    assert [len(header) for header in whole.values()].count(61) == 4
    assert wire.headers(wanted) == whole


def test_a_header_beyond_the_log_is_an_error(kafka, wire, topic):
    send(kafka.client, topic, numbered(3, partitions=3))
    found = wire.headers({(topic, 0): 1, (topic, 1): 2})
    assert found[topic, 0] == b""
    assert found[topic, 1].code == "offset_out_of_range"


def test_a_batch_beyond_all_limits_comes_whole(kafka, wire, topics):
    name = next(_names)
    topics.create(name, 1, {"max.message.bytes": 6_000_000})
    send(kafka.client, name, [Message(b"k", b"v" * LARGE)], message_max_bytes=6_000_000)
    [found] = fetch(wire, want(wire, name, 0, max_bytes=1000), max_bytes=1000)
    assert [batch.count for batch in batches(found.records)] == [1]


def test_an_answer_beyond_the_limit_is_said_to_be_too_large(kafka, topics):
    name = next(_names)
    topics.create(name, 1, {"max.message.bytes": 6_000_000})
    send(kafka.client, name, [Message(b"k", b"v" * LARGE)], message_max_bytes=6_000_000)
    with Wire(KafkaSettings.from_options(kafka.options), receive_bytes=MIB) as wire:
        with pytest.raises(KafkaError, match=r"an answer of 50\d+ bytes, more than the 1048576") as caught:
            fetch(wire, want(wire, name, 0))
        assert caught.value.code == "too_large"
        assert wire.offsets("latest", [(name, 0)]) == {(name, 0): 1}  # and the wire goes on


def test_records_stay_what_they_are_while_somebody_holds_them(kafka, wire, topic):
    send(kafka.client, topic, numbered(30_000, size=500), compression_type="none")
    held, digests, offset = [], [], 0
    asked = want(wire, topic, 0, max_bytes=MIB)
    while offset < 30_000:
        [found] = fetch(wire, asked._replace(offset=offset))
        held.append(found.records)
        digests.append(hashlib.sha256(found.records).digest())
        offset = [batch.next_offset for batch in batches(found.records)][-1]
    assert len(held) > 10
    assert [hashlib.sha256(records).digest() for records in held] == digests


def test_batches_come_back_as_they_were_sent(kafka, wire, topics, topic):
    send(kafka.client, topic, numbered(3000, partitions=3), compression_type="lz4", linger_ms=5)
    target, target_id = create(wire, topics, 3)
    sources = fetch(wire, *(want(wire, topic, number) for number in range(3)))
    for each in sources:
        for by, (data, _count) in zip(itertools.cycle([target_id, ""]), copies(each.records), strict=False):
            [done] = wire.run(wire.produce(NODE, [(target, by, each.partition, data)], timeout=10))
            assert (done.topic, done.partition, done.code, done.error) == (target, each.partition, 0, None)
    for source, copy in zip(sources, fetch(wire, *(want(wire, target, number) for number in range(3))), strict=True):
        assert bytes(copy.records) == bytes(source.records)
    check_same(read_topic(kafka.client, topic), read_topic(kafka.client, target))


def test_what_one_partition_refuses_another_takes(kafka, wire, topics, topic):
    send(kafka.client, topic, numbered(200, size=2000), linger_ms=5, compression_type="none")
    [found] = fetch(wire, want(wire, topic, 0))
    [good, *_rest] = [data for data, _count in copies(found.records)]
    broken = bytearray(good)
    broken[100] ^= 1
    target, target_id = create(wire, topics, 3, {"max.message.bytes": len(good)})
    large, large_id = create(wire, topics, 1, {"max.message.bytes": len(good) - 1})
    asked = [
        (target, target_id, 0, good),
        (target, target_id, 1, broken),
        (large, large_id, 0, good),
        (target, target_id, 7, good),
        (target, target_id, 2, memoryview(good)),
    ]
    done = wire.run(wire.produce(NODE, asked, timeout=10))
    assert [(each.topic, each.partition) for each in done] == [(name, number) for name, _id, number, _data in asked]
    assert [(each.code, each.error and each.error.code) for each in done] == [
        (0, None),
        (2, "corrupt_message"),
        (10, "too_large"),
        (3, "unknown_topic"),
        (0, None),
    ]
    assert [each.base_offset for each in done] == [0, -1, -1, -1, 0]


def test_requests_that_were_begun_together_arrive_in_order(kafka, wire, topics, topic):
    """An idempotent producer's sequence has no gaps, so that the broker refuses whatever comes too early."""
    send(kafka.client, topic, numbered(10), linger_ms=100)
    [found] = fetch(wire, want(wire, topic, 0))
    [(batch, count), *_rest] = list(copies(found.records))
    target, target_id = create(wire, topics, 2)
    producer, epoch = wire.init_producer()
    requests = []
    for number in range(200):
        pair = []
        for partition in range(2):
            data = bytearray(batch)
            stamp(data, producer, epoch, number * count)
            pair.append((target, target_id, partition, data))
        requests.append(wire.produce(NODE, pair, timeout=10))
    done = wire.run(wire.gather(*requests))
    assert [[(each.partition, each.code, each.base_offset) for each in pair] for pair in done] == [
        [(partition, 0, number * count) for partition in range(2)] for number in range(200)
    ]
    late = bytearray(batch)
    stamp(late, producer, epoch, 1000 * count)
    [refused] = wire.run(wire.produce(NODE, [(target, target_id, 0, late)], timeout=10))
    assert refused.error.facts["kafka_error"] == "OUT_OF_ORDER_SEQUENCE_NUMBER"


def test_every_producer_is_another_one(wire):
    producers = [wire.init_producer() for _number in range(3)]
    assert len({producer for producer, _epoch in producers}) == 3
    assert {epoch for _producer, epoch in producers} == {0}


def test_coroutines_ask_for_themselves(kafka, wire, topic):
    send(kafka.client, topic, numbered(30, partitions=3))

    async def everything():
        await wire.sleep(0)
        found = await wire.ask_topics([topic])
        ends = await wire.ask_offsets("latest", [(topic, number) for number in found[topic].partitions])
        epochs = await wire.ask_epoch_ends(dict.fromkeys(ends, 0))
        headers = await wire.ask_headers(dict.fromkeys(ends, 0))
        return list(ends.values()), list(epochs.values()), [len(each) for each in headers.values()]

    assert wire.run(everything()) == ([10] * 3, [(0, 10)] * 3, [61] * 3)
