# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules schema_registry_mode and schema_registry_compatibility on a real registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import RegistryProxy

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, holding, register, set_mode
from testbed.modules import Outcome, run_module


@pytest.fixture
def registry(registry: AxonOpsRegistry) -> AxonOpsRegistry:
    """A registry with two subjects in the default context and one in another."""
    for subject in ("orders", "payments", ":.eu:orders"):
        register(registry, subject, avro("Order"))
    return registry


def mode(server: AxonOpsRegistry | RegistryProxy, **options: Any) -> Outcome:
    return run_module("schema_registry_mode", registry={"url": server.endpoint}, **options)


def compatibility(server: AxonOpsRegistry | RegistryProxy, **options: Any) -> Outcome:
    return run_module("schema_registry_compatibility", registry={"url": server.endpoint}, **options)


SCOPES = [
    pytest.param({}, [""], id="registry"),
    pytest.param({"subjects": ["orders", "payments"]}, ["orders", "payments"], id="subjects"),
    pytest.param({"contexts": [".eu"]}, [":.eu:"], id="context"),
    pytest.param({"contexts": [".", ".eu"], "subjects": [":.eu:orders"]}, ["", ":.eu:", ":.eu:orders"], id="all kinds"),
]


@pytest.mark.parametrize(("named", "scopes"), SCOPES)
def test_mode(registry: AxonOpsRegistry, named: dict[str, Any], scopes: list[str]) -> None:
    before = holding(registry)

    def steps(**options: Any) -> dict[str, Any]:
        """Check, apply, apply again; return the result of the second."""
        with RegistryProxy(registry.endpoint) as proxy:
            held = holding(registry)
            checked = mode(proxy, check=True, diff=True, **named, **options).succeeded()
            assert proxy.writes() == []
            assert holding(registry) == held
            made = mode(proxy, diff=True, **named, **options).succeeded()
            assert len(proxy.writes()) == len(scopes)
        assert checked["changed"]
        assert (made["changed"], made["diff"], made["modes"]) == (True, checked["diff"], checked["modes"])
        assert [told["scope"] for told in made["modes"]] == scopes
        for check in (True, False):
            again = mode(registry, check=check, diff=True, **named, **options).succeeded()
            assert not again["changed"]
            assert "diff" not in again
        return made

    made = steps(mode="READONLY")
    assert {told["after"] for told in made["modes"]} == {"READONLY"}
    assert made["diff"]["after"] == {scope or "(global)": "READONLY" for scope in scopes}
    held = holding(registry)
    assert {scope: held["modes"][scope] for scope in scopes} == {scope: {"mode": "READONLY"} for scope in scopes}

    made = steps(mode="READONLY_OVERRIDE")
    assert {(told["before"], told["after"]) for told in made["modes"]} == {("READONLY", "READONLY_OVERRIDE")}

    steps(state="absent")
    assert holding(registry) == before


def test_import_needs_force_where_there_are_schemas(registry: AxonOpsRegistry) -> None:
    failed = mode(registry, mode="IMPORT", subjects=["orders"]).failed()
    assert failed["failure"].items() >= {"http_status": 422, "registry_code": 42205, "method": "PUT"}.items()
    assert "force: true" in failed["msg"]
    assert mode(registry, mode="IMPORT", subjects=["orders"], force=True).succeeded()["changed"]
    assert not mode(registry, mode="IMPORT", subjects=["orders"]).succeeded()["changed"]
    assert mode(registry, mode="IMPORT", subjects=["new"]).succeeded()["changed"]


@pytest.mark.parametrize(("named", "scopes"), SCOPES)
def test_compatibility(registry: AxonOpsRegistry, named: dict[str, Any], scopes: list[str]) -> None:
    before = holding(registry)
    for level in ("FULL", "NONE", None):
        options = {**named, **({"compatibility": level} if level else {"state": "absent"})}
        with RegistryProxy(registry.endpoint) as proxy:
            held = holding(registry)
            checked = compatibility(proxy, check=True, diff=True, **options).succeeded()
            assert proxy.writes() == []
            assert holding(registry) == held
        made = compatibility(registry, diff=True, **options).succeeded()
        assert made["changed"]
        assert (checked["changed"], checked["diff"], checked["configs"]) == (True, made["diff"], made["configs"])
        after = {"compatibility": level} if level else None
        assert [(told["scope"], told["after"]) for told in made["configs"]] == [(scope, after) for scope in scopes]
        if level:
            configs = holding(registry)["configs"]
            assert {scope: configs[scope] for scope in scopes} == {
                scope: {"compatibilityLevel": level} for scope in scopes
            }
        again = compatibility(registry, diff=True, **options).succeeded()
        assert not again["changed"]
        assert "diff" not in again
    assert holding(registry) == before


RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}]}
FIELDS = {
    "compatibility": "FULL",
    "normalize": True,
    "validate_fields": True,
    "compatibility_group": "application.major",
    "alias": "payments",
    "default_metadata": {"properties": {"owner": "a"}, "tags": {"x": ["B", "A"]}},
    "override_metadata": {"sensitive": ["owner"]},
    "default_rule_set": RULES,
    "override_rule_set": RULES,
}


def config_steps(server: AxonOpsRegistry, **options: Any) -> dict[str, Any]:
    """Check, apply, apply again on the subject orders; return what its config is told to be after it."""
    with RegistryProxy(server.endpoint) as proxy:
        held = holding(server)
        checked = compatibility(proxy, check=True, diff=True, subjects=["orders"], **options).succeeded()
        assert proxy.writes() == []
        assert holding(server) == held
    made = compatibility(server, diff=True, subjects=["orders"], **options).succeeded()
    assert made["changed"]
    assert (made["diff"], made["configs"]) == (checked["diff"], checked["configs"])
    assert not compatibility(server, subjects=["orders"], **options).succeeded()["changed"]
    return made["configs"][0]["after"]


def test_fields_of_a_config_are_set_left_and_cleared(registry: AxonOpsRegistry) -> None:
    assert config_steps(registry, **FIELDS).items() >= {"normalize": True, "alias": "payments"}.items()
    stored = holding(registry)["configs"]["orders"]
    assert (stored["compatibilityLevel"], stored["alias"]) == ("FULL", "payments")
    assert stored["defaultRuleSet"]["domainRules"][0]["expr"] == "true"
    reordered = {**FIELDS["default_metadata"], "tags": {"x": ["A", "B"]}}
    assert not compatibility(registry, subjects=["orders"], default_metadata=reordered).succeeded()["changed"]

    assert set(config_steps(registry, compatibility="NONE")) == set(FIELDS)
    after = config_steps(registry, clear=["alias"], compatibility_group="", default_rule_set={}, normalize=False)
    assert set(after) == set(FIELDS) - {"alias", "compatibility_group", "default_rule_set"}
    assert after["normalize"] is False
    assert "alias" not in holding(registry)["configs"]["orders"]

    assert config_steps(registry, compatibility="FULL", validate_fields=True, replace=True) == {
        "compatibility": "FULL",
        "validate_fields": True,
    }
    assert config_steps(registry, state="absent") is None
    assert "orders" not in holding(registry)["configs"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "compatibility"),
        ({"state": "absent", "compatibility": "FULL"}, "compatibility"),
        ({"state": "absent", "clear": ["alias"]}, "clear"),
        ({"state": "absent", "replace": True}, "replace"),
        ({"alias": "a", "clear": ["alias"]}, "alias"),
        ({"normalize": True, "subjects": ["orders"]}, "compatibility"),
        ({"clear": ["compatibility"], "normalize": True}, "compatibility"),
        ({"compatibility": "FULL", "validate_rules": True, "compatibility_policy": "STRICT"}, "validate_rules"),
        ({"compatibility": "FULL", "alias_for_deks": "payments"}, "alias_for_deks"),
        ({"default_metadata": {"propertys": {}}}, "default_metadata"),
        ({"default_metadata": {"properties": {"number": 1}}}, "default_metadata.properties['number']"),
        ({"override_metadata": {"tags": {"x": "A"}}}, "override_metadata.tags['x']"),
        ({"override_metadata": {"sensitive": {"x": 1}}}, "override_metadata.sensitive"),
        ({"override_metadata": {"properties": ["x"]}}, "override_metadata.properties"),
        ({"default_rule_set": {"rules": []}}, "default_rule_set"),
        ({"default_rule_set": {"domainRules": ["r"]}}, "default_rule_set.domainRules"),
        ({"default_rule_set": {"domainRules": [{"kind": "CONDITION"}]}}, "default_rule_set.domainRules[0].name"),
        ({"override_rule_set": {"domainRules": [{"name": "r", "to": 1}]}}, "override_rule_set.domainRules[0]"),
        ({"override_rule_set": {"domainRules": [{"name": "r", "expr": 1}]}}, "override_rule_set.domainRules[0].expr"),
    ],
)
def test_what_no_config_can_be_is_refused(registry: AxonOpsRegistry, options: dict[str, Any], named: str) -> None:
    before = holding(registry)
    for check in (True, False):
        failed = compatibility(registry, check=check, **options).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": named}
        assert named.partition(".")[0] in failed["msg"]
    assert holding(registry) == before


def test_modes_below_are_removed_with_those_above(registry: AxonOpsRegistry) -> None:
    register(registry, ":.eu:payments", avro("Payment"))
    before = holding(registry)
    mode(registry, mode="READONLY", subjects=["orders", ":.eu:orders"], contexts=[".eu"]).succeeded()
    with RegistryProxy(registry.endpoint) as proxy:
        checked = mode(proxy, state="absent", contexts=[".eu"], recursive=True, check=True).succeeded()
        assert proxy.writes() == []
    removed = mode(registry, state="absent", contexts=[".eu"], recursive=True).succeeded()
    assert checked["modes"] == removed["modes"]
    assert {told["scope"] for told in removed["modes"]} == {":.eu:", ":.eu:orders"}
    assert holding(registry)["modes"] == {**before["modes"], "orders": {"mode": "READONLY"}}
    assert not mode(registry, state="absent", contexts=[".eu"], recursive=True).succeeded()["changed"]
    mode(registry, mode="READONLY", subjects=[":.eu:orders"]).succeeded()
    assert mode(registry, state="absent", contexts=[".__GLOBAL"], recursive=True).succeeded()["changed"]
    assert holding(registry) == before


def test_modes_that_a_scope_cannot_have(registry: AxonOpsRegistry) -> None:
    before = holding(registry)
    for options, named in (
        ({"mode": "FORWARD", "contexts": [".__GLOBAL"]}, "mode"),  # which this make of registry lacks
        ({"mode": "READONLY", "recursive": True}, "recursive"),
        ({"state": "absent", "subjects": ["orders"], "recursive": True}, "recursive"),
        ({"state": "absent", "mode": "READONLY"}, "mode"),
        ({"state": "absent", "force": True}, "force"),
        ({"mode": "READONLY", "journal": "somewhere"}, "journal"),
        ({"mode": "READONLY", "on_failure": "prior_modes"}, "on_failure"),
        ({"state": "recovered", "recursive": True}, "recursive"),
    ):
        assert mode(registry, **options).failed()["failure"] == {"code": "invalid_option", "object": named}
    assert holding(registry) == before


@pytest.mark.parametrize("run", [mode, compatibility])
def test_the_whole_registry_is_never_meant_by_accident(registry: AxonOpsRegistry, run: Any) -> None:
    options = {"mode": "READONLY"} if run is mode else {"compatibility": "FULL"}
    before = holding(registry)
    for scopes in ({"subjects": []}, {"contexts": []}, {"subjects": [], "contexts": []}):
        assert not run(registry, **options, **scopes).succeeded()["changed"]
    for scopes in ({"subjects": [""]}, {"subjects": ["orders", ""]}, {"contexts": [""]}, {"contexts": ["eu"]}):
        assert run(registry, **options, **scopes).failed()["failure"]["code"] == "invalid_option"
    assert run(registry, **options, subjects=["a/b"]).failed()["failure"]["code"] == "unaddressable_name"
    assert holding(registry) == before


def test_what_is_needed_is_asked_for(registry: AxonOpsRegistry, tmp_path: Path) -> None:
    assert "mode" in mode(registry).failed()["msg"]
    assert "compatibility" in compatibility(registry).failed()["msg"]
    assert mode(registry, state="recovered").failed()["failure"] == {"code": "invalid_option", "object": "store"}
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    for more in ({"subjects": ["orders"]}, {"contexts": [".eu"]}, {"mode": "READWRITE"}):
        failed = mode(registry, state="recovered", store=store, **more).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": next(iter(more))}


def test_there_may_be_nothing_to_recover(registry: AxonOpsRegistry, tmp_path: Path) -> None:
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    set_mode(registry, "READONLY")
    before = holding(registry)
    for options in (
        {"store": store},
        {"journal": str(tmp_path / "journal")},
        {"environment": {"LIFEBOAT_STORE_PATH": store["path"]}},
    ):
        told = mode(registry, state="recovered", **options).succeeded()
        assert (told["changed"], told["modes"], told["recovered"]) == (False, [], [])
    assert holding(registry) == before
    failed = mode(registry, state="recovered", store={"path": str(tmp_path)}).failed()
    assert failed["failure"]["code"] == "not_a_store"
