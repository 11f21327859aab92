# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from unit.schemas.building import state
from unit.schemas.planning import ARCHIVED, FULL, SHIFTED, done, planned, problems, refused, steps

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import PurgeSubject
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, ScopeSettings, Setting


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


def test_purge_steps_name_what_they_delete() -> None:
    plan = planned(ARCHIVED, SHIFTED, strategy="overwrite", allow_purge=True)
    assert [step for step in plan.steps if isinstance(step, PurgeSubject)] == [PurgeSubject("a", (1, 2))]
