# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, Refused
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    ImportOptions,
    ImportPlan,
    PurgeSubject,
    Register,
    SoftDelete,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.render import rendered

METADATA = {"properties": {"owner": "x"}}
BACKWARD = Setting({"compatibilityLevel": "BACKWARD"}, None)
FULL = {"compatibilityLevel": "FULL"}


def planned(
    archive: RegistryState, target: RegistryState | None = None, capabilities: Capabilities = CONFLUENT, **options: Any
) -> ImportPlan:
    return plan_import(archive, target or state(), capabilities, ImportOptions(**options))


def refused(
    archive: RegistryState, target: RegistryState | None = None, capabilities: Capabilities = CONFLUENT, **options: Any
) -> ImportRefused:
    with pytest.raises(ImportRefused) as caught:
        planned(archive, target, capabilities, **options)
    return caught.value


def problems(error: ImportRefused) -> list[str]:
    return [f"{problem.kind}: {problem}" for problem in error.problems]


def steps(plan: ImportPlan) -> list[str]:
    shown = []
    for step in plan.steps:
        if isinstance(step, Register):
            shown.append(f"register {step.version.key} as {step.version.id}")
        elif isinstance(step, SoftDelete):
            shown.append(f"soft-delete {step.key}")
        else:
            shown.append(f"purge {step.subject} {list(step.versions)}")
    return shown


def done(plan: ImportPlan, target: RegistryState, capabilities: Capabilities = CONFLUENT) -> RegistryState:
    registry = ModelRegistry(capabilities, copy.deepcopy(target))
    ids = registry.apply(plan)
    assigned = plan.assigned(ids, registry.state)
    assert differences(plan.expected(assigned), registry.state, ignored=plan.uncertain) == []
    return registry.state


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


# purging

SHIFTED = state("a 1 = 1", "a 2 = 3")
ARCHIVED = state("a 1 = 1", "a 2 = 2", "a 4 = 3")


def test_a_subject_is_purged_when_all_its_ids_come_back() -> None:
    plan = planned(ARCHIVED, SHIFTED, strategy="overwrite", allow_purge=True)
    assert steps(plan) == [
        "soft-delete a version 2",
        "soft-delete a version 1",
        "purge a [1, 2]",
        "register a version 1 as 1",
        "register a version 2 as 2",
        "register a version 4 as 3",
    ]
    assert plan.classes == {"identical": 1, "new": 1, "version_conflict": 1}
    assert differences(ARCHIVED, done(plan, SHIFTED)) == []


def test_a_purged_subject_keeps_the_settings_that_the_archive_lacks() -> None:
    target = copy.deepcopy(SHIFTED)
    target.settings["a"] = ScopeSettings(Setting(FULL, True), Setting("READONLY", True))
    archive = copy.deepcopy(ARCHIVED)
    archive.settings["a"] = ScopeSettings(Setting({"compatibilityLevel": "NONE"}, True))
    after = done(planned(archive, target, strategy="overwrite", allow_purge=True), target)
    assert after.settings["a"].config.value == {"compatibilityLevel": "NONE"}
    assert after.settings["a"].mode.value == "READONLY"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (state("a 1 = 1", "a 2 = 3", "a 9 = 8"), "a version 9: to purge the subject would destroy the id 8"),
        (state("a 1 = 1", "a 2 = 3", "z 1 = 9 > a 1"), "a: it cannot be purged, since z version 1 refers to it"),
        (state("a 1 = 1", "a 2 = 3", "!z 1 = 9 > a 1"), "a: it cannot be purged, since z version 1 refers to it"),
    ],
)
def test_a_purge_that_would_destroy_something_is_refused(target: RegistryState, why: str) -> None:
    error = refused(ARCHIVED, target, strategy="overwrite", allow_purge=True)
    assert [problem.kind for problem in error.problems] == ["purge_unsafe"]
    assert why in error.message


def test_of_purged_subjects_the_one_that_refers_goes_first() -> None:
    target = state("a 1 = 1", "a 2 = 3", "b 1 = 4 > a 2")
    archive = state("a 1 = 1", "a 2 = 2", "a 4 = 3", "b 1 = 5", "b 2 = 4 > a 2")
    plan = planned(archive, target, strategy="overwrite", allow_purge=True)
    assert steps(plan)[:5] == [
        "soft-delete b version 1",
        "soft-delete a version 2",
        "soft-delete a version 1",
        "purge b [1]",
        "purge a [1, 2]",
    ]
    assert differences(archive, done(plan, target)) == []


def test_subjects_that_refer_to_each_other_are_not_purged() -> None:
    target = state("a 1 = 1", "b 1 = 3 > a 1", "a 2 = 4 > b 1")
    archive = state("a 5 = 1", "b 5 = 3 > a 1", "a 6 = 4 > b 1", "a 1 = 7", "b 1 = 8")
    error = refused(archive, target, strategy="overwrite", allow_purge=True)
    assert problems(error) == ["purge_unsafe: a: subjects that refer to each other cannot be purged: a -> b -> a"]


# what a target like AxonOps cannot do


def test_the_same_content_after_a_soft_delete_is_registered_after_it() -> None:
    archive = state("!a 1 = 1", "!a 2 = 1", "a 5 = 1", "b 1 = 1")
    assert steps(planned(archive)) == [
        "register a version 1 as 1",
        "register a version 2 as 1",
        "register a version 5 as 1",
        "register b version 1 as 1",
        "soft-delete a version 1",
        "soft-delete a version 2",
    ]
    plan = planned(archive, capabilities=AXONOPS)
    assert steps(plan) == [
        "register a version 1 as 1",
        "register b version 1 as 1",
        "soft-delete a version 1",
        "register a version 2 as 1",
        "soft-delete a version 2",
        "register a version 5 as 1",
    ]
    assert differences(archive, done(plan, state(), AXONOPS)) == []


def test_lost_metadata_must_be_accepted() -> None:
    archive = state(version("a 1 = 1", metadata=METADATA), version("b 1 = 2", rule_set={"domainRules": [1]}))
    error = refused(archive, capabilities=AXONOPS)
    assert [(loss.kind, loss.subjects, loss.count) for loss in error.losses] == [
        ("metadata", ("a",), 1),
        ("rules", ("b",), 1),
    ]
    assert error.failure()["code"] == "loss_not_accepted"
    assert "add metadata, rules to accept_losses" in error.message
    plan = planned(archive, capabilities=AXONOPS, accept_losses=frozenset({"metadata", "rules"}))
    after = done(plan, state(), AXONOPS)
    assert after.versions[VersionKey("a", 1)].content.metadata is None
    assert planned(archive, after, AXONOPS, accept_losses=frozenset({"metadata", "rules"})).is_empty


def test_versions_that_differ_by_lost_metadata_alone_are_stored_once() -> None:
    archive = state("a 1 = 1 t", version("a 2 = 1 t", metadata=METADATA), "b 1 = 4 > a 2")
    error = refused(archive, capabilities=AXONOPS)
    assert [loss.kind for loss in error.losses] == ["metadata", "references"]
    plan = planned(archive, capabilities=AXONOPS, accept_losses=frozenset({"metadata", "references"}))
    assert steps(plan) == ["register a version 1 as 1"]
    assert [(str(item.source), item.action) for item in plan.left] == [("a version 2", "omit"), ("b version 1", "omit")]


def test_versions_that_differ_by_a_doc_alone_are_a_conflict() -> None:
    documented = version("a 2 = 2")
    documented = replace(
        documented,
        content=replace(documented.content, text='{"type": "record", "name": "t1", "doc": "d", "fields": []}'),
    )
    archive = state("a 1 = 1", documented)
    assert planned(archive).classes == {"new": 2}
    assert problems(refused(archive, capabilities=AXONOPS)) == [
        "content_conflict: a version 2: the target takes its content for that of version 1"
    ]
    plan = planned(archive, capabilities=AXONOPS, strategy="skip")
    assert steps(plan) == ["register a version 1 as 1"]


def test_one_content_under_two_ids_is_a_conflict() -> None:
    archive = state("a 1 = 1 t", "b 1 = 2 t")
    assert planned(archive).classes == {"new": 2}
    assert problems(refused(archive, capabilities=AXONOPS)) == [
        "content_conflict: b version 1: the target cannot hold its content under the id 1 of a version 1 too"
    ]
    assert problems(refused(state("b 1 = 2 t"), state("a 1 = 1 t"), AXONOPS)) == [
        "content_conflict: b version 1: the target cannot hold its content under the id 1 of a version 1 too"
    ]
    assert planned(state("b 1 = 2 t"), state("a 1 = 1 t"), AXONOPS, strategy="skip").classes == {"content_conflict": 1}


def test_one_id_for_two_contents_is_a_conflict() -> None:
    archive = state("a 1 = 1 t", version("a 2 = 1 t", metadata=METADATA))
    assert problems(refused(archive)) == [
        "id_conflict: a version 2: the target cannot hold its id 1 for the content of a version 1 too"
    ]


def test_live_versions_that_refer_to_soft_deleted_ones() -> None:
    archive = state("!a 1 = 1", "b 1 = 2 > a 1", "!c 1 = 3 > a 1")
    plan = planned(archive)
    assert steps(plan) == [
        "register a version 1 as 1",
        "soft-delete a version 1",
        "register b version 1 as 2",
        "register c version 1 as 3",
        "soft-delete c version 1",
    ]
    done(plan, state())
    assert [loss.kind for loss in refused(archive, capabilities=AXONOPS).losses] == ["soft_deletes"]
    plan = planned(archive, capabilities=AXONOPS, accept_losses=frozenset({"soft_deletes"}))
    assert [(str(item.source), item.why) for item in plan.left] == [
        ("a version 1", "other versions refer to it, so that the target keeps it live")
    ]
    after = done(plan, state(), AXONOPS)
    assert not after.versions[VersionKey("a", 1)].deleted
    assert planned(archive, after, AXONOPS).steps == ()


def test_soft_deleted_chains_are_undone_from_their_end() -> None:
    archive = state("!a 1 = 1", "!b 1 = 2 > a 1", "!c 1 = 3 > b 1")
    plan = planned(archive, capabilities=AXONOPS)
    assert steps(plan)[3:] == ["soft-delete c version 1", "soft-delete b version 1", "soft-delete a version 1"]


def test_a_higher_version_would_remove_a_foreign_soft_deleted_one() -> None:
    assert problems(refused(state("a 3 = 1"), state("!a 1 = 1"))) == [
        "content_conflict: a version 3: registering it would remove the soft-deleted a version 1 from the target"
    ]
    again = planned(state("!a 1 = 1", "a 3 = 1"), state("!a 1 = 1"))
    assert steps(again) == ["register a version 1 as 1", "register a version 3 as 1", "soft-delete a version 1"]
    done(again, state("!a 1 = 1"))


def test_contexts_that_a_target_lacks_are_a_loss() -> None:
    bare = replace(CONFLUENT, contexts=False)
    archive = state(":.eu:a 1 = 1", "a 1 = 1")
    archive.settings[":.eu:"] = ScopeSettings(Setting(FULL, True))
    [loss] = refused(archive, capabilities=bare).losses
    assert (loss.kind, loss.subjects, loss.count) == ("contexts", (":.eu:", ":.eu:a"), 2)
    plan = planned(archive, capabilities=bare, accept_losses=frozenset({"contexts"}))
    assert steps(plan) == ["register a version 1 as 1"]


def test_references_into_other_contexts_are_a_loss() -> None:
    archive = state(":.eu:a 1 = 1", "b 1 = 2 > :.eu:a 1", "c 1 = 3 > b 1")
    done(planned(archive), state())
    [loss] = refused(archive, capabilities=AXONOPS).losses
    assert (loss.kind, loss.subjects) == ("references", ("b", "c"))


def test_config_fields_and_modes_that_a_target_lacks_are_a_loss() -> None:
    archive = state("a 1 = 1")
    value = {"compatibilityLevel": "FULL", "normalize": True}
    archive.settings["a"] = ScopeSettings(Setting(value, True), Setting("FORWARD", True))
    bare = replace(CONFLUENT, config_fields=frozenset({"compatibilityLevel"}))
    [loss] = refused(archive, capabilities=bare).losses
    assert (loss.kind, loss.count) == ("configs", 2)
    plan = planned(archive, capabilities=bare, accept_losses=frozenset({"configs"}))
    assert [(change.kind, change.value) for change in plan.settings] == [("config", {"compatibilityLevel": "FULL"})]


# references


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


# names


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
    ],
)
def test_mappings_that_cannot_be_used(mapping: Mapping[str, str], why: str) -> None:
    with pytest.raises(InvalidOption, match=why):
        planned(state("a 1 = 1", "b 1 = 2"), subject_mapping=mapping)


# settings


def with_settings(target: RegistryState, **scopes: ScopeSettings) -> RegistryState:
    named = {name.replace("registry", "").replace("eu", ":.eu:"): held for name, held in scopes.items()}
    return replace(target, settings=named)


ASKED = with_settings(
    state("a 1 = 1", "b 1 = 2"),
    registry=ScopeSettings(Setting(FULL, None), Setting("READONLY", None)),
    eu=ScopeSettings(Setting(FULL, True)),
    a=ScopeSettings(Setting({**FULL, "alias": "b"}, True), Setting("IMPORT", True)),
    b=ScopeSettings(Setting(FULL, True), Setting("READONLY", True)),
)
HELD = with_settings(
    state("z 1 = 9"),
    registry=ScopeSettings(BACKWARD, Setting("READWRITE", None)),
    b=ScopeSettings(Setting({"compatibilityLevel": "NONE"}, True)),
)


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


def test_ids_that_the_source_had_given_away_are_told() -> None:
    archive = replace(state("a 1 = 7"), highest_ids={".": 9})
    [note] = planned(archive).notes
    assert "up to 9 in the context ., of which those above 7" in note


def test_targets_that_cannot_be_written_to() -> None:
    with pytest.raises(Refused, match="implementation is not known"):
        planned(state("a 1 = 1"), capabilities=replace(CONFLUENT, writes=False))
    with pytest.raises(InvalidOption, match="Use ids: assign"):
        planned(state("a 1 = 1"), capabilities=replace(CONFLUENT, ids_in=None))


# ids that the target assigns


def test_references_follow_the_numbers_that_the_target_gives() -> None:
    archive = state("!a 2 = 50", "a 7 = 51", "b 1 = 52 > a 7, a 2", "c 1 = 51 t51")
    target = state("a 1 = 1 foreign")
    losses = frozenset({"soft_deletes"})
    plan = planned(archive, target, ids="assign", accept_losses=losses, subject_mapping={"b": "bb"})
    registry = ModelRegistry(CONFLUENT, copy.deepcopy(target))
    assigned = plan.assigned(registry.apply(plan), registry.state)
    b = registry.state.versions[VersionKey("bb", 1)]
    assert [reference.version for reference in b.content.references] == [3, 2]
    assert plan.id_map(assigned) == {".": {50: 2, 51: 3, 52: 4}}
    assert [(t.scope, t.value) for t in plan.temporary] == [("a", {"compatibilityLevel": "NONE"})]
    assert {loss.kind for loss in plan.losses} == losses


def test_a_subject_that_another_mode_closes_is_opened() -> None:
    target = with_settings(state(), registry=ScopeSettings(BACKWARD, Setting("READONLY", None)))
    plan = planned(state("a 1 = 1"), target, ids="assign")
    assert [(t.scope, t.kind, t.value) for t in plan.temporary] == [("a", "mode", "READWRITE")]
    done(plan, target)


def test_one_content_under_several_numbers_is_registered_once() -> None:
    archive = state("!a 1 = 1", "a 2 = 2", "a 3 = 1", "b 1 = 4 > a 3")
    plan = planned(archive, ids="assign")
    assert plan.actions["register"] == 3
    after = done(plan, state())
    assert {str(key): version.deleted for key, version in after.versions.items()} == {
        "a version 1": False,
        "a version 2": False,
        "b version 1": False,
    }
    assert planned(archive, after, ids="assign").is_empty


def test_conflicts_are_left_when_ids_are_assigned_but_not_with_overwrite() -> None:
    documented: SchemaVersion = version("a 2 = 2")
    text = '{"type": "record", "name": "t1", "doc": "d", "fields": []}'
    archive = state("a 1 = 1", replace(documented, content=replace(documented.content, text=text)))
    plan = planned(archive, capabilities=AXONOPS, ids="assign")
    assert [item.classification for item in plan.left] == ["content_conflict"]
    assert refused(archive, capabilities=AXONOPS, ids="assign", strategy="overwrite").problems[0].subject == "a"


def test_purge_steps_name_what_they_delete() -> None:
    plan = planned(ARCHIVED, SHIFTED, strategy="overwrite", allow_purge=True)
    assert [step for step in plan.steps if isinstance(step, PurgeSubject)] == [PurgeSubject("a", (1, 2))]


# what check mode shows


def test_a_diff_shows_only_what_changes() -> None:
    archive = replace(ASKED, versions={**ASKED.versions, **state("!a 2 = 3", "c 1 = 4").versions})
    target = replace(HELD, versions={**HELD.versions, **state("c 1 = 4").versions})
    before, after = rendered(planned(archive, target))
    assert [name for name in before if before[name] is not None] == []
    assert {name: value for name, value in after.items() if name in ("a", "b", "c", "z")} == {
        "a": {"version 1": "id 1, AVRO", "version 2": "id 3, AVRO, soft-deleted"},
        "b": {"version 1": "id 2, AVRO"},
    }
    assert after["config of :.eu:"] == FULL
    assert "config of " not in after


def test_a_diff_of_a_purge_and_of_an_undeletion() -> None:
    before, after = rendered(planned(ARCHIVED, SHIFTED, strategy="overwrite", allow_purge=True))
    assert before == {"a": {"version 1": "id 1, AVRO", "version 2": "id 3, AVRO"}}
    assert after == {"a": {"version 1": "id 1, AVRO", "version 2": "id 2, AVRO", "version 4": "id 3, AVRO"}}
    before, after = rendered(planned(state("a 1 = 1"), state("!a 1 = 1"), strategy="overwrite"))
    assert (before, after) == ({"a": {"version 1": "id 1, AVRO, soft-deleted"}}, {"a": {"version 1": "id 1, AVRO"}})


def test_a_diff_is_bounded_and_shows_what_is_not_known_yet() -> None:
    archive = state(*(f"a{n:03} 1 = {n + 1}" for n in range(250)))
    before, after = rendered(planned(archive, ids="assign"))
    assert (before, len(after), after["omitted"]) == ({}, 101, "150 more subjects and settings")
    assert after["a000"] == {"version 1": "id unknown until applied, AVRO"}
