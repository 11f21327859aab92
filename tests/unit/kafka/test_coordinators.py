# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking coordinators: who is asked for what, what is asked again, and what is given up."""

from __future__ import annotations

import pytest
from kafka.protocol.metadata import FindCoordinatorRequest, FindCoordinatorResponse

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import coordinators
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.coordinators import Refusal, ask_coordinators
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.loop import Loop

LOADING, NOT_AVAILABLE, NOT_COORDINATOR, DENIED = 14, 15, 16, 30


class Cluster:
    """Brokers that speak a version of FindCoordinator, and say of each group ``<broker>:<group>`` or a code."""

    def __init__(self, version=5, **led):
        self.version = version
        self.led = led
        self.brokers = {1: ("one", 9092)}
        self.searches = []
        self.asked = []
        self.codes = {}
        self.dead = {}
        self.after_round = []

    async def ask(self, build):
        """Answer FindCoordinator as a broker would."""
        request = build(None)
        assert request._min_version <= self.version <= request._max_version
        data = bytes(request.encode(version=self.version))
        read = FindCoordinatorRequest.decode(data, version=self.version)
        assert read.key_type == 0
        keys = read.coordinator_keys if self.version >= 4 else [read.key]
        self.searches.append(keys)
        each_of = FindCoordinatorResponse.Coordinator
        told = []
        for key in keys:
            node = self.led[key]
            refused = isinstance(node, Refusal)
            where = {"node_id": -1, "host": "", "port": -1} if refused else {"node_id": node, "host": "h", "port": node}
            said = {"error_code": node.code, "error_message": node.detail} if refused else {"error_code": 0}
            told.append({**where, **said})
        if self.version >= 4:
            found = [each_of(key=key, version=self.version, **said) for key, said in zip(keys, told, strict=True)]
            answer = FindCoordinatorResponse(coordinators=found, version=self.version)
        else:
            answer = FindCoordinatorResponse(version=self.version, **told[0])
        return FindCoordinatorResponse.decode(bytes(answer.encode(version=self.version)), version=self.version)

    async def tell(self, nodes, node, groups):
        assert nodes is self
        self.asked.append((node, list(groups)))
        if node in self.dead:
            failure = self.dead[node]
            self.next_round()
            raise failure
        codes = {group: self.codes.get((node, group)) for group in groups}
        self.next_round()
        return {group: Refusal(code) if code else f"{node}:{group}" for group, code in codes.items()}

    def next_round(self):
        if self.after_round:
            self.after_round.pop(0)()

    def find(self, groups, timeout=0.0):
        loop = Loop()
        try:
            return loop.run(
                ask_coordinators(
                    groups,
                    self.tell,
                    nodes=self,
                    loop=loop,
                    timeout=timeout,
                    doing=lambda group: f"Reading the group {group!r}",
                    needs="Describe on the group",
                )
            )
        finally:
            loop.close()


@pytest.mark.parametrize("version", range(1, 6))
def test_each_coordinator_is_asked_once_for_all_its_groups(version):
    cluster = Cluster(version, a=1, b=2, c=1)
    assert cluster.find(["a", "b", "c", "a"]) == {"a": "1:a", "b": "2:b", "c": "1:c"}
    assert cluster.asked == [(1, ["a", "c"]), (2, ["b"])]
    assert cluster.searches == ([["a", "b", "c"]] if version >= 4 else [["a"], ["b"], ["c"]])


def test_a_coordinator_that_has_just_joined_gets_known():
    cluster = Cluster(a=1, b=2)
    cluster.find(["a", "b"])
    assert cluster.brokers == {1: ("one", 9092), 2: ("h", 2)}


def test_requests_have_a_bounded_size(monkeypatch):
    monkeypatch.setattr(coordinators, "_GROUPS_A_SEARCH", 4)
    monkeypatch.setattr(coordinators, "_GROUPS_A_REQUEST", 3)
    cluster = Cluster(**{f"g{number}": 1 for number in range(7)})
    assert cluster.find(cluster.led) == {group: f"1:{group}" for group in cluster.led}
    assert [len(keys) for keys in cluster.searches] == [4, 3]
    assert [len(groups) for _node, groups in cluster.asked] == [3, 3, 1]


def test_nothing_wanted_is_nothing_asked():
    cluster = Cluster()
    assert cluster.find([]) == {}
    assert cluster.searches == cluster.asked == []


@pytest.mark.parametrize("version", [3, 5])
def test_a_group_without_permission_is_named_at_once_and_stands_in_nobodys_way(version):
    cluster = Cluster(version, a=1, b=Refusal(DENIED), c=1)
    cluster.codes[1, "c"] = DENIED
    found = cluster.find(["a", "b", "c"], timeout=3600)
    assert found["a"] == "1:a"
    for group in "bc":
        assert (found[group].code, found[group].object_name) == ("not_authorized", group)
        assert found[group].message.startswith(f"Reading the group {group!r} failed: ")
        assert "The user needs Describe on the group" in found[group].message


@pytest.mark.parametrize("code", [LOADING, NOT_AVAILABLE, NOT_COORDINATOR])
@pytest.mark.parametrize("version", [3, 5])
def test_a_coordinator_that_is_not_there_yet_is_waited_for(version, code):
    cluster = Cluster(version, a=1, b=Refusal(code, "soon"))
    cluster.after_round = [lambda: cluster.led.update(b=2)]
    assert cluster.find(["a", "b"], timeout=3600) == {"a": "1:a", "b": "2:b"}
    assert cluster.asked == [(1, ["a"]), (2, ["b"])]


@pytest.mark.parametrize("code", [LOADING, NOT_AVAILABLE, NOT_COORDINATOR])
def test_a_coordinator_that_loads_or_has_moved_is_asked_for_and_asked_again(code):
    cluster = Cluster(a=1, b=1)
    cluster.codes[1, "b"] = code
    cluster.after_round = [lambda: cluster.led.update(b=2)]
    assert cluster.find(["a", "b"], timeout=3600) == {"a": "1:a", "b": "2:b"}
    assert cluster.searches == [["a", "b"], ["b"]]


def test_what_does_not_pass_becomes_a_value_when_the_time_is_over():
    cluster = Cluster(a=1, b=1, c=Refusal(NOT_AVAILABLE))
    cluster.codes[1, "b"] = 88
    found = cluster.find(["a", "b", "c"])
    assert found["a"] == "1:a"
    assert (found["b"].code, found["c"].code) == ("unstable_offsets", "no_coordinator")
    assert found["c"].facts["kafka_error"] == "COORDINATOR_NOT_AVAILABLE"


def test_a_topic_that_is_not_there_is_not_waited_for():
    cluster = Cluster(a=1)
    cluster.codes[1, "a"] = 3
    assert cluster.find(["a"], timeout=3600)["a"].code == "unknown_topic"


def test_a_broker_that_is_gone_is_followed_by_the_next_coordinator():
    cluster = Cluster(a=1, b=2)
    cluster.dead = {1: KafkaError("broker 1 is gone", code="unreachable")}
    cluster.after_round = [lambda: cluster.led.update(a=2)]
    assert cluster.find(["a", "b"], timeout=3600) == {"a": "2:a", "b": "2:b"}


def test_a_broker_that_stays_gone_is_an_error():
    cluster = Cluster(a=1, b=2)
    cluster.dead = {1: KafkaError("broker 1 is gone", code="timed_out")}
    with pytest.raises(KafkaError, match="broker 1 is gone"):
        cluster.find(["a", "b"])


def test_a_refused_login_is_raised_at_once():
    cluster = Cluster(a=1)
    cluster.dead = {1: KafkaError("no", code="authentication_failed")}
    with pytest.raises(KafkaError, match="no"):
        cluster.find(["a"], timeout=3600)


def test_a_group_that_the_answer_leaves_out_is_noticed():
    nothing = FindCoordinatorResponse(coordinators=[], version=4)
    answer = FindCoordinatorResponse.decode(bytes(nothing.encode(version=4)), version=4)
    assert coordinators.read_coordinators(answer, ["a"]) == ({"a": coordinators.LEFT_OUT}, {})
