# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state
from unit.schemas.model_registry import CONFLUENT
from unit.schemas.planning import ASKED, BACKWARD, FULL, HELD, done, planned, refused, with_settings

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import ImportPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, ScopeSettings, Setting


@pytest.mark.parametrize(
    ("strategy", "target", "expected", "left"),
    [
        (
            "preserve",
            with_settings(state(), registry=ScopeSettings(BACKWARD, Setting("READWRITE", None))),
            ["config ", "config :.eu:", "config b", "config a", "mode b", "mode "],
            "",
        ),
        (
            "preserve",
            HELD,
            ["config :.eu:", "config a", "mode b"],
            "config of the registry, mode of the registry, config of b",
        ),
        (
            "skip",
            HELD,
            ["config b", "config a", "mode b"],
            "config of the registry, mode of the registry, config of :.eu:",
        ),
        ("overwrite", HELD, ["config ", "config :.eu:", "config b", "config a", "mode b", "mode "], ""),
    ],
)
def test_settings_follow_the_strategy(strategy: str, target: RegistryState, expected: list[str], left: str) -> None:
    plan = planned(ASKED, target, strategy=strategy)
    assert [f"{change.kind} {change.scope}" for change in plan.settings] == expected
    not_applied, *others = plan.notes
    assert not_applied == "The mode IMPORT of a in the backup is not applied."
    assert [f"({left})" in note for note in others] == ([True] if left else [])
    after = done(plan, target)
    assert planned(ASKED, after, strategy=strategy).is_empty


def test_a_target_that_stays_in_import_is_told() -> None:
    target = with_settings(state(), registry=ScopeSettings(BACKWARD, Setting("IMPORT", True)))
    [note] = planned(state("a 1 = 1"), target).notes
    assert "The mode of the registry was IMPORT before and stays so" in note
    assert not planned(state("a 1 = 1")).notes


def test_a_config_of_a_closed_scope_is_set_under_import() -> None:
    archive = with_settings(state("a 1 = 1"), a=ScopeSettings(Setting(FULL, True)))
    target = with_settings(state("a 1 = 1"), registry=ScopeSettings(BACKWARD, Setting("READONLY", None)))
    plan = planned(archive, target)
    assert [(t.scope, t.value, t.force) for t in plan.temporary] == [("a", "IMPORT", True)]
    done(plan, target)


def test_what_closes_a_target_or_redirects_writes_is_a_problem() -> None:
    closed = with_settings(state(), registry=ScopeSettings(BACKWARD, Setting("READONLY_OVERRIDE", None)))
    assert [problem.kind for problem in refused(state("a 1 = 1"), closed).problems] == ["read_only_target"]
    aliased = with_settings(state(), a=ScopeSettings(Setting({**FULL, "alias": "z"}, True)))
    assert [problem.kind for problem in refused(state("a 1 = 1"), aliased).problems] == ["alias_on_target"]


NORMALIZED = {**FULL, "normalize": True}


def configs(plan: ImportPlan) -> list[tuple[str, Any]]:
    return [(each.scope, each.value) for each in plan.temporary if each.kind == "config"]


def test_texts_are_kept_from_a_config_that_rewrites_them() -> None:
    archive = state("a 1 = 1", "b 1 = 2", ":.eu:c 1 = 1")
    empty = with_settings(state(), registry=ScopeSettings(Setting(NORMALIZED, None)), b=ScopeSettings(BACKWARD))
    empty.settings["a"] = ScopeSettings(Setting(NORMALIZED, True))
    plan = planned(archive, empty)
    # b takes from the registry what its own config lacks, so that nothing need be changed there.
    assert configs(plan) == [("", {**FULL, "normalize": False}), ("a", {**FULL, "normalize": False})]
    assert [each.kind for each in plan.temporary] == ["mode", "mode", "config", "config"]
    assert done(plan, empty).settings[""].config.value == NORMALIZED


def test_a_part_filled_target_rewrites_what_others_register_meanwhile() -> None:
    held = with_settings(state("z 1 = 9"), registry=ScopeSettings(Setting(NORMALIZED, None)))
    # A context takes nothing from the default one.
    held.settings[":.__GLOBAL:"] = ScopeSettings(Setting({"normalize": True}, True))
    plan = planned(state("a 1 = 1", "z 1 = 9", ":.eu:c 1 = 1"), held)
    assert configs(plan) == [(":.eu:c", {"normalize": False}), ("a", {**FULL, "normalize": False})]
    assert done(plan, held).settings["a"] == ScopeSettings()
    closed = with_settings(held, a=ScopeSettings(Setting({"normalize": False}, True)))
    assert configs(planned(state("a 1 = 1"), closed)) == []


def test_configs_with_any_kind_of_alias_come_last() -> None:
    archive = with_settings(
        state("a 1 = 1", "b 1 = 2"),
        a=ScopeSettings(Setting({**FULL, "aliasForDeks": "b"}, True)),
        b=ScopeSettings(Setting(FULL, True)),
    )
    assert [change.scope for change in planned(archive).settings] == ["b", "a"]


@pytest.mark.parametrize("strategy", ["preserve", "overwrite"])
def test_a_config_without_a_level_is_there_where_the_default_one_is_told(strategy: str) -> None:
    archive = with_settings(state("a 1 = 1"), a=ScopeSettings(Setting({"alias": "b"}, True)))
    told = Setting({"alias": "b", "compatibilityLevel": "BACKWARD"}, True)
    assert planned(archive, with_settings(state("a 1 = 1"), a=ScopeSettings(told)), strategy=strategy).is_empty
    [change] = planned(archive).settings
    assert change.value == {"alias": "b"}


def test_a_target_that_ignores_configs_without_a_level_gets_the_default_one() -> None:
    archive = with_settings(state("a 1 = 1"), a=ScopeSettings(Setting({"alias": "b"}, True)))
    plan = planned(archive, capabilities=replace(CONFLUENT, configs_need_level=True))
    assert [change.value for change in plan.settings] == [{"alias": "b", "compatibilityLevel": "BACKWARD"}]
    [note] = plan.notes
    assert note.startswith("The config of a has no compatibility level in the backup.")


def test_a_context_that_holds_nothing_is_told() -> None:
    archive = replace(state("a 1 = 1"), contexts=(".", ".eu", ".old"))
    (note,) = planned(archive).notes
    assert note.startswith("2 contexts hold no version in the backup (.eu, .old).")
    assert planned(archive, state(":.eu:b 1 = 1"), context_mapping={".old": ".eu"}).notes == ()
    assert planned(archive, None, replace(CONFLUENT, contexts=False)).notes == ()
