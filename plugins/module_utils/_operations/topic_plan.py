# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of topics decides for each partition: which lineage it goes on with, and what is to be read.

A lineage is one history of a partition: as long as the broker's log still is the one that was archived, an increment
reads on where the archive ends. Pure: what the cluster and the archive say is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from .._archive.topic_state import (
    FIRST,
    GAP,
    PURGED_TOMBSTONES,
    RECREATED,
    UNCLEAN_ELECTION,
    LastBatch,
    PartitionState,
    lineage_name,
)
from .._archive.unfinished import Origin, Unfinished
from .._core.errors import InvalidOption, KafkaError
from .._core.kafka_names import TopicPartition, select_topics
from .._core.selection import Selection
from .._records.batch import Batch
from .tombstones import UNKNOWN_AGE, Tombstones
from .topic_seen import Mark, TopicSeen

Isolation: TypeAlias = Literal["committed", "uncommitted"]
"""``committed`` ends where the first undecided transaction begins, ``uncommitted`` at what all replicas have."""


@dataclass(frozen=True)
class TopicScope:
    """What is asked for of a cluster's topics.

    Args:
        topics: Which topics.
        isolation: Up to where they are read.
    """

    topics: Selection
    isolation: Isolation

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "topics": list(self.topics.include),
            "exclude_topics": list(self.topics.exclude),
            "isolation": self.isolation,
        }


def takes(scope: Mapping[str, Any], topic: str) -> bool:
    """Tell whether a scope, as its document says it, takes a topic if there is one of that name."""
    try:
        selection = Selection(tuple(scope["topics"]), tuple(scope["exclude_topics"]))
        # Literal names that are missing are no matter here, where only one name is looked at.
        return topic in select_topics(selection, [topic, *selection.include])
    except (KeyError, TypeError, InvalidOption):
        return False


class Evidence(NamedTuple):
    """What a broker says of the end of what is archived.

    Args:
        epoch_end: The largest leader epoch up to that of the archived mark, and where it ends; None where not asked.
        header: The header of the batch that lies where the last archived one did; None where not asked.
    """

    epoch_end: tuple[int, int] | KafkaError | None = None
    header: Batch | KafkaError | None = None


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """What is to become of a partition.

    Args:
        topic: Its topic.
        topic_id: The topic's id; may be empty.
        partition: Its number.
        tombstones: What is known of its topic's tombstones; None where it is not compacted.
        lineage: The lineage that it belongs to.
        began: Why that began.
        is_new: Whether that lineage begins now, although something else is archived under the topic's name.
        start: The first offset of the log.
        position: The first offset that is to be read.
        mark: Up to which it is to be read.
        leader: The broker to read from.
        leader_epoch: The leadership's number; -1 where unknown.
        archived: What the archive has of the partition, of this lineage or of another one.
        unfinished: What a run that did not finish has archived, and this one goes on from.
        problem: Why it cannot be read, or None.
    """

    topic: str
    topic_id: str
    partition: int
    tombstones: Tombstones | None
    lineage: str
    began: str
    is_new: bool
    start: int
    position: int
    mark: int
    leader: int
    leader_epoch: int
    archived: PartitionState | None
    unfinished: Unfinished | None = None
    problem: KafkaError | None = None

    @property
    def key(self) -> TopicPartition:
        """Its topic and number."""
        return self.topic, self.partition

    @property
    def compacted(self) -> bool:
        """Whether its topic is compacted."""
        return self.tombstones is not None

    @property
    def offsets(self) -> int:
        """How many offsets are to be read."""
        return self.mark - self.position

    @property
    def origin(self) -> Origin:
        """What is to be noted of what is read, for when this run does not finish."""
        if self.unfinished is not None:
            return self.unfinished.origin
        return Origin(self.topic_id, self.began, self.position)

    @property
    def base(self) -> PartitionState | None:
        """What the archive has of the lineage; None where it begins now."""
        return self.archived if self.archived is not None and self.archived.lineage == self.lineage else None

    @property
    def last(self) -> LastBatch | None:
        """The last batch that is archived of the lineage."""
        return self.base.last if self.base is not None else None

    def state(self, start: int, after: int, last: LastBatch | None) -> PartitionState:
        """Return what the restore point says of it.

        Args:
            start: The first offset of the log.
            after: The first offset that is not archived.
            last: The last batch that is.
        """
        epoch = self.leader_epoch
        if self.base is not None and self.base.next == after:
            # Who leads is no matter while nothing is written: it would make a restore point of each broker's restart.
            epoch = self.base.leader_epoch
        elif last is not None:
            # Leadership may have moved between the question who leads and the one for the mark.
            epoch = max(epoch, last.leader_epoch)
        return PartitionState(self.partition, self.lineage, self.began, start, after, epoch, last)

    def unread(self) -> PartitionState:
        """Return what the restore point says of it when it could not be read: what the archive has, if anything."""
        if self.archived is not None:
            return replace(self.archived, unavailable=True)
        return PartitionState(self.partition, self.lineage, self.began, 0, 0, -1, None, unavailable=True)

    def without(self, problem: KafkaError) -> PartitionPlan:
        """Return the plan for when it cannot be read."""
        return replace(self, position=self.mark, problem=problem)


def epochs_to_ask(topics: Iterable[TopicSeen]) -> dict[TopicPartition, int]:
    """Return the leader epochs whose ends tell whether the broker's log still is the archived one."""
    return {
        (topic.name, state.partition): state.leader_epoch
        for topic in topics
        for state, _mark in _comparable(topic)
        if state.leader_epoch >= 0
    }


def headers_to_ask(topics: Iterable[TopicSeen]) -> dict[TopicPartition, int]:
    """Return where the last archived batches lie, where they still must be as they were.

    Compaction may take batches away or write them anew, and retention may have trimmed them.
    """
    return {
        (topic.name, state.partition): state.last.base_offset
        for topic in topics
        if not topic.compacted
        for state, mark in _comparable(topic)
        if state.last is not None and state.last.base_offset >= mark.start
    }


def plan_partition(topic: TopicSeen, partition: int, evidence: Evidence) -> PartitionPlan:
    """Decide what is to be read of a partition.

    Args:
        topic: What is known of its topic.
        partition: Its number.
        evidence: What the broker says of the end of what is archived, where that was asked for.
    """
    state = topic.archived(partition)
    mark = topic.partitions[partition]
    if isinstance(mark, KafkaError):
        return _unavailable(topic, partition, mark)
    for said in evidence:
        if isinstance(said, KafkaError) and not _is_trimmed(said):
            return _unavailable(topic, partition, said)
    began = _why_new(topic, state, mark, evidence)
    if state is not None and began is None:
        # The archive may hold more than the mark: another isolation, or a leader that has not caught up yet.
        return PartitionPlan(
            topic.name, topic.topic_id, partition, topic.tombstones, state.lineage, state.began,
            topic.begins(partition, state.lineage), max(mark.start, state.start), state.next,
            max(mark.next, state.next), mark.leader, mark.leader_epoch, state, topic.unfinished.get(partition),
        )  # fmt: skip
    lineage = lineage_name(topic.topic_id, [state.lineage] if state is not None else [])
    return PartitionPlan(
        topic.name, topic.topic_id, partition, topic.tombstones, lineage, began or FIRST,
        topic.begins(partition, lineage),
        mark.start, mark.start, max(mark.start, mark.next), mark.leader, mark.leader_epoch, state,
    )  # fmt: skip


def unavailable(problem: KafkaError, more: str = "") -> KafkaError:
    """Return the error that ends a backup since something cannot be read, with how to go on without it.

    Args:
        problem: Why it cannot be read.
        more: What else is like that; a sentence after a space.
    """
    return KafkaError(
        f"{problem.message}{more} With on_unavailable: partial, the rest is backed up without it.",
        code=problem.code,
        object_name=problem.object_name,
        **problem.facts,
    )


def _comparable(topic: TopicSeen) -> Iterable[tuple[PartitionState, Mark]]:
    """Yield what is archived of partitions that can be read and go on without a gap, and their marks."""
    for number, mark in topic.partitions.items():
        state = topic.archived(number)
        if state is not None and not isinstance(mark, KafkaError) and mark.start <= state.next:
            yield state, mark


def _why_new(topic: TopicSeen, state: PartitionState | None, mark: Mark, evidence: Evidence) -> str | None:
    """Return why a lineage begins, or None where the archived one goes on."""
    if state is None:
        return RECREATED if topic.is_recreated else FIRST
    if mark.start > state.next:
        return GAP
    if _is_contradicted(state, mark, evidence):
        # Without ids nothing tells a topic that was deleted and made again from one that lost its end.
        return UNCLEAN_ELECTION if topic.topic_id else RECREATED
    if topic.tombstones is not None and state.next > state.start and _may_lack_tombstones(topic, state, mark):
        return PURGED_TOMBSTONES
    return None


def _may_lack_tombstones(topic: TopicSeen, state: PartitionState, mark: Mark) -> bool:
    """Tell whether keys may be in the archive that are deleted, without their tombstones.

    Where nothing was written since no tombstone came, unless what the base has does not fit together itself.
    """
    if topic.tombstones is None:
        return False
    if topic.tombstones.base_age == UNKNOWN_AGE:
        return True
    # Of what an earlier restore point has of an unavailable partition it is not known how old it is.
    return mark.next > state.next and (topic.tombstones.may_be_gone or state.unavailable)


def _is_contradicted(state: PartitionState, mark: Mark, evidence: Evidence) -> bool:
    """Tell whether the broker's log is another one than the archived.

    The leadership of the archived mark must not end before that mark: later leaders have cut off what came after its
    end, and written something else (KIP-101). The last batch must be the very same one.
    """
    if isinstance(evidence.epoch_end, tuple):
        epoch, end = evidence.epoch_end
        if epoch < 0 or end < state.next:
            return True
    elif mark.next < state.next:
        return True
    if isinstance(evidence.header, Batch) and state.last is not None:
        header, last = evidence.header, state.last
        # In the formats before magic 2 a header does not tell the first of the offsets that are packed together.
        return header.crc != last.crc or (header.magic > 1 and header.base_offset != last.base_offset)
    return False


def _is_trimmed(error: KafkaError) -> bool:
    """Tell whether a batch could not be looked at because retention has taken it away just now."""
    return error.code == "offset_out_of_range"


def _unavailable(topic: TopicSeen, partition: int, problem: KafkaError) -> PartitionPlan:
    state = topic.archived(partition)
    lineage = lineage_name(topic.topic_id) if state is None else state.lineage
    began = (RECREATED if topic.is_recreated else FIRST) if state is None else state.began
    after = 0 if state is None else state.next
    start = 0 if state is None else state.start
    return PartitionPlan(
        topic.name, topic.topic_id, partition, topic.tombstones, lineage, began, False, start, after, after, -1, -1,
        state, topic.unfinished.get(partition), problem,
    )  # fmt: skip
