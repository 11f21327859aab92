# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of topics by the module topic_backup, and what restore points hold of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import decode_groups
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import GROUPS
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import TopicState
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.groups import commit
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.modules import Outcome, run_module
from testbed.records import numbered, send
from testbed.topics import Topics

BACKUP = "prod"


class TopicBackups:
    """A store, topics whose names begin as no other test's do, and what restore points hold of them."""

    def __init__(self, kafka: Kafka | KafkaCluster, folder: Path) -> None:
        self.kafka = kafka
        self.topics = Topics(kafka.client)
        self.prefix = folder.name
        self.path = folder / "store"
        self.options: dict[str, Any] = {"store": {"path": str(self.path)}, "backup_id": BACKUP}
        run_module("backup_store", store=self.options["store"]).succeeded()
        self.store = Store.open(FilesystemStorage(str(self.path)))

    def topic(self, name: str, partitions: int = 1, records: int = 0, **configs: Any) -> str:
        """Create a topic, with so many records of which each partition has its share."""
        topic = f"{self.prefix}.{name}"
        self.topics.create(topic, partitions, {key.replace("_", "."): value for key, value in configs.items()})
        if records:
            self.send(topic, records)
        return topic

    def send(self, topic: str, count: int, first: int = 0) -> None:
        send(self.kafka.client, topic, numbered(count, partitions=self.topics.count(topic), first=first))

    def run(self, **options: Any) -> Outcome:
        given = {"kafka": self.kafka.options, "topics": [f"{self.prefix}.*"], **self.options, **options}
        return run_module("topic_backup", **given)

    def back_up(self, **options: Any) -> dict[str, Any]:
        return self.run(**options).succeeded()

    def reader(self, point: int | str = "latest") -> TopicsReader:
        return TopicsReader(self.store, find_point(self.store, BACKUP, point))

    def states(self, point: int | str = "latest") -> dict[str, TopicState]:
        return {state.topic: state for state in self.reader(point).states()}

    def ranges(self, topic: str, point: int | str = "latest") -> list[tuple[int, int]]:
        return [(of.start, of.next) for of in self.states(point)[topic].partitions]

    def content(self, topic: str, partition: int = 0, point: int | str = "latest") -> bytes:
        """All batches of a partition."""
        reader = self.reader(point)
        found = (entry for entry in reader.segments([topic]) if entry.facts["partition"] == partition)
        return b"".join(reader.read(entry) for entry in found)

    def groups(self, point: int | str = "latest") -> dict[str, dict[str, tuple[int, int | None]]]:
        """For each group and partition the offset, and what it was before it was clamped."""
        reader = PartReader(self.store, find_point(self.store, BACKUP, point), GROUPS)
        (entry,) = reader.entries()
        return {
            name: {f"{of.topic}/{of.partition}": (of.offset, of.clamped_from) for of in group.offsets}
            for name, group in decode_groups(reader.read(entry), entry.file).items()
        }

    def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        commit(self.kafka.client, group, {(topic, partition): offset for partition, offset in offsets.items()})

    def files(self) -> dict[str, bytes]:
        """All files of the store but the notes of when something was confirmed."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {str(path.relative_to(self.path)): path.read_bytes() for path in found if path.name != "last-run.json"}

    def verify(self) -> None:
        """Read all restore points back."""
        run_module("backup_verify", **self.options, restore_points=["all"]).succeeded()
