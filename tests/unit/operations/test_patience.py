# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions that cannot be gone on with are set aside and looked after, and not for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Partition, Topic
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations import patience
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.leaders import GONE_PATIENCE, PATIENCE
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.patience import Patience

MOVED = KafkaError("the leader has moved", code="no_leader")


class Worked:
    """A partition that is worked on."""

    def __init__(self, number: int = 0, topic_id: str = "ab" * 16) -> None:
        self.key = ("orders", number)
        self.topic_id = topic_id
        self.leader = 1
        self.trouble: KafkaError | None = None
        self.stuck_since: float | None = None


class Cluster:
    """Tells who leads the partitions of the topic."""

    def __init__(
        self,
        leaders: dict[int, int],
        topic_id: str = "ab" * 16,
        error: KafkaError | None = None,
        told: str | None = None,
    ) -> None:
        self.leaders, self.topic_id, self.error, self.told = leaders, topic_id, error, told

    def topics(self, names: Iterable[str]) -> dict[str, Topic]:
        assert set(names) == {"orders"}
        if self.error is not None:
            raise self.error
        partitions = {number: Partition(leader, 0, (), (), None) for number, leader in self.leaders.items()}
        return {"orders": Topic("orders", self.topic_id, False, self.told, partitions)}

    def leader(self, _topic: str, partition: int) -> int:
        return self.leaders.get(partition, -1)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only goes when it is told to."""
    time = [1000.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: time[0])
    return time


def look(waiting: Patience, cluster: Any, *partitions: Worked) -> list[int]:
    return [each.key[1] for each in waiting.look(cluster, partitions)]


def test_those_that_are_led_again_are_told(now: list[float]) -> None:
    waiting, one, other, well = Patience(), Worked(0), Worked(1), Worked(2)
    for partition in (one, other):
        waiting.set_aside(partition, MOVED)
    assert not waiting.is_over
    now[0] += 1
    assert waiting.is_over
    assert look(waiting, Cluster({0: 5, 1: -1, 2: 3}), one, other, well) == [0]
    assert (one.leader, one.trouble, well.leader) == (5, MOVED, 1)
    assert not waiting.is_over  # the other one is looked after later


def test_what_lasts_is_looked_after_less_often(now: list[float]) -> None:
    waiting, partition = Patience(), Worked()
    waiting.set_aside(partition, MOVED)
    now[0] += 40
    assert look(waiting, Cluster({}), partition) == []
    now[0] += 4
    assert not waiting.is_over
    now[0] += 2
    assert waiting.is_over


def test_patience_ends(now: list[float]) -> None:
    waiting, partition = Patience(), Worked()
    waiting.set_aside(partition, MOVED)
    now[0] += PATIENCE + 1
    with pytest.raises(KafkaError, match="the leader has moved"):
        look(waiting, Cluster({}), partition)


@pytest.mark.usefixtures("now")
def test_what_will_not_pass_is_raised_at_once() -> None:
    with pytest.raises(KafkaError, match="forbidden"):
        Patience().set_aside(Worked(), KafkaError("forbidden", code="not_authorized"))


@pytest.mark.usefixtures("now")
def test_a_cluster_that_cannot_be_asked_is_waited_for() -> None:
    waiting, partition = Patience(), Worked()
    waiting.set_aside(partition, MOVED)
    assert look(waiting, Cluster({0: 1}, error=KafkaError("gone", code="unreachable")), partition) == []
    with pytest.raises(KafkaError, match="wrong password"):
        look(waiting, Cluster({}, error=KafkaError("wrong password", code="authentication_failed")), partition)


@pytest.mark.usefixtures("now")
def test_a_topic_that_was_made_anew_ends_the_run() -> None:
    waiting, partition, old = Patience(), Worked(), Worked(topic_id="")
    for each in (partition, old):
        waiting.set_aside(each, MOVED)
    cluster = Cluster({0: 1}, topic_id="cd" * 16)
    assert look(waiting, cluster, old) == [0]
    with pytest.raises(KafkaError, match="made again"):
        look(waiting, cluster, partition)


def test_a_topic_that_is_gone_ends_the_run_soon(now: list[float]) -> None:
    waiting, partition = Patience(), Worked()
    waiting.set_aside(partition, MOVED)
    now[0] += GONE_PATIENCE + 1
    assert look(waiting, Cluster({}, told="LEADER_NOT_AVAILABLE"), partition) == []
    with pytest.raises(KafkaError, match=r"was deleted .* run again") as raised:
        look(waiting, Cluster({}, told="UNKNOWN_TOPIC_OR_PARTITION"), partition)
    assert raised.value.code == "changed_meanwhile"


def test_a_broker_that_has_not_heard_of_a_topic_is_waited_for(now: list[float]) -> None:
    waiting, partition = Patience(), Worked()
    waiting.set_aside(partition, MOVED)
    now[0] += 1
    assert look(waiting, Cluster({}, told="UNKNOWN_TOPIC_OR_PARTITION"), partition) == []
    assert look(waiting, Cluster({0: 1}), partition) == [0]


def test_records_that_were_deleted_are_not_waited_for(now: list[float]) -> None:
    waiting, partition = Patience(), Worked()
    trimmed = KafkaError("no longer there", code="offset_out_of_range")
    waiting.set_aside(partition, trimmed)
    now[0] += GONE_PATIENCE + 1
    with pytest.raises(KafkaError, match="no longer there"):
        waiting.set_aside(partition, trimmed)
