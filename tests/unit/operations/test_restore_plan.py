# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a topic by what the target and the journal have of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import (
    DONE,
    RESTORING,
    VERIFIED,
    PartitionRestore,
    RestoreSource,
    TopicRestore,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import FIRST, PartitionState
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    KafkaError,
    LifeboatError,
    Refused,
    VerificationFailed,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.admin import TopicDefinition
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_partitions import ArchivedPartition
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_configs import held_configs
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_plan import (
    APPEND,
    CREATE,
    FILL,
    GO_ON,
    NOTHING,
    Aim,
    SourceTopic,
    TargetTopic,
    TopicPlan,
    Wish,
    ends_to_look_at,
    first_problem,
    plan_topic,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import Batch
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage

SOURCE = RestoreSource("store", "prod", 42, "orders")
RULES = {"isolation": "committed"}
WISH = Wish(replace(SOURCE, topic=""), RULES, append=False)
ID = "ab" * 16
HELD = {"retention.ms": "-1"}


def source(partitions: int = 2) -> SourceTopic:
    found = {
        number: ArchivedPartition("orders", PartitionState(number, "0" * 16, FIRST, 0, 100, 0, None), ())
        for number in range(partitions)
    }
    return SourceTopic(ArchivedTopic("orders", "cd" * 16, 2, 1, {}), found)


def target(
    ends: Mapping[int, Any] | None = None,
    restore: TopicRestore | None = None,
    last: Mapping[int, Batch] | None = None,
    **fields: Any,
) -> TargetTopic:
    """A topic at the target with the given first offsets and ends; none without these."""
    definition = TopicDefinition("copy", ID, 2, 1, {}, {})._replace(**fields) if ends is not None else None
    return TargetTopic("copy", definition, ends or {}, restore, last or {})


def restore(partitions: Mapping[int, PartitionRestore], state: str = RESTORING, **fields: Any) -> TopicRestore:
    values: dict[str, Any] = {"topic_id": ID, "source": SOURCE, "rules": RULES, "producer_id": 7, "producer_epoch": 0}
    storage = FilesystemStorage(str(Path("/nowhere")))
    return TopicRestore(storage, "kafka:x", "copy", state=state, partitions=dict(partitions), **{**values, **fields})


def batch(base: int, count: int, sequence: int, producer: int = 7) -> Batch:
    return Batch(0, 100, base, base + count - 1, 0, 2, 0, 0, 0, 0, producer, 0, sequence, count)


def planned(seen: TargetTopic, wish: Wish = WISH, partitions: int = 2) -> TopicPlan:
    return plan_topic(source(partitions), seen, wish)


def test_a_missing_topic_is_created() -> None:
    plan = planned(target(restore=restore({0: PartitionRestore(0)})))
    assert (plan.action, plan.aims, plan.restore) == (CREATE, {0: Aim(0), 1: Aim(0)}, None)
    assert plan.is_created
    assert plan.work == [0, 1]


def test_an_empty_topic_is_filled() -> None:
    plan = planned(target({0: (5, 5), 1: (0, 0)}))
    assert (plan.action, plan.aims) == (FILL, {0: Aim(5), 1: Aim(0)})
    assert not plan.is_created


def test_records_of_others_are_refused_unless_they_may_stay_in_front() -> None:
    seen = target({0: (5, 9), 1: (0, 0)})
    with pytest.raises(Refused, match="on_existing: append"):
        planned(seen)
    plan = planned(seen, replace(WISH, append=True))
    assert (plan.action, plan.aims) == (APPEND, {0: Aim(9), 1: Aim(0)})


def test_records_in_partitions_that_are_not_asked_for_do_not_matter() -> None:
    assert planned(target({0: (0, 0), 1: (0, 9)}), partitions=1).action == FILL


def test_another_number_of_partitions_is_refused() -> None:
    with pytest.raises(Refused, match="has 3 partitions at the target, and 'orders' had 2"):
        planned(target({0: (0, 0), 1: (0, 0)}, partitions=3))


def test_a_partition_that_cannot_be_read_is_told() -> None:
    with pytest.raises(KafkaError, match="nobody leads it"):
        planned(target({0: (0, 0), 1: KafkaError("nobody leads it")}))


def test_unfinished_work_goes_on() -> None:
    begun = restore({0: PartitionRestore(10), 1: PartitionRestore(0)})
    plan = planned(target({0: (10, 40), 1: (0, 0)}, begun, {0: batch(35, 5, 25)}))
    assert (plan.action, plan.aims, plan.restore) == (GO_ON, {0: Aim(10, 30), 1: Aim(0, 0)}, begun)


def test_sequence_numbers_begin_anew_after_two_billion() -> None:
    there = (1 << 31) + 3
    begun = restore({0: PartitionRestore(0)})
    last = batch(there - 5, 5, (1 << 31) - 2)
    assert planned(target({0: (0, there)}, begun, {0: last}), partitions=1).aims == {0: Aim(0, there)}


def test_a_topic_that_only_lacks_its_configs_goes_on() -> None:
    begun = restore({number: PartitionRestore(0, 9, 9) for number in range(2)}, VERIFIED)
    plan = planned(target({0: (0, 9), 1: (0, 9)}, begun))
    assert (plan.action, plan.work) == (GO_ON, [])


def test_a_finished_restore_is_left() -> None:
    begun = restore({0: PartitionRestore(0, 9, 9), 1: PartitionRestore(5, 0, 5)}, DONE)
    plan = planned(target({0: (0, 9), 1: (5, 5)}, begun))
    assert (plan.action, plan.work) == (NOTHING, [])


def test_newer_records_behind_a_finished_restore_stay() -> None:
    begun = restore({0: PartitionRestore(0, 9, 9), 1: PartitionRestore(0, 9, 9)}, DONE)
    plan = planned(target({0: (3, 20), 1: (0, 9)}, begun), replace(WISH, append=True))
    assert plan.action == NOTHING
    assert [aim.newer for aim in plan.aims.values()] == [11, 0]


def test_further_partitions_are_added_to_a_finished_restore() -> None:
    begun = restore({0: PartitionRestore(0, 9, 9)}, DONE)
    plan = planned(target({0: (0, 9), 1: (0, 0)}, begun))
    assert (plan.action, plan.work, plan.aims[1]) == (GO_ON, [1], Aim(0))


@pytest.mark.parametrize("other", [{"source": replace(SOURCE, restore_point=41)}, {"rules": {"isolation": "all"}}])
def test_another_restore_after_a_finished_one_is_not_put_behind_it(other: dict[str, Any]) -> None:
    begun = restore({number: PartitionRestore(0, 9, 9) for number in range(2)}, DONE, **other)
    point = begun.source.restore_point
    with pytest.raises(
        Refused, match=rf"was restored from restore point {point} of the backup .* not brought up to date"
    ):
        planned(target({0: (0, 9), 1: (0, 9)}, begun))
    with pytest.raises(Refused, match="that this restore has not brought"):
        planned(target({0: (0, 9), 1: (0, 9)}))


@pytest.mark.parametrize("other", [{"source": replace(SOURCE, restore_point=41)}, {"rules": {"isolation": "all"}}])
def test_unfinished_work_of_another_restore_is_refused(other: dict[str, Any]) -> None:
    begun = restore({number: PartitionRestore(0) for number in range(2)}, **other)
    with pytest.raises(Refused, match="not finished") as raised:
        planned(target({0: (0, 9), 1: (0, 0)}, begun), replace(WISH, append=True))
    assert raised.value.code == "unfinished_restore"


def test_a_restore_that_has_brought_nothing_yet_gives_way_and_leaves_its_configs() -> None:
    begun = restore(
        {number: PartitionRestore(4) for number in range(2)},
        source=replace(SOURCE, restore_point=41),
        held={"retention.ms": "1000"},
        final={"retention.ms": "1000"},
    )
    plan = planned(target({0: (4, 4), 1: (4, 4)}, begun))
    assert (plan.action, plan.aims) == (FILL, {0: Aim(4), 1: Aim(4)})
    assert plan.restore is not None
    assert (plan.restore.partitions, plan.restore.final) == ({}, {"retention.ms": "1000"})


def test_a_journal_of_a_topic_that_was_made_anew_does_not_count() -> None:
    begun = restore({number: PartitionRestore(0, 9, 9) for number in range(2)}, DONE, topic_id="ef" * 16)
    assert planned(target({0: (0, 0), 1: (0, 0)}, begun)).action == FILL
    with pytest.raises(Refused, match="has records"):
        planned(target({0: (0, 9), 1: (0, 9)}, begun))


def test_a_topic_that_was_just_created_is_recognised_by_what_is_held() -> None:
    begun = restore(
        {0: PartitionRestore(0), 1: PartitionRestore(0)}, topic_id="", created=True, held={"retention.ms": None}
    )
    seen = target({0: (0, 0), 1: (0, 0)}, begun, configs=HELD)
    assert (planned(seen).action, planned(seen).is_created) == (GO_ON, True)
    others = target({0: (0, 0), 1: (0, 0)}, begun)
    assert (planned(others).action, planned(others).is_created) == (FILL, False)


def test_a_topic_that_is_held_without_a_journal_is_refused() -> None:
    configs = held_configs(())
    for ends in ({0: (0, 9), 1: (0, 0)}, {0: (0, 0), 1: (0, 0)}):
        with pytest.raises(Refused, match=r"retention\.ms=-1") as raised:
            planned(target(ends, configs={**configs, "max.message.bytes": "9"}), replace(WISH, append=True))
        assert raised.value.code == "held_configs"
    own = target({0: (0, 0), 1: (0, 0)}, configs={**configs, "retention.ms": "1"})
    assert planned(own).action == FILL
    done = restore({number: PartitionRestore(0, 9, 9) for number in range(2)}, DONE)
    assert planned(target({0: (0, 9), 1: (0, 9)}, done, configs=configs)).action == NOTHING


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({}, "does not end there"),
        ({0: batch(30, 5, 20)}, "does not end there"),
        ({0: batch(35, 5, 25, producer=8)}, "another producer"),
        ({0: batch(35, 5, 24)}, "not the batch that belongs there"),
    ],
)
def test_another_writer_in_unfinished_work_is_noticed(last: dict[int, Batch], said: str) -> None:
    begun = restore({0: PartitionRestore(10)})
    with pytest.raises(VerificationFailed, match=said) as raised:
        planned(target({0: (10, 40)}, begun, last), partitions=1)
    assert raised.value.code == "foreign_records"


@pytest.mark.parametrize(
    ("ends", "begun"),
    [((0, 5), PartitionRestore(10)), ((12, 40), PartitionRestore(10)), ((0, 8), PartitionRestore(0, 9, 9))],
)
def test_restored_records_that_are_gone_are_told(ends: tuple[int, int], begun: PartitionRestore) -> None:
    with pytest.raises(Refused, match="are gone") as raised:
        planned(target({0: ends}, restore({0: begun})), partitions=1)
    assert raised.value.code == "records_lost"


@pytest.mark.parametrize(
    ("first", "action"),
    [
        (batch(0, 5, 0), NOTHING),
        (batch(0, 5, 0, producer=8), APPEND),
        (batch(0, 5, -1, producer=-1), APPEND),
        (batch(3, 5, 0, producer=8), NOTHING),  # the first ones were compacted away, and this one is no witness
    ],
)
def test_without_ids_a_topic_that_was_made_anew_is_known_by_its_records(first: Batch, action: str) -> None:
    done = restore({0: PartitionRestore(0, 9, 9)}, DONE, topic_id="")
    seen = target({0: (0, 20)}, done, {0: first}, topic_id="")
    assert planned(seen, replace(WISH, append=True), partitions=1).action == action
    if action == APPEND:
        with pytest.raises(Refused) as raised:
            planned(seen, partitions=1)
        assert raised.value.code == "has_records"


def test_without_ids_the_first_records_of_what_is_restored_are_looked_at() -> None:
    partitions = {0: PartitionRestore(3, 9, 12), 1: PartitionRestore(0, 0, 0), 2: PartitionRestore(0, 9, 9)}
    ends: dict[tuple[str, int], Any] = {("copy", 0): (0, 20), ("copy", 1): (0, 7), ("copy", 2): (4, 9)}
    assert ends_to_look_at([restore(partitions, DONE, topic_id="")], ends) == {("copy", 0): 3}
    assert ends_to_look_at([restore(partitions, DONE)], ends) == {}


def test_only_the_ends_of_unfinished_work_are_looked_at() -> None:
    partitions = {0: PartitionRestore(0), 1: PartitionRestore(0, 9, 9), 2: PartitionRestore(4), 3: PartitionRestore(0)}
    ends: dict[tuple[str, int], Any] = {
        ("copy", 0): (0, 7),
        ("copy", 1): (0, 9),
        ("copy", 2): (0, 4),
        ("copy", 3): KafkaError("nobody leads it"),
    }
    assert ends_to_look_at([restore(partitions)], ends) == {("copy", 0): 6}


def test_one_problem_is_told_in_full_and_others_by_name() -> None:
    problems: dict[str, LifeboatError] = {f"t{number}": Refused(f"Topic t{number} is full.") for number in range(9)}
    message = first_problem(problems).message
    assert message == "Topic t0 is full. 8 more topics cannot be restored either: t1, t2, t3, t4, t5 and 3 more."
