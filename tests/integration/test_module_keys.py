# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption keys, exported and imported: on a real AxonOps, and on the emulated Confluent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import Answer, Fault, RegistryProxy
from registries.confluent import Confluent
from registries.confluent_recorded import recorded_state
from registries.emulated import EmulatedRegistry
from registries.karapace import Karapace

from testbed.archives import tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import fill
from testbed.fixtures import RegistryFactory
from testbed.keys import ROOT, SECRET, create_dek, create_kek, delete_key, fill_keys, keys_held
from testbed.modules import Outcome, run_module

Server = AxonOpsRegistry | EmulatedRegistry
CLEAR = "Y2xlYXIta2V5"


class Backup:
    """A store with backups of registries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        run_module("backup_store", store={"path": str(path)}).succeeded()

    def run(self, module: str, server: Server | RegistryProxy, **options: Any) -> Outcome:
        """Run a module on a registry and the backup."""
        family = {"url": server.endpoint, "retries": 0}
        return run_module(module, registry=family, store={"path": str(self.path)}, backup_id="prod", **options)

    def export(self, server: Server | RegistryProxy, **options: Any) -> Outcome:
        """Export a registry."""
        return self.run("schema_registry_export", server, **options)

    def bring(self, server: Server | RegistryProxy, **options: Any) -> Outcome:
        """Import into a registry."""
        return self.run("schema_registry_import", server, **options)

    def holds(self, text: str) -> bool:
        """Whether any of its files has a text."""
        return any(text.encode() in content for content in tree(self.path).values())


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    """An empty store."""
    return Backup(tmp_path / "store")


@pytest.fixture(params=["axonops, memory", "axonops, postgresql", "confluent"])
def make(request: pytest.FixtureRequest, registry_factory: RegistryFactory) -> Iterator[Callable[[], Server]]:
    """Makes registries of one make."""
    with ExitStack() as stack:
        if request.param == "confluent":
            yield lambda: stack.enter_context(EmulatedRegistry(Confluent))
        else:
            yield lambda: registry_factory(storage=request.param.removeprefix("axonops, "))


@pytest.fixture
def emulated() -> Iterator[EmulatedRegistry]:
    """An empty emulated Confluent."""
    with EmulatedRegistry(Confluent) as server:
        yield server


def test_lost_keys_come_back(make: Callable[[], Server], backup: Backup) -> None:
    source, target = make(), make()
    fill(source)
    fill_keys(source)
    told = backup.export(source, diff=True)
    assert told.succeeded()["schemas"].items() >= {"keks": 3, "deks": 6}.items()
    assert "may be credentials" in " ".join(told.succeeded()["warnings"])
    assert SECRET not in told.text
    assert backup.holds(SECRET)
    assert not backup.export(source).succeeded()["changed"]
    assert run_module(
        "backup_verify", store={"path": str(backup.path)}, backup_id="prod", restore_points=["all"]
    ).succeeded()

    with RegistryProxy(target.endpoint) as proxy:
        checked = backup.bring(proxy, check=True, diff=True).succeeded()
        assert proxy.writes() == []
        made = backup.bring(proxy, diff=True)
        paths = [write.path for write in proxy.writes()]
    values = made.succeeded()
    assert (values["plan"], values["diff"]) == (checked["plan"], checked["diff"])
    assert values["plan"]["keys"] == {
        "classes": {"new": 9},
        "actions": {"create_kek": 3, "create_dek": 6, "undelete": 0, "soft_delete": 2},
        "left": [],
        "left_omitted": 0,
    }
    assert values["verified"]["keys"] == 9
    assert SECRET not in made.text
    assert keys_held(target) == keys_held(source)
    # While the modes are IMPORT: after the last schema, before the first config.
    keys = [number for number, path in enumerate(paths) if path.startswith(ROOT)]
    assert max(n for n, path in enumerate(paths) if path.startswith("/subjects/")) < min(keys)
    assert max(keys) < min(n for n, path in enumerate(paths) if path.startswith("/config"))

    for check in (True, False):
        again = backup.bring(target, check=check, diff=True).succeeded()
        assert not again["changed"]
        assert again["plan"]["keys"]["classes"] == {"identical": 9}


def test_a_database_keeps_all_algorithms_under_one_number(registry_factory: RegistryFactory, backup: Backup) -> None:
    source, target = registry_factory(storage="postgresql"), registry_factory(storage="postgresql")
    create_kek(source, "k")
    for algorithm in ("AES128_GCM", "AES256_GCM", "AES256_SIV"):
        create_dek(source, "k", "s", 1, "AAEC", algorithm)
    delete_key(source, "k", "s", 1, "AES256_SIV")
    delete_key(source, "k")  # which Confluent would not let happen
    backup.export(source).succeeded()
    backup.bring(target).succeeded()
    assert keys_held(target) == keys_held(source)
    assert len(keys_held(target)) == 4
    in_memory = registry_factory()
    failed = backup.bring(in_memory).failed()
    assert "takes only one algorithm" in failed["msg"]
    with EmulatedRegistry(Confluent) as confluent:
        failed = backup.bring(confluent).failed()
        assert failed["failure"]["losses"][0]["kind"] == "soft_deletes"
        assert confluent.writes() == []
        backup.bring(confluent, accept_losses=["soft_deletes"]).succeeded()
        assert "deleted" not in keys_held(confluent)["k"]
        assert not backup.bring(confluent, accept_losses=["soft_deletes"]).succeeded()["changed"]


def test_recorded_keys_come_back(backup: Backup, emulated: EmulatedRegistry) -> None:
    with EmulatedRegistry(recorded_state) as source:
        backup.export(source).succeeded()
        wanted = keys_held(source)
    assert set(wanted) == {
        "kek1",
        "kek1 a/b/c AES256_GCM 1",
        "kek1 orders-value AES256_GCM 1",
        "kek1 orders-value AES256_GCM 2",
        "kek1 orders-value AES256_SIV 1",
        "kek2",
        "kek2 :.ctx1:orders-value AES128_GCM 1",
        "kek3",
    }
    backup.bring(emulated, accept_losses=["rules", "configs"]).succeeded()
    assert keys_held(emulated) == wanted


def test_the_keys_of_some_subjects_come_under_new_names(registry_factory: RegistryFactory, backup: Backup) -> None:
    source, target = registry_factory(), registry_factory()
    fill(source)
    fill_keys(source)
    told = backup.export(source, subjects=["*orders-value", "no*"], exclude_subjects=["payments-value"]).succeeded()
    assert told["schemas"].items() >= {"keks": 2, "deks": 5}.items()
    backup.export(source).succeeded()
    options = {"subjects": ["orders-value", "no schema+ü"], "subject_mapping": {"orders-value": "copied"}}
    backup.bring(target, **options).succeeded()
    assert {name.partition(" ")[2] for name in keys_held(target)} == {
        "",
        "copied AES256_GCM 1",
        "copied AES256_GCM 3",
        "copied AES256_SIV 2",
        "no schema+ü AES256_GCM 1",
    }
    assert not backup.bring(target, **options).succeeded()["changed"]


def test_what_is_soft_deleted_can_be_left_out(registry_factory: RegistryFactory, backup: Backup) -> None:
    source = registry_factory()
    fill_keys(source)
    told = backup.export(source, include_soft_deleted=False).succeeded()
    assert told["schemas"].items() >= {"keks": 2, "deks": 5}.items()


def test_keys_of_others_are_never_replaced(make: Callable[[], Server], backup: Backup) -> None:
    source, target = make(), make()
    fill_keys(source)
    backup.export(source).succeeded()
    create_kek(target, "orders", kmsKeyId="another")
    create_kek(target, "common", doc="mine")
    create_dek(target, "common", "payments-value", 1, "TUlORQ==")
    create_kek(target, "mine")
    before = keys_held(target)
    made = backup.bring(target).succeeded()
    keys = made["plan"]["keys"]
    assert keys["classes"] == {"key_conflict": 3, "new": 6}
    assert keys["actions"] == {"create_kek": 1, "create_dek": 1, "undelete": 0, "soft_delete": 1}
    assert len(keys["left"]) == 7
    assert not made["plan"]["exact"]
    assert any("plan.keys.left" in warning for warning in made["warnings"])
    held = keys_held(target)
    assert set(held) - set(before) == {"retired", "common no schema+ü AES256_GCM 1"}
    assert {name: held[name] for name in before} == before
    assert not backup.bring(target, strategy="overwrite", allow_purge=True).succeeded()["changed"]
    assert keys_held(target) == held


def test_soft_deletes_are_made_as_in_the_backup_when_asked(make: Callable[[], Server], backup: Backup) -> None:
    source, target = make(), make()
    fill_keys(source)
    backup.export(source).succeeded()
    backup.bring(target).succeeded()
    delete_key(target, "common", "payments-value", 1)
    delete_key(target, "common", "no schema+ü", 1)
    delete_key(target, "common")
    target.call("POST", f"{ROOT}/retired/undelete")
    assert not backup.bring(target).succeeded()["changed"]
    made = backup.bring(target, strategy="overwrite").succeeded()
    assert made["plan"]["keys"]["actions"] == {"create_kek": 0, "create_dek": 0, "undelete": 3, "soft_delete": 1}
    assert keys_held(target) == keys_held(source)


def test_a_target_without_keys_is_a_loss(registry: AxonOpsRegistry, backup: Backup) -> None:
    fill_keys(registry)
    backup.export(registry).succeeded()
    with EmulatedRegistry(Karapace) as karapace:
        failed = backup.bring(karapace, ids="assign").failed()
        assert {loss["kind"]: loss["count"] for loss in failed["failure"]["losses"]}["deks"] == 9
        assert karapace.writes() == []
        made = backup.bring(karapace, ids="assign", accept_losses=["deks", "configs"]).succeeded()
    assert made["plan"]["keys"]["actions"]["create_dek"] == 0


def test_a_damaged_document_costs_the_keys_of_one_kek(registry_factory: RegistryFactory, backup: Backup) -> None:
    source, target = registry_factory(), registry_factory()
    fill_keys(source)
    backup.export(source).succeeded()
    (backup.path / "prod/schema-registry/keks/orders/_keys.json").write_text("{}")
    costs = "the key encryption key orders and all data encryption keys under it"
    checked = run_module("backup_verify", store={"path": str(backup.path)}, backup_id="prod").failed()
    assert [damage["costs"] for damage in checked["failure"]["damaged"]] == [costs]
    assert backup.bring(target).failed()["failure"]["code"] == "damaged"
    assert keys_held(target) == {}
    made = backup.bring(target, on_damage="skip").succeeded()
    assert [damage["costs"] for damage in made["plan"]["damaged"]] == [costs]
    wanted = keys_held(source)
    assert keys_held(target) == {name: key for name, key in wanted.items() if not name.startswith("orders")}


def answer_for_key(request_body: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(request_body).encode())


def test_a_key_in_clear_goes_nowhere(registry: AxonOpsRegistry, backup: Backup) -> None:
    create_kek(registry, "k", shared=True)
    create_dek(registry, "k", "s", 1, "AAEC")
    told = {"kekName": "k", "subject": "s", "version": 1, "algorithm": "AES256_GCM", "encryptedKeyMaterial": "AAEC"}
    clear = answer_for_key({**told, "keyMaterial": CLEAR, "ts": 1})
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault("GET", f"{ROOT}/k/deks/s/versions/1?*", times=100, answer=clear))
        exported = backup.export(proxy, diff=True)
        assert exported.succeeded()["schemas"]["deks"] == 1
        listed = run_module("dek_registry_info", registry={"url": proxy.endpoint}, gather="full")
    assert not backup.holds(CLEAR)
    assert listed.succeeded()["counts"]["deks"] == 1
    with EmulatedRegistry(Confluent) as target, RegistryProxy(target.endpoint) as proxy:
        proxy.add(Fault("POST", f"{ROOT}/k/deks", answer=clear))
        proxy.add(Fault("GET", f"{ROOT}/k/deks?*", times=100, answer=answer_for_key(["s"])))
        proxy.add(
            Fault("GET", f"{ROOT}/k/deks/s/versions?algorithm=AES256_GCM*", times=100, answer=answer_for_key([1]))
        )
        proxy.add(Fault("GET", f"{ROOT}/k/deks/s/versions/1?*", times=100, answer=clear))
        failing = backup.bring(proxy)
    for text in (exported.text, listed.text, failing.text):
        assert CLEAR not in text


def test_a_registry_whose_kms_refuses_cannot_be_backed_up_whole(registry: AxonOpsRegistry, backup: Backup) -> None:
    create_kek(registry, "k", shared=True)
    create_dek(registry, "k", "closed", 1, "AAEC")
    create_dek(registry, "k", "open", 1, "AAEC")
    refused = answer_for_key({"error_code": 50070, "message": "Could not generate DEK"}, 500)
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault("GET", f"{ROOT}/k/deks/closed/versions/1?*", times=100, answer=refused))
        failed = backup.export(proxy).failed()
        assert failed["failure"] == {"code": "unreadable_key", "object": "closed"}
        assert "exclude_subjects" in failed["msg"]
        assert backup.export(proxy, exclude_subjects=["closed"]).succeeded()["schemas"]["deks"] == 1
        told = run_module("dek_registry_info", registry={"url": proxy.endpoint, "retries": 0}).succeeded()
        assert "KMS refused" in told["warnings"][0]


def test_keys_with_names_that_no_path_can_carry_are_told_of(registry: AxonOpsRegistry, backup: Backup) -> None:
    create_kek(registry, "a/b")
    create_kek(registry, "k")
    create_dek(registry, "k", "x/y", 1, "AAEC")
    assert backup.export(registry).failed()["failure"] == {"code": "unreadable_key", "object": "x/y"}
    told = backup.export(registry, exclude_subjects=["x/y"]).succeeded()
    assert "'a/b' and all keys under it cannot be read" in told["warnings"][0]


def test_a_user_without_the_right_is_told_so(registry: AxonOpsRegistry, backup: Backup) -> None:
    with RegistryProxy(registry.endpoint) as proxy:
        forbidden = answer_for_key({"error_code": 40301, "message": "Forbidden"}, 403)
        proxy.add(Fault("GET", f"{ROOT}*", times=100, answer=forbidden))
        told = backup.export(proxy).succeeded()
    assert told["schemas"]["deks"] == 0
    assert told["warnings"] == [
        "The encryption keys cannot be read, and are not in the restore point: the user lacks the right to read them."
    ]


def test_keys_that_change_under_an_import_stop_it(registry: AxonOpsRegistry, backup: Backup) -> None:
    fill_keys(registry)
    backup.export(registry).succeeded()
    registry.wipe()
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault("PUT", "/mode*", before=lambda _request: create_kek(registry, "orders")))
        failed = backup.bring(proxy).failed()
    assert failed["failure"]["code"] == "target_changed"
    assert set(keys_held(registry)) == {"orders"}


def test_keys_are_told_about(registry: AxonOpsRegistry) -> None:
    fill_keys(registry)
    family = {"url": registry.endpoint}
    told = run_module("dek_registry_info", registry=family, check=True).succeeded()
    assert told["supported"]
    assert told["counts"] == {"keks": 3, "deks": 6, "subjects": 4, "shared": 0, "soft_deleted": 2}
    assert not {"keks", "deks"} & set(told)
    full = run_module("dek_registry_info", registry=family, gather="full", keks=["o*"], exclude_subjects=[":.eu:*"])
    values = full.succeeded()
    assert not values["changed"]
    assert [(kek["name"], kek["kms_props"], kek["deks"]) for kek in values["keks"]] == [("orders", ["accessKey"], 3)]
    assert [(dek["algorithm"], dek["version"], dek["deleted"]) for dek in values["deks"]] == [
        ("AES256_GCM", 1, True),
        ("AES256_GCM", 3, False),
        ("AES256_SIV", 2, False),
    ]
    for hidden in (SECRET, "AAEC", "AwQF", "Bg=="):
        assert hidden not in full.text
    failed = run_module("dek_registry_info", registry=family, keks=["nobody"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "nobody"}
    with EmulatedRegistry(Karapace) as karapace:
        assert not run_module("dek_registry_info", registry={"url": karapace.endpoint}).succeeded()["supported"]


def test_many_keys_are_told_in_a_bounded_result(registry: AxonOpsRegistry) -> None:
    for number in range(150):
        create_kek(registry, f"kek-{number:03d}", doc="x" * 80)
    told = run_module("dek_registry_info", registry={"url": registry.endpoint}, gather="full")
    values = told.succeeded()
    assert len(values["keks"]) + values["keks_omitted"] == 150 == values["counts"]["keks"]
    assert values["keks_omitted"]
    assert len(values["keks"]) > 100
    assert len(json.dumps(told.values)) < 64 * 1024


def test_warnings_of_keys_that_cannot_be_read_are_bounded(registry: AxonOpsRegistry) -> None:
    for number in range(8):
        create_kek(registry, f"a/{number}")
    warnings = run_module("dek_registry_info", registry={"url": registry.endpoint}).succeeded()["warnings"]
    assert all(warning.startswith(f"What is kept under 'a/{number}'") for number, warning in enumerate(warnings[:5]))
    assert warnings[5:] == ["3 more keys cannot be read."]
