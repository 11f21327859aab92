# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of topics decides: selections, lineages, and from where to where it reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    LastBatch,
    PartitionState,
    TopicState,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.unfinished import Noted, Origin, Unfinished
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.tombstones import UNKNOWN_AGE, Tombstones
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_plan import (
    Evidence,
    PartitionPlan,
    TopicScope,
    epochs_to_ask,
    headers_to_ask,
    plan_partition,
    takes,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_seen import Mark, TopicSeen
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import Batch

ID = "0123456789abcdef" * 2
OTHER_ID = "fedcba9876543210" * 2
LINEAGE = ID[:16]
LAST = LastBatch(90, 4711, 5)
ARCHIVED = PartitionState(0, LINEAGE, "first", 10, 100, 5, LAST)
MARK = Mark(leader=1, leader_epoch=5, start=10, next=150)
AGREEING = Evidence((5, 150))
KEPT, GONE = Tombstones(100, 99, 0), Tombstones(100, 101, 0)


def header(**values: Any) -> Batch:
    fields = dict.fromkeys(Batch._fields, 0) | {"base_offset": 90, "last_offset": 99, "crc": 4711, "magic": 2}
    return Batch(**fields | values)


def seen(mark: Mark | KafkaError = MARK, archived: PartitionState | None = ARCHIVED, **values: Any) -> TopicSeen:
    base = TopicState("orders", ID, False, () if archived is None else (archived,))
    return replace(TopicSeen("orders", ID, None, base, {0: mark}), **values)


def plan(topic: TopicSeen, evidence: Evidence = AGREEING) -> PartitionPlan:
    return plan_partition(topic, 0, evidence)


def begun(found: PartitionPlan) -> tuple[str, str, bool, int]:
    return found.lineage, found.began, found.is_new, found.position


def test_increment_reads_on_where_the_archive_ends() -> None:
    found = plan(seen(), Evidence((5, 150), header()))
    assert begun(found) == (LINEAGE, "first", False, 100)
    assert (found.start, found.mark, found.offsets, found.leader) == (10, 150, 50, 1)


def test_what_was_never_archived_is_read_from_its_start() -> None:
    assert begun(plan(seen(base=None))) == (LINEAGE, "first", False, 10)
    # The topic was archived, but had no such partition yet.
    assert begun(plan(seen(archived=None))) == (LINEAGE, "first", False, 10)


def test_retention_only_moves_the_start() -> None:
    found = plan(seen(MARK._replace(start=60)))
    assert (found.start, found.position, found.lineage) == (60, 100, LINEAGE)


def test_start_that_went_back_with_a_new_leader_stays_where_the_archive_begins() -> None:
    assert plan(seen(MARK._replace(start=5))).start == 10


def test_gap_begins_a_lineage_from_the_logs_start() -> None:
    assert begun(plan(seen(MARK._replace(start=101)))) == (f"{LINEAGE}-2", "gap", True, 101)
    assert begun(plan(seen(MARK._replace(start=100)))) == (LINEAGE, "first", False, 100)


def test_another_id_is_another_topic() -> None:
    recreated = seen(topic_id=OTHER_ID)
    assert begun(plan(recreated)) == (OTHER_ID[:16], "recreated", True, 10)
    assert epochs_to_ask([recreated]) == headers_to_ask([recreated]) == {}


def test_cluster_that_got_ids_goes_on_with_what_was_archived_without() -> None:
    topic = seen(base=TopicState("orders", "", False, (ARCHIVED,)))
    assert begun(plan(topic)) == (LINEAGE, "first", False, 100)


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(Evidence((5, 99)), id="leadership ends before the mark"),
        pytest.param(Evidence((-1, -1)), id="leadership unknown"),
        pytest.param(Evidence((5, 150), header(crc=1)), id="other content"),
        pytest.param(Evidence((5, 150), header(base_offset=91)), id="other batch"),
    ],
)
def test_other_history_is_another_lineage(evidence: Evidence) -> None:
    assert begun(plan(seen(), evidence)) == (f"{LINEAGE}-2", "unclean_election", True, 10)
    # Without ids it may as well be another topic.
    without_ids = replace(seen(), topic_id="", base=TopicState("orders", "", False, (ARCHIVED,)))
    assert begun(plan(without_ids, evidence))[1] == "recreated"


def test_end_before_the_archives_contradicts_where_leaderships_are_unknown() -> None:
    unknown = replace(ARCHIVED, leader_epoch=-1)
    assert begun(plan(seen(MARK._replace(next=99), unknown), Evidence()))[1] == "unclean_election"
    assert begun(plan(seen(MARK._replace(next=100), unknown), Evidence()))[1] == "first"


def test_mark_below_the_archives_end_does_not_shrink_it() -> None:
    # Archived up to the high watermark, now asked for what is decided; or a new leader has not caught up.
    found = plan(seen(MARK._replace(next=95)))
    assert (found.position, found.mark, found.lineage) == (100, 100, LINEAGE)


def test_compressed_messages_of_old_formats_are_known_by_their_checksum() -> None:
    # Their header tells the last offset alone.
    assert plan(seen(), Evidence((5, 150), header(magic=1, base_offset=99))).lineage == LINEAGE


def test_tombstones_that_may_be_gone_make_the_archive_anew() -> None:
    topic = seen(tombstones=GONE)
    assert begun(plan(topic)) == (f"{LINEAGE}-2", "purged_tombstones", True, 10)
    assert begun(plan(seen(tombstones=KEPT))) == (LINEAGE, "first", False, 100)


def test_what_does_not_fit_together_is_made_anew_even_without_new_records() -> None:
    topic = seen(MARK._replace(next=100), tombstones=KEPT._replace(base_age=UNKNOWN_AGE))
    assert begun(plan(topic)) == (f"{LINEAGE}-2", "purged_tombstones", True, 10)


def test_without_new_records_no_tombstone_was_missed() -> None:
    topic = seen(MARK._replace(next=100), tombstones=GONE)
    assert begun(plan(topic)) == (LINEAGE, "first", False, 100)


def test_compacted_base_that_could_not_be_read_last_time_is_of_unknown_age() -> None:
    topic = seen(archived=replace(ARCHIVED, unavailable=True), tombstones=KEPT)
    assert begun(plan(topic))[1] == "purged_tombstones"
    nothing = PartitionState(0, LINEAGE, "first", 10, 10, -1, None, unavailable=True)
    assert begun(plan(seen(archived=nothing, tombstones=KEPT))) == (LINEAGE, "first", False, 10)


def test_numbers_of_lineages_ascend() -> None:
    third = replace(ARCHIVED, lineage=f"{LINEAGE}-3")
    assert plan(seen(MARK._replace(start=101), third)).lineage == f"{LINEAGE}-4"


def test_epochs_and_headers_are_asked_for_where_they_can_tell() -> None:
    assert epochs_to_ask([seen()]) == {("orders", 0): 5}
    assert headers_to_ask([seen()]) == {("orders", 0): 90}
    for topic in (
        seen(tombstones=KEPT),
        seen(MARK._replace(start=91)),
        seen(archived=replace(ARCHIVED, last=None)),
    ):
        assert headers_to_ask([topic]) == {}
        assert epochs_to_ask([topic]) == {("orders", 0): 5}
    for topic in (seen(MARK._replace(start=101)), seen(KafkaError("No leader.")), seen(base=None)):
        assert epochs_to_ask([topic]) == headers_to_ask([topic]) == {}
    assert epochs_to_ask([seen(archived=replace(ARCHIVED, leader_epoch=-1))]) == {}


def test_batch_that_retention_took_away_just_now_contradicts_nothing() -> None:
    gone = KafkaError("Gone.", code="offset_out_of_range")
    assert plan(seen(), Evidence((5, 150), gone)).lineage == LINEAGE


@pytest.mark.parametrize(
    ("topic", "evidence"),
    [
        (seen(KafkaError("No leader.")), Evidence()),
        (seen(), Evidence(KafkaError("Not allowed."))),
        (seen(), Evidence((5, 150), KafkaError("Not allowed."))),
    ],
)
def test_what_cannot_be_read_keeps_what_the_archive_has(topic: TopicSeen, evidence: Evidence) -> None:
    found = plan(topic, evidence)
    assert found.problem is not None
    assert found.offsets == 0
    assert found.unread() == replace(ARCHIVED, unavailable=True)


def test_what_cannot_be_read_and_was_never_archived_is_empty() -> None:
    for topic in (seen(KafkaError("No leader."), base=None), seen(KafkaError("No leader."), topic_id=OTHER_ID)):
        state = plan(topic).unread()
        assert (state.start, state.next, state.unavailable) == (0, 0, True)
        assert state.lineage == topic.topic_id[:16]


def test_new_lineage_that_then_cannot_be_read_keeps_what_the_archive_has() -> None:
    assert plan(seen(MARK._replace(start=101))).unread() == replace(ARCHIVED, unavailable=True)


def test_restarted_brokers_change_no_state() -> None:
    found = plan(seen(MARK._replace(next=100, leader_epoch=9)))
    assert found.state(found.start, found.mark, found.last) == ARCHIVED


def test_leadership_of_a_state_is_that_of_its_last_batch_at_least() -> None:
    found = plan(seen())
    assert found.state(10, 150, LastBatch(140, 1, 7)).leader_epoch == 7
    assert found.state(10, 150, LastBatch(140, 1, 4)).leader_epoch == 5


def test_scope_tells_which_topics_it_takes() -> None:
    scope = TopicScope(Selection(("orders.*", "_schemas"), ("*.dead",)), "committed").document()
    assert takes(scope, "orders.eu")
    assert takes(scope, "_schemas")
    assert not takes(scope, "orders.dead")
    assert not takes(scope, "payments")
    everything = TopicScope(Selection(), "committed").document()
    assert takes(everything, "payments")
    assert not takes(everything, "_schemas")
    assert not takes(everything, "__consumer_offsets")


def test_scope_that_cannot_be_understood_takes_nothing() -> None:
    assert not takes({"topics": ["~("], "exclude_topics": []}, "orders")
    assert not takes({}, "orders")


def unfinished(
    first: int = 100, after: int = 130, topic: str = "orders", lineage: str = LINEAGE, **of: str
) -> Unfinished:
    """What a run that was killed has left."""
    origin = Origin(of.get("topic_id", ID), of.get("began", "first"), first)
    facts = {"topic": topic, "partition": 0, "lineage": lineage, "start": first, "next": after}
    return Unfinished(topic, 0, lineage, origin, (Noted(Entry("x", 0, 1, "", facts), origin, LastBatch(120, 4712, 6)),))


def test_unfinished_work_is_gone_on_from() -> None:
    topic = seen().going_on_from([unfinished()])
    assert (epochs_to_ask([topic]), headers_to_ask([topic])) == ({("orders", 0): 6}, {("orders", 0): 120})
    found = plan(topic, Evidence((6, 150), header(base_offset=120, crc=4712)))
    assert begun(found) == (LINEAGE, "first", False, 130)
    assert (found.start, found.offsets, found.unfinished) == (10, 20, unfinished())
    assert found.origin == unfinished().origin


def test_unfinished_work_of_a_first_run_is_gone_on_from() -> None:
    topic = seen(base=None).going_on_from([unfinished(5)])
    found = plan(topic, Evidence((6, 150)))
    assert begun(found) == (LINEAGE, "first", False, 130)
    # Retention has moved the start on from 5 to 10.
    assert found.start == 10
    assert found.state(found.start, 150, found.last).start == 10


def test_unfinished_work_of_another_lineage_than_the_bases_begins_it() -> None:
    topic = seen().going_on_from([unfinished(10, lineage=f"{LINEAGE}-2", began="unclean_election")])
    assert begun(plan(topic, Evidence((6, 150)))) == (f"{LINEAGE}-2", "unclean_election", True, 130)
    recreated = seen(topic_id=OTHER_ID)
    topic = recreated.going_on_from([unfinished(10, lineage=OTHER_ID[:16], began="recreated", topic_id=OTHER_ID)])
    assert begun(plan(topic, Evidence((6, 150)))) == (OTHER_ID[:16], "recreated", True, 130)


def test_unfinished_work_that_the_log_contradicts_is_not_gone_on_from() -> None:
    topic = seen().going_on_from([unfinished()])
    assert plan(topic, Evidence((6, 129))).unfinished is None
    assert plan(topic, Evidence((6, 150), header(base_offset=120))).unfinished is None


def test_unfinished_work_that_would_leave_records_out_is_passed_over() -> None:
    """The base's files are lost, so that nothing is archived any more of what lies before the unfinished work."""
    assert seen(archived=None).going_on_from([unfinished(100)]).unfinished == {}
    assert seen(archived=None).going_on_from([unfinished(10)]).unfinished == {0: unfinished(10)}
    unread = seen(KafkaError("no leader", code="no_leader"), archived=None)
    assert unread.going_on_from([unfinished(10)]).unfinished == {}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(unfinished(topic="bills"), id="another topic"),
        pytest.param(unfinished(topic_id=OTHER_ID), id="a topic that was deleted"),
        pytest.param(unfinished(90), id="what a restore point holds by now"),
        pytest.param(unfinished(110), id="more than what a restore point holds"),
    ],
)
def test_other_unfinished_work_is_passed_over(other: Unfinished) -> None:
    assert seen().going_on_from([other]).unfinished == {}


def test_unfinished_work_of_compacted_topics_is_passed_over() -> None:
    assert seen(tombstones=KEPT).going_on_from([unfinished()]).unfinished == {}


def test_unfinished_work_counts_where_a_partition_cannot_be_read() -> None:
    topic = seen(KafkaError("no leader", code="no_leader")).going_on_from([unfinished()])
    found = plan(topic)
    assert (found.unread().next, found.unread().unavailable, found.unfinished) == (130, True, unfinished())
