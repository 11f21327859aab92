# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook restore after a restore that was killed: it goes on with that one's restore point, schemas and all."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import yaml
from faults.kafka_proxy import PRODUCE, Fault, KafkaProxy

from testbed.ansible import Ansible
from testbed.axonops import AxonOpsRegistry
from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.modules import start_module
from testbed.records import numbered, send


def register(registry: AxonOpsRegistry, subject: str) -> None:
    registry.call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps("string")})


def test_the_playbook_goes_on_with_the_restore_point_of_a_killed_restore(
    kafka: Kafka, registry: AxonOpsRegistry, tmp_path: Path
) -> None:
    copies = Copies(kafka, tmp_path / "store", prefix=f"{tmp_path.name}-")
    source = f"{tmp_path.name}.source"
    copies.topics.create(source, 2)
    send(kafka.client, source, numbered(2000, partitions=2))
    own = {
        "lifeboat_kafka": kafka.options,
        "lifeboat_registry": {"url": registry.endpoint},
        "lifeboat_store": copies.common["store"],
        "lifeboat_backup_id": copies.common["backup_id"],
        "backup_topics": [source],
        "backup_exclude_groups": ["*"],
        "restore_topics": [source],
        "restore_exclude_groups": ["*"],
        "restore_topic_mapping": {source: copies.name(source)},
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": {"shop": own}}}))
    ansible = Ansible(tmp_path)

    def play(name: str, **variables: Any) -> str:
        outcome = ansible.play(name, inventories=(inventory,), variables=variables)
        assert outcome.status == 0, outcome.output
        return outcome.messages("shop")[-1]

    register(registry, "first-value")
    play("backup")
    before = copies.contents(source)
    running = None

    def kill() -> None:
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    with KafkaProxy(kafka) as proxy:
        proxy.add(Fault(PRODUCE, nth=2, after=kill))
        running = start_module("topic_restore", **copies.restore_options(source, kafka=proxy.options))
        assert running.wait().status == -signal.SIGKILL
    register(registry, "second-value")
    send(kafka.client, source, numbered(10, partitions=2, first=3000))
    play("backup")
    told = play("restore", lifeboat_restore_into="shop")
    assert told.startswith("shop: restored from restore point 1 of prod")
    copies.check(source, before)
