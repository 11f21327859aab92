# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from dataclasses import replace

from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.planning import BACKWARD, done, planned, refused, with_settings

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
)


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


def test_the_number_in_metadata_is_left_to_the_target() -> None:
    numbered = {"properties": {"confluent:version": "4", "owner": "a"}}
    archive = state(version("a 4 = 1", metadata=numbered), version("a 5 = 2", metadata=numbered))
    after = done(planned(archive, ids="assign"), state())
    assert [held.content.metadata for held in after.versions.values()] == [{"properties": {"owner": "a"}}] * 2
    assert planned(archive, archive, ids="assign").is_empty
    deleted = state(*(replace(held, deleted=True) for held in archive.versions.values()))
    plan = planned(deleted, archive, ids="assign", strategy="overwrite")
    assert plan.actions["soft_delete"] == 2
    assert [held.content.metadata for held in done(plan, archive).versions.values()] == [numbered] * 2


def test_conflicts_are_left_when_ids_are_assigned_but_not_with_overwrite() -> None:
    documented: SchemaVersion = version("a 2 = 2")
    text = '{"type": "record", "name": "t1", "doc": "d", "fields": []}'
    archive = state("a 1 = 1", replace(documented, content=replace(documented.content, text=text)))
    plan = planned(archive, capabilities=AXONOPS, ids="assign")
    assert [item.classification for item in plan.left] == ["content_conflict"]
    assert refused(archive, capabilities=AXONOPS, ids="assign", strategy="overwrite").problems[0].subject == "a"
