# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports into a target that takes ids only for all versions at once, and that finds out types by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.schemas.model_registry import CONFLUENT

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import ImportOptions, ImportPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    SchemaContent,
    SchemaVersion,
    VersionKey,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

AT_ONCE = replace(CONFLUENT, ids_in="READWRITE", ids_at_once=True, guesses_types=True, modes=frozenset({"READWRITE"}))
INT, LONG = SchemaContent("AVRO", '"int"'), SchemaContent("AVRO", '"long"')


def holding(*versions: SchemaVersion) -> RegistryState:
    return RegistryState(versions={version.key: version for version in versions})


def plan(archive: RegistryState, target: RegistryState, ids: str = "keep") -> ImportPlan:
    return plan_import(archive, target, AT_ONCE, ImportOptions(ids=ids))


def kinds(archive: RegistryState, target: RegistryState, ids: str = "keep") -> list[tuple[str, str]]:
    with pytest.raises(ImportRefused) as caught:
        plan(archive, target, ids)
    return [(problem.subject, problem.kind) for problem in caught.value.problems]


def test_an_empty_target_takes_ids_numbers_and_soft_deletes() -> None:
    archive = holding(
        SchemaVersion("s", 2, 900, INT, deleted=True),
        SchemaVersion("s", 5, 7, LONG),
        SchemaVersion("s", 9, 900, INT),
        SchemaVersion("t", 1, 8, SchemaContent("JSON", '{"type": "object"}')),
    )
    made = plan(archive, RegistryState())
    assert made.after.versions == archive.versions
    assert made.temporary == ()
    again = plan(archive, RegistryState(versions=dict(archive.versions)))
    assert again.is_empty


def test_a_target_that_holds_something_takes_no_more() -> None:
    here = SchemaVersion("here", 1, 1, INT)
    assert kinds(holding(here, SchemaVersion("s", 1, 2, LONG)), holding(here)) == [("the registry", "not_empty")]
    assert plan(holding(here), holding(here)).is_empty


def test_a_text_has_one_id() -> None:
    archive = holding(SchemaVersion("s", 1, 1, INT), SchemaVersion("t", 1, 2, INT))
    assert kinds(archive, RegistryState()) == [("t", "content_conflict")]
    spaced = replace(INT, text=' "int"')
    assert plan(holding(SchemaVersion("s", 1, 1, INT), SchemaVersion("t", 1, 2, spaced)), RegistryState()).steps


def test_what_does_not_show_its_type_is_named_when_it_would_be_registered() -> None:
    content = SchemaContent("JSON", '{"type": "object"}')
    archive = holding(SchemaVersion("s", 1, 1, content), SchemaVersion("t", 1, 2, INT))
    assert kinds(archive, RegistryState(), ids="assign") == [("s", "unrecognised_type")]
    there = holding(SchemaVersion("s", 1, 50, content))
    made = plan(archive, there, ids="assign")
    assert [step.subject for step in made.steps] == ["t"]
    assert made.known[VersionKey("s", 1)].id == 50
