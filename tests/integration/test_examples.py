# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every example of every module by ansible-playbook, on real registries and brokers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from registries.confluent import Confluent
from registries.exporters import Links
from registries.serving import RegistryServer

from testbed.ansible import Ansible, Outcome
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, fill, holding, register
from testbed.fixtures import RegistryFactory
from testbed.groups import commit
from testbed.kafka import Kafka
from testbed.keys import create_dek, create_kek
from testbed.module_docs import misfits, module_docs
from testbed.modules import MODULES, run_module
from testbed.reading import check_same, read_topic
from testbed.records import numbered, send
from testbed.secure_kafka import SecureKafka
from testbed.topics import Topics

PASSWORD = "s3cret-word"
ORDER = (
    "schema_registry_subject",
    "backup_store",
    "schema_registry_export",
    "restore_point",
    "topic_backup",
    "backup_info",
    "backup_verify",
)
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
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "registry_password": PASSWORD,
            "kafka_password": PASSWORD,
        },
        "tasks": tasks,
    }


@dataclass(frozen=True)
class Bed:
    """What the examples work on.

    Attributes:
        registries: By name: ``open`` with schemas, ``guarded`` by a password with the same, and the empty ``lost``.
        linked: An emulated one that has exporters and importers, which no registry has that can be started here.
        source: A broker with topics and a group, and with the topic of ``linked``.
        target: An empty one.
        guarded: One with the same topics, and the user ``backup``.
    """

    registries: dict[str, AxonOpsRegistry]
    linked: RegistryServer
    source: Kafka
    target: Kafka
    guarded: SecureKafka

    def replacements(self, module: str, store: Path) -> list[tuple[str, str]]:
        """What stands in the examples of a module, and what is meant in this bed."""
        restores = module in ("topic_restore", "topic_verify")
        address = self.guarded.login("backup", PASSWORD)["bootstrap_servers"][0]
        registry: AxonOpsRegistry | RegistryServer
        registry = self.registries["lost" if module == "schema_registry_import" else "open"]
        if module in ("schema_exporter", "schema_importer"):
            registry = self.linked
        return [
            ("http://registry.example.org:8081", registry.endpoint),
            ("http://confluent.example.org:8081", self.linked.endpoint),
            ("prod-confluent", "prod-payments"),  # one with topics too, as an example of backup_info wants of all
            ("https://registry.prod.example.org", "https://127.0.0.1:9"),
            ("https://registry.dr.example.org", "https://127.0.0.1:9"),
            ("https://registry-1.example.org", "http://127.0.0.1:9"),
            ("https://registry-2.example.org", self.registries["guarded"].endpoint),
            ("kafka-1.example.org:9092", (self.target if restores else self.source).endpoint),
            ("kafka-2.example.org:9092", "127.0.0.1:9"),
            ("kafka-1.example.org:9093", address),
            ("test-kafka.example.org:9092", self.target.endpoint),
            ("/etc/pki/kafka-ca.pem", str(self.guarded.certificates.ca)),
            ("/srv/lifeboat", str(store)),
            ("restore_point: 42", f"restore_point: {2 if restores else 1}"),
        ]


def confluent_with_links() -> Confluent:
    """Return an emulated registry that has exporters and importers."""
    return Confluent(edition="enterprise", resources=[Links("exporters"), Links("importers")])


def fill_broker(broker: Kafka) -> None:
    """Create topics with some records, and a group that has read some of them."""
    topics = Topics(broker.client)
    for topic in ("orders", "payments.a", "payments.scratch1"):
        topics.create(topic, 2, {"retention.ms": -1})
        send(broker.client, topic, numbered(20, partitions=2))
    commit(broker.client, "payments-billing", {("payments.a", 0): 4})


@pytest.fixture
def bed(secure_kafka: SecureKafka) -> Iterator[Bed]:
    """Registries and brokers for the examples."""
    guarded = AxonOpsRegistry(auth="basic", admin=("backup", PASSWORD))
    with guarded, AxonOpsRegistry() as opened, AxonOpsRegistry() as lost, Kafka() as source, Kafka() as target:
        for server in (opened, guarded):
            fill(server)
            for subject in ("payments.a", "payments.scratch1"):
                register(server, subject, avro("A"))
        secure_kafka.create_user("backup", PASSWORD)
        may = ("describe", "read", "describe_configs")
        secure_kafka.allow("backup", *(("topic", "*", operation) for operation in may), ("group", "*", "describe"))
        for broker in (source, secure_kafka):
            fill_broker(broker)
        Topics(source.client).create("_schemas", 1, {"cleanup.policy": "compact"})
        registries = {"open": opened, "guarded": guarded, "lost": lost}
        with RegistryServer(confluent_with_links()) as linked:
            yield Bed(registries, linked, source, target, secure_kafka)


@pytest.fixture
def played(tmp_path: Path, bed: Bed) -> tuple[Path, Outcome]:
    """All examples, run as one playbook, with the addresses, paths and numbers of this bed."""
    plays = []
    for module in sorted(MODULES, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        text = module_docs()[module]["examples"]
        for written, meant in bed.replacements(module, tmp_path / "store"):
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


def test_all_examples_run(played: tuple[Path, Outcome], bed: Bed) -> None:
    outcome, servers = played[1], bed.registries
    assert outcome.status == 0, outcome.output
    assert PASSWORD not in outcome.output
    store = json.loads((played[0] / "backup_store.json").read_text())
    assert store[0]["changed"]
    shown, brought, mapped, moved = results(played, "schema_registry_import")
    assert shown["changed"]
    assert brought["changed"]
    assert shown["plan"] == brought["plan"]
    assert mapped["id_map"]
    assert [pair["context"] for pair in moved["id_map"]] == [".eu"]
    wanted = holding(servers["open"])["versions"]
    held = holding(servers["lost"])["versions"]
    for new, old in (("test.orders-value", "orders-value"), ("eu.orders-value", ":.eu:orders-value")):
        assert held.pop(f"{new} version 1")["schema"] == wanted[f"{old} version 1"]["schema"]
    assert held == wanted
    assert results(played, "schema_registry_info")[1]["query_result"] == []
    assert results(played, "backup_info")[3]["query_result"] == [1, 2]
    everything, payments = results(played, "topic_backup")
    assert (everything["topics"]["records"], everything["groups"]["offsets"]) == (60, 1)
    assert (payments["topics"]["topics"], payments["topics"]["records"]) == (1, 20)
    planned, brought, groups, look = results(played, "topic_restore")
    assert groups["topics"]["unchanged"] == groups["topics"]["topics"]
    assert (planned["changed"], brought["topics"]["records"], brought["groups"]["offsets"]) == (True, 60, 1)
    assert [step["target"] for step in look["plan"]] == ["look.payments.a", "look.payments.scratch1"]
    assert [told["topics"]["records"] for told in results(played, "topic_verify")] == [60, 40]
    assert results(played, "topic_info")[1]["query_result"] == []
    for topic in ("orders", "payments.a"):
        check_same(read_topic(bed.source.client, topic), read_topic(bed.target.client, topic))
    assert servers["open"].call("GET", "/mode") == {"mode": "READONLY"}
    for module in MODULES:
        for result in results(played, module):
            assert misfits(module, result) == []


def test_documented_values_come_back(
    registry_factory: RegistryFactory, tmp_path: Path, registry: AxonOpsRegistry, kafka: Kafka
) -> None:
    """All that the documentation says is returned, with the options that ask for most."""
    source = registry_factory()
    fill(source)
    create_kek(source, "documented")
    create_dek(source, "documented", "orders-value", 1, "AAEC")
    store = {"path": str(tmp_path / "store")}
    backup = {"store": store, "backup_id": "prod"}
    Topics(kafka.client).create("documented", 1, {"retention.ms": -1})
    send(kafka.client, "documented", numbered(10))
    commit(kafka.client, "documented", {("documented", 0): 4})
    topics = {"kafka": kafka.options, "topics": ["documented"]}
    copies = {**topics, "topic_mapping": {"documented": "documented-copy"}}
    source_family, family = {"registry": {"url": source.endpoint}}, {"registry": {"url": registry.endpoint}}
    runs: list[tuple[str, dict[str, Any]]] = [
        ("backup_store", {"store": store}),
        ("schema_registry_export", {**backup, **source_family}),
        ("backup_info", {"store": store, "query": "backups"}),
        ("backup_verify", backup),
        ("schema_registry_import", {**backup, **family, "ids": "assign"}),
        ("schema_registry_info", {**family, "gather": "versions", "query": "versions"}),
        ("schema_registry_compatibility", {**family, "compatibility": "FULL"}),
        ("dek_registry_info", {**family, "gather": "full"}),
        ("schema_registry_mode", {**family, "store": store, "state": "recovered"}),
        ("schema_registry_subject", {**family, "subject": "documented", "schema": '"string"'}),
        ("topic_backup", {**backup, **topics, "groups": ["documented"]}),
        ("topic_restore", {**backup, **copies}),
        ("topic_verify", {**backup, **copies}),
        ("topic_info", {**topics, "gather": "configs", "query": "topics"}),
        ("restore_point", {**backup, "state": "open"}),
    ]
    told = {module: run_module(module, **options).succeeded() for module, options in runs}
    opened = {"restore_point": told["restore_point"]["restore_point"]}
    run_module("schema_registry_export", **backup, **source_family, **opened).succeeded()
    told["restore_point"] = run_module("restore_point", **backup, **opened, state="committed").succeeded()
    offsets = run_module("topic_info", **topics, gather="partitions").succeeded()
    told["topic_info"] = {**offsets, **told["topic_info"]}
    purged = run_module("schema_registry_subject", **family, subject="documented", versions="all", state="purged")
    subjects = told["schema_registry_subject"]["subjects"]
    subjects[0] = {**purged.succeeded()["subjects"][0], **subjects[0]}
    link = {"name": "documented", "config": {"schema.registry.url": "https://registry.example.org"}}
    with RegistryServer(confluent_with_links()) as linked:
        for module in ("schema_exporter", "schema_importer"):
            options = {**link, "registry": {"url": linked.endpoint}, "context_type": "CUSTOM", "context": "documented"}
            options |= {"subject_rename_format": "a_${subject}"} if module == "schema_exporter" else {}
            told[module] = run_module(module, **options).succeeded()
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
