# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking leaders: who is asked for what, what is asked again, and what is given up."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import by_leader
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.loop import Loop
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.metadata import Partition, Topic

NOT_LEADER = 6


def topic(name, leaders, error=None):
    partitions = {number: Partition(leader, 1, (1, 2), (1, 2), None) for number, leader in enumerate(leaders)}
    return Topic(name, "", False, error, partitions)


class Cluster:
    """Brokers that answer with ``<broker>:<what was wanted>``, unless told to answer with a code or not at all."""

    def __init__(self, *topics):
        self.topics = {each.name: each for each in topics}
        self.after_refresh = []
        self.codes = {}
        self.dead = set()
        self.never_reached = set()
        self.asked = []
        self.refreshed = []

    async def ask(self, node, share):
        self.asked.append((node, dict(share)))
        if node in self.dead:
            raise KafkaError(f"broker {node} is gone", code="unreachable")
        return {
            partition: (self.codes.get((node, partition), 0), f"{node}:{wanted}") for partition, wanted in share.items()
        }

    async def refresh(self, names):
        self.refreshed.append(set(names))
        if self.after_refresh:
            self.topics.update((each.name, each) for each in self.after_refresh.pop(0))

    def find(self, wanted, timeout=0.0):
        loop = Loop()
        try:
            return loop.run(
                by_leader.ask_leaders(
                    "Reading",
                    wanted,
                    self.ask,
                    topics=self.topics,
                    refresh=self.refresh,
                    loop=loop,
                    timeout=timeout,
                    was_reached=lambda node: node not in self.never_reached,
                )
            )
        finally:
            loop.close()


def test_each_leader_is_asked_once_for_all_that_it_leads():
    cluster = Cluster(topic("a", [1, 2]), topic("b", [1]))
    found = cluster.find({("a", 0): "x", ("a", 1): "y", ("b", 0): "z"})
    assert found == {("a", 0): "1:x", ("a", 1): "2:y", ("b", 0): "1:z"}
    assert cluster.asked == [(1, {("a", 0): "x", ("b", 0): "z"}), (2, {("a", 1): "y"})]


def test_requests_have_a_bounded_size(monkeypatch):
    monkeypatch.setattr(by_leader, "_PARTITIONS_A_REQUEST", 3)
    cluster = Cluster(topic("a", [1] * 7))
    wanted = {("a", number): number for number in range(7)}
    assert cluster.find(wanted) == {("a", number): f"1:{number}" for number in range(7)}
    assert [len(share) for _node, share in cluster.asked] == [3, 3, 1]


def test_nothing_wanted_is_nothing_asked():
    cluster = Cluster()
    assert cluster.find({}) == {}
    assert cluster.asked == []


def test_partitions_that_do_not_exist_are_values_and_asked_of_nobody():
    denied = topic("denied", [], error="TOPIC_AUTHORIZATION_FAILED")
    cluster = Cluster(topic("a", [1]), topic("gone", [], error="UNKNOWN_TOPIC_OR_PARTITION"), denied)
    found = cluster.find(dict.fromkeys([("a", 0), ("a", 9), ("gone", 0), ("denied", 0)]))
    assert found["a", 0] == "1:None"
    assert [found["a", 9].code, found["gone", 0].code, found["denied", 0].code] == [
        "unknown_topic",
        "unknown_topic",
        "not_authorized",
    ]
    assert found["denied", 0].facts == {"kafka_error": "TOPIC_AUTHORIZATION_FAILED"}
    assert cluster.asked == [(1, {("a", 0): None})]


def test_a_leader_that_has_moved_is_followed():
    cluster = Cluster(topic("a", [1, 1]))
    cluster.codes[1, ("a", 1)] = NOT_LEADER
    cluster.after_refresh = [[topic("a", [1, 2])]]
    assert cluster.find({("a", 0): "x", ("a", 1): "y"}, timeout=60) == {("a", 0): "1:x", ("a", 1): "2:y"}
    assert cluster.refreshed == [{"a"}]
    assert cluster.asked[1:] == [(2, {("a", 1): "y"})]


def test_a_broker_that_is_gone_is_followed_by_the_next_leader():
    cluster = Cluster(topic("a", [1]))
    cluster.dead = {1}
    cluster.after_refresh = [[topic("a", [-1])], [topic("a", [2])]]
    assert cluster.find({("a", 0): "x"}, timeout=60) == {("a", 0): "2:x"}
    assert len(cluster.refreshed) == 2


def test_a_broker_that_stays_gone_is_an_error():
    cluster = Cluster(topic("a", [1]), topic("b", [2]))
    cluster.dead = {1}
    with pytest.raises(KafkaError, match="broker 1 is gone"):
        cluster.find({("a", 0): "x", ("b", 0): "y"})


def test_a_broker_that_was_never_reached_is_given_less_time(monkeypatch):
    monkeypatch.setattr(by_leader, "_NEVER_REACHED", 0.0)
    cluster = Cluster(topic("a", [1]))
    cluster.dead = cluster.never_reached = {1}
    with pytest.raises(KafkaError, match="broker 1 is gone"):
        cluster.find({("a", 0): "x"}, timeout=3600)


def test_an_error_that_does_not_pass_becomes_a_value_when_the_time_is_over():
    cluster = Cluster(topic("a", [1, 1]))
    cluster.codes[1, ("a", 1)] = NOT_LEADER
    found = cluster.find({("a", 0): "x", ("a", 1): "y"})
    assert found["a", 0] == "1:x"
    assert (found["a", 1].code, found["a", 1].object_name) == ("no_leader", "a/1")


def test_a_partition_without_a_leader_is_given_up_before_the_others(monkeypatch):
    monkeypatch.setattr(by_leader, "_LEADERLESS", 0.0)
    cluster = Cluster(topic("a", [1, -1]))
    found = cluster.find({("a", 0): "x", ("a", 1): "y"}, timeout=3600)
    assert found["a", 0] == "1:x"
    assert (found["a", 1].code, found["a", 1].facts["kafka_error"]) == ("no_leader", "LEADER_NOT_AVAILABLE")


def test_a_refusal_is_raised_at_once():
    cluster = Cluster(topic("a", [1]))

    async def refuse(_node, _share):
        raise KafkaError("no", code="authentication_failed")

    cluster.ask = refuse
    with pytest.raises(KafkaError, match="no"):
        cluster.find({("a", 0): "x"}, timeout=3600)
