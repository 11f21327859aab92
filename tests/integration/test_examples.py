# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every example of every module, by ansible-playbook and on real registries, and compares what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.ansible import Ansible, Outcome
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, fill, holding, register
from testbed.fixtures import RegistryFactory
from testbed.module_docs import misfits, module_docs
from testbed.modules import MODULES, run_module

PASSWORD = "s3cret-word"
ORDER = ("backup_store", "schema_registry_export", "restore_point", "backup_info", "backup_verify")
"""Modules whose examples need what those of the ones before them make."""


def play(module: str, examples: str) -> dict[str, Any]:
    """Return a play of a module's examples, which notes the result of each task."""
    tasks = yaml.safe_load(examples)
    for number, task in enumerate(tasks):
        task.setdefault("register", f"result_{number}")
    results = [f"{{{{ {task['register']} }}}}" for task in tasks]
    note = {"content": "{{ results | to_json }}", "dest": f"{{{{ playbook_dir }}}}/{module}.json"}
    tasks.append({"ansible.builtin.copy": note, "vars": {"results": results}, "name": "Note the results"})
    return {
        "name": module,
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "registry_password": PASSWORD},
        "tasks": tasks,
    }


@pytest.fixture
def servers() -> Any:
    """By name: ``open`` with schemas, ``guarded`` by a password with the same, and ``lost``, which is empty."""
    guarded = AxonOpsRegistry(auth="basic", admin=("backup", PASSWORD))
    with guarded, AxonOpsRegistry() as opened, AxonOpsRegistry() as lost:
        for server in (opened, guarded):
            fill(server)
            for subject in ("payments.a", "payments.scratch1"):
                register(server, subject, avro("A"))
        yield {"open": opened, "guarded": guarded, "lost": lost}


@pytest.fixture
def played(tmp_path: Path, servers: dict[str, AxonOpsRegistry]) -> tuple[Path, Outcome]:
    """All examples, run as one playbook, with the addresses, paths and numbers of this bed."""
    plays = []
    for module in sorted(MODULES, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        registry = servers["lost" if module == "schema_registry_import" else "open"].endpoint
        text = module_docs()[module]["examples"]
        for written, meant in (
            ("http://registry.example.org:8081", registry),
            ("https://registry-1.example.org", "http://127.0.0.1:9"),
            ("https://registry-2.example.org", servers["guarded"].endpoint),
            ("/srv/lifeboat", str(tmp_path / "store")),
            ("restore_point: 42", "restore_point: 1"),
        ):
            text = text.replace(written, meant)
        assert "example.org" not in text
        plays.append(play(module, text))
    (tmp_path / "examples.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    return tmp_path, Ansible(tmp_path).play("examples.yml", "--diff", "-vvv")


def results(played: tuple[Path, Outcome], module: str) -> list[dict[str, Any]]:
    """Return what the tasks of a module's examples returned, those of other modules left out."""
    tasks = yaml.safe_load(module_docs()[module]["examples"])
    found = json.loads((played[0] / f"{module}.json").read_text())
    return [result for task, result in zip(tasks, found, strict=True) if f"lifeboat.kafka.{module}" in task]


def test_all_examples_run(played: tuple[Path, Outcome], servers: dict[str, AxonOpsRegistry]) -> None:
    outcome = played[1]
    assert outcome.status == 0, outcome.output
    assert PASSWORD not in outcome.output
    store = json.loads((played[0] / "backup_store.json").read_text())
    assert store[0]["changed"]
    shown, brought, mapped = results(played, "schema_registry_import")
    assert shown["changed"]
    assert brought["changed"]
    assert shown["plan"] == brought["plan"]
    assert mapped["id_map"]
    wanted = holding(servers["open"])["versions"]
    held = holding(servers["lost"])["versions"]
    assert held.pop("test.orders-value version 1")["schema"] == wanted["orders-value version 1"]["schema"]
    assert held == wanted
    assert results(played, "schema_registry_info")[1]["query_result"] == []
    assert results(played, "backup_info")[2]["query_result"] == [1]
    assert servers["open"].call("GET", "/mode") == {"mode": "READONLY"}
    for module in MODULES:
        for result in results(played, module):
            assert misfits(module, result) == []


def test_documented_values_come_back(
    registry_factory: RegistryFactory, tmp_path: Path, registry: AxonOpsRegistry
) -> None:
    """All that the documentation says is returned, with the options that ask for most."""
    source = registry_factory()
    fill(source)
    store = {"path": str(tmp_path / "store")}
    backup = {"store": store, "backup_id": "prod"}
    source_family, family = {"registry": {"url": source.endpoint}}, {"registry": {"url": registry.endpoint}}
    runs: list[tuple[str, dict[str, Any]]] = [
        ("backup_store", {"store": store}),
        ("schema_registry_export", {**backup, **source_family}),
        ("backup_info", {"store": store, "query": "backups"}),
        ("backup_verify", backup),
        ("schema_registry_import", {**backup, **family, "ids": "assign"}),
        ("schema_registry_info", {**family, "gather": "versions", "query": "versions"}),
        ("schema_registry_compatibility", {**family, "compatibility": "FULL"}),
        ("schema_registry_mode", {**family, "store": store, "state": "recovered"}),
        ("restore_point", {**backup, "state": "open"}),
    ]
    told = {module: run_module(module, **options).succeeded() for module, options in runs}
    opened = {"restore_point": told["restore_point"]["restore_point"]}
    run_module("schema_registry_export", **backup, **source_family, **opened).succeeded()
    told["restore_point"] = run_module("restore_point", **backup, **opened, state="committed").succeeded()
    assert set(told) == set(MODULES)
    for module, result in told.items():
        assert misfits(module, result) == []
        documented = module_docs()[module]["return"]
        assert missing(documented, result) == []


def missing(documented: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Return documented values that a result lacks."""
    found = []
    for name, value in documented.items():
        if name not in result:
            found.append(name)
        elif "contains" in value:
            members = result[name] if isinstance(result[name], list) else [result[name]]
            found += [f"{name}.{one}" for member in members[:1] for one in missing(value["contains"], member)]
    return found
