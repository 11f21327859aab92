# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each make of registry loses of one that holds something of everything."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.key_strategies import dek, kek, keys_of
from unit.schemas.model_registry import CONFLUENT
from unit.schemas.planning import FULL, METADATA, planned, refused

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.apicurio import ApicurioRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.axonops import AxonOpsRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.confluent import (
    COMMUNITY_CONFIG_FIELDS,
    ConfluentRegistry,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.karapace import KarapaceRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.redpanda import RedpandaRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import ScopeSettings, Setting
from testbed.documents import Document

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
        "holder": ScopeSettings(
            Setting({**FULL, "normalize": True, "defaultRuleSet": RULES}, True), Setting("FORWARD", True)
        ),
        ":.eu:": ScopeSettings(Setting(FULL, True)),
    },
    keys=keys_of([kek("k", deleted=True)], [dek("k", "tagged", 1, "AAEC")]),
)

TOLD = [("metadata", 1)]
TAGGED, RULED = ("metadata", 2, ("tagged",)), ("rules", 1, ("ruled",))
ABROAD, LEAF = ("contexts", 2, (":.eu:", ":.eu:plain")), ("soft_deletes", 1, ("leaf",))
KEK, LEAF_AND_KEK = ("soft_deletes", 1, ("k",)), ("soft_deletes", 2, ("k", "leaf"))
TO_LATEST, AND_IN_JSON = ("references", 2, ("abroad", "newest")), ("references", 3, ("abroad", "json", "newest"))
ELSEWHERE, LATEST = ("references", 1, ("abroad",)), ("references", 1, ("newest",))
CONFIG, ALL_SETTINGS = ("configs", 1, ("holder",)), ("configs", 3, ("holder",))
KEYS = ("deks", 2, ("k", "tagged"))
COMMUNITY = replace(ConfluentRegistry.declared, config_fields=COMMUNITY_CONFIG_FIELDS)
WITH_RULES = replace(ConfluentRegistry.declared, register_keeps_rule_sets=True, import_keeps_rule_sets=True)
AS_IN_REDPANDA = [TAGGED, RULED, ABROAD, LEAF, TO_LATEST, ALL_SETTINGS, KEYS]
LOSSES = {
    "Confluent, keep": (WITH_RULES, [KEK, LATEST]),
    "Confluent, assign": (WITH_RULES, [LEAF_AND_KEK, LATEST]),
    "Confluent community, keep": (COMMUNITY, [RULED, KEK, LATEST, CONFIG]),
    "Confluent community, assign": (COMMUNITY, [RULED, LEAF_AND_KEK, LATEST, CONFIG]),
    "AxonOps, keep": (AxonOpsRegistry.declared, [TAGGED, RULED, LEAF, ELSEWHERE, CONFIG]),
    "AxonOps, assign": (AxonOpsRegistry.declared, [LEAF, ELSEWHERE, CONFIG]),
    "Karapace, assign": (
        KarapaceRegistry.declared,
        [TAGGED, RULED, ABROAD, LEAF, AND_IN_JSON, ALL_SETTINGS, KEYS],
    ),
    "Redpanda, keep": (RedpandaRegistry.declared, AS_IN_REDPANDA),
    "Redpanda, assign": (RedpandaRegistry.declared, AS_IN_REDPANDA),
    "Apicurio, keep": (ApicurioRegistry.declared, [lost for lost in AS_IN_REDPANDA if lost != LEAF]),
    "Apicurio, assign": (ApicurioRegistry.declared, AS_IN_REDPANDA),
}
IMPORTING: dict[str, Any] = {"ids_in": "IMPORT", "modes": frozenset({"READWRITE", "READONLY", "IMPORT"})}
LATER = {
    "Karapace 6.2.4, keep": (replace(KarapaceRegistry.declared, **IMPORTING), LOSSES["Karapace, assign"][1]),
    "Redpanda 25.3, keep": (replace(RedpandaRegistry.declared, **IMPORTING), AS_IN_REDPANDA),
    "Redpanda 25.3, assign": (replace(RedpandaRegistry.declared, **IMPORTING), AS_IN_REDPANDA),
}
"""Later servers, which lose the same as those before."""
SWITCHED_OFF = {"Confluent": {"deks"}}
"""What is only lost where a part of a registry is switched off."""


@pytest.mark.parametrize(
    ("make", "capabilities", "expected"), [(make, *told) for make, told in (LOSSES | LATER).items()]
)
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


@pytest.mark.parametrize("ids", ["keep", "assign"])
@pytest.mark.parametrize("make", ["Confluent community", "AxonOps"])
def test_a_second_run_tells_what_the_first_one_has_lost(make: str, ids: str) -> None:
    capabilities, _expected = LOSSES[f"{make}, {ids}"]
    capabilities = replace(capabilities, import_keeps_metadata=False, register_keeps_metadata=False)
    archive = state(version("tagged 1 = 1", metadata=METADATA), "plain 1 = 2")
    target = state(version("tagged 1 = 1"), "plain 1 = 2")
    assert [(loss.kind, loss.count) for loss in refused(archive, target, capabilities, ids=ids).losses] == TOLD
    plan = planned(archive, target, capabilities, ids=ids, accept_losses=frozenset({"metadata"}))
    assert ([(loss.kind, loss.count) for loss in plan.losses], plan.steps) == (TOLD, ())
    assert planned(archive, archive, capabilities, ids=ids).losses == ()


def test_a_config_field_that_the_target_shows_is_not_lost() -> None:
    policy = {**FULL, "compatibilityPolicy": "STRICT"}
    archive = replace(state("shop 1 = 1"), settings={"shop": ScopeSettings(Setting(policy, True))})
    axonops = AxonOpsRegistry.declared
    [loss] = refused(archive, state("shop 1 = 1"), axonops, strategy="overwrite").losses
    assert loss.why == f"{LOSS_KINDS['configs']} Here: config field compatibilityPolicy."
    same = planned(archive, archive, axonops, strategy="overwrite")
    assert (same.losses, same.settings) == ((), ())
    other = replace(
        archive, settings={"shop": ScopeSettings(Setting(policy | {"compatibilityPolicy": "LENIENT"}, True))}
    )
    assert [change.value for change in planned(archive, other, axonops, strategy="overwrite").settings] == [policy]


def test_what_holds_everything_loses_nothing() -> None:
    ideal = replace(CONFLUENT, modes=CONFLUENT.modes | {"FORWARD"}, deletes_used_keks=True)
    assert planned(EVERYTHING, capabilities=ideal).losses == ()


def test_the_guide_tells_what_is_lost_where() -> None:
    makes: dict[str, dict[str, set[str]]] = {}
    for name, (_capabilities, expected) in LOSSES.items():
        make, _comma, ids = name.partition(", ")
        makes.setdefault(make, {})[ids] = {kind for kind, _count, _subjects in expected}
    rows = [["loss", *makes], ["---"] * (1 + len(makes))]
    for kind in LOSS_KINDS:
        cells = [f"`{kind}`"]
        for told in makes.values():
            losing = [ids for ids, kinds in told.items() if kind in kinds]
            sometimes = f"`ids: {losing[0]}`" if losing else "\N{EN DASH}"
            cells.append("yes" if len(losing) == len(told) else sometimes)
        rows.append(cells)
    table = Document("docs/guides/registries.md").section("What is lost where")
    assert [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines() if line.startswith("|")] == [
        ["---" if set(cell) == {"-"} else cell for cell in row] for row in rows
    ]


@pytest.mark.parametrize("make", ["Confluent", "AxonOps", "Karapace", "Redpanda", "Apicurio"])
def test_the_page_of_a_make_tells_when_it_loses_what(make: str) -> None:
    page = Document(f"docs/guides/registry-{make.lower()}.md").text
    told = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page.split("| kind of loss | when |\n", 1)[1], re.MULTILINE)
    lost = {kind for name in LOSSES if name.startswith(make) for kind, _count, _subjects in LOSSES[name][1]}
    assert re.findall(r"`(\w+)`", ",".join(told)) == [
        kind for kind in LOSS_KINDS if kind in lost | SWITCHED_OFF.get(make, set())
    ]


def test_many_subjects_are_bounded_in_the_message() -> None:
    archive = state(*(version(f"a{n} 1 = {n + 1}", rule_set=RULES) for n in range(8)))
    message = refused(archive, capabilities=ConfluentRegistry.declared).message
    assert "rules (8, of a0, a1, a2, a3, a4 and 3 more): " in message
