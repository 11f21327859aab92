# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from unit.schemas.building import state
from unit.schemas.model_registry import AXONOPS, CONFLUENT
from unit.schemas.planning import done, planned, problems, refused, steps

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, Refused
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import ScopeSettings, Setting, VersionKey


def test_an_empty_target_is_filled_in_order_and_soft_deletes_come_last() -> None:
    archive = state("!a 1 = 1", "a 3 = 9 > b 2", "b 2 = 4", ":.eu:a 1 = 1 other")
    plan = planned(archive)
    assert steps(plan) == [
        "register :.eu:a version 1 as 1",
        "register a version 1 as 1",
        "register b version 2 as 4",
        "register a version 3 as 9",
        "soft-delete a version 1",
    ]
    assert [(t.scope, t.kind, t.value, t.force) for t in plan.temporary] == [
        ("", "mode", "IMPORT", False),
        (":.eu:", "mode", "IMPORT", False),
    ]
    assert plan.classes == {"new": 4}
    assert plan.actions == {"register": 4, "soft_delete": 1, "purge": 0, "config": 0, "mode": 0}
    assert [plan.incomplete_scopes(n) for n in (0, 1, 5)] == [["", ":.eu:"], [""], []]
    done(plan, state())


def test_a_subject_with_a_mode_of_its_own_is_switched_too() -> None:
    target = state()
    target.settings["a"] = ScopeSettings(mode=Setting("READONLY", True))
    assert [t.scope for t in planned(state("a 1 = 1", "b 1 = 2"), target).temporary] == ["", "a"]


def test_a_part_filled_target_is_switched_by_subject_and_by_force() -> None:
    plan = planned(state("a 1 = 1", "b 1 = 2"), state("!z 1 = 9", "a 1 = 1"))
    assert [(t.scope, t.force) for t in plan.temporary] == [("b", True)]
    assert plan.classes == {"identical": 1, "new": 1}


TARGETS = {
    "identical": state("a 1 = 1"),
    "soft_deleted_on_target": state("!a 1 = 1"),
    "id_conflict": state("z 1 = 1 other"),
    "version_conflict": state("a 1 = 2 t1"),
    "elsewhere": state("a 7 = 7"),
}


@pytest.mark.parametrize(
    ("strategy", "target", "expected"),
    [
        ("preserve", "identical", []),
        ("skip", "identical", []),
        ("overwrite", "identical", []),
        ("preserve", "soft_deleted_on_target", []),
        ("skip", "soft_deleted_on_target", []),
        ("overwrite", "soft_deleted_on_target", ["register a version 1 as 1"]),
        ("preserve", "elsewhere", ["register a version 1 as 1"]),
        ("skip", "elsewhere", []),
        ("overwrite", "elsewhere", ["register a version 1 as 1"]),
        ("preserve", "id_conflict", "id_conflict"),
        ("skip", "id_conflict", []),
        ("overwrite", "id_conflict", "id_conflict"),
        ("preserve", "version_conflict", "version_conflict"),
        ("skip", "version_conflict", []),
        ("overwrite", "version_conflict", "purge_not_allowed"),
    ],
)
def test_what_each_strategy_does(strategy: str, target: str, expected: str | list[str]) -> None:
    archive = state("a 1 = 1")
    if isinstance(expected, str):
        error = refused(archive, TARGETS[target], strategy=strategy)
        assert [problem.kind for problem in error.problems] == [expected]
        assert error.failure()["code"] == "import_conflict"
    else:
        plan = planned(archive, TARGETS[target], strategy=strategy)
        assert steps(plan) == expected
        assert bool(plan.left) is (not expected and target != "identical")
        done(plan, TARGETS[target])


def test_what_is_live_on_the_target_is_soft_deleted_by_overwrite_and_when_it_is_our_own() -> None:
    archive, target = state("!a 1 = 1", "a 2 = 2"), state("a 1 = 1", "a 2 = 2")
    kept = planned(archive, target)
    assert (steps(kept), kept.classes) == ([], {"identical": 1, "live_on_target": 1})
    assert steps(planned(archive, target, strategy="overwrite")) == ["soft-delete a version 1"]
    ours = planned(archive, target, unfinished=frozenset({VersionKey("a", 1), VersionKey("a", 2)}))
    assert steps(ours) == ["soft-delete a version 1"]
    assert [(t.scope, t.force) for t in ours.temporary] == [("", True)]


def test_all_conflicts_are_collected() -> None:
    archive = state("a 1 = 1", "b 1 = 2 > gone 1", "c 1 = -5", "__GLOBAL 1 = 4", "d 1 = 5")
    error = refused(archive, state("a 1 = 9", "x 1 = 5 other"))
    assert problems(error) == [
        "forbidden_name: __GLOBAL: the target takes no such name; give another in subject_mapping",
        "version_conflict: a version 1: the target has this version under the id 9, the backup under 1",
        "unresolved_reference: b version 1: it refers to gone version 1, which neither the backup nor the target has",
        "id_out_of_range: c version 1: the target takes ids from 0 to 2147483647, not -5",
        "id_conflict: d version 1: the target has other content under the id 5 (x version 1)",
    ]
    assert error.failure()["conflict_counts"]["id_conflict"] == 1


def test_many_problems_are_bounded_in_the_message() -> None:
    archive = state(*(f"a{n:03} 1 = {n + 1} > gone 1" for n in range(500)))
    error = refused(archive)
    assert len(error.problems) == 500
    assert len(error.failure()["conflicts"]) == 20
    assert "And 480 more." in error.message


def test_targets_that_cannot_be_written_to() -> None:
    with pytest.raises(Refused, match="implementation is not known"):
        planned(state("a 1 = 1"), capabilities=replace(CONFLUENT, writes=False))
    with pytest.raises(InvalidOption, match="Use ids: assign"):
        planned(state("a 1 = 1"), capabilities=replace(CONFLUENT, ids_in=None))


def test_references_to_what_only_the_target_has() -> None:
    plan = planned(state("a 1 = 1 > z 3, z -1"), state("z 3 = 9"))
    assert steps(plan) == ["register a version 1 as 1"]
    assert refused(state("a 1 = 1 > z 3"), state("!z 3 = 9"), AXONOPS).problems[0].kind == "unresolved_reference"
    assert refused(state("a 1 = 1 > z -1"), state("!z 3 = 9")).problems[0].kind == "unresolved_reference"


def test_what_refers_to_something_left_is_left_too() -> None:
    archive, target = state("a 1 = 1", "b 1 = 2 > a 1", "c 1 = 3 > b 1"), state("a 1 = 9 other")
    plan = planned(archive, target, strategy="skip")
    assert steps(plan) == []
    assert [str(item.source) for item in plan.left] == ["a version 1", "b version 1", "c version 1"]


def test_a_circle_is_a_problem_with_its_path() -> None:
    archive = state("a 1 = 1 > b 2", "b 2 = 2 > a 1", "c 1 = 3")
    for ids in ("keep", "assign"):
        [problem] = refused(archive, ids=ids).problems
        assert problem.kind == "reference_cycle"
        assert "a v1 -> b v2 -> a v1" in problem.why
