# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module schema_registry_import on real registries: what comes back, and what of it when a part is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import RegistryProxy

from testbed.archives import tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, holding, place, register, set_config, set_mode
from testbed.modules import Run


@pytest.mark.parametrize("storage", ["memory", "postgresql", "mariadb"])
def test_a_lost_registry_comes_back(
    filled_registry: AxonOpsRegistry,
    export: Run,
    bring: Run,
    registry_factory: Callable[..., AxonOpsRegistry],
    storage: str,
    store: Path,
) -> None:
    target = registry_factory(storage=storage)
    export(filled_registry).succeeded()
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
    actions = {"register": 11, "soft_delete": 2, "purge": 0, "config": 3, "mode": 1, "put_back": 0}
    assert made["plan"]["actions"] == actions
    assert (made["plan"]["left"], made["plan"]["lost"]) == ([], [])
    assert made["verified"]["versions"] == 11
    assert made["backup"]["restore_point"] == 1
    assert holding(target) == holding(filled_registry)
    assert tree(store) == before

    for check in (True, False):
        again = bring(target, check=check, diff=True).succeeded()
        assert not again["changed"]
        assert "diff" not in again
        assert again["plan"]["classes"] == {"identical": 11}
    assert holding(target) == holding(filled_registry)


def test_a_part_filled_registry_is_filled_up(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    first = bring(registry, subjects=["customer"]).succeeded()
    assert first["plan"]["classes"] == {"new": 2}
    assert set(holding(registry)["versions"]) == {"address version 2", "customer version 1"}
    set_mode(registry, "IMPORT")
    place(registry, "mine", 900, 1, avro("Mine"))
    set_mode(registry, "READWRITE")
    set_config(registry, "payments-value", compatibility="FULL")

    made = bring(registry).succeeded()
    assert made["plan"]["classes"] == {"identical": 2, "new": 9}
    held, wanted = holding(registry), holding(filled_registry)
    assert held["versions"].pop("mine version 1")["id"] == 900
    assert held["versions"] == wanted["versions"]
    # What the target had set stays: its own config, and the global one, which no registry that holds schemas tells
    # from an unset one.
    assert held["configs"]["payments-value"] == {"compatibilityLevel": "FULL"}
    assert held["modes"] == wanted["modes"]
    assert not bring(registry).succeeded()["changed"]

    overwritten = bring(registry, strategy="overwrite").succeeded()
    assert overwritten["plan"]["actions"]["config"] == 2
    assert holding(registry)["configs"] == wanted["configs"]
    assert not bring(registry, strategy="overwrite").succeeded()["changed"]


def test_some_subjects_come_with_what_they_refer_to(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    bring(registry, subjects=["*-value"], exclude_subjects=["payments*", ":.eu:*"]).succeeded()
    names = ["address version 2", "customer version 1", "orders-value version 1"]
    held, wanted = holding(registry), holding(filled_registry)
    assert held["versions"] == {name: wanted["versions"][name] for name in names}
    # The settings of the whole registry are nobody's in particular.
    assert held["configs"][""] == {"compatibilityLevel": "BACKWARD"}
    failed = bring(registry, subjects=["nobody"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "nobody"}


def test_the_restore_point_is_chosen(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "orders", avro("Order"))
    export(source).succeeded()
    register(source, "orders", avro("Order", "a"))
    export(source).succeeded()
    assert bring(registry, restore_point=1).succeeded()["plan"]["classes"] == {"new": 1}
    assert bring(registry).succeeded()["plan"]["classes"] == {"identical": 1, "new": 1}
    failed = bring(registry, restore_point="7").failed()
    assert failed["failure"]["code"] == "not_found"
    assert "1" in failed["msg"]
    assert "2" in failed["msg"]
    assert bring(registry, restore_point="newest").failed()["failure"]["code"] == "invalid_option"
    assert "prod" in bring(registry, backup_id="dr").failed()["msg"]
    assert holding(registry)["versions"] == holding(source)["versions"]


def test_a_restore_point_of_some_subjects_is_not_taken_for_the_whole_registry(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    export(filled_registry, subjects=["address"]).succeeded()

    def warned(**options: Any) -> bool:
        said = "holds only a part of the registry, as it was asked to (subjects: ['address'])"
        return said in " ".join(bring(registry, check=True, **options).succeeded().get("warnings", ()))

    assert warned()
    assert not warned(restore_point=1)
    assert not warned(subjects=["address"])


def test_references_that_lead_nowhere_are_found_before_any_write(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry, subjects=["customer"], include_references=False).succeeded()
    failed = bring(registry).failed()
    assert failed["failure"]["conflict_counts"] == {"unresolved_reference": 1}
    assert "address version 2" in failed["msg"]
    assert holding(registry)["versions"] == {}


def test_damaged_versions_are_left_out_when_asked(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry, store: Path
) -> None:
    export(filled_registry).succeeded()
    (store / "prod/schema-registry/subjects/customer/v1.json").write_text("{}")
    failed = bring(registry).failed()
    assert failed["failure"]["code"] == "damaged"
    assert holding(registry)["versions"] == {}
    made = bring(registry, on_damage="skip").succeeded()
    assert sorted(item["costs"] for item in made["plan"]["damaged"]) == [
        "version 1 of subject customer",
        "version 1 of subject orders-value",
    ]
    assert "damaged documents" in " ".join(made["warnings"])
    assert not made["plan"]["exact"]
    left = {"customer version 1", "orders-value version 1"}
    assert set(holding(registry)["versions"]) == set(holding(filled_registry)["versions"]) - left


def test_a_journal_may_lie_elsewhere(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry, store: Path, tmp_path: Path
) -> None:
    export(filled_registry).succeeded()
    before = tree(store)
    made = bring(registry, ids="assign", journal=str(tmp_path / "journal")).succeeded()
    assert tree(store) == before
    assert Path(made["id_map_file"]).is_relative_to(tmp_path / "journal")
    assert bring(registry, journal="journal").failed()["failure"]["code"] == "invalid_option"


def test_modes_that_close_the_target_are_opened_and_closed_again(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    register(registry, "mine", avro("Mine"))
    delete(registry, "mine", permanent=True)
    set_mode(registry, "READONLY")
    for ids in ("keep", "assign"):
        made = bring(registry, ids=ids, subjects=["address"] if ids == "keep" else ["event"]).succeeded()
        assert made["changed"]
        assert holding(registry)["modes"][""] == {"mode": "READONLY"}
    assert set(holding(registry)["versions"]) == {"address version 1", "address version 2", "event version 1"}
    set_mode(registry, "READONLY_OVERRIDE")
    failed = bring(registry, ids="assign").failed()
    assert failed["failure"]["conflict_counts"] == {"read_only_target": 1}


def test_an_archived_import_mode_is_not_applied(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "orders", avro("Order"))
    set_mode(source, "IMPORT", "orders")
    export(source).succeeded()
    made = bring(registry).succeeded()
    assert "The mode IMPORT of orders in the backup is not applied." in made["warnings"]
    assert "orders" not in holding(registry)["modes"]
    assert not bring(registry).succeeded()["changed"]
