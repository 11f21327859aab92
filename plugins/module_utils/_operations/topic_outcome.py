# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of topics comes to, planned or done: the states that a restore point is to have, and what is told.

Pure: the plan, and what became of it, are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .._archive.coverage import is_needed
from .._archive.group_offsets import ArchivedGroup
from .._archive.parts import Entry
from .._archive.topic_state import GAP, PURGED_TOMBSTONES, RECREATED, UNCLEAN_ELECTION, PartitionState, TopicState
from .._core.counting import counted, named
from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .partition_copy import Read
from .topic_plan import PartitionPlan
from .topic_seen import TopicSeen

_SHOWN = 50
_NAMED = 5

_REASONS = {
    RECREATED: "the topic was deleted and made again",
    UNCLEAN_ELECTION: "other records lie where the archived ones did, since a leader was elected that lacked them",
    GAP: "retention took records away before they were archived",
    PURGED_TOMBSTONES: (
        "tombstones may have come and gone since the newest restore point or while it was made, and deleted keys would "
        "come back; a delete.retention.ms of more than the time between two backups avoids that"
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What is planned, and what became of it.

    Args:
        topics: The topics.
        plans: Their partitions.
        groups: The groups, as the cluster tells of them.
        unread_groups: Why the offsets of others could not be read.
        reads: What was read of the partitions of which something is to be read; None while it is only planned.
        unsettled_before: Topics that are not settled in the restore points that they go on from.
    """

    topics: Sequence[TopicSeen]
    plans: Sequence[PartitionPlan]
    groups: Sequence[ArchivedGroup]
    unread_groups: Mapping[str, KafkaError]
    unsettled_before: frozenset[str]
    reads: Mapping[TopicPartition, Read] | None = None

    @cached_property
    def states(self) -> list[TopicState]:
        """What the restore point is to say of each topic."""
        partitions: dict[str, list[PartitionState]] = {topic.name: [] for topic in self.topics}
        for plan in self.plans:
            partitions[plan.topic].append(self._state(plan))
        return [
            TopicState(topic.name, topic.topic_id, topic.compacted, tuple(partitions[topic.name]))
            for topic in self.topics
        ]

    @cached_property
    def resumed(self) -> list[Entry]:
        """The slices of runs that did not finish which the restore point is to name."""
        states = {(of.topic, state.partition): state for of in self.states for state in of.partitions}
        return [
            noted.entry
            for plan in self.plans
            if plan.unfinished is not None
            for noted in plan.unfinished.slices
            if is_needed(states[plan.key], noted.entry.facts)
        ]

    @cached_property
    def problems(self) -> dict[TopicPartition, KafkaError]:
        """Why partitions cannot be read."""
        found = {plan.key: plan.problem for plan in self.plans if plan.problem is not None}
        return found | {read.key: read.problem for read in self._reads() if read.problem is not None}

    @property
    def complete(self) -> bool:
        """Whether all of it could be read."""
        return not self.problems and not self.unread_groups

    @cached_property
    def archived_groups(self) -> dict[str, ArchivedGroup]:
        """The groups by name, none of them beyond what the restore point holds."""
        ends = {(of.topic, state.partition): state.next for of in self.states for state in of.partitions}
        return {group.group: _clamped(group, ends) for group in self.groups}

    @cached_property
    def unsettled(self) -> list[str]:
        """Compacted topics of which records may be missing, as they changed all the while they were read."""
        read = {of.topic for of in self._reads() if of.problem is None}
        kept = {topic.name for topic in self.topics if topic.name in self.unsettled_before} - read
        return sorted(kept | {of.topic for of in self._reads() if not of.settled and of.problem is None})

    def summary(self) -> dict[str, Any]:
        """Return what the restore point's listing says of its topics."""
        return {"topics": len(self.topics), "partitions": len(self.plans), "unsettled": self.unsettled}

    def group_summary(self) -> dict[str, int]:
        """Return what the restore point's listing says of its groups."""
        groups = self.archived_groups.values()
        return {"groups": len(groups), "offsets": sum(len(group.offsets) for group in groups)}

    def values(self) -> dict[str, Any]:
        """Return the result's ``topics`` and ``groups``, bounded."""
        done = [read for read in self._reads() if read.problem is None]
        lineages = self._new_lineages()
        topics = {
            "topics": len(self.topics),
            "partitions": len(self.plans),
            "partitions_new": sum(1 for plan in self.plans if plan.offsets and plan.key not in self.problems),
            "offsets": sum(plan.offsets for plan in self.plans),
            "offsets_resumed": sum(
                plan.unfinished.next - plan.unfinished.origin.first
                for plan in self.plans
                if plan.unfinished is not None
            ),
            "records": None if self.reads is None else sum(read.records for read in done),
            "bytes": None if self.reads is None else sum(read.bytes for read in done),
            "new_lineages": [
                {"topic": plan.topic, "partition": plan.partition, "began": plan.began} for plan in lineages[:_SHOWN]
            ],
            "new_lineages_omitted": max(0, len(lineages) - _SHOWN),
            "unavailable": [
                {"topic": topic, "partition": partition, "reason": error.message}
                for (topic, partition), error in list(self.problems.items())[:_SHOWN]
            ],
            "unavailable_omitted": max(0, len(self.problems) - _SHOWN),
            "settled": not self.unsettled,
        }
        return {"topics": topics, "groups": {**self.group_summary(), "clamped": self._clamped_offsets()}}

    def notes(self) -> Iterator[str]:
        """Yield what the user must know, a sentence or two each."""
        for began, why in _REASONS.items():
            found = [plan.key for plan in self._new_lineages() if plan.began == began]
            if found:
                yield (
                    f"What is archived of {_partitions(found)} does not go on: {why}. A new lineage begins with this "
                    "restore point; earlier restore points keep the one before."
                )
        if self.problems:
            first, *_more = self.problems.values()
            yield f"The restore point is not complete: {_partitions(self.problems)} could not be read. {first.message}"
        if self.unread_groups:
            first, *_more = self.unread_groups.values()
            names = named(sorted(self.unread_groups), _NAMED)
            yield f"The restore point is not complete: the offsets of groups are missing: {names}. {first.message}"
        trimmed = [read.key for read in self._reads() if read.trimmed and read.problem is None]
        if trimmed:
            yield f"Retention took records of {_partitions(trimmed)} away while they were read; they begin later now."
        if self.unsettled:
            yield (
                f"{named(self.unsettled, _NAMED)}: compaction went on all the while, or reading took longer than "
                "tombstones stay (delete.retention.ms). The restore point may lack keys, or hold some that are "
                "deleted. The next "
                "run archives these topics anew; run it when less is written, or raise delete.retention.ms."
            )
        clamped = self._clamped_offsets()
        if clamped:
            yield (
                f"Groups have committed offsets beyond what the restore point holds: {clamped}. They are kept as its "
                "end, with a note of what they were."
            )

    def _reads(self) -> Iterable[Read]:
        return (self.reads or {}).values()

    def _state(self, plan: PartitionPlan) -> PartitionState:
        read = (self.reads or {}).get(plan.key)
        if plan.key in self.problems:
            return plan.unread()
        if read is None:
            return plan.state(plan.start, plan.mark, plan.last)
        return plan.state(read.start, read.next, read.last)

    def _new_lineages(self) -> list[PartitionPlan]:
        return [plan for plan in self.plans if plan.is_new and plan.key not in self.problems]

    def _clamped_offsets(self) -> int:
        groups = self.archived_groups.values()
        return sum(1 for group in groups for offset in group.offsets if offset.clamped_from is not None)


def _partitions(keys: Iterable[TopicPartition]) -> str:
    names = [f"{topic}/{partition}" for topic, partition in keys]
    return f"{counted(len(names), 'partition')} ({named(names, _NAMED)})"


def _clamped(group: ArchivedGroup, ends: Mapping[TopicPartition, int]) -> ArchivedGroup:
    offsets = []
    for offset in sorted(group.offsets, key=lambda offset: offset[:2]):
        end = ends.get((offset.topic, offset.partition), offset.offset)
        beyond = offset.offset > end
        offsets.append(offset._replace(offset=end, clamped_from=offset.offset) if beyond else offset)
    return replace(group, offsets=tuple(offsets))
