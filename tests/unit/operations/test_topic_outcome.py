# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of topics comes to, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import ArchivedGroup, ArchivedOffset
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    LastBatch,
    PartitionState,
    TopicState,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.partition_copy import Read
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_difference import difference
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_outcome import Outcome
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_plan import PartitionPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_seen import TopicSeen

ID = "0123456789abcdef" * 2
LINEAGE = ID[:16]
ARCHIVED = PartitionState(0, LINEAGE, "first", 0, 100, 5, LastBatch(90, 4711, 5))
LAST = LastBatch(140, 1, 6)
NO_LEADER = KafkaError("There is no leader.", code="no_leader")


def plan(partition: int = 0, position: int = 100, mark: int = 150, **values: Any) -> PartitionPlan:
    archived = replace(ARCHIVED, partition=partition)
    made = PartitionPlan("t", ID, partition, None, LINEAGE, "first", False, 0, position, mark, 1, 6, archived)
    return replace(made, **values)


def read(partition: int = 0, **values: Any) -> Read:
    return Read("t", partition, 0, 150, LAST, 50, 5000, False, True, None)._replace(**values)


def outcome(*plans: PartitionPlan, reads: list[Read] | None = None, **values: Any) -> Outcome:
    topic = TopicSeen("t", ID, None, None, {})
    made = Outcome([topic], plans, [], {}, frozenset(), None if reads is None else {of.key: of for of in reads})
    return replace(made, **values)


def group(name: str, *offsets: tuple[int, int]) -> ArchivedGroup:
    return ArchivedGroup(
        name, "consumer", "", tuple(ArchivedOffset("t", partition, offset, None, "") for partition, offset in offsets)
    )


def test_planned_states_reach_to_the_marks() -> None:
    (state,) = outcome(plan(), plan(1, position=150)).states
    assert [(of.partition, of.start, of.next) for of in state.partitions] == [(0, 0, 150), (1, 0, 150)]
    assert state.topic_id == ID


def test_states_are_what_was_read() -> None:
    (state,) = outcome(plan(), plan(1, 100, 100), reads=[read(start=20, next=160)]).states
    assert state.partitions == (
        PartitionState(0, LINEAGE, "first", 20, 160, 6, LAST),
        replace(ARCHIVED, partition=1),
    )


def test_values_tell_what_was_read() -> None:
    told = outcome(plan(), plan(1, 100, 100), plan(2, 0, 30), reads=[read(), read(2, records=30, bytes=300)]).values()
    assert told["topics"] == {
        "topics": 1,
        "partitions": 3,
        "partitions_new": 2,
        "offsets": 80,
        "offsets_resumed": 0,
        "records": 80,
        "bytes": 5300,
        "new_lineages": [],
        "new_lineages_omitted": 0,
        "unavailable": [],
        "unavailable_omitted": 0,
        "settled": True,
    }


def test_what_is_only_planned_has_no_numbers_of_records() -> None:
    told = outcome(plan()).values()["topics"]
    assert (told["offsets"], told["records"], told["bytes"]) == (50, None, None)


@pytest.mark.parametrize(
    ("plans", "reads"),
    [
        ([plan(problem=NO_LEADER, position=150)], []),
        ([plan()], [read(problem=NO_LEADER)]),
    ],
)
def test_what_could_not_be_read_keeps_what_is_archived(plans: list[PartitionPlan], reads: list[Read]) -> None:
    found = outcome(*plans, plan(1), reads=[*reads, read(1)])
    (state,) = found.states
    assert state.partitions[0] == replace(ARCHIVED, unavailable=True)
    assert state.partitions[1].next == 150
    assert not found.complete
    told = found.values()["topics"]
    assert told["unavailable"] == [{"topic": "t", "partition": 0, "reason": "There is no leader."}]
    assert (told["records"], told["partitions_new"]) == (50, 1)
    assert [note for note in found.notes() if "1 partition (t/0) could not be read. There is no leader." in note]


@pytest.mark.parametrize(
    ("began", "words"),
    [
        ("recreated", "deleted and made again"),
        ("unclean_election", "a leader was elected that lacked them"),
        ("gap", "retention took records away"),
        ("purged_tombstones", "delete.retention.ms"),
    ],
)
def test_new_lineages_are_told_with_their_reasons(began: str, words: str) -> None:
    found = outcome(
        plan(began=began, is_new=True, lineage=f"{LINEAGE}-2", position=0), plan(1), reads=[read(), read(1)]
    )
    assert found.values()["topics"]["new_lineages"] == [{"topic": "t", "partition": 0, "began": began}]
    (note,) = found.notes()
    assert words in note
    assert "1 partition (t/0)" in note


def test_long_lists_are_cut() -> None:
    plans = [plan(number, began="gap", is_new=True, lineage=f"{LINEAGE}-2") for number in range(60)]
    found = outcome(*plans, reads=[read(number) for number in range(60)])
    told = found.values()["topics"]
    assert len(told["new_lineages"]) == 50
    assert told["new_lineages_omitted"] == 10
    (note,) = found.notes()
    assert "60 partitions (t/0, t/1, t/2, t/3, t/4 and 55 more)" in note


def test_offsets_beyond_what_is_held_are_clamped_to_what_was_read() -> None:
    groups = [group("eager", (1, 7), (0, 155)), group("fine", (0, 150))]
    planned = outcome(plan(), plan(1), groups=groups)
    assert planned.archived_groups["eager"].offsets == (
        ArchivedOffset("t", 0, 150, None, "", 155),
        ArchivedOffset("t", 1, 7, None, ""),
    )
    assert planned.values()["groups"] == {"groups": 2, "offsets": 3, "clamped": 1}
    assert [note for note in planned.notes() if "beyond what the restore point holds: 1." in note]
    # A compacted partition was read beyond its first mark.
    read_on = replace(planned, reads={("t", 0): read(next=160)})
    assert read_on.values()["groups"]["clamped"] == 0


def test_groups_that_could_not_be_read_are_told() -> None:
    found = outcome(plan(), reads=[read()], unread_groups={"g": KafkaError("Not allowed.")})
    assert not found.complete
    assert not found.problems
    assert [note for note in found.notes() if "missing: g. Not allowed." in note]


def test_topic_stays_unsettled_until_something_more_of_it_is_read() -> None:
    assert outcome(plan(), reads=[read(settled=False)]).unsettled == ["t"]
    before = frozenset({"t", "not asked for"})
    assert outcome(plan(0, 100, 100), reads=[], unsettled_before=before).unsettled == ["t"]
    assert outcome(plan(), reads=[read()], unsettled_before=before).unsettled == []
    failed = outcome(plan(), reads=[read(problem=NO_LEADER)], unsettled_before=before)
    assert failed.unsettled == ["t"]
    assert failed.summary() == {"topics": 1, "partitions": 1, "unsettled": ["t"]}


def test_records_that_went_while_they_were_read_are_told() -> None:
    (note,) = outcome(plan(), reads=[read(trimmed=True)]).notes()
    assert "1 partition (t/0)" in note


def topic(name: str, **configs: str) -> ArchivedTopic:
    return ArchivedTopic(name, "", 1, 1, configs)


def state(name: str, *nexts: int) -> TopicState:
    return TopicState(
        name, "", False, tuple(PartitionState(n, LINEAGE, "first", 0, after, 0, None) for n, after in enumerate(nexts))
    )


def test_difference_shows_what_differs_alone() -> None:
    shown = difference(
        ({"a": topic("a"), "b": topic("b")}, {"a": topic("a", x="1"), "b": topic("b")}),
        ({"a": state("a", 5, 7), "b": state("b", 1)}, {"a": state("a", 5, 8), "c": state("c", 2)}),
        ({"g": group("g", (0, 1), (1, 2)), "h": group("h")}, {"g": group("g", (0, 1), (1, 3)), "h": group("h")}),
    )
    made = {"partitions": 1, "replication_factor": 1}
    assert shown.before == {
        "topic a partition 1": f"offsets 0 to 7 of lineage {LINEAGE}",
        "topic b partition 0": f"offsets 0 to 1 of lineage {LINEAGE}",
        "definition of topic a": {**made, "configs": {}},
        "group g": {"t/1": 2},
    }
    assert shown.after == {
        "topic a partition 1": f"offsets 0 to 8 of lineage {LINEAGE}",
        "topic c partition 0": f"offsets 0 to 2 of lineage {LINEAGE}",
        "definition of topic a": {**made, "configs": {"x": "1"}},
        "group g": {"t/1": 3},
    }


def test_difference_is_bounded() -> None:
    shown = difference(({}, {}), ({}, {"a": state("a", *range(1, 151))}), ({}, {}))
    assert len(shown.after) == 101
    assert shown.after[max(shown.after)] == "50 more differences"
