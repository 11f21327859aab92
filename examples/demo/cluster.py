# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that a cluster holds with confluent-kafka: topics, every record, and how far each consumer group is.

It shares no code with the collection on purpose: what the collection saves and restores is judged by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, OffsetSpec, ResourceType
from messages import SILENT

Place = tuple[str, int, int]  # topic, partition, and the record's number in it


@dataclass(frozen=True)
class Record:
    """What a consumer sees of a record."""

    timestamp: tuple[int, int]
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        texts = [self.key, self.value, *(part for name, value in self.headers for part in (name.encode(), value))]
        return sum(len(text) for text in texts if text)


@dataclass
class Cluster:
    """What a cluster holds.

    Attributes:
        topics: By name: how many partitions, and the settings that are its own.
        records: By place.
        offsets: The offset of each record, by place.
        positions: By group, topic and partition: the offset that the group reads next.
    """

    topics: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    records: dict[Place, Record] = field(default_factory=dict)
    offsets: dict[Place, int] = field(default_factory=dict)
    positions: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def sizes(self) -> dict[Place, int]:
        """The bytes of each record."""
        return {place: record.size for place, record in self.records.items()}

    def lags(self) -> dict[tuple[str, str, int], int]:
        """By group, topic and partition: how many records the group has not read yet."""
        return {
            (group, topic, partition): sum(
                offset >= position
                for (name, number, _n), offset in self.offsets.items()
                if (name, number) == (topic, partition)
            )
            for (group, topic, partition), position in self.positions.items()
        }


def read(brokers: str, groups: Iterable[str]) -> Cluster:
    """Read everything from the cluster, and the positions of some groups; its own topics apart."""
    admin = AdminClient({"bootstrap.servers": brokers}, logger=SILENT)
    described = admin.list_topics(timeout=30).topics
    partitions = {name: len(found.partitions) for name, found in described.items() if not name.startswith("__")}
    cluster = Cluster({name: (count, _settings(admin, name)) for name, count in partitions.items()})
    _read_records(admin, brokers, cluster)
    for group in groups:
        for found in _positions(brokers, group, partitions):
            cluster.positions[group, found.topic, found.partition] = found.offset
    return cluster


def differences(before: Cluster, after: Cluster) -> list[str]:
    """Everything in which two readings differ, one line each; nothing when they are equal."""
    found = []
    for what, old, new in (
        ("topic", before.topics, after.topics),
        ("record", before.records, after.records),
        ("offset of record", before.offsets, after.offsets),
        ("position of", before.positions, after.positions),
    ):
        found += [f"{what} {key} is missing" for key in old.keys() - new.keys()]
        found += [f"{what} {key} was not there before" for key in new.keys() - old.keys()]
        found += [
            f"{what} {key} was {old[key]}, is {new[key]}" for key in old.keys() & new.keys() if old[key] != new[key]
        ]
    return sorted(found)


def _positions(brokers: str, group: str, partitions: dict[str, int]) -> list[TopicPartition]:
    """The offsets that a group has committed."""
    asked = [TopicPartition(name, number) for name, count in partitions.items() for number in range(count)]
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group}, logger=SILENT)
    try:
        return [found for found in consumer.committed(asked, timeout=60) if found.offset >= 0] if asked else []
    finally:
        consumer.close()


def _settings(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    found = admin.describe_configs([resource])[resource].result()
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: entry.value for name, entry in found.items() if entry.source == own}


def _read_records(admin: AdminClient, brokers: str, cluster: Cluster) -> None:
    places = [TopicPartition(name, number) for name, (count, _own) in cluster.topics.items() for number in range(count)]
    if not places:  # which confluent-kafka does not survive
        return
    ends = {
        (place.topic, place.partition): answer.result().offset
        for place, answer in admin.list_offsets({place: OffsetSpec.latest() for place in places}).items()
    }
    missing = sum(ends.values())  # nothing is trimmed, compacted or aborted in the shop
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "truth", "enable.auto.commit": False}, logger=SILENT)
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        numbers = dict.fromkeys(ends, 0)
        while missing:
            found = consumer.consume(min(missing, 5000), timeout=30)
            if not found:
                raise RuntimeError(f"{missing} records cannot be read within 30 s")
            for message in found:
                if message.error():
                    raise KafkaException(message.error())
                here = message.topic(), message.partition()
                place = (*here, numbers[here])
                cluster.records[place] = Record(
                    message.timestamp(), message.key(), message.value(), tuple(message.headers() or ())
                )
                cluster.offsets[place] = message.offset()
                numbers[here] += 1
            missing -= len(found)
    finally:
        consumer.close()
