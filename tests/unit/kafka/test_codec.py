# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers that are written and read by hand, held to kafka-python's own codec in every version."""

from __future__ import annotations

import struct
import uuid
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.protocol.producer import ProduceRequest, ProduceResponse

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.fetching import (
    Want,
    decode_fetch,
    fetch_request,
    fetched,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.producing import (
    decode_produce,
    produce_request,
    produced,
)

IDS = {"orders": uuid.UUID(int=1).hex, "käse": uuid.UUID(int=1 << 100).hex}
OFFSETS = st.integers(-1, 2**63 - 1)
CODES = st.sampled_from([0, 0, 0, 1, 3, 6, 29, 75, 999])


class Broker(SimpleNamespace):
    """A connection to a broker that knows versions up to a given one."""

    def version(self, _api_key, _lowest, highest):
        return min(self.newest, highest)


def body_of(request):
    """A request's body, and the version that its header names."""
    request.with_header(correlation_id=7, client_id="me")
    encoded = request.encode(framed=True, header=True)
    length, api_key, version, correlation, name = struct.unpack_from(">ihhih", encoded)
    assert (length, api_key, correlation, name) == (len(encoded) - 4, request.API_KEY, 7, 2)
    at = 14 + name
    if request.flexible:
        assert encoded[at] == 0
        at += 1
    return encoded[at:], version


def leader(part_of, version):
    """The tagged field by which a broker tells who leads instead."""
    return {"current_leader": part_of.LeaderIdAndEpoch(leader_id=3, leader_epoch=4, version=version)}


@pytest.mark.parametrize("version", range(4, 18))
@settings(deadline=None)
@given(
    partitions=st.lists(
        st.tuples(st.sampled_from(list(IDS)), st.integers(0, 999), CODES, OFFSETS, OFFSETS, OFFSETS, st.binary()),
        unique_by=lambda each: each[:2],
    ),
    aborted=st.lists(st.tuples(OFFSETS, OFFSETS), max_size=3),
    moved=st.booleans(),
    throttled=st.integers(0, 10_000),
)
def test_fetch_answers_are_read_as_they_are_meant(version, partitions, aborted, moved, throttled):
    topic_of = FetchResponse.FetchableTopicResponse
    part_of = topic_of.PartitionData
    topics = {}
    for topic, number, code, high, stable, start, records in partitions:
        found = topics.setdefault(
            topic, topic_of(topic=topic, topic_id=uuid.UUID(IDS[topic]), partitions=[], version=version)
        )
        found.partitions.append(
            part_of(
                version=version,
                partition_index=number,
                error_code=code,
                high_watermark=high,
                last_stable_offset=stable,
                log_start_offset=start,
                aborted_transactions=[
                    part_of.AbortedTransaction(producer_id=producer, first_offset=first, version=version)
                    for producer, first in aborted
                ],
                records=records or None,
                **(leader(part_of, version) if moved and version >= 12 else {}),
            )
        )
    answer = FetchResponse(version=version, throttle_time_ms=throttled, error_code=0, responses=list(topics.values()))
    data = b"head" + bytes(answer.encode(version=version))
    decoded = decode_fetch(memoryview(data), 4, version)
    assert (decoded.throttle_time_ms, decoded.error_code) == (throttled, 0)
    wants = [Want(topic, IDS[topic], number, 0, 1) for topic, number, *_rest in partitions]
    assert [
        (each.topic, each.partition, each.code, each.high_watermark, each.last_stable, each.log_start, each.records)
        for each in fetched(wants, decoded)
    ] == [
        (topic, number, code, high, stable, start if version >= 5 else -1, records)
        for topic, number, code, high, stable, start, records in partitions
    ]
    assert all((each.error is None) == (each.code == 0) for each in fetched(wants, decoded))


@pytest.mark.parametrize("newest", range(4, 19))
@pytest.mark.parametrize("with_ids", [True, False])
def test_fetch_requests_name_topics_by_id_where_that_is_possible(newest, with_ids):
    wants = [
        Want("orders", IDS["orders"] if with_ids else "", 3, 100, 1 << 20, 5),
        Want("käse", IDS["käse"] if with_ids else "", 0, 7, 1 << 10),
        Want("orders", IDS["orders"] if with_ids else "", 4, 101, 1 << 20, 5),
    ]
    request = fetch_request(Broker(newest=newest), wants, max_bytes=9, max_wait=0.25, min_bytes=8, committed=True)
    body, version = body_of(request)
    assert version == (min(newest, 17) if with_ids else min(newest, 12))
    read = FetchRequest.decode(body, version=version)
    assert (read.max_wait_ms, read.min_bytes, read.max_bytes, read.isolation_level) == (250, 8, 9, 1)
    if version >= 7:
        assert (read.session_id, read.session_epoch) == (0, -1)
    name = (lambda topic: topic.topic_id.hex) if version >= 13 else (lambda topic: topic.topic)
    names = IDS if version >= 13 else {topic: topic for topic in IDS}
    assert {
        name(topic): [(each.partition, each.fetch_offset, each.partition_max_bytes) for each in topic.partitions]
        for topic in read.topics
    } == {names["orders"]: [(3, 100, 1 << 20), (4, 101, 1 << 20)], names["käse"]: [(0, 7, 1 << 10)]}
    if version >= 9:
        assert [each.current_leader_epoch for topic in read.topics for each in topic.partitions] == [5, 5, -1]


@pytest.mark.parametrize("version", range(3, 14))
@settings(deadline=None)
@given(
    partitions=st.lists(
        st.tuples(st.sampled_from(list(IDS)), st.integers(0, 999), CODES, OFFSETS, OFFSETS, st.none() | st.text()),
        unique_by=lambda each: each[:2],
    ),
    blamed=st.lists(st.tuples(st.integers(0, 9), st.none() | st.text(max_size=9)), max_size=2),
    moved=st.booleans(),
)
def test_produce_answers_are_read_as_they_are_meant(version, partitions, blamed, moved):
    topic_of = ProduceResponse.TopicProduceResponse
    part_of = topic_of.PartitionProduceResponse
    topics = {}
    for topic, number, code, base, start, said in partitions:
        found = topics.setdefault(
            topic, topic_of(name=topic, topic_id=uuid.UUID(IDS[topic]), partition_responses=[], version=version)
        )
        found.partition_responses.append(
            part_of(
                version=version,
                index=number,
                error_code=code,
                base_offset=base,
                log_start_offset=start,
                record_errors=[
                    part_of.BatchIndexAndErrorMessage(batch_index=at, batch_index_error_message=why, version=version)
                    for at, why in (blamed if version >= 8 else [])
                ],
                error_message=said,
                **(leader(part_of, version) if moved and version >= 10 else {}),
            )
        )
    answer = ProduceResponse(version=version, responses=list(topics.values()), throttle_time_ms=5)
    data = b"head" + bytes(answer.encode(version=version))
    decoded = decode_produce(memoryview(data), 4, version)
    assert decoded.throttle_time_ms == 5
    batches = [(topic, IDS[topic], number, b"") for topic, number, *_rest in partitions]
    results = produced(batches, decoded)
    assert [(each.topic, each.partition, each.code, each.base_offset, each.log_start) for each in results] == [
        (topic, number, code, base, start if version >= 5 else -1)
        for topic, number, code, base, start, _said in partitions
    ]
    for each, (*_rest, code, _base, _start, said) in zip(results, partitions, strict=True):
        assert (each.error is None) == (code == 0)
        if code and said and said.strip() and version >= 8:
            assert " ".join(said.split()) in str(each.error)


@pytest.mark.parametrize("newest", range(3, 15))
@pytest.mark.parametrize("with_ids", [True, False])
@settings(deadline=None)
@given(sizes=st.lists(st.sampled_from([0, 1, 126, 127, 128, 16_383, 20_000]), min_size=1, max_size=5))
def test_produce_requests_carry_batches_as_they_are(newest, with_ids, sizes):
    ids = IDS if with_ids else dict.fromkeys(IDS, "")
    batches = [
        (topic, ids[topic], number, bytearray([number]) * size)
        for number, size in enumerate(sizes)
        for topic in ("orders", "käse")
    ]
    body, version = body_of(produce_request(Broker(newest=newest), batches, timeout=1.5))
    assert version == (min(newest, 13) if with_ids else min(newest, 12))
    read = ProduceRequest.decode(body, version=version)
    assert (read.acks, read.timeout_ms, read.transactional_id) == (-1, 1500, None)
    name = (lambda topic: topic.topic_id.hex) if version >= 13 else (lambda topic: topic.name)
    found = {
        (name(topic), each.index): bytes(each.records) for topic in read.topic_data for each in topic.partition_data
    }
    names = IDS if version >= 13 else {topic: topic for topic in IDS}
    assert found == {(names[topic], number): bytes(data) for topic, _id, number, data in batches}


def test_an_answer_that_leaves_a_partition_out_is_no_answer():
    nothing = decode_fetch(memoryview(bytes(FetchResponse(version=4, responses=[]).encode(version=4))), 0, 4)
    with pytest.raises(KafkaError, match="'orders', partition 3, failed: the broker's answer leaves it out"):
        fetched([Want("orders", "", 3, 0, 1)], nothing)
    nothing = decode_produce(memoryview(bytes(ProduceResponse(version=3, responses=[]).encode(version=3))), 0, 3)
    with pytest.raises(KafkaError, match="'orders', partition 3, failed: the broker's answer leaves it out"):
        produced([("orders", "", 3, b"")], nothing)


@settings(deadline=None)
@given(cut=st.integers(2, 60))  # the very last byte only says that no tagged fields follow
def test_an_answer_that_ends_too_early_is_noticed(cut):
    topic_of = FetchResponse.FetchableTopicResponse
    records = topic_of.PartitionData(partition_index=0, error_code=0, high_watermark=1, records=b"r" * 30, version=12)
    answer = FetchResponse(responses=[topic_of(topic="orders", partitions=[records], version=12)], version=12)
    data = bytes(answer.encode(version=12))[:-cut]
    with pytest.raises((ValueError, IndexError, struct.error)):
        decode_fetch(memoryview(data), 0, 12)
