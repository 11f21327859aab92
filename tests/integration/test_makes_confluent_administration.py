# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that administer a registry, on an emulated Confluent Schema Registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.exporters import Links
from registries.serving import RegistryServer

from testbed.modules import Outcome, run_module

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}
OVERALL = ":.__GLOBAL:"


@pytest.fixture
def make() -> Confluent:
    """A registry that keeps rule sets."""
    return Confluent(edition="enterprise", resources=[Links("exporters")])


@pytest.fixture
def server(make: Confluent) -> Iterator[RegistryServer]:
    """It, served."""
    with RegistryServer(make) as served:
        yield served


def run(server: RegistryServer, module: str, **options: Any) -> Outcome:
    return run_module(f"schema_registry_{module}", registry={"url": server.endpoint}, **options)


def written(server: RegistryServer, module: str, **options: Any) -> list[tuple[str, str, Any]]:
    """Check, apply, apply again; return the writing requests of the second: method, path, body."""
    begin = len(server.requests)
    checked = run(server, module, check=True, diff=True, **options).succeeded()
    assert _writes(server, begin) == []
    begin = len(server.requests)
    made = run(server, module, diff=True, **options).succeeded()
    assert (made["changed"], made["diff"]) == (checked["changed"], checked["diff"]) == (True, checked["diff"])
    sent = _writes(server, begin)
    assert not run(server, module, **options).succeeded()["changed"]
    return sent


def _writes(server: RegistryServer, begin: int) -> list[tuple[str, str, Any]]:
    """Return what changed something; a lookup and a trial are POST and change nothing."""
    return [
        (request.method, request.target, request.json())
        for request in server.requests[begin:]
        if request.method in ("PUT", "DELETE")
        or (request.target.startswith("/subjects/") and request.path.endswith("/versions") and request.method == "POST")
    ]


def test_a_field_that_is_set_leaves_the_others_alone(server: RegistryServer, make: Confluent) -> None:
    scope = {"subjects": ["orders"]}
    assert written(server, "compatibility", **scope, alias="payments") == [
        ("PUT", "/config/orders", {"alias": "payments"})
    ]
    # The registry tells a level that is not set, and that must not become set by the way.
    assert written(server, "compatibility", **scope, normalize=True) == [("PUT", "/config/orders", {"normalize": True})]
    assert make.settings.configs["orders"] == {"alias": "payments", "normalize": True}
    every = {
        "compatibility": "FULL",
        "validate_fields": True,
        "validate_new_schemas": True,
        "validate_rules": False,
        "compatibility_policy": "STRICT",
        "compatibility_group": "application.major",
        "alias_for_deks": "payments",
        "default_metadata": {"properties": {"b": "1", "a": "2"}, "sensitive": ["b"]},
        "override_metadata": {"tags": {"x": ["B", "A"]}},
        "default_rule_set": RULES,
        "override_rule_set": RULES,
    }
    assert len(written(server, "compatibility", **scope, **every)) == 1
    assert len(make.settings.configs["orders"]) == 13


def test_a_field_that_is_cleared_is_gone(server: RegistryServer, make: Confluent) -> None:
    scope = {"subjects": ["orders"]}
    written(server, "compatibility", **scope, compatibility="FULL", normalize=True, alias="payments")
    assert written(server, "compatibility", **scope, clear=["alias"]) == [("PUT", "/config/orders", {"alias": None})]
    # The registry tells a level where there is none, so the level is cleared each time.
    for _turn in range(2):
        assert run(server, "compatibility", **scope, clear=["compatibility"]).succeeded()["changed"]
        assert make.settings.configs["orders"] == {"normalize": True}
    written(server, "compatibility", **scope, compatibility="NONE", replace=True)
    assert make.settings.configs["orders"] == {"compatibilityLevel": "NONE"}
    assert written(server, "compatibility", **scope, state="absent") == [("DELETE", "/config/orders", None)]


def test_a_level_of_the_whole_registry_is_removed(server: RegistryServer, make: Confluent) -> None:
    for scope, path in (({}, "/config"), ({"contexts": [".__GLOBAL"]}, f"/config/{OVERALL}")):
        assert not run(server, "compatibility", **scope, state="absent").succeeded()["changed"]
        run(server, "compatibility", **scope, compatibility="FULL").succeeded()
        assert written(server, "compatibility", **scope, state="absent") == [("DELETE", path, None)]
    assert make.settings.configs == {}


def test_an_edition_that_drops_rule_sets_is_given_none() -> None:
    with RegistryServer(Confluent()) as server:
        for module, options in (
            ("compatibility", {"default_rule_set": RULES}),
            ("subject", {"subject": "a", "schema": ORDER, "rule_set": RULES}),
        ):
            failed = run(server, module, **options).failed()
            assert failed["failure"]["code"] == "invalid_option"
            assert "rule_set" in failed["msg"]
        assert server.writes() == []


def test_every_mode_is_set(server: RegistryServer, make: Confluent) -> None:
    for mode in ("READONLY", "READONLY_OVERRIDE", "IMPORT", "READWRITE", "FORWARD"):
        assert written(server, "mode", mode=mode, contexts=[".__GLOBAL"]) == [
            ("PUT", f"/mode/{OVERALL}", {"mode": mode}),
        ]
    for scope in ({"subjects": ["a"]}, {"contexts": [".eu", ".__GLOBAL"]}):
        failed = run(server, "mode", mode="FORWARD", **scope).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": "mode"}
    assert make.settings.modes == {OVERALL: "FORWARD"}


@pytest.mark.parametrize(
    ("scope", "concerned"),
    [
        ({}, True),
        ({"contexts": [".__GLOBAL"]}, True),
        ({"contexts": [".eu"]}, True),
        ({"subjects": [":.eu:orders"]}, True),
        ({"contexts": [".us"]}, False),
        ({"subjects": ["orders"]}, False),
    ],
)
def test_soft_deleted_versions_are_not_erased_with_a_mode(
    server: RegistryServer, make: Confluent, scope: dict[str, Any], concerned: bool
) -> None:
    """The registry erases them when it enters IMPORT, unless it is forced, and answers as if nothing were."""
    run(server, "subject", subject=":.eu:orders", schema=ORDER).succeeded()
    run(server, "subject", subject=":.eu:orders", state="absent").succeeded()
    if concerned:
        for check in (True, False):
            failed = run(server, "mode", mode="IMPORT", check=check, **scope).failed()
            assert failed["failure"]["code"] == "would_purge"
            assert ":.eu:orders version 1" in failed["msg"]
        assert make.settings.modes == {}
    written(server, "mode", mode="IMPORT", force=concerned, **scope)
    assert [version.deleted for version in make.store.every()] == [True]


def test_modes_below_a_context_are_removed_by_the_registry(server: RegistryServer, make: Confluent) -> None:
    run(server, "subject", subject=":.eu:orders", schema=ORDER).succeeded()
    run(server, "mode", mode="READONLY", subjects=[":.eu:orders", ":.eu:never", "never"], contexts=[".eu"]).succeeded()
    sent = written(server, "mode", state="absent", contexts=[".eu"], recursive=True)
    assert sent[0] == ("DELETE", "/mode/:.eu:?recursive=true", None)
    assert make.settings.modes == {"never": "READONLY"}


def test_what_nobody_sees_below_a_context_is_no_change(server: RegistryServer, make: Confluent) -> None:
    run(server, "mode", mode="READONLY", subjects=[":.eu:never"]).succeeded()
    assert not run(server, "mode", state="absent", contexts=[".eu"], recursive=True).succeeded()["changed"]
    assert make.settings.modes == {":.eu:never": "READONLY"}


def test_a_schema_is_registered_once(server: RegistryServer) -> None:
    options = {"subject": "orders", "schema": ORDER, "metadata": {"properties": {"owner": "a"}}, "rule_set": RULES}
    sent = written(server, "subject", **options)
    assert [(method, path) for method, path, _body in sent] == [("POST", "/subjects/orders/versions")]
    # Unlike other makes, this one takes other metadata for another schema.
    other = {**options, "metadata": {"properties": {"owner": "b"}}}
    assert run(server, "subject", **other).succeeded()["subjects"][0]["version"] == 2
    assert written(server, "subject", subject="sorted", schema=ORDER, normalize=True)[0][1].endswith("?normalize=true")


def test_a_context_does_not_answer_for_another(server: RegistryServer, make: Confluent) -> None:
    """An unqualified name that is not in the default context is looked for in all others."""
    run(server, "subject", subject=":.eu:orders", schema=ORDER).succeeded()
    for state in ("absent", "purged"):
        told = run(server, "subject", subject="orders", versions="all", state=state).succeeded()
        assert not told["changed"]
    assert run(server, "subject", subject="orders", schema=ORDER).succeeded()["changed"]
    assert {version.subject for version in make.store.every()} == {"orders", ":.eu:orders"}


def test_another_context_does_not_hinder_a_purge(server: RegistryServer, make: Confluent) -> None:
    """It answers for the subject as soon as that one is soft-deleted."""
    for number, name in enumerate((":.eu:orders", "orders", ":.eu:orders")):
        kind = {**ORDER, "fields": [{"name": f"id{number}", "type": "long"}]}
        run(server, "subject", subject=name, schema=kind).succeeded()
    assert run(server, "subject", subject="orders", versions="all", state="purged").succeeded()["changed"]
    assert [version.subject for version in make.store.every()] == [":.eu:orders"] * 2


def test_versions_are_deleted_and_purged(server: RegistryServer, make: Confluent) -> None:
    run(server, "compatibility", compatibility="NONE").succeeded()
    for kind in ("long", "string", "bytes"):
        run(server, "subject", subject="orders", schema=json.dumps(kind)).succeeded()
    assert written(server, "subject", subject="orders", versions=[2], state="absent") == [
        ("DELETE", "/subjects/orders/versions/2", None)
    ]
    assert written(server, "subject", subject="orders", versions=[2, 3], state="purged") == [
        ("DELETE", "/subjects/orders/versions/3", None),
        ("DELETE", "/subjects/orders/versions/3?permanent=true", None),
        ("DELETE", "/subjects/orders/versions/2?permanent=true", None),
    ]
    assert written(server, "subject", subject="orders", versions="all", state="purged") == [
        ("DELETE", "/subjects/orders", None),
        ("DELETE", "/subjects/orders?permanent=true", None),
    ]
    assert not list(make.store.every())
