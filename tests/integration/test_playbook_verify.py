# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook verify on a real broker: which restore point it speaks of, and what it says of records that are gone."""

from __future__ import annotations

from pathlib import Path

import yaml
from confluent_kafka.admin import AdminClient

from testbed.ansible import Ansible
from testbed.groups import commit
from testbed.kafka import Kafka
from testbed.records import numbered, send
from testbed.topics import Topics


def test_files_and_topics_are_those_of_the_restore_point_that_a_restore_takes(kafka: Kafka, tmp_path: Path) -> None:
    """The cluster loses a topic, the backup runs once more, and then somebody restores and verifies."""
    topics, name = Topics(kafka.client), f"{tmp_path.name}-lost"
    hosts = {"prod": {"lifeboat_kafka": kafka.options}}
    common = {
        "lifeboat_store": {"path": str(tmp_path / "store")},
        "backup_topics": [f"{tmp_path.name}-*"],
        "backup_exclude_groups": "*",
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": hosts, "vars": common}}))
    ansible = Ansible(tmp_path)

    def told(playbook: str, **variables: object) -> str:
        outcome = ansible.play(playbook, inventories=(inventory,), variables=variables)
        assert outcome.status == 0, outcome.output
        return outcome.messages("prod")[-1]

    topics.create(name, 1)
    send(kafka.client, name, numbered(30))
    told("init")
    told("backup")
    sentence = told("verify", verify_compare=True)
    assert sentence.startswith("prod: restore point 1 of prod: ")
    assert sentence.endswith(
        "all of it as it was written; the topics hold all 30 records as they were backed up; consumer groups were not "
        "compared, since a restore would be refused here."
    )
    topics.delete(name)
    told("backup")
    told("restore", lifeboat_restore_into="prod", lifeboat_restore_point=1)
    topics.trim(name, {0: 10})
    sentence = told("verify", verify_compare=True)
    assert sentence.startswith("prod: restore point 2, 1 of prod: ")
    hint = "(restore point 2 holds no topic, restore point 1 does: -e lifeboat_restore_point=1 restores topics)"
    assert hint in sentence
    assert sentence.endswith(
        "; compared with restore point 1: the topics hold 20 records as they were backed up, and no longer hold 10 "
        "before their partitions' first offsets and 0 in compacted topics."
    )
    sentence = told("verify", verify_compare=True, lifeboat_restore_point=1)
    assert sentence.startswith("prod: restore point 1 of prod: ")
    assert "all" not in sentence.partition(";")[2]


def test_no_older_restore_point_is_named_where_none_holds_topics(kafka: Kafka, tmp_path: Path) -> None:
    own = {
        "lifeboat_kafka": kafka.options,
        "lifeboat_store": {"path": str(tmp_path / "store")},
        "backup_topics": [f"{tmp_path.name}-absent-*"],
        "backup_exclude_groups": "*",
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": {"prod": own}}}))
    for playbook in ("init", "backup", "verify"):
        outcome = Ansible(tmp_path).play(playbook, inventories=(inventory,))
        assert outcome.status == 0, outcome.output
    assert outcome.messages("prod")[-1].startswith("prod: restore point 1 of prod: ")
    assert "holds no topic" not in outcome.messages("prod")[-1]


def test_consumer_groups_are_compared(kafka: Kafka, tmp_path: Path) -> None:
    topic, stays, goes = (f"{tmp_path.name}-{name}" for name in ("topic", "stays", "goes"))
    own = {
        "lifeboat_kafka": kafka.options,
        "lifeboat_store": {"path": str(tmp_path / "store")},
        "backup_topics": [topic],
        "backup_groups": [stays, goes],
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"lifeboat": {"hosts": {"prod": own}}}))
    ansible = Ansible(tmp_path)

    def told(playbook: str, **variables: object) -> str:
        outcome = ansible.play(playbook, inventories=(inventory,), variables=variables)
        assert outcome.status == 0, outcome.output
        return outcome.messages("prod")[-1].partition("as they were backed up")[2]

    Topics(kafka.client).create(topic, 1)
    send(kafka.client, topic, numbered(30))
    for group in (stays, goes):
        commit(kafka.client, group, {(topic, 0): 10})
    told("init")
    told("backup")
    Topics(kafka.client).delete(topic)
    told("restore", lifeboat_restore_into="prod")
    assert told("verify", verify_compare=True) == "; 2 offsets of consumer groups are as they were backed up."
    commit(kafka.client, stays, {(topic, 0): 20})
    admin = AdminClient(kafka.client)
    admin.delete_consumer_groups([goes])[goes].result(timeout=30)
    assert told("verify", verify_compare=True) == (
        "; of the offsets of consumer groups 0 are as backed up, 1 is missing (a restore sets them), and 1 stands "
        f"elsewhere {stays}."
    )
