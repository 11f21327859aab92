# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS, CONFLUENT
from unit.schemas.planning import FULL, METADATA, done, planned, problems, refused, steps

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    UNSET,
    Reference,
    ScopeSettings,
    Setting,
    VersionKey,
)


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


def test_what_is_left_itself_stands_in_nobodys_way() -> None:
    archive = state("a 1 = 1 t", "b 1 = 2 t", "c 1 = 1 t")
    both = ["register a version 1 as 1", "register c version 1 as 1"]
    assert steps(planned(archive, None, AXONOPS, strategy="skip")) == both
    assert steps(planned(archive, state("a 1 = 1 t"), AXONOPS, strategy="skip")) == both[1:]


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


def test_texts_that_subjects_would_share_are_a_conflict_where_ids_are_assigned() -> None:
    one, other = (
        version(
            f"{subject} 1 = {number} t", text=json.dumps({"type": "record", "name": "t", "fields": [], "doc": subject})
        )
        for number, subject in enumerate(("a", "b"), 1)
    )
    archive, apart = state(one, other), replace(other, subject=":.eu:b")
    assert steps(planned(archive, ids="assign")) == ["register a version 1 as 0", "register b version 1 as 0"]
    why = "the target takes its content for that of a version 1"
    for target, made in ((None, ["register a version 1 as 0"]), (state(one), [])):
        plan = planned(archive, target, AXONOPS, ids="assign")
        assert (steps(plan), [item.why for item in plan.left]) == (made, [why])
    assert len(steps(planned(state(one, apart), None, AXONOPS, ids="assign"))) == 2
    # the number of what both refer to is another one in the target
    both = [replace(each, content=replace(each.content, references=(Reference("c", "c", 4),))) for each in (one, other)]
    archive = state("c 4 = 9", *both)
    plan = planned(archive, capabilities=AXONOPS, ids="assign")
    assert [item.why for item in plan.left] == [why]
    again = planned(archive, done(plan, state(), AXONOPS), AXONOPS, ids="assign")
    assert (again.is_empty, [item.why for item in again.left]) == (True, [why])


def test_an_alias_that_would_hide_versions_is_a_loss() -> None:
    alias = ScopeSettings(Setting({"alias": "b", **FULL}, True), UNSET)
    archive = replace(state("a 1 = 1"), settings={"a": alias, "front": alias})
    assert planned(archive).losses == ()
    assert [loss.describe()["subjects"] for loss in refused(archive, None, AXONOPS).losses] == [["a"]]
    plan = planned(archive, None, AXONOPS, accept_losses=frozenset({"configs"}))
    assert {change.scope: change.value for change in plan.settings} == {"a": FULL, "front": alias.config.value}


def test_a_subject_of_several_types_is_a_problem_where_it_must_have_one() -> None:
    one_type = replace(CONFLUENT, one_type_a_subject=True)
    archive = state("a 1 = 1", version("a 2 = 2", schema_type="PROTOBUF"), version("b 1 = 3", schema_type="JSON"))
    assert planned(archive).classes == {"new": 3}
    for options in ({}, {"ids": "assign"}):
        (problem,) = refused(archive, None, one_type, **options).problems
        assert (problem.subject, problem.version, problem.kind) == ("a", 2, "mixed_types")
    (problem,) = refused(state(version("b 2 = 3", schema_type="JSON")), state("b 1 = 1"), one_type).problems
    assert "which is AVRO here, not JSON" in problem.why


def test_a_config_that_goes_with_the_last_live_version_is_set_again() -> None:
    config = {"a": ScopeSettings(Setting(FULL, True), UNSET)}
    archive, target = (replace(state(line), settings=config) for line in ("!a 1 = 1", "a 1 = 1"))
    assert planned(archive, target, strategy="overwrite").settings == ()
    clearing = replace(CONFLUENT, soft_delete_clears_config=True)
    (change,) = planned(archive, target, clearing, strategy="overwrite").settings
    assert (change.scope, change.kind, change.value) == ("a", "config", FULL)
    more = replace(target, versions={**target.versions, **state("a 2 = 2").versions})
    assert planned(archive, more, clearing, strategy="overwrite").settings == ()
