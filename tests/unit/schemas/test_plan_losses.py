# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each make of registry loses of one that holds something of everything."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.model_registry import CONFLUENT
from unit.schemas.planning import FULL, METADATA, planned, refused

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.apicurio import ApicurioRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.axonops import AxonOpsRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.confluent import ConfluentRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.karapace import KarapaceRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import ScopeSettings, Setting

RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"}]}
JSON_TEXT = {"schema_type": "JSON", "text": '{"type": "object", "properties": {}}'}

EVERYTHING = replace(
    state(
        version("tagged 1 = 1", metadata=METADATA),
        version("tagged 2 = 2", metadata=METADATA),
        version("ruled 1 = 3", rule_set=RULES),
        "!leaf 1 = 4",
        "holder 1 = 5 > leaf 1",
        ":.eu:plain 1 = 1",
        "abroad 1 = 6 > :.eu:plain 1",
        "newest 1 = 7 > holder -1",
        version("json 1 = 8 > holder 1", **JSON_TEXT),
    ),
    settings={
        "holder": ScopeSettings(Setting({**FULL, "normalize": True}, True), Setting("FORWARD", True)),
        ":.eu:": ScopeSettings(Setting(FULL, True)),
    },
)

TAGGED, RULED = ("metadata", 2, ("tagged",)), ("rules", 1, ("ruled",))
ABROAD, LEAF = (":.eu:", ":.eu:plain"), ("soft_deletes", 1, ("leaf",))
LOSSES = {
    "confluent, keep": (ConfluentRegistry.declared, [RULED]),
    "confluent, assign": (ConfluentRegistry.declared, [RULED, LEAF]),
    "axonops, keep": (
        AxonOpsRegistry.declared,
        [TAGGED, RULED, LEAF, ("references", 1, ("abroad",)), ("configs", 1, ("holder",))],
    ),
    "axonops, assign": (
        AxonOpsRegistry.declared,
        [LEAF, ("references", 1, ("abroad",)), ("configs", 1, ("holder",))],
    ),
    "karapace, assign": (
        KarapaceRegistry.declared,
        [
            TAGGED,
            RULED,
            ("contexts", 2, ABROAD),
            LEAF,
            ("references", 3, ("abroad", "json", "newest")),
            ("configs", 2, ("holder",)),
        ],
    ),
    "apicurio, assign": (
        ApicurioRegistry.declared,
        [
            TAGGED,
            RULED,
            ("contexts", 2, ABROAD),
            LEAF,
            ("references", 2, ("abroad", "newest")),
            ("configs", 2, ("holder",)),
        ],
    ),
}


@pytest.mark.parametrize(("make", "capabilities", "expected"), [(make, *told) for make, told in LOSSES.items()])
def test_a_make_loses_this_and_stops_for_it(make: str, capabilities: Capabilities, expected: list[Any]) -> None:
    ids, archive = make.partition(", ")[2], copy.deepcopy(EVERYTHING)
    error = refused(archive, capabilities=capabilities, ids=ids)
    assert [(loss.kind, loss.count, loss.subjects) for loss in error.losses] == expected
    assert error.failure()["code"] == "loss_not_accepted"
    for kind, count, subjects in expected:
        assert f"{kind} ({count}, of {', '.join(subjects)}): {LOSS_KINDS[kind]}" in error.message
    kinds = {kind for kind, _count, _subjects in expected}
    for kind in kinds:
        [loss] = refused(archive, capabilities=capabilities, ids=ids, accept_losses=frozenset(kinds - {kind})).losses
        assert loss.kind == kind
    plan = planned(archive, capabilities=capabilities, ids=ids, accept_losses=frozenset(kinds))
    assert [loss.kind for loss in plan.losses] == [kind for kind, _count, _subjects in expected]


def test_what_holds_everything_loses_nothing() -> None:
    assert planned(EVERYTHING, capabilities=replace(CONFLUENT, modes=CONFLUENT.modes | {"FORWARD"})).losses == ()


def test_many_subjects_are_bounded_in_the_message() -> None:
    archive = state(*(version(f"a{n} 1 = {n + 1}", rule_set=RULES) for n in range(8)))
    message = refused(archive, capabilities=ConfluentRegistry.declared).message
    assert "rules (8, of a0, a1, a2, a3, a4 and 3 more): " in message
