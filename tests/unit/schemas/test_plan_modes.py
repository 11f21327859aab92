# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for targets that take ids in READWRITE, or not at all, or must not be forced; and what these cannot hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.model_registry import CONFLUENT
from unit.schemas.planning import FULL, planned, problems, refused, steps, with_settings

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import ScopeSettings, Setting

IN_READWRITE = replace(CONFLUENT, ids_in="READWRITE", modes=frozenset({"READWRITE", "READONLY"}))
WITHOUT_MODES = replace(CONFLUENT, ids_in=None, modes=frozenset())
UNFORCED = replace(CONFLUENT, forced_import=False)
STRICT = replace(CONFLUENT, soft_delete_below_soft_deleted=False)
NONE = {"compatibilityLevel": "NONE"}


def temporary(archive: Any, target: Any = None) -> list[tuple[str, str, Any]]:
    plan = planned(archive, target, IN_READWRITE)
    return [(each.scope, each.kind, each.value) for each in plan.temporary]


def test_where_ids_are_taken_in_readwrite_versions_are_compared_meanwhile() -> None:
    archive = state("a 1 = 1", "b 2 = 5", "b 7 = 3")
    assert temporary(archive) == [("b", "config", NONE)]
    assert temporary(archive, state("a 9 = 9")) == [("a", "config", NONE), ("b", "config", NONE)]


def test_where_ids_are_taken_in_readwrite_what_is_closed_is_opened_with_it() -> None:
    closed = with_settings(state(), registry=ScopeSettings(mode=Setting("READONLY", True)))
    assert temporary(state("a 1 = 1"), closed) == [("a", "mode", "READWRITE")]
    archive = with_settings(state(), b=ScopeSettings(config=Setting(FULL, True)))
    assert temporary(archive, closed) == [("b", "mode", "READWRITE")]


def test_a_target_without_modes_is_always_in_readwrite_and_loses_the_others() -> None:
    archive = state("a 1 = 1", "b 1 = 2")
    archive = with_settings(archive, a=ScopeSettings(mode=Setting("READWRITE", True)))
    assert planned(archive, capabilities=WITHOUT_MODES, ids="assign").settings == ()
    archive = with_settings(archive, a=ScopeSettings(mode=Setting("READONLY", True)))
    error = refused(archive, capabilities=WITHOUT_MODES, ids="assign")
    assert [(loss.kind, loss.subjects) for loss in error.losses] == [("configs", ("a",))]


def test_what_must_not_be_forced_is_only_imported_into_while_it_is_empty() -> None:
    archive = state("a 1 = 1")
    assert [mode.force for mode in planned(archive, capabilities=UNFORCED).temporary] == [False]
    assert planned(archive, archive, UNFORCED).steps == ()
    with pytest.raises(InvalidOption, match="must not be forced into the mode IMPORT"):
        planned(archive, state("b 1 = 2"), UNFORCED)
    assert planned(archive, state("b 1 = 2"), UNFORCED, ids="assign").steps
    unfinished = frozenset(archive.versions)
    assert planned(state("a 1 = 1", "b 1 = 2"), archive, UNFORCED, unfinished=unfinished).steps


def test_reserved_names_are_the_targets() -> None:
    archive = state("__GLOBAL 1 = 1")
    assert planned(archive, capabilities=replace(CONFLUENT, reserved_names=frozenset())).steps
    error = refused(archive, capabilities=replace(CONFLUENT, reserved_names=frozenset({"__GLOBAL"})))
    assert [problem.kind for problem in error.problems] == ["forbidden_name"]


def test_a_reference_to_the_latest_version_is_lost_where_it_does_not_stay_one() -> None:
    archive = state("a 1 = 1", "b 1 = 2 > a -1")
    assert steps(planned(archive)) == ["register a version 1 as 1", "register b version 1 as 2"]
    target = replace(CONFLUENT, floating_references=False)
    plan = planned(archive, capabilities=target, accept_losses=frozenset({"references"}))
    assert steps(plan) == ["register a version 1 as 1"]
    assert [(loss.kind, loss.subjects) for loss in refused(archive, capabilities=target).losses] == [
        ("references", ("b",))
    ]


@pytest.mark.parametrize("ids", ["keep", "assign"])
def test_what_a_soft_deleted_version_refers_to_stays_live_where_it_must(ids: str) -> None:
    archive = state("!a 1 = 1", "!b 1 = 2 > a 1")
    assert [step.subject for step in planned(archive, ids=ids).steps[2:]] == ["b", "a"]
    plan = planned(archive, None, STRICT, ids=ids, accept_losses=frozenset({"soft_deletes"}))
    assert [step.subject for step in plan.steps[2:]] == ["b"]
    assert [(loss.kind, loss.subjects) for loss in plan.losses] == [("soft_deletes", ("a",))]

    target = state("a 1 = 1", "!c 1 = 3 > a 1")
    plan = planned(state("!a 1 = 1"), target, STRICT, ids=ids, strategy="overwrite", accept_losses={"soft_deletes"})
    assert plan.steps == ()


def test_a_number_that_the_target_would_change_is_named_before_it_is_written() -> None:
    number = '{"type": "number", "maximum": 1E+400}'
    archive = state("a 1 = 1", version("b 1 = 2", schema_type="JSON", text=number))
    assert len(planned(archive).steps) == 2
    (problem,) = problems(refused(archive, capabilities=replace(CONFLUENT, exact_numbers=False)))
    assert problem.startswith("number_beyond_64_bits: b version 1: the target cannot hold the number 1E+400 of its ")
