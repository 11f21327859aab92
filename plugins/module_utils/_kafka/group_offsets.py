# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offsets that groups have committed: read and set (protocol guide, OffsetFetch and OffsetCommit; KIP-709).

This goes over the wire, since with confluent-kafka 2.16 a coordinator that is not ready ends the whole process, and
metadata are taken for C's strings: a NUL is added to what is set, and one is looked for beyond the end of what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._core.settings import KafkaSettings
from .connection import Connection
from .coordinators import LEFT_OUT, Answers, Refusal, ask_for_all
from .errors import GROUP_ID_NOT_FOUND
from .kafka_python import OffsetCommitRequest, OffsetFetchRequest
from .nodes import Nodes
from .shares import in_shares
from .wire import Wire

_MANY = 8  # the first version that takes many groups
_BY_NAME = 9  # the last one, of both requests, that names topics; after it they go by their ids
_COMMIT_BYTES = 256 << 10  # all that is committed at once is one batch, for which max.message.bytes holds
_OFFSET_BYTES = 100  # of an offset in that batch, besides its topic's name and its metadata


class Committed(NamedTuple):
    """What a group has committed for a partition.

    Args:
        offset: The next record's offset.
        leader_epoch: That of the last record read, or None where the consumer said none.
        metadata: The consumer's own words.
    """

    offset: int
    leader_epoch: int | None = None
    metadata: str = ""


Offsets: TypeAlias = "dict[TopicPartition, Committed]"


def read_committed(settings: KafkaSettings, timeout: float, groups: Iterable[str]) -> dict[str, Offsets | KafkaError]:
    """Read what groups have committed, each coordinator asked for many groups at once.

    Args:
        settings: How the cluster is reached.
        timeout: Seconds for each answer, for coordinators that are not ready, and for transactions that are open.
        groups: Their names.

    Returns:
        For each group its offsets, none where it does not exist, or why they cannot be read.

    Raises:
        KafkaError: A coordinator cannot be reached.
    """
    with Wire(settings, timeout=timeout) as wire:
        return wire.by_coordinator(
            groups,
            _read,
            doing=lambda name: f"Reading the offsets of the group {name!r}",
            needs="Describe on the group and on its topics",
        )


def set_committed(
    settings: KafkaSettings, timeout: float, offsets: Mapping[str, Mapping[TopicPartition, Committed]]
) -> dict[str, KafkaError | None]:
    """Set offsets of groups without members; a group that does not exist is made by that.

    Args:
        settings: How the cluster is reached.
        timeout: Seconds for each answer, and for coordinators that are not ready.
        offsets: For each group what is set; its offsets of other partitions stay.

    Returns:
        For each group None, or why not all of its offsets are set.

    Raises:
        KafkaError: A coordinator cannot be reached; some of the offsets may be set.
    """

    async def commit(nodes: Nodes, node: int, groups: Sequence[str]) -> Answers[None]:
        return {group: await _commit(nodes, node, group, offsets[group]) for group in groups}

    with Wire(settings, timeout=timeout) as wire:
        return wire.by_coordinator(
            offsets,
            commit,
            doing=lambda name: f"Setting the offsets of the group {name!r}",
            needs="Read on the group and on its topics",
        )


async def _read(nodes: Nodes, node: int, groups: Sequence[str]) -> Answers[Offsets]:
    async def ask(left: Sequence[str]) -> Answers[Offsets]:
        return read_offsets(await nodes.ask(partial(offsets_request, left), node=node), left)

    return await ask_for_all(groups, ask)


def offsets_request(groups: Sequence[str], _connection: Connection) -> Any:
    """Ask a coordinator for all offsets of groups, or of the first of them where it is before Kafka 3.0.

    Offsets of an open transaction are refused (KIP-447); brokers before Kafka 2.5 do not, and tell those before it.
    """
    group_of = OffsetFetchRequest.OffsetFetchRequestGroup
    return OffsetFetchRequest(
        group_id=groups[0],
        topics=None,
        groups=[group_of(group_id=group, topics=None) for group in groups],
        require_stable=True,
        min_version=5,
        max_version=_BY_NAME,
    )


def read_offsets(answer: Any, groups: Sequence[str]) -> Answers[Offsets]:
    """Take the offsets of groups out of an answer.

    Args:
        answer: The answer.
        groups: Those that were asked for.
    """
    if answer.API_VERSION < _MANY:
        return {groups[0]: _offsets(answer)}
    told: Answers[Offsets] = {each.group_id: _offsets(each) for each in answer.groups}
    return {group: told.get(group, LEFT_OUT) for group in groups}


def _offsets(group: Any) -> Offsets | Refusal:
    if group.error_code == GROUP_ID_NOT_FOUND:
        return {}
    if group.error_code:
        return Refusal(group.error_code)
    found: Offsets = {}
    for topic in group.topics:
        for partition in topic.partitions:
            if partition.error_code:
                return Refusal(partition.error_code, _place(topic.name, partition.partition_index))
            if partition.committed_offset >= 0:
                epoch = partition.committed_leader_epoch
                found[topic.name, partition.partition_index] = Committed(
                    partition.committed_offset, epoch if epoch >= 0 else None, partition.metadata or ""
                )
    return found


async def _commit(nodes: Nodes, node: int, group: str, offsets: Mapping[TopicPartition, Committed]) -> Refusal | None:
    refusal: Refusal | None = None
    for share in commit_shares(offsets):
        answer = await nodes.ask(partial(commit_request, group, share), node=node)
        refusal = refusal or read_refusal(answer)
    return refusal


def commit_shares(offsets: Mapping[TopicPartition, Committed]) -> Iterator[dict[TopicPartition, Committed]]:
    """Part offsets so that none of the batches that a coordinator makes of them is too large."""

    def size(place: TopicPartition) -> int:
        return _OFFSET_BYTES + len(place[0]) + len(offsets[place].metadata.encode())

    for share in in_shares(offsets, size, _COMMIT_BYTES):
        yield {place: offsets[place] for place in share}


def commit_request(group: str, offsets: Mapping[TopicPartition, Committed], _connection: Connection) -> Any:
    """Commit offsets of a group as nobody's member, which its coordinator takes as long as it has none."""
    topic_of = OffsetCommitRequest.OffsetCommitRequestTopic
    topics: dict[str, Any] = {}
    for (name, partition), said in offsets.items():
        topic = topics.setdefault(name, topic_of(name=name, partitions=[]))
        topic.partitions.append(
            topic_of.OffsetCommitRequestPartition(
                partition_index=partition,
                committed_offset=said.offset,
                committed_leader_epoch=-1 if said.leader_epoch is None else said.leader_epoch,
                committed_metadata=said.metadata,
            )
        )
    return OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=-1,
        member_id="",
        topics=list(topics.values()),
        min_version=6,
        max_version=_BY_NAME,
    )


def read_refusal(answer: Any) -> Refusal | None:
    """Return why an offset was not committed, the first that was not."""
    return next(
        (
            Refusal(partition.error_code, _place(topic.name, partition.partition_index))
            for topic in answer.topics
            for partition in topic.partitions
            if partition.error_code
        ),
        None,
    )


def _place(topic: str, partition: int) -> str:
    return f"topic {topic!r}, partition {partition}"
