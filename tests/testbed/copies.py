# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of topics: backed up into a store by the collection's modules, and restored beside the source.

copies = Copies(kafka, tmp_path / "store")
copies.back_up("orders")
copies.restore("orders")                     # as copy-orders, in the same cluster
copies.check("orders")                       # record by record
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.modules import Outcome, RunningModule, run_module, start_module
from testbed.reading import Contents, check_same, read_topic
from testbed.topics import LONGEST_NAME, Topics

BACKUP = "prod"


class Copies:
    """A store, with the cluster whose topics are backed up into it and the cluster that they come back to.

    Args:
        source: The cluster that topics are backed up from.
        store: Folder of the store, which is made.
        target: The cluster that they are restored into; the source when not given.
        prefix: What the names of restored topics begin with; with nothing, they keep their names.
        kafka: The modules' option ``kafka``, where it is not that of the cluster itself.
        run: Runs a module to its end.
    """

    def __init__(
        self,
        source: Kafka | KafkaCluster,
        store: Path,
        *,
        target: Kafka | KafkaCluster | None = None,
        prefix: str = "copy-",
        kafka: Mapping[str, Any] | None = None,
        run: Callable[..., Outcome] = run_module,
    ) -> None:
        self.source = source
        self.target = target or source
        self.prefix = prefix
        self.kafka = kafka
        self.store = store
        self.run = run
        self.common = {"store": {"path": str(store)}, "backup_id": BACKUP}
        self.topics = Topics(source.client)
        self.run("backup_store", store={"path": str(store)}).succeeded()

    def name(self, topic: str) -> str:
        """What a topic is called once restored."""
        return f"{self.prefix}{topic}"[:LONGEST_NAME]

    def backup_options(self, *topics: str, **more: Any) -> dict[str, Any]:
        """The options of a backup; ``more`` are options besides, or instead."""
        options = {
            "kafka": self.kafka or self.source.options,
            "topics": list(topics),
            "exclude_groups": ["*"],
            "parallel": 2,
        }
        return {**self.common, **options, **more}

    def restore_options(self, *topics: str, **more: Any) -> dict[str, Any]:
        """The options of a restore."""
        options = {
            "kafka": self.kafka or self.target.options,
            "topics": list(topics),
            "topic_mapping": {topic: self.name(topic) for topic in topics if self.prefix},
            "exclude_groups": ["*"],
            "parallel": 2,
        }
        return {**self.common, **options, **more}

    def back_up(self, *topics: str, **more: Any) -> dict[str, Any]:
        """Back topics up and return the module's result."""
        return self.run("topic_backup", **self.backup_options(*topics, **more)).succeeded()

    def restore(self, *topics: str, **more: Any) -> dict[str, Any]:
        """Restore topics and return the module's result."""
        return self.run("topic_restore", **self.restore_options(*topics, **more)).succeeded()

    def start_backup(self, *topics: str, **more: Any) -> RunningModule:
        """Start a backup."""
        return start_module("topic_backup", **self.backup_options(*topics, **more))

    def verify(self, *topics: str, **more: Any) -> dict[str, Any]:
        """Compare restored topics with the backup and return the module's result."""
        options = self.restore_options(*topics)
        kept = {name: options[name] for name in ("kafka", "topics", "topic_mapping", *self.common)}
        return self.run("topic_verify", **{**kept, **more}).succeeded()

    def verify_store(self) -> dict[str, Any]:
        """Read the whole store back and return the module's result."""
        return self.run("backup_verify", **self.common).succeeded()

    def archived(self, *topics: str) -> dict[tuple[str, int], bytes]:
        """The record batches that the newest restore point has, by topic and partition."""
        store = Store.open(FilesystemStorage(str(self.store)))
        reader = TopicsReader(store, list_points(store, BACKUP)[-1])
        found: dict[tuple[str, int], bytes] = {}
        for entry in reader.segments(topics):
            key = entry.facts["topic"], entry.facts["partition"]
            found[key] = found.get(key, b"") + bytes(reader.read(entry))
        return found

    def check_archived(self, *topics: str) -> None:
        """Fail unless the newest restore point has just the bytes that are on the disk of the source, a single broker.

        A log whose head was trimmed may still have it on the disk.
        """
        assert isinstance(self.source, Kafka)
        archived = self.archived(*topics)
        for topic in topics:
            for partition, (start, _end) in self.topics.watermarks(topic).items():
                folder = self.source.data / f"{topic}-{partition}"
                segments = b"".join(segment.read_bytes() for segment in sorted(folder.glob("*.log")))
                found = archived.get((topic, partition), b"")
                same = segments.endswith(found) if start else segments == found
                assert same, f"{topic}, partition {partition}: {len(found)} bytes archived of {len(segments)}"

    def contents(self, topic: str, **isolation: str) -> Contents:
        """What the source holds."""
        return read_topic(self.source.client, topic, **isolation)

    def restored(self, topic: str, **isolation: str) -> Contents:
        """What came back."""
        return read_topic(self.target.client, self.name(topic), **isolation)

    def check(self, topic: str, source: Contents | None = None) -> None:
        """Fail unless just what committed readers see in the source, or saw once, came back."""
        check_same(self.contents(topic) if source is None else source, self.restored(topic))

    def check_prefix(self, topic: str, before: Contents) -> None:
        """Fail unless what came back is the beginning of the source, and at least what was there before the backup."""
        restored, source = self.restored(topic), self.contents(topic)
        for partition, records in restored.items():
            assert len(records) >= len(before[partition]), f"partition {partition} has lost records"
        begun = {partition: records[: len(restored[partition])] for partition, records in source.items()}
        check_same(begun, restored)

    def marks(self, topic: str) -> dict[int, int]:
        """The end of each partition of the source."""
        return {partition: end for partition, (_start, end) in self.topics.watermarks(topic).items()}


def latest(contents: Contents) -> dict[tuple[int, bytes | None], bytes | None]:
    """What a reader of a compacted topic knows in the end: the last value of each key, of each partition.

    Keys whose last value is none are left out, since compaction may have dropped them already.
    """
    last = {(partition, record.key): record.value for partition, records in contents.items() for record in records}
    return {key: value for key, value in last.items() if value is not None}
