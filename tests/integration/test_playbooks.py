# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a user runs them, with the example inventories, on real registries."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from testbed.ansible import Ansible, Outcome
from testbed.axonops import AxonOpsRegistry
from testbed.fixtures import RegistryFactory

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "inventories"
CLOSED = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Environments:
    """The example inventories, with the addresses of registries and a store that are really there."""

    ansible: Ansible
    registries: dict[str, AxonOpsRegistry]

    @classmethod
    def of(cls, folder: Path, **registries: AxonOpsRegistry) -> Environments:
        """Copy the examples into a folder and let them know the registries of some of their hosts."""
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
        environments = cls(Ansible(folder), registries)
        for host, registry in registries.items():
            environments.set(host, lifeboat_registry=connection(registry))
        return environments

    @property
    def store(self) -> Path:
        return self.ansible.folder / "store"

    def play(self, playbook: str, *hosts: str, check: bool = False, limit: str = "", **variables: Any) -> Outcome:
        """Run a playbook with the inventories of some hosts."""
        inventories = tuple(self.ansible.folder / host for host in hosts)
        arguments = [*(["--check"] if check else []), *(["--limit", limit] if limit else [])]
        return self.ansible.play(playbook, *arguments, inventories=inventories, variables=variables)

    def set(self, host: str, **variables: Any) -> None:
        """Give a host variables in the place of those that the example gives to its group."""
        path = self.ansible.folder / host / "host_vars" / f"{host}.yml"
        path.parent.mkdir(exist_ok=True)
        own = {"lifeboat_store": {"path": str(self.store)}, "lifeboat_kafka": {}}
        path.write_text(yaml.safe_dump(own | variables))

    def files(self) -> dict[str, bytes]:
        """All files of the store."""
        found = (path for path in self.store.rglob("*") if path.is_file())
        return {str(path.relative_to(self.store)): path.read_bytes() for path in found}


def connection(registry: AxonOpsRegistry) -> dict[str, Any]:
    """What ``lifeboat_registry`` says of a registry."""
    known: dict[str, Any] = {"url": registry.endpoint, "retries": 0}
    if registry.auth == "basic":
        known |= {"username": registry.admin[0], "password": registry.admin[1]}
    return known


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """A registry with a backup. The tests of this module share it and change neither."""
    with AxonOpsRegistry() as registry:
        fill(registry)
        environments = Environments.of(tmp_path_factory.mktemp("backed-up"), prod=registry)
        for playbook in ("init", "backup"):
            outcome = environments.play(playbook, "prod")
            assert outcome.status == 0, outcome.output
        yield environments


@pytest.fixture
def environments(backed_up: Environments, registry: AxonOpsRegistry, tmp_path: Path) -> Environments:
    """The host prod with a copy of its backup, and the host dr, whose registry is empty."""
    environments = Environments.of(tmp_path, prod=backed_up.registries["prod"], dr=registry)
    shutil.copytree(backed_up.store, environments.store)
    return environments


def register(registry: AxonOpsRegistry, subject: str, fields: list[Any], *references: str) -> None:
    """Register one more version of a subject: a record whose fields have these types."""
    name = subject.removesuffix("-value").capitalize()
    types = [{"name": f"field{number}", "type": kind, "default": None} for number, kind in enumerate(fields)]
    for field in types:
        if field["type"] != ["null", "string"]:
            del field["default"]
    body = {
        "schema": json.dumps({"type": "record", "name": name, "namespace": "shop", "fields": types}),
        "references": [
            {"name": f"shop.{subject.removesuffix('-value').capitalize()}", "subject": subject, "version": 1}
            for subject in references
        ],
    }
    registry.call("POST", f"/subjects/{subject}/versions", body)


def fill(registry: AxonOpsRegistry) -> None:
    """Put in what exercises a restore: references, versions, gaps, a soft-deleted version, and settings."""
    register(registry, "address-value", ["string"])
    register(registry, "gone-value", ["long"])
    register(registry, "customer-value", ["shop.Address"], "address-value")
    register(registry, "orders-value", ["shop.Customer"], "customer-value")
    register(registry, "orders-value", ["shop.Customer", ["null", "string"]], "customer-value")
    register(registry, "retired-value", ["string"])
    registry.call("DELETE", "/subjects/gone-value")
    registry.call("DELETE", "/subjects/gone-value?permanent=true")
    registry.call("DELETE", "/subjects/retired-value/versions/1")
    registry.call("PUT", "/config/orders-value", {"compatibility": "FULL"})


def holding(registry: AxonOpsRegistry) -> dict[tuple[str, int], Any]:
    """What a registry holds, as it tells itself: every version with its id, content and whether it is deleted."""
    found: dict[tuple[str, int], Any] = {}
    live = set(registry.call("GET", "/subjects") or [])
    for subject in registry.call("GET", "/subjects?deleted=true") or []:
        path = f"/subjects/{quote(subject, safe='')}/versions"
        alive = registry.call("GET", path) if subject in live else []
        for number in registry.call("GET", f"{path}?deleted=true"):
            version = registry.call("GET", f"{path}/{number}?deleted=true")
            content = version["id"], json.loads(version["schema"]), version.get("references", [])
            found[subject, number] = (*content, number in alive)
    return found


def test_an_environment_comes_up_from_the_backup_of_another(environments: Environments) -> None:
    prod, dr = environments.registries["prod"], environments.registries["dr"]

    outcome = environments.play("restore", "dr")
    assert outcome.status == 2
    assert outcome.messages("dr")[-1].endswith("run the same again with -e lifeboat_restore_into=dr.")
    assert "orders-value" in outcome.output.partition("Stop where nobody has asked")[0]
    assert holding(dr) == {}

    outcome = environments.play("restore", "dr", lifeboat_restore_into="dr")
    assert outcome.status == 0, outcome.output
    assert outcome.messages("dr")[-1].startswith("dr: restored from restore point 1 of prod: 5 versions registered")
    assert holding(dr) == holding(prod)
    assert dr.call("GET", "/config/orders-value") == {"compatibilityLevel": "FULL"}
    assert dr.call("GET", "/mode") == {"mode": "READWRITE"}

    outcome = environments.play("verify", "dr")
    assert (outcome.status, outcome.count("dr", "changed")) == (0, 0), outcome.output
    assert outcome.messages("dr")[-1].endswith("all of it as it was written; the registry is as it was backed up.")

    outcome = environments.play("restore", "dr", lifeboat_restore_into="dr")
    assert (outcome.status, outcome.count("dr", "changed")) == (0, 0), outcome.output

    dr.call("DELETE", "/subjects/orders-value/versions/1")
    outcome = environments.play("verify", "dr")
    assert outcome.status == 2
    assert "A restore would leave: orders-value 1 (it is soft-deleted on the target)" in outcome.messages("dr")[-1]

    for suffix in ("", "?permanent=true"):
        dr.call("DELETE", f"/subjects/orders-value{suffix}")
    outcome = environments.play("verify", "dr")
    assert outcome.status == 2
    assert outcome.messages("dr")[-1].startswith("The registry of dr is not what restore point 1 of prod holds.")
    assert "2 versions registered" in outcome.messages("dr")[-1]
    assert "orders-value" in outcome.output
    assert "address-value" not in outcome.output


def test_a_config_fails_a_verification_where_a_restore_would_set_it(environments: Environments) -> None:
    dr = environments.registries["dr"]
    assert environments.play("restore", "dr", lifeboat_restore_into="dr").status == 0
    dr.call("PUT", "/config/orders-value", {"compatibility": "NONE"})
    outcome = environments.play("verify", "dr")
    assert outcome.status == 0, outcome.output
    assert "1 setting stays as in the target" in " ".join(outcome.output.split())
    outcome = environments.play("verify", "dr", restore_strategy="overwrite")
    assert outcome.status == 2
    assert "A restore would change: 1 config" in outcome.messages("dr")[-1]
    assert dr.call("GET", "/config/orders-value") == {"compatibilityLevel": "NONE"}


def test_a_restore_in_check_mode_shows_what_would_change(environments: Environments) -> None:
    before = environments.files()
    for variables in ({}, {"lifeboat_restore_into": "dr"}):
        outcome = environments.play("restore", "dr", check=True, **variables)
        assert (outcome.status, outcome.count("dr", "changed")) == (0, 1), outcome.output
        assert "would change: 5 versions registered" in outcome.messages("dr")[-1]
        assert "orders-value" in outcome.output
    assert holding(environments.registries["dr"]) == {}
    assert environments.files() == before


def test_a_restore_writes_only_into_hosts_that_are_named(
    environments: Environments, registry_factory: RegistryFactory
) -> None:
    asked = {"asked-list": ["prod", "asked-list"], "asked-text": "prod,\n asked-text "}
    not_asked = {"none": [], "empty": "", "other": "prod", "others": ["prod", "staging"], "prefix": "pre"}
    untouched = registry_factory()
    targets = {host: registry_factory() for host in asked} | dict.fromkeys(not_asked, untouched)
    hosts = {
        host: {
            "lifeboat_registry": connection(targets[host]),
            "lifeboat_store": {"path": str(environments.store)},
            "lifeboat_restore_from": "prod",
            "lifeboat_restore_into": into,
        }
        for host, into in (asked | not_asked).items()
    }
    inventory = environments.ansible.folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": hosts}}))
    outcome = environments.ansible.play("restore", inventories=(inventory,))
    assert outcome.status == 2
    for host in asked:
        assert holding(targets[host]) == holding(environments.registries["prod"])
    for host in not_asked:
        assert outcome.messages(host)[-1].startswith(f"Nothing was written to {host}: ")
    assert holding(untouched) == {}


@pytest.mark.parametrize("playbook", ["verify", "restore"])
def test_a_damaged_file_stops_the_run(environments: Environments, playbook: str) -> None:
    (path,) = environments.store.rglob("customer-value/v1.json")
    path.write_bytes(path.read_bytes()[:-10])
    outcome = environments.play(playbook, "dr", lifeboat_restore_into="dr")
    assert outcome.status == 2
    assert "customer-value" in outcome.messages("dr")[-1]
    assert holding(environments.registries["dr"]) == {}


def test_a_backup_in_check_mode_writes_nothing_and_says_what_it_would_do(environments: Environments) -> None:
    register(environments.registries["dr"], "orders-value", ["string"])
    before = environments.files()
    outcome = environments.play("backup", "prod", "dr", check=True)
    assert outcome.status == 0, outcome.output
    assert (outcome.count("prod", "changed"), outcome.count("dr", "changed")) == (0, 1)
    assert outcome.messages("prod") == [
        "prod: nothing has changed, no new restore point of prod would be made: 4 subjects, 5 versions."
    ]
    assert outcome.messages("dr") == ["dr: a new restore point of dr would be made: 1 subject, 1 version."]
    assert environments.files() == before


def test_an_unchanged_registry_changes_nothing(environments: Environments) -> None:
    for playbook in ("init", "backup"):
        outcome = environments.play(playbook, "prod")
        assert (outcome.status, outcome.count("prod", "changed")) == (0, 0), outcome.output
    assert outcome.messages("prod")[-1].startswith("prod: restore point 1 of prod still holds, nothing has changed")


def test_a_backup_that_fails_leaves_no_restore_point(environments: Environments) -> None:
    environments.set("dr", lifeboat_registry={"url": CLOSED, "retries": 0})
    outcome = environments.play("backup", "dr")
    assert (outcome.status, outcome.count("dr", "failed")) == (2, 1)
    (message,) = outcome.messages("dr")
    assert CLOSED in message
    assert '"code": "unreachable"' in outcome.output
    assert not [path for path in environments.files() if path.startswith("dr/")]


def test_only_the_playbook_init_makes_a_store(environments: Environments) -> None:
    shutil.rmtree(environments.store)
    outcome = environments.play("backup", "prod")
    assert outcome.status == 2
    assert "The playbook lifeboat.kafka.init makes a new store" in outcome.messages("prod")[-1]
    assert environments.play("init", "prod", check=True).messages("prod")[-1].endswith("would be made.")
    assert not environments.store.exists()


def test_limit_and_serial(environments: Environments) -> None:
    outcome = environments.play("backup", "prod", "dr", limit="prod")
    assert outcome.status == 0
    assert not (environments.store / "dr").exists()
    outcome = environments.play("backup", "prod", "dr", lifeboat_serial=1)
    assert outcome.status == 0
    assert outcome.output.count("TASK [lifeboat.kafka.backup : Open a restore point]") == 2
    assert (environments.store / "dr").exists()


def test_selections_may_be_text(environments: Environments) -> None:
    selected = {
        "backup_subjects": "retired-*, address-value\n orders-value",
        "backup_exclude_subjects": "retired-value",
    }
    outcome = environments.play("backup", "prod", lifeboat_backup_id="some", backup_include_references=True, **selected)
    assert outcome.messages("prod")[-1].endswith("restore point 1 of some is made: 3 subjects, 4 versions.")
    selected = {"lifeboat_restore_into": "dr", "restore_subjects": "address-value\n"}
    assert environments.play("restore", "dr", **selected).status == 0
    assert set(holding(environments.registries["dr"])) == {("address-value", 1)}


def test_a_password_that_hides_what_it_equals_is_no_hindrance(
    registry_factory: RegistryFactory, tmp_path: Path
) -> None:
    registries = {
        host: registry_factory(auth="basic", admin=("admin", password))
        for host, password in {"prod": "1", "staging": "orders-value"}.items()
    }
    environments = Environments.of(tmp_path, **registries)
    for registry in registries.values():
        fill(registry)
    before = {host: holding(registry) for host, registry in registries.items()}
    for playbook in ("init", "backup"):
        outcome = environments.play(playbook, "prod", "staging")
        assert outcome.status == 0, outcome.output
    for registry in registries.values():
        registry.wipe()
    for playbook in ("restore", "verify"):
        chosen = {"lifeboat_restore_into": ["prod", "staging"], "verify_compare": True}
        outcome = environments.play(playbook, "prod", "staging", **chosen)
        assert outcome.status == 0, outcome.output
    assert {host: holding(registry) for host, registry in registries.items()} == before


def test_verify_tells_what_was_lost_with_consent(
    registry: AxonOpsRegistry, registry_factory: RegistryFactory, tmp_path: Path
) -> None:
    source = registry_factory()
    source.call("POST", "/subjects/owned/versions", {"schema": '"int"', "metadata": {"properties": {"owner": "shop"}}})
    environments = Environments.of(tmp_path, prod=source, dr=registry)
    for playbook in ("init", "backup"):
        assert environments.play(playbook, "prod").status == 0
    consent = {"restore_accept_losses": "metadata"}
    outcome = environments.play("restore", "dr", lifeboat_restore_into="dr", **consent)
    assert outcome.status == 0, outcome.output

    outcome = environments.play("verify", "dr")
    assert outcome.status == 2
    assert "metadata (1, of owned)" in outcome.messages("dr")[-1]
    outcome = environments.play("verify", "dr", **consent)
    assert outcome.status == 0, outcome.output
    assert outcome.messages("dr")[-1].endswith("is as it was backed up but for the accepted losses (metadata).")
    outcome = environments.play("verify", "prod", verify_compare=True)
    assert outcome.messages("prod")[-1].endswith("the registry is as it was backed up.")


def test_the_environment_gives_a_single_host_its_registry_and_store(environments: Environments) -> None:
    environment = {
        "LIFEBOAT_REGISTRY_URL": f"{CLOSED},{environments.registries['prod'].endpoint}",
        "LIFEBOAT_REGISTRY_RETRIES": "0",
        "LIFEBOAT_STORE_PATH": str(environments.store),
    }
    outcome = environments.ansible.play("backup", "-e", "lifeboat_hosts=localhost", environment=environment)
    assert outcome.messages("localhost") == ["localhost: restore point 1 of localhost is made: 4 subjects, 5 versions."]
