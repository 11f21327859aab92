# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state
from unit.schemas.model_registry import CONFLUENT, ModelRegistry
from unit.schemas.planning import BACKWARD, FULL, done, planned

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import ImportPlan, Register
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import ScopeSettings, Setting, VersionKey


def test_subjects_are_renamed_everywhere() -> None:
    archive = state("a 1 = 1", "b 1 = 2 > a 1", ":.eu:c 1 = 1 t2 > :.:a 1", ":.eu:c 2 = 3")
    archive.settings["a"] = ScopeSettings(Setting({"compatibilityLevel": "FULL", "alias": "b"}, True))
    plan = planned(archive, subject_mapping={"a": "b", "b": "a"})
    after = done(plan, state())
    referrers = {":.eu:c version 1": ":.:b", "a version 1": "b"}
    assert {
        str(key): held.content.references[0].subject for key, held in after.versions.items() if held.content.references
    } == referrers
    assert after.settings["b"].config.value == {"compatibilityLevel": "FULL", "alias": "a"}
    assert "a" not in after.settings or after.settings["a"] == ScopeSettings()
    assert planned(archive, after, subject_mapping={"a": "b", "b": "a"}).is_empty


def test_a_subject_without_a_name_of_its_own_stays_within_a_context() -> None:
    archive = state(":.eu: 1 = 1")
    assert names(planned(archive)) == [":.eu: version 1"]
    assert names(planned(archive, context_mapping={".eu": ".us"})) == [":.us: version 1"]
    with pytest.raises(InvalidOption, match="which is no subject"):
        planned(archive, context_mapping={".eu": "."})


def test_a_mapping_that_moves_a_subject_to_another_context() -> None:
    archive = state("a 1 = 1", "b 1 = 2 > a 1")
    moved = planned(archive, subject_mapping={"b": ":.eu:b"})
    [content] = [s.version.content for s in moved.steps if isinstance(s, Register) and s.subject == ":.eu:b"]
    assert [reference.subject for reference in content.references] == [":.:a"]
    both = planned(archive, subject_mapping={"a": ":.eu:a", "b": ":.eu:b"})
    [content] = [s.version.content for s in both.steps if isinstance(s, Register) and s.subject == ":.eu:b"]
    assert [reference.subject for reference in content.references] == ["a"]


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"a": "b"}, "several subjects to the name b: a, b"),
        ({"a": "x", "b": "x"}, "several subjects to the name x: a, b"),
        ({"nobody": "x"}, "names nobody, which is not among"),
        ({"a": ":.eu:"}, "which is no subject"),
        ({r"~(.*)": ""}, "which is no subject"),
        ({"a": ":.__GLOBAL:a"}, "whose context holds no subjects"),
        ({r"~(.*c)": r"x-\1"}, "into x-:.eu:c, in which the context has become a part of the name"),
        ({"~(a": "b"}, "unterminated"),
    ],
)
def test_mappings_that_cannot_be_used(mapping: Mapping[str, str], why: str) -> None:
    with pytest.raises(InvalidOption, match=why):
        planned(state("a 1 = 1", "b 1 = 2", ":.eu:c 1 = 1"), subject_mapping=mapping)


def names(plan: ImportPlan) -> list[str]:
    return sorted(str(step.version.key) for step in plan.steps if isinstance(step, Register))


def test_patterns_rename_what_they_fit_in_their_context() -> None:
    archive = state("orders-a 1 = 1", "orders-b 1 = 2", "x 1 = 3", ":.eu:orders-a 1 = 1", ":.eu:x-y 1 = 2")
    mapping = {
        "orders-*": "prod-orders-*",
        r"~:\.eu:(?P<one>\w+)-(\w+)": r":.eu:\2-\g<one>",
        "*": "other-*",
        "orders-b": "bills",
    }
    assert names(planned(archive, subject_mapping=mapping)) == [
        ":.eu:a-orders version 1",
        ":.eu:y-x version 1",
        "bills version 1",
        "other-x version 1",
        "prod-orders-a version 1",
    ]


def test_references_and_aliases_follow_patterns_also_to_what_is_not_brought() -> None:
    archive = state("a 1 = 1 > z 3, :.:y -1")
    archive.settings["a"] = ScopeSettings(Setting({"compatibilityLevel": "FULL", "alias": "z"}, True))
    plan = planned(archive, state("p-z 3 = 9", "p-y 7 = 8"), subject_mapping={"*": "p-*"}, strategy="overwrite")
    [step] = plan.steps
    assert isinstance(step, Register)
    assert [reference.subject for reference in step.version.content.references] == ["p-z", "p-y"]
    assert [change.value["alias"] for change in plan.settings] == ["p-z"]


def test_a_pattern_that_fits_nothing_is_told() -> None:
    mapping = {"b*": "c*", "~c": "d", "a*": "x*"}
    assert planned(state("a 1 = 1", ":.eu:b 1 = 1"), subject_mapping=mapping).notes == (
        "subject_mapping has b*, which fits none of the selected subjects.",
        "subject_mapping has ~c, which fits none of the selected subjects.",
    )


EU_SETTINGS = {
    "": ScopeSettings(BACKWARD, Setting("READWRITE", None)),
    ":.eu:": ScopeSettings(Setting(FULL, True), Setting("READONLY", True)),
    ":.__GLOBAL:": ScopeSettings(Setting({"compatibilityLevel": "NONE"}, True)),
}


def test_a_context_is_brought_into_one_of_its_own() -> None:
    archive = replace(
        state("!a 1 = 5", "b 1 = 6 > a 1", "c 1 = 7 > :.eu:a 1, :.:b 1", ":.eu:a 1 = 5 t", ":.eu:d 1 = 9 > :.:b 1"),
        settings={**EU_SETTINGS, "a": ScopeSettings(Setting({**FULL, "alias": "b"}, True))},
        highest_ids={".": 7, ".eu": 20},
    )
    options = {"context_mapping": {".": ".eu", ".eu": ".us"}}
    plan = planned(archive, **options)
    after = done(plan, state())
    written = {str(key): [r.subject for r in one.content.references] for key, one in after.versions.items()}
    assert written == {
        ":.eu:a version 1": [],
        ":.eu:b version 1": ["a"],
        ":.eu:c version 1": [":.us:a", "b"],
        ":.us:a version 1": [],
        ":.us:d version 1": [":.eu:b"],
        ":.us:lifeboat.kafka.highest-id version 20": [],
    }
    assert after.versions[VersionKey(":.eu:a", 1)].id == 5
    assert after.settings[":.us:"] == EU_SETTINGS[":.eu:"]
    assert after.settings[":.eu:"] == ScopeSettings(Setting(BACKWARD.value, True))
    assert after.settings[":.eu:a"].config.value["alias"] == ":.eu:b"
    assert after.settings[":.__GLOBAL:"] == EU_SETTINGS[":.__GLOBAL:"]
    assert planned(archive, after, **options).is_empty


def test_a_context_is_brought_out() -> None:
    archive = replace(state(":.eu:a 1 = 5", ":.eu:b 1 = 6 > a 1, :.eu:a 1"), settings={":.eu:": EU_SETTINGS[":.eu:"]})
    target = replace(state(), settings={"": EU_SETTINGS[""]})
    plan = planned(archive, target, context_mapping={".eu": "."})
    after = done(plan, target)
    assert [r.subject for r in after.versions[VersionKey("b", 1)].content.references] == ["a", "a"]
    assert after.settings[""] == ScopeSettings(Setting(FULL, None), Setting("READONLY", None))
    assert planned(archive, after, context_mapping={".eu": "."}).is_empty


def test_the_context_mapping_applies_to_what_the_subject_mapping_gives() -> None:
    archive = state("a 1 = 1", ":.eu:b 1 = 1")
    mappings = {"subject_mapping": {"a": ":.eu:x", ":.eu:b": "y"}, "context_mapping": {".eu": ".us", ".": ".de"}}
    assert names(planned(archive, **mappings)) == [":.de:y version 1", ":.us:x version 1"]


def test_contexts_come_together_where_no_id_has_two_contents() -> None:
    archive = replace(state("a 1 = 1", "b 1 = 2", ":.eu:c 1 = 2", ":.eu:d 1 = 3 t1"), settings=EU_SETTINGS)
    plan = planned(archive, context_mapping={".eu": "."})
    assert plan.notes == ("The settings of :.eu: are not applied to the registry.",)
    done(plan, state())
    clashing = state("a 1 = 1", "b 1 = 2", ":.eu:c 1 = 2 x", ":.eu:d 1 = 1 y", ":.eu:e 1 = 3")
    with pytest.raises(
        InvalidOption, match=r"several contexts to \., where 2 ids would stand for more than one content: 1, 2"
    ):
        planned(clashing, context_mapping={".eu": "."})
    assert planned(clashing, context_mapping={".eu": "."}, ids="assign").actions["register"] == 5
    with pytest.raises(InvalidOption, match=r"several subjects to the name a: :\.eu:a, a"):
        planned(state("a 1 = 1", ":.eu:a 1 = 1"), context_mapping={".eu": "."})


def test_a_context_is_not_taken_apart_when_ids_are_assigned() -> None:
    archive = state("a 1 = 1", "b 1 = 1", "c 1 = 2")
    assert names(planned(archive, subject_mapping={"c": ":.eu:c"}, ids="assign"))[0] == ":.eu:c version 1"
    with pytest.raises(InvalidOption, match=r"to several contexts, so that 1 id would become more than one: 1\."):
        planned(archive, subject_mapping={"a": ":.eu:a"}, ids="assign")
    assert names(planned(archive, subject_mapping={"a": ":.eu:a"}))[0] == ":.eu:a version 1"


def test_the_id_map_is_by_contexts_of_the_archive() -> None:
    archive = state("a 1 = 5", "b 1 = 6 > a 1", ":.eu:a 1 = 5 t")
    plan = planned(archive, ids="assign", context_mapping={".": ".eu", ".eu": "."}, subject_mapping={"a": "z"})
    registry = ModelRegistry(CONFLUENT)
    assigned = plan.assigned(registry.apply(plan), registry.state)
    assert plan.id_map(assigned) == {".": {5: 1, 6: 2}, ".eu": {5: 1}}
    referrer = registry.state.versions[VersionKey(":.eu:b", 1)]
    assert [(r.subject, r.version) for r in referrer.content.references] == [("z", 1)]


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({".us": "."}, r"names the context \.us, which the backup does not have; it has \., \.eu\."),
        ({"eu": "."}, "begins with a dot"),
        ({".eu": ":.us:"}, "begins with a dot"),
        ({".eu": None}, "not text"),
        ({".eu": ".__GLOBAL"}, "no context that holds subjects"),
    ],
)
def test_context_mappings_that_cannot_be_used(mapping: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidOption, match=why):
        planned(
            replace(state("a 1 = 1", ":.eu:a 1 = 1"), settings={":.__GLOBAL:": ScopeSettings()}),
            context_mapping=mapping,
        )
