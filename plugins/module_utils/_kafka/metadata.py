# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics and their partitions as a cluster describes them (protocol guide, Metadata; KIP-516 for topic ids)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .errors import error_name
from .kafka_python import MetadataRequest


class Partition(NamedTuple):
    """One partition.

    Args:
        leader: The broker that leads it, or -1.
        leader_epoch: How often it has had a leader; -1 where the broker does not say.
        replicas: The brokers that hold it.
        isr: Those of them that follow.
        error: The protocol's name of an error, such as ``LEADER_NOT_AVAILABLE``.
    """

    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    error: str | None


class Topic(NamedTuple):
    """One topic.

    Args:
        name: Its name.
        topic_id: 32 hexadecimal digits, or empty where brokers have no ids (before Kafka 2.8).
        internal: Whether Kafka calls it internal.
        error: The protocol's name of an error, such as ``UNKNOWN_TOPIC_OR_PARTITION``; there are no partitions then.
        partitions: Its partitions by number, ascending.
    """

    name: str
    topic_id: str
    internal: bool
    error: str | None
    partitions: dict[int, Partition]


def topics_request(names: Sequence[str] | None) -> Any:
    """Ask for topics, all of them when ``names`` is None; none is ever created by asking."""
    topics = None if names is None else [MetadataRequest.MetadataRequestTopic(name=name) for name in names]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=False, min_version=4, max_version=12)


def read_topics(answer: Any) -> dict[str, Topic]:
    """Take the topics out of an answer, by name."""
    return {topic.name: _topic(topic) for topic in answer.topics}


def _topic(topic: Any) -> Topic:
    partitions = {
        partition.partition_index: Partition(
            leader=partition.leader_id,
            leader_epoch=partition.leader_epoch,
            replicas=tuple(partition.replica_nodes),
            isr=tuple(partition.isr_nodes),
            error=error_name(partition.error_code) if partition.error_code else None,
        )
        for partition in sorted(topic.partitions, key=lambda partition: int(partition.partition_index))
    }
    return Topic(
        name=topic.name,
        topic_id=topic.topic_id.hex if topic.topic_id is not None else "",
        internal=bool(topic.is_internal),
        error=error_name(topic.error_code) if topic.error_code else None,
        partitions=partitions,
    )
