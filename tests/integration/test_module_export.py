# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module schema_registry_export on real registries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import Fault, RegistryProxy, Request

from testbed.archives import tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, fill, holder, holding, register, set_config, set_mode
from testbed.modules import Outcome, run_module

Export = Callable[..., Outcome]


@pytest.fixture
def export(store: Path, registry: AxonOpsRegistry) -> Export:
    """Runs the module on the test's registry, or on what stands in front of it."""

    def run(url: str = registry.endpoint, **options: Any) -> Outcome:
        defaults = {"registry": {"url": url}, "store": {"path": str(store)}, "backup_id": "prod"}
        return run_module("schema_registry_export", **{**defaults, **options})

    return run


def document(store: Path, name: str) -> dict[str, Any]:
    """Return the newest file of a document of the registry's part."""
    path = Path(name)
    files = (store / "prod" / "schema-registry" / path.parent).glob(f"{path.stem}*{path.suffix}")
    return dict(json.loads(max(files, key=lambda file: file.stat().st_mtime_ns).read_text()))


def versions(store: Path) -> list[str]:
    """Return the versions that the newest restore point holds."""
    return sorted(f"{subject} {version}" for subject, version in document(store, "_manifest.json")["order"])


def changed_files(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}


def test_exports_what_there_is_and_nothing_twice(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    fill(registry)
    before, state = tree(store), holding(registry)
    with RegistryProxy(registry.endpoint) as proxy:
        checked = export(proxy.endpoint, check=True, diff=True).succeeded()
        assert proxy.requests
        assert proxy.writes() == []
    assert checked["changed"]
    assert checked["backup"]["restore_point"] is None
    assert tree(store) == before

    made = export(diff=True).succeeded()
    assert made["changed"]
    assert made["diff"] == checked["diff"]
    assert made["schemas"] == checked["schemas"]
    counts = {"subjects": 8, "versions": 11, "soft_deleted": 2, "contexts": 2, "settled": True}
    assert made["schemas"].items() >= counts.items()
    assert (made["backup"]["restore_point"], made["backup"]["created"]) == (1, True)
    assert holding(registry) == state

    held = tree(store)
    for check in (True, False):
        again = export(check=check, diff=True).succeeded()
        assert not again["changed"]
        assert "diff" not in again
        assert again["backup"] == made["backup"] | {"created": False}
    assert changed_files(held, tree(store)) == {"prod/last-run.json"}


def test_writes_only_what_has_changed(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    fill(registry)
    export().succeeded()
    held = tree(store)
    register(registry, "address", avro("Address", "street", "town", "country"))
    updated = export(diff=True).succeeded()
    assert updated["changed"]
    assert updated["backup"]["restore_point"] == 2
    written = changed_files(held, tree(store))
    assert written & set(held) == {"prod/last-run.json", "prod/manifest.json"}
    names = {
        path.removeprefix("prod/schema-registry/subjects/").split(".")[0] for path in written if "/subjects/" in path
    }
    assert names == {"address/v3", "address/_metadata"}
    diff = updated["diff"]
    assert sorted(diff["after"]) == ["subjects/address/_metadata.json", "subjects/address/v3.json"]
    assert sorted(diff["before"]) == ["subjects/address/_metadata.json"]
    assert "country" in diff["after"]["subjects/address/v3.json"]["schema"]
    assert not export().succeeded()["changed"]

    for change in (
        lambda: delete(registry, "address", 3),
        lambda: set_config(registry, "address", compatibility="FULL"),
        lambda: set_mode(registry, "READONLY", "address"),
        lambda: set_config(registry, compatibility="NONE"),
        lambda: set_mode(registry, "READONLY", ":.eu:"),
    ):
        change()
        assert export(check=True).succeeded()["changed"]
        assert export().succeeded()["changed"]
        assert not export().succeeded()["changed"]


def test_it_is_told_as_whom_a_registry_was_read(
    export: Export, store: Path, registry_factory: Callable[..., AxonOpsRegistry]
) -> None:
    server = registry_factory(auth="basic")
    fill(server)
    server.create_user("reader", "reader-pw", "readonly")
    made = {}
    for name, password in (server.admin, ("reader", "reader-pw")):
        family = {"url": server.endpoint, "username": name, "password": password}
        outcome = export(registry=family, backup_id="prod").succeeded()
        assert outcome["schemas"]["read_as"] == document(store, "_manifest.json")["source"]["read_as"] == f"user {name}"
        assert outcome["schemas"]["unseen_versions"] is None
        assert not any("may not see" in warning for warning in outcome.get("warnings", ()))
        made[name] = outcome["schemas"] | {"read_as": "", "order": document(store, "_manifest.json")["order"]}
    assert made["reader"] == made[server.admin[0]]  # this make shows a user who may only read all that it has
    assert made["reader"]["unseen_ids"] == 1  # of the version that was deleted for good
    narrowed = export(registry=family, subjects=["orders-*"]).succeeded()
    assert narrowed["schemas"]["unseen_ids"] is None


def test_other_options_make_another_restore_point(export: Export, registry: AxonOpsRegistry) -> None:
    register(registry, "orders", avro("Order"))
    assert export().succeeded()["backup"]["restore_point"] == 1
    assert export(subjects=["orders"]).succeeded()["backup"]["restore_point"] == 2
    assert not export(subjects=["orders"]).succeeded()["changed"]


@pytest.mark.parametrize(
    ("options", "held"),
    [
        ({"subjects": ["*-value"]}, ":.eu:orders-value 1|address 2|customer 1|orders-value 1|payments-value 1,3,4"),
        ({"subjects": ["payments*", "?erson"]}, "payments-value 1,3,4|person 1"),
        ({"subjects": ["~p[a-z]+(-value)?"], "exclude_subjects": ["person"]}, "payments-value 1,3,4"),
        ({"subjects": ["*"], "exclude_subjects": ["*-value", "[egp]*"]}, "address 1,2|customer 1"),
        ({"subjects": [":.eu:*"]}, ":.eu:orders-value 1"),
        ({"subjects": ["payments-value"], "include_versions": "latest"}, "payments-value 4"),
        ({"subjects": ["gone", "person"], "include_versions": "latest"}, "person 1"),
        ({"subjects": ["customer"], "include_versions": "latest"}, "address 2|customer 1"),
        ({"subjects": ["payments-value", "gone"], "include_soft_deleted": False}, "payments-value 3,4"),
        ({"subjects": ["orders-value"], "include_references": False}, "orders-value 1"),
    ],
)  # fmt: skip
def test_selections(export: Export, store: Path, filled: AxonOpsRegistry, options: dict[str, Any], held: str) -> None:
    told = export(filled.endpoint, **options).succeeded()
    wanted = [part.rsplit(" ", 1) for part in held.split("|")]
    expected = sorted(f"{subject} {version}" for subject, numbers in wanted for version in numbers.split(","))
    assert versions(store) == expected
    assert told["schemas"]["versions"] == len(expected)
    assert told["schemas"]["subjects"] == len(wanted)
    led_out = options.get("include_references") is False
    assert any("to versions that are not in the restore point" in text for text in told.get("warnings", [])) == led_out
    verified = run_module("backup_verify", store={"path": str(store)}, backup_id="prod").succeeded()["verified"]
    assert verified[0]["schemas"] == len(expected)


@pytest.fixture(scope="module")
def filled() -> Any:
    """A registry with something of everything, which tests only read."""
    with AxonOpsRegistry() as server:
        fill(server)
        yield server


def test_a_subject_that_is_named_must_exist(export: Export, filled: AxonOpsRegistry, store: Path) -> None:
    before = tree(store)
    failed = export(filled.endpoint, subjects=["person", "nobody"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "nobody"}
    assert failed["msg"].startswith("No such subject: nobody.")
    assert export(filled.endpoint, subjects=["~("]).failed()["failure"]["code"] == "invalid_option"
    assert export(filled.endpoint, subjects=[]).failed()["failure"]["code"] == "invalid_option"
    assert tree(store) == before
    told = export(filled.endpoint, subjects=["person", "nobody*"]).succeeded()
    assert told["warnings"] == ["No subject matches nobody*."]


def test_settings_are_told_from_unset_ones(export: Export, store: Path, filled: AxonOpsRegistry) -> None:
    export(filled.endpoint).succeeded()
    unset = {"set": False, "value": None}
    assert document(store, "subjects/address/_metadata.json")["settings"] == {"config": unset, "mode": unset}
    person = document(store, "subjects/person/_metadata.json")["settings"]
    assert person == {"config": unset, "mode": {"set": True, "value": "READONLY"}}
    payments = document(store, "subjects/payments-value/_metadata.json")["settings"]["config"]
    assert payments == {"set": True, "value": {"compatibilityLevel": "NONE", "normalize": True}}
    wide = {scope["scope"]: scope for scope in document(store, "_global_config.json")["scopes"]}
    assert wide[None]["config"] == {"set": True, "value": {"compatibilityLevel": "FORWARD"}}
    assert wide[None]["mode"] == {"set": None, "value": "READWRITE"}
    assert ":.eu:" in wide


def test_metadata_and_rules_are_kept_and_what_is_sensitive_is_warned_about(
    export: Export, store: Path, registry: AxonOpsRegistry
) -> None:
    metadata = {"properties": {"owner": "shop", "ssn": "1"}, "tags": {"a": ["PII"]}, "sensitive": ["ssn"]}
    rules = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}
    register(registry, "orders", avro("Order", metadata=metadata, ruleSet=rules))
    told = export().succeeded()
    assert told["schemas"]["sensitive"] == 1
    assert told["warnings"] == ["1 version has metadata that is marked as sensitive; it lies in the store in clear."]
    held = document(store, "subjects/orders/v1.json")
    assert held["metadata"] == metadata
    assert held["ruleSet"]["domainRules"][0]["expr"] == "true"
    assert export(check=True).succeeded()["warnings"] == told["warnings"]


def test_a_subject_that_no_path_can_name_is_said(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    set_mode(registry, "IMPORT")
    body = {"id": 1, "subject": "a/b", "version": 1, "schemaType": "AVRO", "schema": '"int"'}
    registry.call("POST", "/import/schemas", {"schemas": [body]})
    set_mode(registry, "READWRITE")
    register(registry, "fine", avro("Fine"))
    for subjects in (["*"], ["a/b"]):
        failed = export(subjects=subjects).failed()
        assert failed["failure"] == {"code": "unaddressable_name", "object": "a/b"}
        assert "exclude_subjects" in failed["msg"]
    assert export(exclude_subjects=["a/b"]).succeeded()["schemas"]["subjects"] == 1
    assert versions(store) == ["fine 1"]


def test_a_version_that_appears_meanwhile_is_in_it(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    fill(registry)
    with RegistryProxy(registry.endpoint) as proxy:

        def meanwhile(_request: Request) -> None:
            register(registry, "late", holder("Late", "Customer", "customer"))

        proxy.add(Fault("GET", "/subjects/orders-value/versions/*", before=meanwhile))
        told = export(proxy.endpoint).succeeded()
    assert told["schemas"]["settled"]
    assert "warnings" not in told
    assert "late 1" in versions(store)
    assert run_module("backup_verify", store={"path": str(store)}, backup_id="prod").succeeded()


def test_a_subject_that_vanishes_meanwhile_is_not_in_it(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    fill(registry)
    register(registry, "doomed", avro("Doomed"))
    with RegistryProxy(registry.endpoint) as proxy:

        def purge(_request: Request) -> None:
            delete(registry, "doomed", permanent=True)

        proxy.add(Fault("GET", "/subjects/doomed/versions/*", before=purge))
        told = export(proxy.endpoint).succeeded()
    assert told["schemas"]["settled"]
    assert not [version for version in versions(store) if version.startswith("doomed")]
    assert run_module("backup_verify", store={"path": str(store)}, backup_id="prod").succeeded()


def test_a_named_subject_that_vanishes_meanwhile_is_an_error(export: Export, registry: AxonOpsRegistry) -> None:
    register(registry, "doomed", avro("Doomed"))
    with RegistryProxy(registry.endpoint) as proxy:

        def purge(_request: Request) -> None:
            delete(registry, "doomed", permanent=True)

        proxy.add(Fault("GET", "/subjects/doomed/versions/*", before=purge))
        failed = export(proxy.endpoint, subjects=["doomed"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "doomed"}


def test_settings_that_change_meanwhile_are_read_again(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    register(registry, "orders", avro("Order"))
    with RegistryProxy(registry.endpoint) as proxy:

        def change(_request: Request) -> None:
            set_config(registry, "orders", compatibility="FULL")

        proxy.add(Fault("GET", "/config/orders", after=change))
        assert export(proxy.endpoint).succeeded()["schemas"]["settled"]
    config = document(store, "subjects/orders/_metadata.json")["settings"]["config"]
    assert config == {"set": True, "value": {"compatibilityLevel": "FULL"}}


def test_a_registry_that_never_rests_is_said(export: Export, store: Path, registry: AxonOpsRegistry) -> None:
    register(registry, "orders", avro("Order"))
    numbers = iter(range(1000))
    with RegistryProxy(registry.endpoint) as proxy:

        def more(_request: Request) -> None:
            register(registry, f"s{next(numbers)}", avro("S"))

        proxy.add(Fault("GET", "/schemas", times=1000, before=more))
        told = export(proxy.endpoint).succeeded()
    assert not told["schemas"]["settled"]
    assert "went on changing" in told["warnings"][0]
    assert document(store, "_manifest.json")["settled"] is False


@pytest.mark.parametrize("alias", ["nobody", "customers"])
def test_what_an_alias_hides_is_never_left_out_in_silence(
    export: Export, store: Path, registry: AxonOpsRegistry, alias: str
) -> None:
    for subject in ("orders", "customers"):
        register(registry, subject, avro("T"))
    set_config(registry, "orders", compatibility="FULL", alias=alias)
    failed = export().failed()
    assert failed["failure"] | {"path": ""} == {"code": "aliased_subject", "object": "orders", "path": ""}
    assert f"alias: the registry answered with {alias!r}" in failed["msg"] or f"alias {alias!r}" in failed["msg"]
    assert not list(store.glob("*/restore-points/*"))
    assert export(exclude_subjects=["orders"]).succeeded()["schemas"]["versions"] == 1


def test_a_diff_is_bounded(export: Export, registry: AxonOpsRegistry) -> None:
    for number in range(70):
        register(registry, f"s{number:02d}", avro(f"S{number}", *(f"field_{n}_{'x' * 40}" for n in range(60))))
    diff = export(check=True, diff=True).succeeded()["diff"]
    assert len(json.dumps(diff)) < 64 * 1024
    shown = [name for name in diff["after"] if name != "~ omitted"]
    assert [*shown, "~ omitted"] == sorted(diff["after"])
    assert diff["after"]["~ omitted"] == f"{2 * 70 + 1 - len(shown)} more documents"


@pytest.mark.parametrize("storage", ["memory", "postgresql", "mariadb"])
def test_every_storage_gives_the_same_archive(
    store: Path, registry_factory: Callable[..., AxonOpsRegistry], storage: str
) -> None:
    server = registry_factory(storage=storage)
    fill(server)
    options = {"registry": {"url": server.endpoint}, "store": {"path": str(store)}, "backup_id": "prod"}
    assert run_module("schema_registry_export", **options).succeeded()["changed"]
    assert not run_module("schema_registry_export", **options).succeeded()["changed"]
    assert len(versions(store)) == 11
