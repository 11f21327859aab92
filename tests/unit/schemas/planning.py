# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans imports in short, for tests; and states that several of them use."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state
from unit.schemas.model_registry import CONFLUENT, ModelRegistry

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    ImportOptions,
    ImportPlan,
    Register,
    SoftDelete,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, ScopeSettings, Setting
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

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


SHIFTED = state("a 1 = 1", "a 2 = 3")
ARCHIVED = state("a 1 = 1", "a 2 = 2", "a 4 = 3")
