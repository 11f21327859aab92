# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook restore where a host has a registry and topics: both come from one restore point, or nothing does."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from faults.kafka_proxy import PRODUCE, Fault, KafkaProxy

from testbed.ansible import Ansible, Outcome
from testbed.axonops import AxonOpsRegistry
from testbed.copies import Copies
from testbed.fixtures import RegistryFactory
from testbed.groups import commit, committed
from testbed.kafka import Kafka
from testbed.modules import start_module
from testbed.records import numbered, send


def register(registry: AxonOpsRegistry, subject: str) -> None:
    registry.call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps("string")})


class Shop:
    """A host with a registry and a topic on a cluster, which a restore brings under another name."""

    def __init__(self, kafka: Kafka, registry: AxonOpsRegistry, folder: Path) -> None:
        self.copies = Copies(kafka, folder / "store", prefix=f"{folder.name}-")
        self.topic = f"{folder.name}.source"
        self.copies.topics.create(self.topic, 2)
        for turn in range(4):  # several batches, so that a restore has more than one request
            send(kafka.client, self.topic, numbered(500, partitions=2, first=500 * turn))
        self._own: dict[str, Any] = {
            "lifeboat_kafka": kafka.options,
            "lifeboat_store": self.copies.common["store"],
            "lifeboat_backup_id": self.copies.common["backup_id"],
            "backup_topics": [self.topic],
            "backup_exclude_groups": ["*"],
            "restore_topics": [self.topic],
            "restore_exclude_groups": ["*"],
            "restore_topic_mapping": {self.topic: self.copies.name(self.topic)},
        }
        self._inventory = folder / "hosts.yml"
        self._ansible = Ansible(folder)
        self.use(registry)

    def use(self, registry: AxonOpsRegistry) -> None:
        """Give the host a registry."""
        own = self._own | {"lifeboat_registry": {"url": registry.endpoint}}
        self._inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": {"shop": own}}}))

    def run(self, name: str, **variables: Any) -> Outcome:
        return self._ansible.play(name, inventories=(self._inventory,), variables=variables)

    def play(self, name: str, **variables: Any) -> str:
        """Run a playbook that must succeed, and return what it tells last."""
        outcome = self.run(name, **variables)
        assert outcome.status == 0, outcome.output
        return outcome.messages("shop")[-1]


@pytest.fixture
def shop(kafka: Kafka, registry: AxonOpsRegistry, tmp_path: Path) -> Shop:
    register(registry, "first-value")
    shop = Shop(kafka, registry, tmp_path)
    shop.play("backup")
    return shop


def test_the_playbook_goes_on_with_the_restore_point_of_a_killed_restore(
    shop: Shop, kafka: Kafka, registry: AxonOpsRegistry
) -> None:
    before = shop.copies.contents(shop.topic)
    running = None

    def kill() -> None:
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    with KafkaProxy(kafka) as proxy:
        proxy.add(Fault(PRODUCE, nth=2, after=kill, swallow=True))
        running = start_module("topic_restore", **shop.copies.restore_options(shop.topic, kafka=proxy.options))
        assert running.wait().status == -signal.SIGKILL
    register(registry, "second-value")
    send(kafka.client, shop.topic, numbered(10, partitions=2, first=3000))
    shop.play("backup")
    told = shop.play("restore", lifeboat_restore_into="shop")
    assert told.startswith("shop: restored from restore point 1 of prod")
    shop.copies.check(shop.topic, before)


@pytest.mark.parametrize("point", ["latest", 1])
def test_nothing_is_written_to_a_registry_when_the_topics_are_refused(
    shop: Shop, kafka: Kafka, registry_factory: RegistryFactory, point: int | str
) -> None:
    empty = registry_factory()
    shop.use(empty)
    copy = shop.copies.name(shop.topic)
    shop.copies.topics.create(copy, 2)
    send(kafka.client, copy, numbered(5, partitions=2))
    outcome = shop.run("restore", lifeboat_restore_into="shop", lifeboat_restore_point=point)
    assert outcome.status != 0
    assert "is there already" in outcome.output, outcome.output
    assert not empty.call("GET", "/subjects")
    shop.copies.topics.delete(copy)
    shop.play("restore", lifeboat_restore_into="shop", lifeboat_restore_point=point)
    assert empty.call("GET", "/subjects") == ["first-value"]
    shop.copies.check(shop.topic)


def test_groups_come_back_alone_where_their_topics_were_restored(shop: Shop, kafka: Kafka) -> None:
    group = f"{shop.topic}.readers"
    commit(kafka.client, group, {(shop.topic, 0): 7, (shop.topic, 1): 300})
    chosen = {"backup_groups": [group], "backup_exclude_groups": [], "restore_exclude_groups": []}
    shop.play("backup", **chosen)
    into = {"lifeboat_restore_into": "shop", **chosen}
    refused = shop.run("restore", restore_parts="groups", **into)
    assert refused.status != 0
    assert "cannot be restored without its records: it is not there" in refused.output.replace("\n", " ")
    copy = shop.copies.name(shop.topic)
    assert copy not in shop.copies.topics.names()
    shop.play("restore", **{**into, "restore_exclude_groups": ["*"]})
    for parts in (["schema-registry", "groups"], "groups"):
        told = shop.play("restore", restore_parts=parts, **into)
        assert told.startswith("shop: restored from restore point 2 of prod: ")
        done = "nothing, it is all there" if parts == "groups" else "2 offsets of 1 consumer group set"
        assert told.split("prod: ")[1].startswith(f"{done}.")
    assert {(copy, 0): 7, (copy, 1): 300}.items() <= committed(kafka.client, group).items()
    compared = shop.play("verify", verify_compare=True, restore_parts="groups", **chosen)
    assert "2 offsets of consumer groups are as they were backed up" in compared


def test_parts_that_do_not_exist_are_named(shop: Shop) -> None:
    outcome = shop.run("restore", restore_parts="topics,acls")
    assert outcome.status != 0
    told = outcome.output.replace("\n", " ")
    assert "restore_parts takes schema-registry, topics, which brings consumer groups as well, and groups for" in told
    assert "those alone; not acls" in told
