# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module schema_registry_subject on a real registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import RegistryProxy

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, fill, holding, register, set_config, set_mode
from testbed.modules import Outcome, run_module

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
PERSON = {"type": "object", "title": "Person", "properties": {"name": {"type": "string"}}}
EVENT = 'syntax = "proto3";\nmessage Event { string a = 1; }\n'
ASKING = ("POST /subjects/", "POST /compatibility/")
"""The beginnings of requests that change nothing although they are no GET; a registration ends with ``/versions``."""


def subject(server: AxonOpsRegistry | RegistryProxy, **options: Any) -> Outcome:
    return run_module("schema_registry_subject", registry={"url": server.endpoint}, **options)


def written(proxy: RegistryProxy) -> list[str]:
    """Return the requests that change something."""
    sent = [f"{request.method} {request.path}" for request in proxy.writes()]
    return [
        request
        for request in sent
        if not request.startswith(ASKING)
        or (request.startswith("POST /subjects/") and "/versions" in request.partition("?")[0])
    ]


def steps(server: AxonOpsRegistry, **options: Any) -> dict[str, Any]:
    """Check, apply, apply again; return the result of the second."""
    with RegistryProxy(server.endpoint) as proxy:
        held = holding(server)
        checked = subject(proxy, check=True, diff=True, **options).succeeded()
        assert written(proxy) == []
        assert holding(server) == held
        made = subject(proxy, diff=True, **options).succeeded()
        assert written(proxy)
    assert checked["changed"]
    assert (made["changed"], made["diff"]) == (True, checked["diff"])
    assert [told["changed"] for told in made["subjects"]] == [told["changed"] for told in checked["subjects"]]
    for check in (True, False):
        again = subject(server, check=check, diff=True, **options).succeeded()
        assert not again["changed"]
        assert "diff" not in again
    return made


@pytest.mark.parametrize(
    ("schema", "kind"),
    [(ORDER, None), (json.dumps(ORDER), "AVRO"), (PERSON, "JSON"), (EVENT, "PROTOBUF")],
    ids=["structure", "text", "json", "protobuf"],
)
@pytest.mark.parametrize("name", ["orders-value", ":.eu:orders-value"])
def test_a_schema_is_registered_once(registry: AxonOpsRegistry, schema: Any, kind: str | None, name: str) -> None:
    options = {"subject": name, "schema": schema, **({"schema_type": kind} if kind else {})}
    made = steps(registry, **options)
    assert made["subjects"] == [{"subject": name, "version": 1, "id": 1, "changed": True}]
    stored = holding(registry)["versions"][f"{name} version 1"]
    assert stored.get("schemaType", "AVRO") == (kind or "AVRO")
    assert made["diff"]["after"][name]["schema_type"] == (kind or "AVRO")
    assert made["diff"]["before"] == {}


def test_a_schema_comes_from_a_file(registry: AxonOpsRegistry, tmp_path: Path) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(json.dumps(ORDER, indent=4))
    assert steps(registry, subject="orders", src=str(file))["subjects"][0]["version"] == 1
    assert not subject(registry, subject="orders", schema=ORDER).succeeded()["changed"]
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path / "binary", "UTF-8"), (tmp_path, "directory")):
        if path.name == "binary":
            path.write_bytes(b"\xff\xfe")
        failed = subject(registry, subject="orders", src=str(path)).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": "src"}
        assert why in failed["msg"]


def test_many_subjects_refer_to_each_other(registry: AxonOpsRegistry) -> None:
    route = {"type": "record", "name": "Route", "fields": [{"name": "to", "type": "Order"}]}
    reference = {"name": "Order", "subject": "orders", "version": 1}
    both = [{"subject": "orders", "schema": ORDER}, {"subject": "routes", "schema": route, "references": [reference]}]
    made = steps(registry, subjects=both)
    assert [(told["subject"], told["version"], told["id"]) for told in made["subjects"]] == [
        ("orders", 1, 1),
        ("routes", 1, 2),
    ]
    assert holding(registry)["versions"]["routes version 1"]["references"] == [reference]
    failed = subject(registry, subject="lost", schema=route, references=[{**reference, "subject": "x"}]).failed()
    assert failed["failure"]["registry_code"] == 42201

    failed = subject(registry, subject="orders", versions=["1"], state="absent").failed()
    assert failed["failure"]["registry_code"] == 42206
    assert "refers to it" in failed["msg"]


def test_what_is_not_compatible_is_not_registered(registry: AxonOpsRegistry) -> None:
    register(registry, "orders", {"schema": json.dumps(ORDER)})
    before = holding(registry)
    new = {**ORDER, "fields": [*ORDER["fields"], {"name": "customer", "type": "string"}]}
    for check in (True, False):
        with RegistryProxy(registry.endpoint) as proxy:
            failed = subject(proxy, subject="orders", schema=new, check=check).failed()
            assert written(proxy) == []
        assert failed["failure"]["code"] == "incompatible"
        assert failed["failure"]["object"] == "orders"
        assert failed["failure"]["reasons"]
        assert "customer" in failed["msg"]
    assert holding(registry) == before
    set_config(registry, "orders", compatibility="NONE")
    assert steps(registry, subject="orders", schema=new)["subjects"][0]["version"] == 2


def test_metadata_and_rules_are_registered(registry: AxonOpsRegistry) -> None:
    rules = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}]}
    metadata = {"properties": {"owner": "a"}, "tags": {"Order.id": ["PII"]}}
    steps(registry, subject="orders", schema=ORDER, metadata=metadata, rule_set=rules)
    stored = holding(registry)["versions"]["orders version 1"]
    assert stored["metadata"] == metadata
    assert stored["ruleSet"]["domainRules"][0]["name"] == "r"
    assert not subject(registry, subject="orders", schema=ORDER).succeeded()["changed"]
    # This make of registry would answer with the first version, and leave its metadata as they are.
    for other in ({"metadata": {"properties": {"owner": "b"}}}, {"rule_set": {"domainRules": [{"name": "s"}]}}):
        failed = subject(registry, subject="orders", schema=ORDER, **other).failed()
        assert failed["failure"] == {"code": "refused", "object": "orders"}
        assert next(iter(other)) in failed["msg"]


@pytest.mark.parametrize("state", ["absent", "purged"])
def test_versions_are_deleted(registry: AxonOpsRegistry, state: str) -> None:
    fill(registry)
    versions = holding(registry)["versions"]
    assert "deleted" in versions["payments-value version 1"]
    made = steps(registry, subject="payments-value", versions=[1, 3, 9], state=state)
    purged = [1, 3] if state == "purged" else []
    assert made["subjects"] == [
        {"subject": "payments-value", "soft_deleted": [3], "purged": purged, "changed": True},
    ]
    left = holding(registry)["versions"]
    assert left.pop("payments-value version 4") == versions["payments-value version 4"]
    assert {f"payments-value version {number}" for number in (1, 3)} <= set(left) or state == "purged"
    made = steps(registry, subject="payments-value", versions="all", state=state)
    assert made["subjects"][0]["soft_deleted"] == [4]
    names = {name for name in holding(registry)["versions"] if name.startswith("payments-value")}
    assert len(names) == (0 if state == "purged" else 3)


def test_several_subjects_are_deleted(registry: AxonOpsRegistry) -> None:
    for name in ("a", "b", ":.eu:a"):
        register(registry, name, avro("A"))
    delete(registry, "b")
    gone = [{"subject": name} for name in ("a", "b", ":.eu:a", "never")]
    made = steps(registry, subjects=gone, state="absent")
    assert [told["changed"] for told in made["subjects"]] == [True, False, True, False]
    assert made["diff"] == {
        "before": {"a": {"version 1": "live"}, ":.eu:a": {"version 1": "live"}},
        "after": {"a": {"version 1": "soft-deleted"}, ":.eu:a": {"version 1": "soft-deleted"}},
    }
    steps(registry, subjects=[{**each, "versions": ["all"]} for each in gone], state="purged")
    assert holding(registry)["versions"] == {}
    assert steps(registry, subject="a", schema=avro("A")["schema"])["subjects"][0]["version"] == 1


def test_a_soft_deleted_schema_is_registered_again(registry: AxonOpsRegistry) -> None:
    register(registry, "orders", {"schema": json.dumps(ORDER)})
    delete(registry, "orders")
    told = steps(registry, subject="orders", schema=ORDER)["subjects"]
    assert told == [{"subject": "orders", "version": 2, "id": 1, "changed": True}]


def test_an_alias_is_not_followed(registry: AxonOpsRegistry) -> None:
    register(registry, "orders", {"schema": json.dumps(ORDER)})
    set_config(registry, "alias", compatibility="NONE", alias="orders")
    before = holding(registry)
    for options in ({"schema": ORDER}, {"state": "absent"}, {"state": "purged", "versions": ["all"]}):
        failed = subject(registry, subject="alias", **options).failed()
        assert failed["failure"]["code"] == "aliased_subject"
    assert holding(registry) == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"subject": "", "schema": ORDER}, "subject"),
        ({"schema": ORDER}, "subject"),
        ({"subject": "a"}, "schema"),
        ({"subject": "a", "schema": ORDER, "src": "/etc/hostname"}, "schema"),
        ({"subject": "a", "schema": " "}, "schema"),
        ({"subject": "a", "schema": 5}, "schema"),
        ({"subject": "a", "schema": ORDER, "schema_type": "PROTOBUF"}, "schema"),
        ({"subject": "a", "schema": ORDER, "versions": [1]}, "versions"),
        ({"subject": "a", "schema": ORDER, "state": "absent"}, "schema"),
        ({"subject": "a", "metadata": {"properties": {}}, "state": "purged"}, "metadata"),
        ({"subject": "a", "state": "purged"}, "versions"),
        ({"subject": "a", "state": "absent", "versions": ["all", "1"]}, "versions"),
        ({"subject": "a", "state": "absent", "versions": ["1" * 5000]}, "versions"),
        ({"subject": ":.:a", "schema": ORDER}, "subject"),
        ({"subject": "a", "state": "absent", "versions": ["0"]}, "versions"),
        ({"subject": "a", "state": "absent", "versions": ["latest"]}, "versions"),
        ({"subject": "a", "schema": ORDER, "metadata": {"owner": "b"}}, "metadata"),
        ({"subject": "a", "schema": ORDER, "rule_set": {"domainRules": {}}}, "rule_set.domainRules"),
        ({"subjects": [{"subject": "b", "schema": ORDER}], "schema": ORDER}, "schema"),
        ({"subjects": [{"subject": "b", "schema": ORDER}], "subject": "a"}, "subject"),
        ({"subjects": [{"subject": ""}]}, "subject"),
    ],
)
def test_what_cannot_be_meant_is_refused(registry: AxonOpsRegistry, options: dict[str, Any], named: str) -> None:
    with RegistryProxy(registry.endpoint) as proxy:
        failed = subject(proxy, **options).failed()
        assert proxy.writes() == []
    assert failed["failure"] == {"code": "invalid_option", "object": named}


def test_no_subjects_are_no_change(registry: AxonOpsRegistry) -> None:
    for state in ("present", "absent", "purged"):
        assert not subject(registry, subjects=[], state=state).succeeded()["changed"]


def test_a_registry_that_refuses_says_why(registry: AxonOpsRegistry) -> None:
    failed = subject(registry, subject="a", schema='{"type": "nonsense"}').failed()
    assert failed["failure"]["registry_code"] == 42201
    set_mode(registry, "READONLY", "b")
    both = [{"subject": "a", "schema": ORDER}, {"subject": "b", "schema": ORDER}]
    failed = subject(registry, subjects=both).failed()
    assert failed["failure"]["registry_code"] == 42205
    assert "Registered before it: a version 1." in failed["msg"]
    assert set(holding(registry)["versions"]) == {"a version 1"}
