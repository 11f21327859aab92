# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a backup of topics begins from: groups' offsets first, then the marks, then how topics are defined.

A group's offset that was read before the marks lies below them, unless it is that of a consumer of undecided records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._archive.group_offsets import ArchivedGroup, ArchivedOffset
from .._core.errors import Damaged, KafkaError
from .._core.kafka_names import TopicPartition
from .._core.selection import Selection
from .._core.settings import KafkaSettings
from .._kafka.admin import Admin, TopicDefinition
from .._kafka.group_list import ListedGroup
from .._kafka.wire import Topic, Wire
from .._records.batch import Batch, read_header
from .choose_groups import choose_groups
from .choose_topics import choose_topics
from .topic_plan import Evidence, Isolation, TopicScope, epochs_to_ask, headers_to_ask
from .topic_seen import Mark, TopicSeen

_ATTEMPTS = 3

HAVE_OFFSETS = ("classic", "consumer")
"""The types of groups whose committed offsets are known to come back; others are noted with what they tell."""


@dataclass(frozen=True)
class ClusterSeen:
    """What a cluster holds of what was asked for.

    Args:
        names: All topics that there are, asked for or not.
        definitions: How the topics that were asked for are made.
        groups: The groups, and their offsets of these topics.
        unread_groups: Why the offsets of others could not be read.
        topics: The topics' metadata.
        marks: What is known of each partition, or why nothing is.
    """

    names: Sequence[str]
    definitions: Mapping[str, TopicDefinition]
    groups: Sequence[ArchivedGroup]
    unread_groups: Mapping[str, KafkaError]
    topics: Mapping[str, Topic]
    marks: Mapping[TopicPartition, Mark | KafkaError]


def read_cluster(settings: KafkaSettings, wire: Wire, scope: TopicScope, groups: Selection) -> ClusterSeen:
    """Read what a cluster holds.

    Args:
        settings: How it is reached.
        wire: A connection to it.
        scope: Which topics.
        groups: Which groups.

    Raises:
        NotFound: A topic or group that was named does not exist.
        KafkaError: The cluster cannot be reached, or refuses something.
    """
    for left in reversed(range(_ATTEMPTS)):
        try:
            return _read(settings, wire, scope, groups)
        except KafkaError as error:
            # A topic was deleted between the question which there are and the one about it.
            if error.code != "unknown_topic" or not left:
                raise
    raise AssertionError("the last attempt returns or raises")


def _read(settings: KafkaSettings, wire: Wire, scope: TopicScope, groups: Selection) -> ClusterSeen:
    with Admin(settings) as admin:
        names = admin.topic_names()
        selected = choose_topics(wire, scope.topics, names)
        found, unread = _read_groups(admin, groups, frozenset(selected))
        topics = wire.topics(selected)
        marks = _read_marks(wire, topics, scope.isolation)
        definitions = admin.definitions(selected) if selected else {}
    return ClusterSeen(names, definitions, found, unread, topics, marks)


def _read_groups(
    admin: Admin, selection: Selection, topics: frozenset[str]
) -> tuple[list[ArchivedGroup], dict[str, KafkaError]]:
    listed = {group.group: group for group in admin.groups()}
    wanted = [listed[name] for name in choose_groups(admin, selection, listed)]
    committed = admin.all_committed(group.group for group in wanted if group.type != "share")
    found, unread = [], {}
    for group in wanted:
        offsets = committed.get(group.group, {})
        if isinstance(offsets, KafkaError):
            if group.type in HAVE_OFFSETS:
                unread[group.group] = offsets
                continue
            offsets = {}
        kept = tuple(
            ArchivedOffset(topic, partition, said.offset, said.leader_epoch, said.metadata)
            for (topic, partition), said in offsets.items()
            if topic in topics
        )
        # A group that has read none of these topics tells nothing of them; of other types not even that is known.
        if kept or group.type not in HAVE_OFFSETS:
            found.append(_archived(group, kept))
    return found, unread


def _archived(group: ListedGroup, offsets: tuple[ArchivedOffset, ...]) -> ArchivedGroup:
    return ArchivedGroup(group.group, group.type, group.protocol_type, offsets)


def _read_marks(
    wire: Wire, topics: Mapping[str, Topic], isolation: Isolation
) -> dict[TopicPartition, Mark | KafkaError]:
    """Read the logs' starts, and then the marks: so no start lies beyond its mark."""
    for topic in topics.values():
        if topic.error is not None:
            raise KafkaError(
                f"The cluster tells nothing of topic {topic.name!r}: {topic.error}.",
                code="unknown_topic" if topic.error == "UNKNOWN_TOPIC_OR_PARTITION" else None,
                object_name=topic.name,
                kafka_error=topic.error,
            )
    partitions = [(name, number) for name, topic in topics.items() for number in topic.partitions]
    starts = wire.offsets("earliest", partitions) if partitions else {}
    # What has no leader is waited for once.
    led = [partition for partition in partitions if not isinstance(starts[partition], KafkaError)]
    marks = wire.offsets("stable" if isolation == "committed" else "latest", led) if led else {}
    found: dict[TopicPartition, Mark | KafkaError] = {}
    for name, number in partitions:
        start, mark = starts[name, number], marks.get((name, number), -1)
        partition = topics[name].partitions[number]
        if isinstance(start, KafkaError):
            found[name, number] = start
        elif isinstance(mark, KafkaError):
            found[name, number] = mark
        else:
            found[name, number] = Mark(partition.leader, partition.leader_epoch, start, mark)
    return found


def read_evidence(wire: Wire, topics: Sequence[TopicSeen]) -> dict[TopicPartition, Evidence]:
    """Ask, of all partitions together, whether their logs still are those that were archived.

    Args:
        wire: A connection to the cluster.
        topics: What is known of the topics.

    Raises:
        KafkaError: The cluster cannot be reached, or refuses us.
    """
    epochs, places = epochs_to_ask(topics), headers_to_ask(topics)
    ends = wire.epoch_ends(epochs) if epochs else {}
    headers = wire.headers(places) if places else {}
    return {
        partition: Evidence(ends.get(partition), _header(partition, headers.get(partition, b"")))
        for partition in {*ends, *headers}
    }


def _header(partition: TopicPartition, found: bytes | KafkaError) -> Batch | KafkaError | None:
    if isinstance(found, KafkaError) or not found:
        return found or None  # nothing where the log ends there, which the end of its epoch tells as well
    try:
        return read_header(found)
    except Damaged as error:
        return KafkaError(
            f"The last archived batch of topic {partition[0]!r}, partition {partition[1]}, cannot be compared with the "
            f"broker's: {error.message} See the broker's disk.",
            code="damaged_source",
            object_name=f"{partition[0]}/{partition[1]}",
        )
