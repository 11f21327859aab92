# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ListOffsets and OffsetForLeaderEpoch (protocol guide; KIP-101 and KIP-320 for leader epochs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .._core.kafka_names import TopicPartition
from .kafka_python import ListOffsetsRequest, OffsetForLeaderEpochRequest

Which = Literal["earliest", "latest", "stable"]

_TIMESTAMPS = {"earliest": -2, "latest": -1, "stable": -1}
_CONSUMER = -1  # in the place of a replica's number


def offsets_request(which: Which, epochs: Mapping[TopicPartition, int]) -> Any:
    """Ask a broker for the first offsets, the high watermarks, or the last stable offsets.

    Args:
        which: Which of them.
        epochs: The partitions, with the leader epoch under which the broker is thought to lead them.
    """
    topic_of = ListOffsetsRequest.ListOffsetsTopic
    topics: dict[str, Any] = {}
    for (name, partition), epoch in epochs.items():
        topic = topics.setdefault(name, topic_of(name=name, partitions=[]))
        topic.partitions.append(
            topic_of.ListOffsetsPartition(
                partition_index=partition, current_leader_epoch=epoch, timestamp=_TIMESTAMPS[which]
            )
        )
    return ListOffsetsRequest(
        replica_id=_CONSUMER,
        isolation_level=int(which == "stable"),
        topics=list(topics.values()),
        min_version=2,
        max_version=9,
    )


def read_offsets(answer: Any) -> dict[TopicPartition, tuple[int, int]]:
    """Each partition's error code and offset."""
    return {
        (topic.name, partition.partition_index): (partition.error_code, partition.offset)
        for topic in answer.topics
        for partition in topic.partitions
    }


def epochs_request(wanted: Mapping[TopicPartition, tuple[int, int]]) -> Any:
    """Ask a broker where epochs end.

    Args:
        wanted: For each partition the leader epoch under which the broker is thought to lead it, and the epoch in
            question.
    """
    topic_of = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    topics: dict[str, Any] = {}
    for (name, partition), (current, epoch) in wanted.items():
        topic = topics.setdefault(name, topic_of(topic=name, partitions=[]))
        topic.partitions.append(
            topic_of.OffsetForLeaderPartition(partition=partition, current_leader_epoch=current, leader_epoch=epoch)
        )
    return OffsetForLeaderEpochRequest(replica_id=_CONSUMER, topics=list(topics.values()), min_version=3, max_version=4)


def read_epochs(answer: Any) -> dict[TopicPartition, tuple[int, tuple[int, int]]]:
    """Each partition's error code, and the epoch found with its end offset (-1, -1 when there is none)."""
    return {
        (topic.topic, partition.partition): (partition.error_code, (partition.leader_epoch, partition.end_offset))
        for topic in answer.topics
        for partition in topic.partitions
    }
