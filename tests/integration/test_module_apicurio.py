# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backing up and restoring a real Apicurio Registry: what comes back, and what is lost only when that is accepted."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import Fault, RegistryProxy
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry

from testbed.apicurio import COMPATIBLE, NATIVE, Apicurio
from testbed.apicurio_contents import Compatible, ids_held, versions_held
from testbed.axonops import AxonOpsRegistry
from testbed.contents import PROTO, avro, delete, fill, fill_plain, holder, place, register, set_config, set_mode
from testbed.modules import Run, run_module, start_module

STATED = {"metadata": {"properties": {"owner": "shop"}}}
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}


@pytest.fixture
def bring(store: Path, apicurio: Apicurio) -> Run:
    """Imports into the Apicurio Registry, or through another address."""
    return lambda server=apicurio, **options: run_module("schema_registry_import", **importing(store, server, options))


def importing(store: Path, server: Apicurio | RegistryProxy, options: dict[str, Any]) -> dict[str, Any]:
    defaults = {"store": {"path": str(store)}, "backup_id": "prod", "ids": "assign"}
    return {**defaults, "registry": {"url": server.endpoint}, **options}


def levels(server: Apicurio, *subjects: str) -> dict[str, str]:
    return {
        scope: server.call("GET", f"{COMPATIBLE}/config{scope}")["compatibilityLevel"]
        for scope in ("", *(f"/{subject}" for subject in subjects))
    }


def test_a_backup_holds_all_that_clients_see(apicurio: Apicurio, export: Run, store: Path) -> None:
    fill_plain(Compatible(apicurio))
    made = export(apicurio).succeeded()
    assert made["changed"]
    assert made["schemas"]["versions"] == len(versions_held(apicurio)) == 14
    assert made["schemas"]["soft_deleted"] == 3
    assert made["schemas"]["settled"]
    assert not made.get("warnings")
    again = export(apicurio).succeeded()
    assert not again["changed"]
    verified = run_module("backup_verify", store={"path": str(store)}, backup_id="prod").succeeded()
    assert [(one["restore_point"], one["schemas"]) for one in verified["verified"]] == [(1, 14)]

    folder = store / "prod" / "schema-registry" / "subjects" / "gone"
    first = json.loads((folder / "v1.json").read_text())
    assert json.loads(first["schema"]) == json.loads(avro("Gone", "a")["schema"])


def test_what_a_backup_leaves_out_is_said(apicurio: Apicurio, export: Run) -> None:
    content = {"content": '{"openapi":"3.0.2","info":{"title":"x","version":"1"},"paths":{}}'}
    first = {"content": {**content, "contentType": "application/json"}}
    body = {"artifactId": "api", "artifactType": "OPENAPI", "firstVersion": first}
    apicurio.call("POST", f"{NATIVE}/groups/default/artifacts", body)
    apicurio.call("POST", f"{COMPATIBLE}/subjects/:.eu:orders/versions", avro("Order", "a"))
    assert "1 versions of type OPENAPI" in export(apicurio, exclude_subjects=[":.eu:*"]).succeeded()["warnings"][0]
    assert export(apicurio).failed()["failure"] == {"code": "unaddressable_name", "object": ":.eu:orders"}
    told = run_module("schema_registry_info", registry={"url": apicurio.endpoint}).succeeded()
    assert told["registry"]["implementation"] == "apicurio"
    assert told["registry"]["capabilities"]["ids_at_once"]
    assert told["registry"]["capabilities"]["modes"] == ["READWRITE"]
    assert len(told["warnings"]) == 2


def test_it_comes_back_with_other_ids(apicurio: Apicurio, export: Run, bring: Run) -> None:
    fill_plain(Compatible(apicurio))
    before = levels(apicurio, "payments-value")
    export(apicurio).succeeded()
    wanted = versions_held(apicurio)
    apicurio.clear()
    checked = bring(check=True).succeeded()
    assert versions_held(apicurio) == {}

    made = bring().succeeded()
    assert made["plan"] == checked["plan"]
    assert made["plan"]["lost"] == []
    actions = {"register": 14, "soft_delete": 3, "purge": 0, "config": 2, "mode": 0, "put_back": 0}
    assert made["plan"]["actions"] == actions
    assert made["id_map"]
    # Numbers are given anew without gaps; nothing else differs.
    gap = {
        "payments-value version 3": "payments-value version 2",
        "payments-value version 4": "payments-value version 3",
    }
    assert versions_held(apicurio) == {gap.get(name, name): facts for name, facts in wanted.items()}
    assert levels(apicurio, "payments-value") == before
    again = bring().succeeded()
    assert not again["changed"]
    assert again["plan"]["classes"] == {"identical": 14}


def test_its_own_export_moves_it_with_all_ids(apicurio: Apicurio, export: Run) -> None:
    fill_plain(Compatible(apicurio))
    export(apicurio).succeeded()
    packed, wanted = apicurio.pack(), versions_held(apicurio)
    apicurio.restart()  # and it is as new
    assert versions_held(apicurio) == {}
    apicurio.unpack(packed)
    assert versions_held(apicurio) == wanted
    compared = export(apicurio, check=True, diff=True).succeeded()
    assert not compared["changed"]


def test_it_comes_back_with_all_ids(apicurio: Apicurio, export: Run, bring: Run) -> None:
    fill_plain(Compatible(apicurio))
    wanted, ids, before = versions_held(apicurio), ids_held(apicurio), levels(apicurio, "payments-value")
    export(apicurio).succeeded()
    apicurio.restart()  # and it is as new
    checked = bring(ids="keep", check=True).succeeded()
    assert versions_held(apicurio) == {}
    made = bring(ids="keep").succeeded()
    assert made["plan"] == checked["plan"]
    assert made["plan"]["exact"]
    assert made["verified"]["versions"] == 14
    assert (versions_held(apicurio), ids_held(apicurio), levels(apicurio, "payments-value")) == (wanted, ids, before)
    assert not bring(ids="keep").succeeded()["changed"]
    assert not export(apicurio).succeeded()["changed"]
    # Clients go on: what is there is found, and what is new gets a new id.
    clients: Any = Compatible(apicurio)
    assert register(clients, "event", {"schemaType": "PROTOBUF", "schema": PROTO}) == [ids["event version 1"]]
    assert register(clients, "payments-value", avro("Payment", "z"))[0] > max(ids.values())

    apicurio.clear()
    register(clients, "mine", avro("Mine"))
    refused = bring(ids="keep").failed()
    assert refused["failure"]["conflict_counts"] == {"not_empty": 1}
    apicurio.clear()
    refused = bring(ids="keep").failed()
    assert "not even contents that deleted versions left behind" in refused["msg"]


@pytest.mark.parametrize("killed", [False, True])
def test_another_make_comes_in_with_all_ids(
    registry: AxonOpsRegistry, apicurio: Apicurio, export: Run, bring: Run, store: Path, killed: bool
) -> None:
    fill(registry)
    set_mode(registry, "IMPORT", "far")
    for number, more in ((30, {"doc": "one"}), (20, {"doc": "two", "namespace": "n"})):
        schema = json.dumps({**json.loads(avro("Far", "a")["schema"]), **more})
        place(registry, "far", 1000 * number, number, {"schema": schema})
    set_mode(registry, "READWRITE", "far")
    export(registry).succeeded()
    apicurio.restart()
    accepted = {"ids": "keep", "accept_losses": ["contexts", "configs"]}
    with RegistryProxy(apicurio.endpoint) as proxy:
        assert bring(proxy, ids="keep").failed()["failure"]["code"] == "loss_not_accepted"
        assert proxy.writes() == []
        if killed:
            running = start_module("schema_registry_import", **importing(store, proxy, accepted))
            proxy.add(Fault(path="*/admin/import", after=lambda _request: running.kill()))
            assert running.wait().status == -signal.SIGKILL
            proxy.clear()
        bring(proxy, **accepted).succeeded()
        assert not bring(proxy, **accepted).succeeded()["changed"]
    told = registry.call("GET", "/schemas?deleted=true")
    assert ids_held(apicurio) == {f"{item['subject']} version {item['version']}": item["id"] for item in told}
    assert {name for name, facts in versions_held(apicurio).items() if facts[1] == "DISABLED"} == {
        "payments-value version 1", "gone version 1",
    }  # fmt: skip
    assert levels(apicurio, "payments-value") == {"": "FORWARD", "/payments-value": "NONE"}


def test_what_is_soft_deleted_comes_back_below_what_lives(apicurio: Apicurio, export: Run, bring: Run) -> None:
    with EmulatedRegistry(Confluent) as source:
        set_mode(source, "IMPORT")
        place(source, "address", 30, 1, avro("Address", "street"))
        delete(source, "address")
        place(source, "customer", 40, 1, holder("Customer", "Address", "address"))
        set_mode(source, "READWRITE")
        export(source).succeeded()
    apicurio.restart()
    assert bring(ids="keep").succeeded()["plan"]["exact"]
    assert {name: facts[1:] for name, facts in versions_held(apicurio).items()} == {
        "address version 1": ("DISABLED", []),
        "customer version 1": ("ENABLED", [("address", "1")]),
    }
    assert not bring(ids="keep").succeeded()["changed"]


def test_losses_are_refused_until_they_are_accepted(
    registry: AxonOpsRegistry, apicurio: Apicurio, export: Run, bring: Run
) -> None:
    fill(registry)
    register(registry, "stated", {**avro("Stated", "a"), **STATED, "ruleSet": RULES})
    export(registry).succeeded()
    with RegistryProxy(apicurio.endpoint) as proxy:
        # Nothing can make the server take the JSON schema of the subject person.
        refused = bring(proxy).failed()
        assert refused["failure"]["code"] == "import_conflict"
        assert [(c["subject"], c["kind"]) for c in refused["failure"]["conflicts"]] == [("person", "unrecognised_type")]
        refused = bring(proxy, exclude_subjects=["person"]).failed()
        assert refused["failure"]["code"] == "loss_not_accepted"
        losses = {loss["kind"]: loss for loss in refused["failure"]["losses"]}
        assert set(losses) == {"metadata", "rules", "contexts", "configs"}
        for kind in ("metadata", "rules"):
            assert (losses[kind]["count"], losses[kind]["subjects"]) == (1, ["stated"])
        assert losses["contexts"]["subjects"] == [":.eu:orders-value"]
        assert losses["configs"]["subjects"] == ["payments-value"]
        assert proxy.writes() == []
    accepted = {"exclude_subjects": ["person"], "accept_losses": sorted(losses)}
    made = bring(**accepted).succeeded()
    assert {loss["kind"] for loss in made["plan"]["lost"]} == set(losses)
    assert made["plan"]["actions"]["register"] == len(versions_held(apicurio)) == 10
    assert {name for name, facts in versions_held(apicurio).items() if facts[1] == "DISABLED"} == {
        "payments-value version 1", "gone version 1",
    }  # fmt: skip
    assert levels(apicurio, "payments-value") == {"": "NONE", "/payments-value": "NONE"}  # of some subjects: not global
    assert not bring(**accepted).succeeded()["changed"]


@pytest.mark.parametrize("ids", ["keep", "assign"])
def test_a_subject_of_several_types_is_refused_before_any_write(
    apicurio: Apicurio, registry: AxonOpsRegistry, export: Run, bring: Run, ids: str
) -> None:
    set_config(registry, compatibility="NONE")
    register(registry, "mixed", avro("A"), {"schemaType": "PROTOBUF", "schema": PROTO})
    export(registry).succeeded()
    with RegistryProxy(apicurio.endpoint) as proxy:
        failed = bring(proxy, ids=ids).failed()
        assert [conflict["kind"] for conflict in failed["failure"]["conflicts"]] == ["mixed_types"]
        assert "which is AVRO here, not PROTOBUF" in failed["msg"]
        assert proxy.writes() == []
    # what it does when nobody looks first: the text is taken for that of another type
    register(Compatible(apicurio), "mixed", avro("A"), {"schemaType": "PROTOBUF", "schema": PROTO})
    assert apicurio.call("GET", f"{COMPATIBLE}/subjects/mixed/versions/2").get("schemaType", "AVRO") == "AVRO"


@pytest.mark.parametrize("nth", [1, 6, 12, 15])
def test_a_killed_import_is_completed_by_the_next(
    registry: AxonOpsRegistry, apicurio: Apicurio, export: Run, bring: Run, store: Path, nth: int
) -> None:
    register(registry, "leaf", *(avro("Leaf", *"abcdef"[:count]) for count in range(1, 6)))
    for number in range(1, 6):
        register(registry, f"user-{number}", holder(f"User{number}", "Leaf", "leaf", number))
    delete(registry, "user-5")
    delete(registry, "leaf", 5)
    set_config(registry, compatibility="FULL")
    set_config(registry, "leaf", compatibility="BACKWARD")
    set_config(Compatible(apicurio), compatibility="FULL")
    export(registry).succeeded()
    with RegistryProxy(apicurio.endpoint) as proxy:
        running = start_module("schema_registry_import", **importing(store, proxy, {}))
        proxy.add(Fault(method="[!GH]*", nth=nth, after=lambda _request: running.kill()))
        assert running.wait().status == -signal.SIGKILL
        proxy.clear()
        bring(proxy).succeeded()  # by the same address: the journal goes by it
        again = bring(proxy).succeeded()
    assert not again["changed"]
    names = {f"leaf version {number}" for number in range(1, 6)} | {
        f"user-{number} version 1" for number in range(1, 6)
    }
    held = versions_held(apicurio)
    assert set(held) == names
    assert {name for name in held if held[name][1] == "DISABLED"} == {"leaf version 5", "user-5 version 1"}
    assert [held[f"user-{number} version 1"][2] for number in range(1, 6)] == [
        [("leaf", str(number))] for number in range(1, 6)
    ]
    assert levels(apicurio, "leaf", "user-1") == {"": "FULL", "/leaf": "BACKWARD", "/user-1": "NONE"}
