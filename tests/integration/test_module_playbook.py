# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a real ansible-playbook shows of the modules: defaults, async, the environment, the lease, secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from registries.confluent import Confluent
from registries.exporters import Links
from registries.serving import RegistryServer

from testbed.ansible import Ansible, Outcome
from testbed.axonops import AxonOpsRegistry
from testbed.contents import fill, holding
from testbed.fixtures import RegistryFactory
from testbed.modules import run_module

PASSWORD = "s3cret-word"


@pytest.fixture
def guarded(registry_factory: RegistryFactory) -> AxonOpsRegistry:
    """A registry with something of everything, behind a password."""
    server = registry_factory(auth="basic", admin=("admin", PASSWORD))
    fill(server)
    return server


def task(module: str, *, register: str | None = None, keywords: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return a task; what it gives back is noted under its module's name or the one given."""
    return {f"lifeboat.kafka.{module}": options, "register": register or module, "name": module, **(keywords or {})}


def play(
    folder: Path, tasks: list[Any], *arguments: str, environment: dict[str, str] | None = None, **keywords: Any
) -> tuple[Outcome, dict[str, Any]]:
    """Run tasks on localhost, and return what came of it and what each of them gave back."""
    noted = {one["register"]: f"{{{{ {one['register']} }}}}" for one in tasks}
    note = {"content": "{{ noted | to_json }}", "dest": str(folder / "noted.json")}
    last = {"ansible.builtin.copy": note, "vars": {"noted": noted}, "name": "Note", "check_mode": False, "diff": False}
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    whole = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables}
    (folder / "play.yml").write_text(yaml.safe_dump([{**whole, "tasks": [*tasks, last], **keywords}], sort_keys=False))
    outcome = Ansible(folder).play("play.yml", *arguments, environment=environment)
    assert outcome.status == 0, outcome.output
    return outcome, json.loads((folder / "noted.json").read_text())


def test_defaults_of_the_groups_and_async(guarded: AxonOpsRegistry, registry: AxonOpsRegistry, tmp_path: Path) -> None:
    family = {"url": guarded.endpoint, "username": "admin", "password": "{{ password }}"}
    store = {"path": str(tmp_path / "store")}
    defaults = {"group/lifeboat.kafka.registry": {"registry": family}, "group/lifeboat.kafka.store": {"store": store}}
    to_another = {"registry": {"url": registry.endpoint}, "backup_id": "prod"}
    outcome, told = play(
        tmp_path,
        [
            task("backup_store"),
            task("schema_registry_export", backup_id="prod", keywords={"async": 60, "poll": 1}),
            task("schema_registry_info"),
            task("schema_registry_import", **to_another, keywords={"check_mode": True, "diff": True}),
            task("backup_verify", backup_id="prod"),
            task("restore_point", backup_id="prod", state="open"),
            task("restore_point", backup_id="prod", state="open", register="second", keywords={"ignore_errors": True}),
        ],
        "-vvv",
        "--extra-vars",
        json.dumps({"password": PASSWORD}),
        module_defaults=defaults,
    )
    assert PASSWORD not in outcome.output
    assert told["schema_registry_export"]["changed"]
    assert told["schema_registry_export"]["finished"]
    assert told["schema_registry_info"]["counts"]["versions"] == 11
    assert told["backup_verify"]["verified"][0]["schemas"] == 11
    assert told["schema_registry_import"]["plan"]["classes"] == {"new": 11}
    assert '+        "version 1": "id 1, AVRO"' in outcome.output
    assert holding(registry)["versions"] == {}

    # The lease is that of the whole run of ansible-playbook, and ends with it.
    assert told["second"]["failure"]["code"] == "busy"
    assert told["second"]["failure"]["owner"]["pid"]
    opened = run_module("restore_point", store=store, backup_id="prod", state="open").succeeded()["restore_point"]
    assert opened != told["restore_point"]["restore_point"]


def test_families_from_the_environment_in_check_mode(
    guarded: AxonOpsRegistry, registry: AxonOpsRegistry, tmp_path: Path
) -> None:
    environment = {
        "LIFEBOAT_REGISTRY_URL": guarded.endpoint,
        "LIFEBOAT_REGISTRY_USERNAME": "admin",
        "LIFEBOAT_REGISTRY_PASSWORD": PASSWORD,
        "LIFEBOAT_STORE_PATH": str(tmp_path / "store"),
    }
    run_module("backup_store", environment=environment).succeeded()
    run_module("schema_registry_export", environment=environment, backup_id="prod").succeeded()
    before = holding(guarded)
    outcome, told = play(
        tmp_path,
        [
            task("schema_registry_export", backup_id="prod"),
            task("schema_registry_mode", mode="READONLY"),
            task("schema_registry_compatibility", compatibility="NONE", subjects=["address"]),
            task("restore_point", backup_id="prod", state="open"),
            task("schema_registry_import", backup_id="prod", registry={"url": registry.endpoint}),
            task("schema_registry_info", registry={"url": guarded.endpoint}, keywords={"ignore_errors": True}),
        ],
        "--check",
        "--diff",
        "-vvv",
        environment=environment,
    )
    assert PASSWORD not in outcome.output
    assert {name: result["changed"] for name, result in told.items() if "changed" in result} == {
        "schema_registry_export": False,
        "schema_registry_mode": True,
        "schema_registry_compatibility": True,
        "restore_point": True,
        "schema_registry_import": True,
        "schema_registry_info": False,
    }
    assert told["schema_registry_info"]["failure"]["http_status"] == 401
    assert '-    "(global)": "READWRITE"' in outcome.output
    assert '+    "(global)": "READONLY"' in outcome.output
    assert '+        "compatibilityLevel": "NONE"' in outcome.output
    assert holding(guarded) == before
    assert holding(registry)["versions"] == {}


@pytest.mark.parametrize("kind", ["exporter", "importer"])
def test_secrets_of_exporters_are_shown_neither_in_diffs_nor_where_they_are_refused(kind: str, tmp_path: Path) -> None:
    secret = "user:{{ password }}"
    config = {"schema.registry.url": "https://dr.example.org", "basic.auth.credentials.source": "USER_INFO"}
    secrets = {"basic.auth.user.info": secret}
    one = f"schema_{kind}"
    refused = {"keywords": {"ignore_errors": True}}
    server = RegistryServer(Confluent(edition="enterprise", resources=[Links(f"{kind}s", masks=())]))
    with server:
        family = {"registry": {"url": server.endpoint}, "name": "to-dr"}
        outcome, told = play(
            tmp_path,
            [
                task(one, **family, config=config, secrets=secrets, state="running", register="made"),
                task(one, **family, config=config, secrets={**secrets, "x.token": secret}, register="same"),
                task(one, **family, secrets=secrets, update_secrets="always", register="again"),
                task(one, **family, config={**config, "retries": 5}, secrets=secrets, register="changed"),
                task(one, **family, config={**config, **secrets}, register="plain", **refused),
                task(one, **family, config={"schema.registry.url": f"https://{secret}@x"}, register="url", **refused),
                task(one, **family, state="absent", register="gone"),
            ],
            "-vvv",
            "--diff",
            "--extra-vars",
            json.dumps({"password": PASSWORD}),
        )
    assert PASSWORD not in outcome.output
    assert PASSWORD not in json.dumps(told)
    changed = {name: result["changed"] for name, result in told.items()}
    assert changed == {
        "made": True,
        "same": False,
        "again": True,
        "changed": True,
        "plain": False,
        "url": False,
        "gone": True,
    }
    assert {told["plain"]["failure"]["object"], told["url"]["failure"]["object"]} == {"config"}
    assert '"basic.auth.user.info": "********"' in outcome.output
    assert '+        "retries": "5"' in outcome.output
