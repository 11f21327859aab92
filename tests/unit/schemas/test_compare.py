# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    UNSET,
    Reference,
    RegistryState,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
)

ONE = version("a 1 = 5")


def said(expected: RegistryState, actual: RegistryState, **more: Any) -> list[str]:
    return [str(mismatch) for mismatch in differences(expected, actual, **more)]


def content(**fields: Any) -> SchemaVersion:
    return replace(ONE, content=replace(ONE.content, **fields))


@pytest.mark.parametrize(
    ("actual", "said_of_it"),
    [
        (replace(ONE, id=6), "a version 1: id should be 5 and is 6"),
        (replace(ONE, deleted=True), "a version 1: deleted should be false and is true"),
        (content(schema_type="JSON"), "a version 1: schemaType should be AVRO and is JSON"),
        (
            content(references=(Reference("n", "b", 1),)),
            'a version 1: references should be [] and is [["n","b",1]]',
        ),
        (
            content(metadata={"properties": {"k": "v"}}),
            'a version 1: metadata should be null and is {"properties":{"k":"v"}}',
        ),
        (
            content(rule_set={"domainRules": [1]}),
            'a version 1: ruleSet should be null and is {"domainRules":[1]}',
        ),
    ],
)
def test_every_field_that_differs_is_named(actual: SchemaVersion, said_of_it: str) -> None:
    assert said_of_it in said(state(ONE), state(actual))


def test_missing_and_unexpected_versions_are_named() -> None:
    assert said(state("a 1 = 1", "a 2 = 2"), state("a 2 = 2", "a 3 = 3")) == [
        "a version 1: version should be present and is absent",
        "a version 3: version should be absent and is present",
    ]


def test_only_some_subjects_and_no_ignored_versions_are_compared() -> None:
    actual = state("a 1 = 1", "b 1 = 2", "a 2 = 3")
    assert said(state(), actual, subjects=["a"], ignored=[VersionKey("a", 2)]) == [
        "a version 1: version should be absent and is present"
    ]


def test_a_long_text_is_shown_where_it_begins_to_differ() -> None:
    long = '["' + "x" * 5000 + '"]'
    [mismatch] = differences(state(content(text=long)), state(content(text=long[:-2] + 'y"]')))
    assert mismatch.field == "schema"
    assert mismatch.expected.endswith('xxx"]')
    assert mismatch.actual.endswith('xxxy"]')
    assert max(len(mismatch.expected), len(mismatch.actual)) <= 120


def test_what_follows_the_text_does_not_differ() -> None:
    other = content(text=f" {ONE.content.text} ", metadata={}, rule_set={})
    assert said(state(ONE), state(replace(other, guid="g", created_ms=1, tags=("t",)))) == []


def test_a_rule_that_is_not_disabled_may_say_so() -> None:
    rule = {"name": "r", "kind": "CONDITION"}
    told, plain = ({"domainRules": [each]} for each in ({**rule, "disabled": False, "tags": []}, rule))
    assert said(state(content(rule_set=told)), state(content(rule_set=plain))) == []
    levels = [Setting({"compatibilityLevel": "FULL", "overrideRuleSet": rules}, True) for rules in (told, plain)]
    assert said(*map(settings, levels)) == []
    off = Setting(
        {"compatibilityLevel": "FULL", "overrideRuleSet": {"domainRules": [{**rule, "disabled": True}]}}, True
    )
    assert len(said(settings(off), settings(levels[1]))) == 1


def settings(config: Setting = UNSET, mode: Setting = UNSET) -> RegistryState:
    return RegistryState(settings={"a": ScopeSettings(config, mode), "": ScopeSettings()})


def test_settings_are_compared_field_by_field() -> None:
    full = {"compatibilityLevel": "FULL", "normalize": True, "alias": None}
    none = {"compatibilityLevel": "NONE", "normalize": True, "compatibilityGroup": "g"}
    assert said(settings(Setting(full, True)), settings(Setting(none, True))) == [
        "a: config.compatibilityGroup should be absent and is g",
        "a: config.compatibilityLevel should be FULL and is NONE",
    ]
    assert said(settings(Setting(full, True)), settings(Setting({**full, "alias": None}, None))) == []
    assert said(settings(Setting(full, True)), settings(Setting(full, False))) != []
    assert said(settings(Setting(full, True)), settings()) == [
        'a: config should be {"alias":null,"compatibilityLevel":"FULL","normalize":true} and is unset'
    ]
    assert said(settings(mode=Setting("READONLY", True)), RegistryState()) == [
        "a: mode should be READONLY and is unset"
    ]
    assert said(RegistryState(), settings(mode=Setting("READONLY", True))) == []


def test_a_level_that_is_told_where_none_is_set_does_not_differ() -> None:
    aliased, told = Setting({"alias": "b"}, True), Setting({"alias": "b", "compatibilityLevel": "FULL"}, True)
    assert said(settings(aliased), settings(told)) == []
    assert said(settings(told), settings(aliased)) == ["a: config.compatibilityLevel should be FULL and is absent"]
    assert said(settings(aliased), settings(Setting({**told.value, "alias": "c"}, True))) == [
        "a: config.alias should be b and is c"
    ]
