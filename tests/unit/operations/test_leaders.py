# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How partitions are read on whose leader went away: by a cluster that says what a test wants it to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Partition, Topic
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.leaders import (
    GONE_PATIENCE,
    PATIENCE,
    find_leaders,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.partition_copy import PartitionCopy
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_plan import PartitionPlan

ID = "a" * 32
MOVED = KafkaError("The leader has moved.", code="no_leader")
OUT_OF_RANGE = KafkaError("Not there.", code="offset_out_of_range")


class Cluster:
    """Answers as a `Wire` does."""

    def __init__(self, *, topic_id: str = ID, error: str | None = None, leader: int = 2) -> None:
        partition = Partition(leader, 9, (1, 2), (2,), None)
        self.topic = Topic("t", topic_id, False, error, {} if error else {0: partition, 1: partition})
        self.ends: tuple[int, int] | KafkaError = (9, 1000)
        self.start: int | KafkaError = 0
        self.asked_epochs: dict[tuple[str, int], int] = {}

    def topics(self, names: Iterable[str]) -> dict[str, Topic]:
        return dict.fromkeys(names, self.topic)

    def epoch_ends(self, epochs: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], Any]:
        self.asked_epochs |= epochs
        return dict.fromkeys(epochs, self.ends)

    def offsets(self, which: str, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Any]:
        assert which == "earliest"
        return dict.fromkeys(partitions, self.start)


def stuck(trouble: KafkaError = MOVED, *, epoch: int = 8) -> PartitionCopy:
    """A partition that was read up to offset 100, and cannot be read on since the time 0."""
    plan = PartitionPlan("t", ID, 0, None, "0" * 16, "first", False, 0, 100, 200, 1, epoch, None)

    def no_writer(_plan: PartitionPlan) -> Any:
        raise AssertionError("nothing is written")

    copy = PartitionCopy(plan, "committed", no_writer)
    copy.trouble, copy.stuck_since = trouble, 0.0
    return copy


def find(cluster: Any, copy: PartitionCopy, now: float = 1.0) -> PartitionCopy:
    find_leaders(cluster, [copy], now)
    return copy


def test_the_new_leader_is_read_from() -> None:
    cluster = Cluster()
    copy = find(cluster, stuck())
    assert (copy.leader, copy.leader_epoch, copy.trouble, copy.problem) == (2, 9, None, None)
    assert copy.stuck_since == 0.0, "it counts on until something comes"
    assert cluster.asked_epochs == {("t", 0): 8}


def test_without_a_leader_it_is_waited_for_and_not_for_ever() -> None:
    copy = find(Cluster(leader=-1), stuck())
    assert copy.trouble is MOVED
    assert copy.problem is None
    assert find(Cluster(leader=-1), copy, PATIENCE + 1).problem is MOVED


def test_what_was_given_up_is_not_asked_about() -> None:
    class Silent(Cluster):
        def topics(self, names: Iterable[str]) -> dict[str, Topic]:
            raise AssertionError("nothing is asked")

    assert find(Silent(), stuck(), PATIENCE + 1).problem is MOVED


def test_topic_that_was_made_again_ends_it_at_once() -> None:
    problem = find(Cluster(topic_id="b" * 32), stuck()).problem
    assert problem is not None
    assert problem.code == "changed_meanwhile"
    assert "deleted and made again" in problem.message


def test_topic_that_is_gone_is_looked_for_a_while() -> None:
    gone = Cluster(error="UNKNOWN_TOPIC_OR_PARTITION")
    copy = find(gone, stuck())
    assert copy.problem is None
    problem = find(gone, copy, GONE_PATIENCE + 1).problem
    assert problem is not None
    assert "was deleted" in problem.message


@pytest.mark.parametrize("ends", [(8, 99), (-1, -1)])
def test_leader_that_lacks_what_was_read_ends_it(ends: tuple[int, int]) -> None:
    cluster = Cluster()
    cluster.ends = ends
    problem = find(cluster, stuck()).problem
    assert problem is not None
    assert problem.code == "changed_meanwhile"
    assert "lacked records" in problem.message


def test_leaderships_without_numbers_are_not_asked_about() -> None:
    cluster = Cluster()
    cluster.ends = (-1, -1)
    assert find(cluster, stuck(epoch=-1)).trouble is None


def test_trimmed_head_is_passed_over() -> None:
    cluster = Cluster()
    cluster.start = 150
    copy = find(cluster, stuck(OUT_OF_RANGE))
    assert (copy.position, copy.trouble, copy.result().start, copy.result().trimmed) == (150, None, 150, True)


def test_log_that_ends_before_what_was_read_ends_it() -> None:
    problem = find(Cluster(), stuck(OUT_OF_RANGE)).problem
    assert problem is not None
    assert "ends before offset 100" in problem.message


def test_errors_of_a_partition_are_its_trouble() -> None:
    cluster = Cluster()
    cluster.ends = KafkaError("Later.", code="no_leader")
    assert find(cluster, stuck()).trouble is cluster.ends
    cluster = Cluster()
    cluster.start = KafkaError("Later.", code="no_leader")
    assert find(cluster, stuck(OUT_OF_RANGE)).trouble is cluster.start
