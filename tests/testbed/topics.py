# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topics of a real cluster: made, deleted, trimmed, compacted.

topics = Topics(kafka.client)
topics.create("orders", 3, cleanup_policy="compact")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

WAIT_SECONDS = 60
ROLL_MS = 100
LONGEST_NAME = 249
"""Kafka's limit for the name of a topic."""

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
    "delete.retention.ms": "86400000",
}
"""Configs of a topic that `compact` compacts, and nothing else does: its segments stay open."""

ROLL_KEY = b"~roll"
"""Key of the records with which `compact` closes segments."""


class Topics:
    """The topics of a cluster.

    Args:
        client: How librdkafka's clients connect.
    """

    def __init__(self, client: Mapping[str, str]) -> None:
        self.client = dict(client)
        self._admin = AdminClient(self.client)

    def create(self, topic: str, partitions: int = 1, configs: Mapping[str, object] | None = None) -> None:
        """Create a topic and wait until all its partitions can be written to."""
        self.create_many({topic: partitions}, configs)

    def create_many(self, partitions: Mapping[str, int], configs: Mapping[str, object] | None = None) -> None:
        """Create topics, given with how many partitions they have; see `create`."""
        named = {name: str(value) for name, value in (configs or {}).items()}
        new = [NewTopic(topic, count, 1, config=named) for topic, count in partitions.items()]
        for done in self._admin.create_topics(new).values():
            done.result(timeout=WAIT_SECONDS)
        wait_for(lambda: self._led(partitions), f"leaders of {len(partitions)} topics")
        for topic in partitions:  # a broker may be told to lead before it can
            wait_for(lambda: bool(self.watermarks(topic)), f"the partitions of {topic}")  # noqa: B023  called at once

    def delete(self, topic: str) -> None:
        """Delete a topic and wait until it is gone."""
        self._admin.delete_topics([topic])[topic].result(timeout=WAIT_SECONDS)
        wait_for(lambda: topic not in self.names(), f"the end of {topic}")

    def recreate(self, topic: str) -> None:
        """Delete a topic, and create it anew with as many partitions and the same configs."""
        partitions, configs = self.count(topic), self.configs(topic)
        self.delete(topic)
        self.create(topic, partitions, configs)

    def widen(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions, so that it has as many as that."""
        done = self._admin.create_partitions([NewPartitions(topic, partitions)])
        done[topic].result(timeout=WAIT_SECONDS)
        wait_for(lambda: self._led({topic: partitions}), f"{partitions} partitions of {topic}")

    def names(self) -> set[str]:
        """All topics."""
        return set(self._admin.list_topics(timeout=WAIT_SECONDS).topics)

    def count(self, topic: str) -> int:
        """How many partitions a topic has."""
        return len(self._admin.list_topics(topic, timeout=WAIT_SECONDS).topics[topic].partitions)

    def configs(self, topic: str) -> dict[str, str]:
        """The configs that were set on the topic itself."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        found = self._admin.describe_configs([resource])[resource].result(timeout=WAIT_SECONDS)
        own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {name: str(entry.value) for name, entry in found.items() if entry.source == own}

    def set(self, topic: str, **configs: object) -> None:
        """Set configs of a topic, named with ``_`` for dots; None takes one back."""
        entries = [
            ConfigEntry(
                name.replace("_", "."),
                "" if value is None else str(value),
                incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
            )
            for name, value in configs.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self._admin.incremental_alter_configs([resource])[resource].result(timeout=WAIT_SECONDS)
        wanted = {name.replace("_", "."): None if value is None else str(value) for name, value in configs.items()}
        wait_for(
            lambda: wanted.items() <= {**dict.fromkeys(wanted), **self.configs(topic)}.items(), f"configs of {topic}"
        )

    def trim(self, topic: str, befores: Mapping[int, int]) -> None:
        """Delete the records of partitions that lie before an offset, as retention would."""
        wanted = [TopicPartition(topic, partition, before) for partition, before in befores.items()]
        for done in self._admin.delete_records(wanted).values():
            done.result(timeout=WAIT_SECONDS)

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """The first offset and the end of each partition."""
        partitions = range(self.count(topic))
        starts, ends = (
            self._admin.list_offsets({TopicPartition(topic, partition): which for partition in partitions})
            for which in (OffsetSpec.earliest(), OffsetSpec.latest())
        )
        found = [
            {each.partition: done.result(timeout=WAIT_SECONDS).offset for each, done in asked.items()}
            for asked in (starts, ends)
        ]
        return {partition: (found[0][partition], found[1][partition]) for partition in partitions}

    def _led(self, partitions: Mapping[str, int]) -> bool:
        known = self._admin.list_topics(timeout=WAIT_SECONDS).topics
        return all(
            topic in known
            and len(known[topic].partitions) == count
            and all(partition.leader >= 0 for partition in known[topic].partitions.values())
            for topic, count in partitions.items()
        )


def compact(topics: Topics, data: Path, topic: str) -> None:
    """Compact a topic as it is now, and wait for it: each partition ends with one more record, key `ROLL_KEY`.

    Args:
        topics: The topics of the broker.
        data: The folder of the broker's data.
        topic: A topic with the configs `COMPACTED`.
    """
    ends = {partition: end for partition, (_start, end) in topics.watermarks(topic).items()}
    topics.set(topic, segment_ms=ROLL_MS)
    wait_for(lambda: _close_segments(topics, data, topic, ends), f"new segments of {topic}")
    topics.set(topic, segment_ms=None)

    def cleaned() -> bool:
        done = _cleaned_up_to(data)
        return all(done.get((topic, partition), 0) >= end for partition, end in ends.items())

    wait_for(cleaned, f"the compaction of {topic}")


def _close_segments(topics: Topics, data: Path, topic: str, ends: Mapping[int, int]) -> bool:
    """Write a record to each partition whose open segment began before its end; whether all are closed now."""
    time.sleep(2 * ROLL_MS / 1000)  # a segment of that age is closed by the next record
    producer = Producer({**topics.client, "acks": "all"})
    left = [partition for partition, end in ends.items() if not _begins_at(data / f"{topic}-{partition}", end)]
    for partition in left:
        producer.produce(topic, b"", key=ROLL_KEY, partition=partition)
    assert producer.flush(WAIT_SECONDS) == 0
    return all(_begins_at(data / f"{topic}-{partition}", ends[partition]) for partition in left)


def _begins_at(folder: Path, offset: int) -> bool:
    """Whether a partition's folder has a segment that begins at an offset or behind."""
    return any(int(segment.stem) >= offset for segment in folder.glob("*.log"))


def _cleaned_up_to(data: Path) -> dict[tuple[str, int], int]:
    """The log cleaner's own notes: version, count, then a line ``topic partition offset`` each."""
    try:
        lines = (data / "cleaner-offset-checkpoint").read_text().splitlines()[2:]
    except FileNotFoundError:
        return {}
    fields = (line.split() for line in lines)
    return {(topic, int(partition)): int(offset) for topic, partition, offset in fields}


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Wait until something is true, and fail when it never is. A broker that is just starting is waited for too."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except (OSError, KafkaException) as error:
            if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise
        time.sleep(0.05)
    raise AssertionError(f"waited {WAIT_SECONDS} s in vain for {what}")
