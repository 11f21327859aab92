# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of consumers on a real cluster, of every type that a client here can make.

with member(kafka.client, "billing", "orders"):
    ...                                                # the group has a member
commit(kafka.client, "billing", {("orders", 0): 7})    # without joining it
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    ShareConsumer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from testbed.reading import Contents
from testbed.topics import wait_for

WAIT_SECONDS = 60
PROTOCOLS = ("classic", "consumer")
"""Types of groups that consumers join: the old protocol, and that of KIP-848."""

Offsets = dict[tuple[str, int], int]
"""Committed offsets by topic and partition."""


@contextmanager
def member(client: Mapping[str, str], group: str, topic: str, protocol: str = "classic") -> Iterator[Consumer]:
    """A consumer that has joined a group and got partitions; it leaves at the end."""
    consumer = _consumer(client, group, protocol)
    consumer.subscribe([topic])
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while not consumer.assignment():
            assert time.monotonic() < deadline, f"no partitions of {topic} for a member of {group}"
            consumer.poll(0.1)
        yield consumer
    finally:
        consumer.close()


def commit(
    client: Mapping[str, str],
    group: str,
    offsets: Mapping[tuple[str, int], int],
    *,
    protocol: str | None = None,
    metadata: str = "",
    leader_epoch: int | None = None,
) -> None:
    """Let a group commit offsets, without a member or, with ``protocol``, as the only member that leaves again."""
    said: dict[str, Any] = {"metadata": metadata} if metadata else {}  # the client ends whatever it is given with a NUL
    if leader_epoch is not None:
        said["leader_epoch"] = leader_epoch
    wanted = [TopicPartition(topic, number, offset, **said) for (topic, number), offset in offsets.items()]
    if protocol is None:
        consumer = _consumer(client, group, "classic")
        consumer.assign([TopicPartition(*key) for key in offsets])
        _commit(consumer, wanted)
        consumer.close()
        return
    (topic, _number), *_others = offsets
    with member(client, group, topic, protocol) as joined:
        _commit(joined, wanted)


@contextmanager
def share_member(client: Mapping[str, str], group: str, topic: str) -> Iterator[None]:
    """A member of a share group (KIP-932)."""
    consumer = ShareConsumer({**client, "group.id": group, "log_level": "0"})
    consumer.subscribe([topic])
    consumer.poll(5)
    try:
        yield
    finally:
        consumer.close()


@contextmanager
def undecided(client: Mapping[str, str], group: str, offsets: Mapping[tuple[str, int], int]) -> Iterator[Producer]:
    """Hold a transaction open that sets offsets of a group; whoever does not want it to be aborted commits it."""
    consumer = _consumer(client, group, "classic")
    producer = Producer({**client, "transactional.id": f"{group}-{random.getrandbits(64):x}"})
    producer.init_transactions(WAIT_SECONDS)
    producer.begin_transaction()
    wanted = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
    producer.send_offsets_to_transaction(wanted, consumer.consumer_group_metadata(), WAIT_SECONDS)
    try:
        yield producer
    finally:
        with suppress(KafkaException):  # there is none any more
            producer.abort_transaction(WAIT_SECONDS)
        consumer.close()


def committed(client: Mapping[str, str], group: str) -> Offsets:
    """Return what a group has committed."""
    admin = AdminClient(dict(client))
    found: list[TopicPartition] = []

    def read() -> bool:
        # A coordinator that is not ready is an error here, while the next call would end this process.
        admin.describe_consumer_groups([group])[group].result(timeout=WAIT_SECONDS)
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        found[:] = asked[group].result(timeout=WAIT_SECONDS).topic_partitions
        return True

    wait_for(read, f"the offsets of {group}")
    return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}


def translated(source: Contents, offsets: Mapping[int, int]) -> dict[int, int]:
    """Return what committed offsets must become where a topic's records were restored from offset 0 on.

    A group goes on with the same record, so as many records lie before it as did at the source.

    Args:
        source: What consumers see of the topic.
        offsets: What was committed, by partition.
    """
    return {
        partition: sum(record.offset < offset for record in source[partition]) for partition, offset in offsets.items()
    }


def _commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """Commit, as soon as the coordinator has loaded what it is to keep."""

    def done() -> bool:
        consumer.commit(offsets=offsets, asynchronous=False)
        return True

    wait_for(done, "a coordinator of groups")


def _consumer(client: Mapping[str, str], group: str, protocol: str) -> Consumer:
    own = {
        "group.id": group,
        "group.protocol": protocol,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": "false",
    }
    return Consumer({**client, **own})
