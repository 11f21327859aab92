# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing together what cluster, archive and unfinished runs tell of topics, and planning what is to be read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from .._archive.bases import Base
from .._archive.parts import TOPICS
from .._archive.points import LastRun
from .._archive.store import Store
from .._archive.topics_part import TopicsReader
from .._archive.unfinished import Unfinished
from .._core.clock import Clock
from .._core.errors import Damaged
from .._kafka.wire import Wire
from .newest_topics import archived_at
from .read_cluster import ClusterSeen, read_evidence
from .tombstones import Tombstones
from .topic_plan import Evidence, PartitionPlan, plan_partition
from .topic_seen import TopicSeen

_DELETE_RETENTION = "delete.retention.ms"
_DELETE_RETENTION_MS = 24 * 60 * 60 * 1000  # Kafka's own default


def see_topics(
    cluster: ClusterSeen, bases: Mapping[str, Base], store: Store, backup_id: str, clock: Clock
) -> list[TopicSeen]:
    """Return what is known of the topics, sorted by name.

    Args:
        cluster: What the cluster tells.
        bases: What increments begin from.
        store: Where these lie.
        backup_id: The backup.
        clock: Tells the time.
    """
    tombstones = _TombstonesSeen(cluster, store, backup_id, clock)
    seen = []
    for name, topic in sorted(cluster.topics.items()):
        base = bases.get(name)
        seen.append(
            TopicSeen(
                name,
                topic.topic_id,
                tombstones.of(name, base),
                base.state if base is not None else None,
                {number: cluster.marks[name, number] for number in sorted(topic.partitions)},
            )
        )
    return seen


class _TombstonesSeen:
    """Tells what is known of the tombstones of topics at one moment."""

    def __init__(self, cluster: ClusterSeen, store: Store, backup_id: str, clock: Clock) -> None:
        self._definitions = cluster.definitions
        self._store = store
        self._now, self._seen_at = clock.now(), time.monotonic()
        self._archived_ms: dict[int, dict[str, int]] = {}
        try:
            self._last_run = LastRun.read(store, backup_id)
        except Damaged:
            self._last_run = None  # then no run has confirmed anything

    def of(self, name: str, base: Base | None) -> Tombstones | None:
        effective = self._definitions[name].effective
        if "compact" not in effective.get("cleanup.policy", "") and (base is None or not base.state.compacted):
            return None
        retention = int(effective.get(_DELETE_RETENTION, _DELETE_RETENTION_MS))
        if base is None:
            return Tombstones.of(retention, None, self._now, self._seen_at)
        return Tombstones.of(
            min(retention, self._archived(base).get(name, retention)),
            archived_at(base, self._last_run),
            self._now,
            self._seen_at,
            settled=name not in base.point.parts[TOPICS].summary.get("unsettled", ()),
        )

    def _archived(self, base: Base) -> dict[str, int]:
        """Return by topic the retention that a restore point tells of, in milliseconds."""
        point = base.point
        if point.sequence not in self._archived_ms:
            try:
                found = TopicsReader(self._store, point).definitions()
            except Damaged:
                found = {}
            self._archived_ms[point.sequence] = {
                name: int(topic.configs[_DELETE_RETENTION])
                for name, topic in found.items()
                if topic.configs.get(_DELETE_RETENTION, "").isdecimal()
            }
        return self._archived_ms[point.sequence]


def plan_partitions(
    wire: Wire, topics: Sequence[TopicSeen], unfinished: Sequence[Unfinished]
) -> tuple[list[TopicSeen], list[PartitionPlan]]:
    """Decide what is to be read, going on from what is unfinished of those topics whose logs still are the same.

    Args:
        wire: A connection to the cluster.
        topics: What is known of them.
        unfinished: What runs that did not finish have archived of these topics or others.

    Returns:
        The topics, with what is gone on from, and the plans of their partitions.

    Raises:
        KafkaError: The cluster cannot be reached, or refuses us.
    """
    goes_on = [topic.going_on_from(unfinished) for topic in topics] if unfinished else list(topics)
    plans = _plans(wire, goes_on)
    refuted = {
        plan.topic
        for topic in goes_on
        for plan in plans[topic.name]
        if topic.unfinished.get(plan.partition) != plan.unfinished
    }
    if refuted:
        goes_on = [before if before.name in refuted else topic for before, topic in zip(topics, goes_on, strict=True)]
        plans |= _plans(wire, [topic for topic in goes_on if topic.name in refuted])
    return goes_on, [plan for topic in goes_on for plan in plans[topic.name]]


def _plans(wire: Wire, topics: Sequence[TopicSeen]) -> dict[str, list[PartitionPlan]]:
    evidence = read_evidence(wire, topics)
    return {
        topic.name: [
            plan_partition(topic, number, evidence.get((topic.name, number), Evidence())) for number in topic.partitions
        ]
        for topic in topics
    }
