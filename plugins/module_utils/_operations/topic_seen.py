# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a topic before it is backed up: by the cluster, by the archive, and by runs that did not finish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from .._archive.topic_state import PartitionState, TopicState
from .._archive.unfinished import Unfinished
from .._core.errors import KafkaError
from .tombstones import Tombstones


class Mark(NamedTuple):
    """What a cluster says of a partition at one moment.

    Args:
        leader: The broker that leads it.
        leader_epoch: The leadership's number; -1 where the brokers have none.
        start: The first offset there is.
        next: The mark: the offset up to which it is to be archived.
    """

    leader: int
    leader_epoch: int
    start: int
    next: int


@dataclass(frozen=True)
class TopicSeen:
    """What a cluster says of a topic.

    Args:
        name: Its name.
        topic_id: Its id as 32 hexadecimal digits; empty where the cluster has none.
        tombstones: What is known of its tombstones; None where it is not compacted, and was not when its base was made.
        base: What the archive has of it, or None.
        partitions: By number: a mark, or why there is none.
        unfinished: By number: what runs that did not finish have archived, and go on from what the base has.
    """

    name: str
    topic_id: str
    tombstones: Tombstones | None
    base: TopicState | None
    partitions: Mapping[int, Mark | KafkaError]
    unfinished: Mapping[int, Unfinished] = field(default_factory=dict)

    @property
    def compacted(self) -> bool:
        """Whether it is compacted, or what its base has of it was."""
        return self.tombstones is not None

    def archived(self, partition: int) -> PartitionState | None:
        """Return what the archive has of a partition, if that is a partition of the same topic."""
        unfinished = self.unfinished.get(partition)
        if unfinished is None:
            return self._archived.get(partition)
        base = self._base_of(unfinished)
        last = unfinished.last or (base.last if base is not None else None)
        return PartitionState(
            partition,
            unfinished.lineage,
            unfinished.origin.began,
            base.start if base is not None else unfinished.origin.first,
            unfinished.next,
            last.leader_epoch if last is not None else -1,
            last,
        )

    def going_on_from(self, unfinished: Iterable[Unfinished]) -> TopicSeen:
        """Return it with what runs that did not finish have archived of it, as far as it can be gone on from.

        Of compacted topics nothing can: what was read is only whole together with what was written meanwhile.

        Args:
            unfinished: Of this topic or others.
        """
        if self.compacted:
            return self
        fitting = {
            each.partition: each
            for each in unfinished
            if each.topic == self.name and each.origin.topic_id == self.topic_id and self._goes_on(each)
        }
        return replace(self, unfinished=fitting)

    def _goes_on(self, unfinished: Unfinished) -> bool:
        """Tell whether it leaves nothing out: it begins where the base ends, or at what the log begins with."""
        base = self._base_of(unfinished)
        if base is not None:
            return base.next == unfinished.origin.first
        mark = self.partitions.get(unfinished.partition)
        return isinstance(mark, Mark) and unfinished.origin.first <= mark.start

    def _base_of(self, unfinished: Unfinished) -> PartitionState | None:
        base = self._archived.get(unfinished.partition)
        return base if base is not None and base.lineage == unfinished.lineage else None

    def begins(self, partition: int, lineage: str) -> bool:
        """Tell whether a lineage of a partition begins now, although something else is archived under its name."""
        base = self._archived.get(partition)
        return base.lineage != lineage if base is not None else self.is_recreated

    @cached_property
    def _archived(self) -> dict[int, PartitionState]:
        if self.base is None or self.is_recreated:
            return {}
        return {state.partition: state for state in self.base.partitions}

    @property
    def is_recreated(self) -> bool:
        """Whether the ids tell that the archive has another topic of this name."""
        if self.base is None or not (self.topic_id and self.base.topic_id):
            return False
        return self.topic_id != self.base.topic_id
