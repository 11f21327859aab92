# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module schema_registry_import on real registries; the strategies have tests of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import RegistryProxy

from testbed.archives import tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, fill, holder, holding, place, register, set_config, set_mode
from testbed.modules import Outcome, run_module

Import = Callable[..., Outcome]
METADATA = {"properties": {"owner": "shop"}, "tags": {"a": ["PII"]}}
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}


@pytest.fixture(scope="module")
def source() -> Iterator[AxonOpsRegistry]:
    """A registry with something of everything, which tests only read."""
    with AxonOpsRegistry() as server:
        fill(server)
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    path = tmp_path / "store"
    run_module("backup_store", store={"path": str(path)}).succeeded()
    return path


@pytest.fixture
def export(store: Path) -> Callable[..., Outcome]:
    """Backs a registry up."""
    defaults = {"store": {"path": str(store)}, "backup_id": "prod"}
    return lambda server, **options: run_module(
        "schema_registry_export", **{**defaults, "registry": {"url": server.endpoint}, **options}
    )


@pytest.fixture
def bring(store: Path, registry: AxonOpsRegistry) -> Import:
    """Imports into the test's registry, or into another one."""

    def run(target: AxonOpsRegistry | RegistryProxy = registry, **options: Any) -> Outcome:
        defaults = {"store": {"path": str(store)}, "backup_id": "prod"}
        return run_module("schema_registry_import", **{**defaults, "registry": {"url": target.endpoint}, **options})

    return run


@pytest.mark.parametrize("storage", ["memory", "postgresql", "mariadb"])
def test_a_lost_registry_comes_back(
    source: AxonOpsRegistry,
    export: Callable[..., Outcome],
    bring: Import,
    registry_factory: Callable[..., AxonOpsRegistry],
    storage: str,
    store: Path,
) -> None:
    target = registry_factory(storage=storage)
    export(source).succeeded()
    before = tree(store)
    with RegistryProxy(target.endpoint) as proxy:
        checked = bring(proxy, check=True, diff=True).succeeded()
        assert proxy.writes() == []
    assert tree(store) == before
    assert holding(target)["versions"] == {}

    made = bring(target, diff=True).succeeded()
    assert made["changed"]
    assert (checked["changed"], checked["plan"], checked["diff"]) == (True, made["plan"], made["diff"])
    assert "verified" not in checked
    assert made["plan"]["classes"] == {"new": 11}
    assert made["plan"]["actions"] == {"register": 11, "soft_delete": 2, "purge": 0, "config": 3, "mode": 1}
    assert (made["plan"]["left"], made["plan"]["lost"]) == ([], [])
    assert made["verified"]["versions"] == 11
    assert made["backup"]["restore_point"] == 1
    assert holding(target) == holding(source)
    assert tree(store) == before

    for check in (True, False):
        again = bring(target, check=check, diff=True).succeeded()
        assert not again["changed"]
        assert "diff" not in again
        assert again["plan"]["classes"] == {"identical": 11}
    assert holding(target) == holding(source)


def test_a_part_filled_registry_is_filled_up(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry
) -> None:
    export(source).succeeded()
    first = bring(subjects=["customer"]).succeeded()
    assert first["plan"]["classes"] == {"new": 2}
    assert set(holding(registry)["versions"]) == {"address version 2", "customer version 1"}
    set_mode(registry, "IMPORT")
    place(registry, "mine", 900, 1, avro("Mine"))
    set_mode(registry, "READWRITE")
    set_config(registry, "payments-value", compatibility="FULL")

    made = bring().succeeded()
    assert made["plan"]["classes"] == {"identical": 2, "new": 9}
    held, wanted = holding(registry), holding(source)
    assert held["versions"].pop("mine version 1")["id"] == 900
    assert held["versions"] == wanted["versions"]
    # What the target had set stays: its own config, and the global one, which no registry that holds schemas tells
    # from an unset one.
    assert held["configs"]["payments-value"] == {"compatibilityLevel": "FULL"}
    assert held["modes"] == wanted["modes"]
    assert not bring().succeeded()["changed"]

    overwritten = bring(strategy="overwrite").succeeded()
    assert overwritten["plan"]["actions"]["config"] == 2
    assert holding(registry)["configs"] == wanted["configs"]
    assert not bring(strategy="overwrite").succeeded()["changed"]


def test_some_subjects_come_with_what_they_refer_to(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry
) -> None:
    export(source).succeeded()
    bring(subjects=["*-value"], exclude_subjects=["payments*", ":.eu:*"]).succeeded()
    names = ["address version 2", "customer version 1", "orders-value version 1"]
    held, wanted = holding(registry), holding(source)
    assert held["versions"] == {name: wanted["versions"][name] for name in names}
    # The settings of the whole registry are nobody's in particular.
    assert held["configs"][""] == {"compatibilityLevel": "BACKWARD"}
    failed = bring(subjects=["nobody"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "nobody"}


def test_subjects_get_new_names(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry
) -> None:
    export(source).succeeded()
    mapping = {"customer": "test.customer", "address": "test.address", "person": ":.eu:person"}
    options = {"subject_mapping": mapping, "subjects": ["orders-value", "person", "address"]}
    bring(**options).succeeded()
    held, wanted = holding(registry), holding(source)
    assert set(held["versions"]) == {
        "test.address version 1",
        "test.address version 2",
        "test.customer version 1",
        "orders-value version 1",
        ":.eu:person version 1",
    }
    assert held["versions"]["test.customer version 1"]["references"][0]["subject"] == "test.address"
    assert held["versions"]["orders-value version 1"]["references"][0]["subject"] == "test.customer"
    assert held["versions"]["test.address version 2"] == wanted["versions"]["address version 2"]
    assert held["modes"][":.eu:person"] == {"mode": "READONLY"}
    assert not bring(**options).succeeded()["changed"]

    for mapping, named in (
        ({"nobody": "x"}, "nobody"),
        ({"customer": "address"}, "address"),
        ({"customer": ":.eu:"}, "customer"),
    ):
        failed = bring(subject_mapping=mapping).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": named}
    failed = bring(subject_mapping={"person": "a/b"}, ids="assign").failed()
    assert failed["failure"]["conflict_counts"] == {"forbidden_name": 1}


def test_what_the_target_drops_must_be_accepted(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "tagged", avro("Tagged", metadata=METADATA))
    register(source, "ruled", avro("Ruled", ruleSet=RULES))
    register(source, "plain", avro("Plain"))
    export(source).succeeded()
    before = holding(registry)
    for check in (True, False):
        failed = bring(check=check).failed()
        assert failed["failure"]["code"] == "loss_not_accepted"
        losses = {loss["kind"]: (loss["count"], loss["subjects"]) for loss in failed["failure"]["losses"]}
        assert losses == {"metadata": (1, ["tagged"]), "rules": (1, ["ruled"])}
        assert failed["msg"].endswith("To import nevertheless, add metadata, rules to accept_losses.")
    assert bring(accept_losses=["rules"]).failed()["failure"]["losses"][0]["kind"] == "metadata"
    assert holding(registry) == before

    made = bring(accept_losses=["metadata", "rules"]).succeeded()
    assert [loss["kind"] for loss in made["plan"]["lost"]] == ["metadata", "rules"]
    assert len(made["warnings"]) == 2
    held, wanted = holding(registry)["versions"], holding(source)["versions"]
    for told in wanted.values():
        told.pop("metadata", None)
        told.pop("ruleSet", None)
    assert held == wanted
    for losses in (["metadata", "rules"], []):
        assert not bring(accept_losses=losses).succeeded()["changed"]


def test_new_ids_are_assigned_and_mapped(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry, store: Path
) -> None:
    register(registry, "mine", avro("Mine"), avro("Mine", "a"))
    set_config(registry, compatibility="FULL_TRANSITIVE")
    before = holding(registry)
    export(source).succeeded()
    checked = bring(ids="assign", check=True, diff=True).succeeded()
    assert "id_map" not in checked
    assert "unknown until applied" in json.dumps(checked["diff"])
    assert holding(registry) == before

    made = bring(ids="assign").succeeded()
    held, wanted = holding(registry), holding(source)
    pairs = {(pair["context"], pair["old"]): pair["new"] for pair in made["id_map"]}
    assert made["id_map_omitted"] == 0
    by_content = {told["schema"]: told for told in held["versions"].values()}
    for name, told in wanted["versions"].items():
        context = ".eu" if name.startswith(":.eu:") else "."
        assert pairs[context, told["id"]] == by_content[told["schema"]]["id"]
    written = json.loads(Path(made["id_map_file"]).read_text())
    assert {(context, int(old)): new for context, ids in written["ids"].items() for old, new in ids.items()} == pairs
    assert held["configs"][""] == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert {subject: told for subject, told in held["configs"].items() if subject} == {
        subject: told for subject, told in wanted["configs"].items() if subject
    }
    assert held["modes"] == wanted["modes"]
    again = bring(ids="assign").succeeded()
    assert not again["changed"]
    assert again["plan"]["classes"]["identical"] == made["plan"]["classes"]["new"] == 11
    assert {name: again[name] for name in again if name.startswith("id_map")} == {
        name: made[name] for name in made if name.startswith("id_map")
    }
    assert holding(registry) == held


def test_references_follow_the_numbers_that_the_target_assigns(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "address", avro("Address"), avro("Address", "a"), avro("Address", "a", "b"))
    register(source, "customer", holder("Customer", "Address", "address", 3))
    delete(source, "address", 1, permanent=True)
    delete(source, "address", 2, permanent=True)
    export(source).succeeded()
    register(registry, "mine", avro("Mine"))
    bring(ids="assign", subject_mapping={"address": "a"}).succeeded()
    held = holding(registry)["versions"]
    assert held["customer version 1"]["references"] == [{"name": "Address", "subject": "a", "version": 1}]
    assert not bring(ids="assign", subject_mapping={"address": "a"}).succeeded()["changed"]


def test_assigned_versions_keep_metadata_and_rules(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "tagged", avro("Tagged", metadata=METADATA, ruleSet=RULES), avro("Tagged", "a", metadata={}))
    export(source).succeeded()
    made = bring(ids="assign").succeeded()
    assert made["plan"]["lost"] == []
    held, wanted = holding(registry)["versions"], holding(source)["versions"]
    assert [told.get("metadata") for told in held.values()] == [told.get("metadata") for told in wanted.values()]
    assert [told.get("ruleSet") for told in held.values()] == [told.get("ruleSet") for told in wanted.values()]
    assert not bring(ids="assign").succeeded()["changed"]


def test_the_restore_point_is_chosen(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "orders", avro("Order"))
    export(source).succeeded()
    register(source, "orders", avro("Order", "a"))
    export(source).succeeded()
    assert bring(restore_point=1).succeeded()["plan"]["classes"] == {"new": 1}
    assert bring().succeeded()["plan"]["classes"] == {"identical": 1, "new": 1}
    failed = bring(restore_point="7").failed()
    assert failed["failure"]["code"] == "not_found"
    assert "1" in failed["msg"]
    assert "2" in failed["msg"]
    assert bring(restore_point="newest").failed()["failure"]["code"] == "invalid_option"
    assert "prod" in bring(backup_id="dr").failed()["msg"]
    assert holding(registry)["versions"] == holding(source)["versions"]


def test_a_restore_point_of_some_subjects_is_not_taken_for_the_whole_registry(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import
) -> None:
    export(source).succeeded()
    export(source, subjects=["address"]).succeeded()

    def warned(**options: Any) -> bool:
        said = "holds only a part of the registry, as it was asked to (subjects: ['address'])"
        return said in " ".join(bring(check=True, **options).succeeded().get("warnings", ()))

    assert warned()
    assert not warned(restore_point=1)
    assert not warned(subjects=["address"])


def test_references_that_lead_nowhere_are_found_before_any_write(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry
) -> None:
    export(source, subjects=["customer"], include_references=False).succeeded()
    failed = bring().failed()
    assert failed["failure"]["conflict_counts"] == {"unresolved_reference": 1}
    assert "address version 2" in failed["msg"]
    assert holding(registry)["versions"] == {}


def test_damaged_versions_are_left_out_when_asked(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry, store: Path
) -> None:
    export(source).succeeded()
    (store / "prod/schema-registry/subjects/customer/v1.json").write_text("{}")
    failed = bring().failed()
    assert failed["failure"]["code"] == "damaged"
    assert holding(registry)["versions"] == {}
    made = bring(on_damage="skip").succeeded()
    assert sorted(item["costs"] for item in made["plan"]["damaged"]) == [
        "version 1 of subject customer",
        "version 1 of subject orders-value",
    ]
    assert "damaged documents" in " ".join(made["warnings"])
    assert not made["plan"]["exact"]
    left = {"customer version 1", "orders-value version 1"}
    assert set(holding(registry)["versions"]) == set(holding(source)["versions"]) - left


def test_a_journal_may_lie_elsewhere(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry, tmp_path: Path
) -> None:
    export(source).succeeded()
    before = tree(tmp_path / "store")
    made = bring(ids="assign", journal=str(tmp_path / "journal")).succeeded()
    assert tree(tmp_path / "store") == before
    assert Path(made["id_map_file"]).is_relative_to(tmp_path / "journal")
    assert bring(journal="journal").failed()["failure"]["code"] == "invalid_option"


def test_modes_that_close_the_target_are_opened_and_closed_again(
    source: AxonOpsRegistry, export: Callable[..., Outcome], bring: Import, registry: AxonOpsRegistry
) -> None:
    export(source).succeeded()
    register(registry, "mine", avro("Mine"))
    delete(registry, "mine", permanent=True)
    set_mode(registry, "READONLY")
    for ids in ("keep", "assign"):
        made = bring(ids=ids, subjects=["address"] if ids == "keep" else ["event"]).succeeded()
        assert made["changed"]
        assert holding(registry)["modes"][""] == {"mode": "READONLY"}
    assert set(holding(registry)["versions"]) == {"address version 1", "address version 2", "event version 1"}
    set_mode(registry, "READONLY_OVERRIDE")
    failed = bring(ids="assign").failed()
    assert failed["failure"]["conflict_counts"] == {"read_only_target": 1}


def test_an_archived_import_mode_is_not_applied(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "orders", avro("Order"))
    set_mode(source, "IMPORT", "orders")
    export(source).succeeded()
    made = bring().succeeded()
    assert "The mode IMPORT of orders in the backup is not applied." in made["warnings"]
    assert "orders" not in holding(registry)["modes"]
    assert not bring().succeeded()["changed"]


def test_a_large_plan_is_told_in_short(
    export: Callable[..., Outcome],
    bring: Import,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    for number in range(130):
        register(source, f"s{number:03d}", avro(f"S{number}", *(f"{'x' * 40}{n}" for n in range(20))))
    export(source).succeeded()
    register(registry, "mine", avro("Mine"))
    made = bring(ids="assign", diff=True).succeeded()
    diff = made.pop("diff")
    assert len(json.dumps(made)) < 64 * 1024
    assert len(json.dumps(diff)) < 64 * 1024
    assert diff["after"]["omitted"] == "30 more subjects and settings"
    assert (len(made["id_map"]), made["id_map_omitted"]) == (100, 30)
    skipped = bring(strategy="skip").succeeded()
    assert (len(skipped["plan"]["left"]), skipped["plan"]["left_omitted"]) == (100, 30)
    assert len(json.dumps(skipped)) < 64 * 1024
    refused = bring().failed()
    assert "And 110 more." in refused["msg"]
    assert len(json.dumps(refused)) < 64 * 1024
