# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of consumers and the offsets that they have committed: read and set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeAlias

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .confluent import ConsumerGroupTopicPartitions
from .confluent import TopicPartition as TopicPartitionOffset
from .group_list import ListedGroup, list_groups
from .session import Fault, Session, settled

_GONE = "dead"


class Group(NamedTuple):
    """A group of consumers, described.

    Args:
        group: Its name.
        type: ``classic`` or ``consumer`` (KIP-848).
        state: As the protocol says it, in lower case: ``empty``, ``stable``, …
        members: How many members it has.
        simple: Whether it only ever had offsets committed, without being joined.
    """

    group: str
    type: str
    state: str
    members: int
    simple: bool


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


class GroupAdmin(Session):
    """Asks and changes groups."""

    def groups(self) -> list[ListedGroup]:
        """List the groups of all types that the user may see, sorted by their names.

        Raises:
            KafkaError: The cluster cannot be asked.
        """
        return list_groups(self.settings, self.timeout)

    def describe_groups(self, names: Iterable[str]) -> dict[str, Group | KafkaError]:
        """Describe groups of the types ``classic`` and ``consumer``.

        Args:
            names: Which.

        Returns:
            Those that exist, or why one cannot be asked about.
        """
        found = self._each(
            names,
            lambda share: self._client.describe_consumer_groups(list(share), request_timeout=self.timeout),
            _group,
            doing=lambda name: f"Reading the group {name!r}",
            needs="Describe on the group",
        )
        return {name: group for name, group in found.items() if not (isinstance(group, Group) and group.state == _GONE)}

    def committed(self, group: str) -> Offsets:
        """Read what a group has committed; nothing for one that does not exist.

        Raises:
            KafkaError: ``not_authorized``, or ``unstable_offsets`` when a transaction did not end in time.
        """
        return settled(self.all_committed([group]))[group]

    def all_committed(self, groups: Iterable[str]) -> dict[str, Offsets | KafkaError]:
        """Read what many groups have committed, as `committed` does for one.

        Only offsets whose transactions are decided are taken (KIP-447); those of topics that the user may not see are
        not told by the cluster.

        Returns:
            For each group its offsets, or why they cannot be read.
        """

        def start(names: Sequence[str]) -> dict[str, Future[Any]]:
            begun: dict[str, Future[Any]] = {}
            for name in names:  # the call takes one group
                wanted = [ConsumerGroupTopicPartitions(name)]
                begun |= self._client.list_consumer_group_offsets(
                    wanted, require_stable=True, request_timeout=self.timeout
                )
            return begun

        return self._each(
            groups,
            start,
            _offsets,
            doing=lambda name: f"Reading the offsets of the group {name!r}",
            needs="Describe on the group and on its topics",
        )

    def set_committed(self, group: str, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Set offsets of a group, which is made by that if there is none; those of other partitions stay.

        Raises:
            KafkaError: ``has_members``, ``unknown_topic``, ``not_authorized``, …; some of the offsets may be set.
        """
        settled(self.set_all_committed({group: offsets}))

    def set_all_committed(
        self, offsets: Mapping[str, Mapping[TopicPartition, Committed]]
    ) -> dict[str, KafkaError | None]:
        """Set offsets of many groups, as `set_committed` does those of one.

        Returns:
            For each group None, or why not all of them are set.
        """

        def start(names: Sequence[str]) -> dict[str, Future[Any]]:
            begun: dict[str, Future[Any]] = {}
            for name in names:  # the call takes one group
                wanted = [ConsumerGroupTopicPartitions(name, _partitions(offsets[name]))]
                begun |= self._client.alter_consumer_group_offsets(wanted, request_timeout=self.timeout)
            return begun

        return self._each(
            [name for name, wanted in offsets.items() if wanted],
            start,
            _all_set,
            doing=lambda name: f"Setting the offsets of the group {name!r}",
            needs="Read on the group and on its topics",
        )


def _group(name: str, described: Any) -> Group:
    return Group(
        group=name,
        type=described.type.name.lower(),
        state=described.state.name.lower(),
        members=len(described.members),
        simple=described.is_simple_consumer_group,
    )


def _offsets(_name: str, answer: Any) -> Offsets:
    found = {}
    for partition in answer.topic_partitions:
        _check(partition)
        if partition.offset >= 0:
            epoch = partition.leader_epoch
            found[partition.topic, partition.partition] = Committed(
                partition.offset, epoch if epoch is not None and epoch >= 0 else None, partition.metadata or ""
            )
    return found


def _partitions(offsets: Mapping[TopicPartition, Committed]) -> list[Any]:
    found = []
    for (topic, partition), committed in offsets.items():
        epoch = {} if committed.leader_epoch is None else {"leader_epoch": committed.leader_epoch}
        found.append(TopicPartitionOffset(topic, partition, committed.offset, metadata=committed.metadata, **epoch))
    return found


def _all_set(_name: str, answer: Any) -> None:
    for partition in answer.topic_partitions:
        _check(partition)


def _check(partition: Any) -> None:
    if partition.error is not None:
        raise Fault(partition.error.code(), f"topic {partition.topic!r}, partition {partition.partition}")
