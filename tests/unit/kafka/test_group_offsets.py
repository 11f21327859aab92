# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers about the offsets of groups, in every version that is spoken."""

from __future__ import annotations

import pytest
from kafka.protocol.consumer import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
)

from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import group_offsets
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.coordinators import LEFT_OUT, Refusal
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.group_offsets import (
    Committed,
    commit_request,
    commit_shares,
    offsets_request,
    read_offsets,
    read_refusal,
)

OFFSETS = {("orders", 0): Committed(7, 3, "käse"), ("orders", 2): Committed(0), ("bills", 1): Committed(9, 0)}


def sent(request, version):
    """A request as a broker reads it in one of the versions that it may go out in."""
    assert request._min_version <= version <= request._max_version
    return type(request).decode(bytes(request.encode(version=version)), version=version)


def told(version, groups):
    """A broker's answer: for each group its code, and its offsets with theirs."""
    kinds = OffsetFetchResponse
    if version >= 8:
        group_of = kinds.OffsetFetchResponseGroup
        topic_of = group_of.OffsetFetchResponseTopics
        partition_of = topic_of.OffsetFetchResponsePartitions
    else:
        topic_of = kinds.OffsetFetchResponseTopic
        partition_of = topic_of.OffsetFetchResponsePartition
    bodies = []
    for name, (code, offsets) in groups.items():
        topics = {}
        for (topic, number), (error, said) in offsets.items():
            of = topics.setdefault(topic, topic_of(name=topic, partitions=[], version=version))
            of.partitions.append(
                partition_of(
                    partition_index=number,
                    committed_offset=said.offset,
                    committed_leader_epoch=-1 if said.leader_epoch is None else said.leader_epoch,
                    metadata=said.metadata,
                    error_code=error,
                    version=version,
                )
            )
        bodies.append((name, code, list(topics.values())))
    if version >= 8:
        found = [group_of(group_id=name, error_code=code, topics=all_, version=version) for name, code, all_ in bodies]
        answer = kinds(groups=found, version=version)
    else:
        [(_name, code, all_)] = bodies
        answer = kinds(topics=all_, error_code=code, version=version)
    return kinds.decode(bytes(answer.encode(version=version)), version=version)


def fine(offsets):
    return {partition: (0, said) for partition, said in offsets.items()}


@pytest.mark.parametrize("version", range(5, 10))
def test_all_offsets_are_asked_for(version):
    read = sent(offsets_request(["a", "b"], None), version)
    if version >= 8:
        assert [(group.group_id, group.topics) for group in read.groups] == [("a", None), ("b", None)]
    else:
        assert (read.group_id, read.topics) == ("a", None)
    if version >= 7:
        assert read.require_stable is True


@pytest.mark.parametrize("version", range(5, 10))
def test_offsets_are_read_as_they_are_told(version):
    none = {("bills", 0): (0, Committed(-1, None, ""))}  # how brokers say that there is none
    assert read_offsets(told(version, {"a": (0, fine(OFFSETS) | none)}), ["a"]) == {"a": OFFSETS}
    no_words = told(version, {"a": (0, {("orders", 0): (0, Committed(1, None, None))})})
    assert read_offsets(no_words, ["a"]) == {"a": {("orders", 0): Committed(1)}}


@pytest.mark.parametrize("version", range(5, 10))
@pytest.mark.parametrize("code", [14, 15, 16, 30])
def test_a_group_that_is_refused_says_why(version, code):
    assert read_offsets(told(version, {"a": (code, {})}), ["a"]) == {"a": Refusal(code)}


@pytest.mark.parametrize("version", range(7, 10))
def test_an_undecided_offset_is_named(version):
    offsets = fine(OFFSETS) | {("orders", 2): (88, Committed(-1))}
    assert read_offsets(told(version, {"a": (0, offsets)}), ["a"]) == {"a": Refusal(88, "topic 'orders', partition 2")}


@pytest.mark.parametrize("version", range(5, 10))
def test_a_group_that_is_not_there_has_no_offsets(version):
    assert read_offsets(told(version, {"a": (69, {})}), ["a"]) == {"a": {}}


@pytest.mark.parametrize("version", [8, 9])
def test_many_groups_are_told_at_once_and_one_that_is_left_out_is_noticed(version):
    answer = told(version, {"c": (30, {}), "a": (0, fine(OFFSETS))})
    assert read_offsets(answer, ["a", "b", "c"]) == {"a": OFFSETS, "b": LEFT_OUT, "c": Refusal(30)}


@pytest.mark.parametrize("version", [5, 7])
def test_an_old_broker_tells_one_group_at_a_time(version):
    assert read_offsets(told(version, {"a": (0, {})}), ["a", "b"]) == {"a": {}}


@pytest.mark.parametrize("version", range(6, 10))
def test_offsets_are_committed_as_nobodys_member(version):
    read = sent(commit_request("a", OFFSETS, None), version)
    assert isinstance(read, OffsetCommitRequest)
    assert (read.group_id, read.generation_id_or_member_epoch, read.member_id) == ("a", -1, "")
    assert {
        (topic.name, each.partition_index): (
            each.committed_offset,
            each.committed_leader_epoch,
            each.committed_metadata,
        )
        for topic in read.topics
        for each in topic.partitions
    } == {("orders", 0): (7, 3, "käse"), ("orders", 2): (0, -1, ""), ("bills", 1): (9, 0, "")}


@pytest.mark.parametrize("version", range(6, 10))
def test_the_first_offset_that_was_not_committed_is_named(version):
    topic_of = OffsetCommitResponse.OffsetCommitResponseTopic
    part_of = topic_of.OffsetCommitResponsePartition

    def answered(*codes):
        parts = [part_of(partition_index=at, error_code=code, version=version) for at, code in enumerate(codes)]
        topics = [topic_of(name="orders", partitions=parts, version=version)]
        data = bytes(OffsetCommitResponse(topics=topics, version=version).encode(version=version))
        return read_refusal(OffsetCommitResponse.decode(data, version=version))

    assert answered(0, 0) is None
    assert answered(0, 25, 3) == Refusal(25, "topic 'orders', partition 1")


def test_commits_have_a_bounded_size(monkeypatch):
    monkeypatch.setattr(group_offsets, "_COMMIT_BYTES", 400)
    small = {("t", number): Committed(number) for number in range(7)}
    assert [list(share) for share in commit_shares(small)] == [
        [("t", 0), ("t", 1), ("t", 2)],
        [("t", 3), ("t", 4), ("t", 5)],
        [("t", 6)],
    ]
    talkative = {("t", 0): Committed(1), ("t", 1): Committed(2, None, "ü" * 500), ("t", 2): Committed(3)}
    assert [list(share) for share in commit_shares(talkative)] == [[("t", 0)], [("t", 1)], [("t", 2)]]
    assert list(commit_shares({})) == []


def test_requests_stay_at_versions_that_name_topics():
    for request, kind in (
        (offsets_request(["a"], None), OffsetFetchRequest),
        (commit_request("a", OFFSETS, None), OffsetCommitRequest),
    ):
        assert isinstance(request, kind)
        assert request._max_version == 9 < kind.max_version  # which goes by ids
