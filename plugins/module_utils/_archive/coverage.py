# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether slices cover what a restore point says it holds of each partition: from end to end, without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .._core.kafka_names import TopicPartition
from .topic_state import PartitionState, TopicState


class Gap(NamedTuple):
    """Offsets of a partition that no slice covers, or that two do.

    Args:
        topic: The topic.
        partition: The partition's number.
        at: The first offset that is not as it must be.
        reason: What is wrong.
    """

    topic: str
    partition: int
    at: int
    reason: str

    @property
    def partition_name(self) -> str:
        """The partition, for people."""
        return f"partition {self.partition} of topic {self.topic}"


class Coverage:
    """Follows the slices of a part in their order; memory is bounded by the number of partitions.

    Args:
        states: What the restore point says that it holds.
        reached: Up to where partitions are covered already.
    """

    def __init__(self, states: Iterable[TopicState], reached: Mapping[TopicPartition, int] | None = None) -> None:
        self._states = {(of.topic, state.partition): state for of in states for state in of.partitions}
        self._reached = dict(reached or {})

    def needs(self, facts: Mapping[str, Any]) -> bool:
        """Tell whether a slice belongs to what the restore point holds: a lineage that it names, not below its start.

        Indexes may name others for a while: what retention has deleted at the source.
        """
        return is_needed(self._states.get((facts["topic"], facts["partition"])), facts)

    def add(self, facts: Mapping[str, Any]) -> Gap | None:
        """Take a slice's facts in; return what is wrong, if anything: the partition is followed from there on."""
        key = facts["topic"], facts["partition"]
        start, after = facts["start"], facts["next"]
        state = self._states.get(key)
        if state is None or state.lineage != facts["lineage"]:
            return Gap(*key, start, "the restore point does not name this partition's lineage")
        reached = self._reached.get(key)
        self._reached[key] = after
        if after < start or after > state.next:
            return Gap(*key, start, f"a slice says that it ends at {after}")
        if reached is None:
            return None if start <= state.start else Gap(*key, state.start, f"the first slice begins at {start}")
        return None if start == reached else Gap(*key, reached, f"the next slice begins at {start}")

    def missing(self) -> Iterator[Gap]:
        """Yield the partitions whose slices end before the mark, once all slices were taken in."""
        for (topic, partition), state in self._states.items():
            reached = self._reached.get((topic, partition), state.start)
            if reached < state.next:
                yield Gap(topic, partition, reached, f"the last slice ends there, and not at {state.next}")


def is_needed(state: PartitionState | None, facts: Mapping[str, Any]) -> bool:
    """Tell whether a slice belongs to what a restore point holds of a partition: to its lineage, not below its start.

    Args:
        state: What the restore point holds of the partition; None for nothing.
        facts: The slice's facts.
    """
    return state is not None and state.lineage == facts["lineage"] and facts["next"] > state.start
