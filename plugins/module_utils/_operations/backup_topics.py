# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backing topics up into a restore point, with their definitions and the offsets of their groups."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from .._archive.bases import Base, find_bases
from .._archive.commit import Capture
from .._archive.commit import capture as make_point
from .._archive.definitions import ArchivedTopic
from .._archive.group_offsets import GROUPS_FILE, GROUPS_KIND, encode_groups
from .._archive.layout import backup_folder, path_of
from .._archive.parts import GROUPS, TOPICS, Entry
from .._archive.store import Store, storage_of
from .._archive.topics_part import TopicsPartWriter
from .._archive.unfinished import UnfinishedNotes
from .._archive.writer import PartWriter
from .._core.change import Difference, Report
from .._core.clock import Clock, SystemClock
from .._core.counting import named
from .._core.errors import InvalidOption, KafkaError, StoreError
from .._core.progress import Progress
from .._core.selection import Selection
from .._core.settings import KafkaSettings, StoreSettings
from .._kafka.admin import TopicDefinition
from .._kafka.wire import Wire
from .backup_object import describe_commit, describe_point, describe_uncommitted
from .capture import Captured, Job, capture
from .newest_topics import NewestTopics, newest_topics
from .plan_topics import plan_partitions, see_topics
from .rate import SharedRate
from .read_cluster import ClusterSeen, read_cluster
from .share_out import Load, share_out
from .topic_difference import difference
from .topic_outcome import Outcome
from .topic_plan import TopicScope, takes, unavailable
from .workers import run_workers

_OFFSET_BYTES = 100  # what is taken for the size of a record, of which nothing is known before it is read


@dataclass(frozen=True)
class BackupOptions:
    """What is asked for, and how it is to be done.

    Args:
        scope: Which topics, and up to where.
        groups: Which groups.
        partial: Whether the rest is backed up when something cannot be read.
        parallel: How many worker processes there may be.
        bytes_per_second: How much all of them may read a second; 0 for no limit.

    Raises:
        InvalidOption: One of the last two is too small.
    """

    scope: TopicScope
    groups: Selection
    partial: bool
    parallel: int
    bytes_per_second: int

    def __post_init__(self) -> None:
        for name, value, least in (("parallel", self.parallel, 1), ("max_bytes_per_second", self.bytes_per_second, 0)):
            if value < least:
                raise InvalidOption(f"{name} must be {least} or more, not {value}.", object_name=name)

    def scopes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is asked for of topics, and of groups, as JSON values."""
        topics = self.scope.document()
        groups = {
            "groups": list(self.groups.include),
            "exclude_groups": list(self.groups.exclude),
            "topics": topics["topics"],
            "exclude_topics": topics["exclude_topics"],
        }
        return topics, groups


@dataclass(frozen=True)
class BackupTopics:
    """The plan of a backup: what the cluster holds, against what the backup does.

    Args:
        kafka: How the cluster is reached.
        store: Where to.
        backup_id: Which backup.
        point_id: The open restore point that another module commits, or None.
        lease_timeout: Seconds after which an unfinished run counts as dead.
        options: What is asked for.
        definitions: How the topics are made.
        bases: What their increments begin from.
        planned: What it is to come to.
        notes: What runs that did not finish have noted.
        newest: What the newest comparable restore point holds.
        remarks: What else the user must know.
        clock: Tells the time.
        progress: Is told how far it is.
    """

    kafka: KafkaSettings
    store: Store
    backup_id: str
    point_id: str | None
    lease_timeout: float
    options: BackupOptions
    definitions: Mapping[str, ArchivedTopic]
    bases: Mapping[str, Base]
    planned: Outcome
    notes: UnfinishedNotes
    newest: NewestTopics | None
    remarks: tuple[str, ...]
    clock: Clock
    progress: Progress

    @classmethod
    def plan(
        cls,
        kafka: KafkaSettings,
        store_settings: StoreSettings,
        backup_id: str,
        options: BackupOptions,
        *,
        point_id: str | None,
        lease_timeout: float,
        progress: Progress,
    ) -> BackupTopics:
        """Read what the cluster holds and what the backup does, and decide what is to be read.

        Raises:
            StoreError: There is no store.
            NotFound: A topic or group that was named does not exist.
            KafkaError: The cluster cannot be reached or refuses something; or, unless ``partial``, a partition or a
                group cannot be read.
        """
        clock = SystemClock()
        store = Store.open(storage_of(store_settings))
        progress.start("looking at topics", None, "topics")
        with Wire(kafka) as wire:
            cluster = read_cluster(kafka, wire, options.scope, options.groups)
            bases = find_bases(store, backup_id, cluster.topics.keys(), selects=takes)
            notes = UnfinishedNotes.find(store, backup_id)
            seen = see_topics(cluster, bases, store, backup_id, clock)
            topics, plans = plan_partitions(wire, seen, notes.read())
        unsettled = frozenset(
            name for name, base in bases.items() if name in base.point.parts[TOPICS].summary.get("unsettled", ())
        )
        planned = Outcome(topics, plans, cluster.groups, cluster.unread_groups, unsettled)
        if not options.partial:
            _raise_first(planned)
        newest = newest_topics(store, backup_id, bases, complete=planned.complete)
        definitions = {name: _archived(found) for name, found in cluster.definitions.items()}
        remarks = tuple(_remarks(options, cluster, bases, newest))
        return cls(
            kafka, store, backup_id, point_id, lease_timeout, options, definitions, bases, planned, notes, newest,
            remarks, clock, progress,
        )  # fmt: skip

    @cached_property
    def changed(self) -> bool:
        """Whether a restore point is needed: the newest one holds something else, or was asked something else."""
        if self.newest is None or self.newest.scopes() != self.options.scopes():
            return True
        if any(plan.offsets for plan in self.planned.plans):
            return True
        return not self.newest.has_same(self.definitions, self.planned.archived_groups, self.planned.states)

    def difference(self) -> Difference:
        """Show the offsets and definitions that differ, bounded."""
        newest = self.newest
        return difference(
            (newest.definitions if newest else {}, self.definitions),
            (newest.states if newest else {}, {state.topic: state for state in self.planned.states}),
            (newest.groups if newest else {}, self.planned.archived_groups),
        )

    def preview(self) -> Report:
        """Report what is to be read, and the restore point that holds it already where there is one."""
        if self.newest is not None and not self.changed and self.point_id is None:
            return self._report(self.planned, describe_point(self.store, self.newest.point))
        return self._report(self.planned, describe_uncommitted(self.store, self.backup_id, [GROUPS, TOPICS]))

    def apply(self) -> Report:
        """Read the topics, write the parts, and commit them where they are this module's to commit."""
        with make_point(
            self.store, self.backup_id, self.point_id, clock=self.clock, lease_timeout=self.lease_timeout
        ) as taken:
            notes = self.notes.next_generation(
                plan.unfinished for plan in self.planned.plans if plan.unfinished is not None
            )
            captured = self._read(notes)
            reads = {read.key: read for each in captured for read in each.partitions}
            outcome = replace(self.planned, reads=reads)
            self._write(taken, outcome, [*outcome.resumed, *(entry for each in captured for entry in each.entries)])
        if taken.result is None:
            # Whoever commits may yet give up; the next run then goes on from what is noted.
            return self._report(outcome, describe_uncommitted(self.store, self.backup_id, [GROUPS, TOPICS]))
        with contextlib.suppress(StoreError):
            notes.clear()
        report = self._report(outcome, describe_commit(self.store, taken.result))
        return Report(report.values, (*report.warnings, *taken.result.warnings))

    def _read(self, notes: UnfinishedNotes) -> list[Captured]:
        """Let workers read what is to be read."""
        plans = [plan for plan in self.planned.plans if plan.offsets]
        loads = [Load(plan, plan.leader, plan.offsets * _OFFSET_BYTES) for plan in plans]
        tasks, processes = share_out(loads, self.options.parallel)
        self.progress.start("reading topics", sum(plan.offsets for plan in plans), "offsets")
        with contextlib.closing(SharedRate(self.options.bytes_per_second)) as rate:
            isolation = self.options.scope.isolation
            job = Job(self.kafka, self.store, self.backup_id, notes, isolation, self.options.partial, rate, processes)
            try:
                return run_workers(tasks, partial(capture, job), processes=processes, progress=self.progress)
            except BaseException:
                # A worker that was killed could not clear away what it had not finished.
                with contextlib.suppress(StoreError):
                    self.store.storage.discard_unfinished(f"{backup_folder(self.backup_id)}/{path_of(TOPICS)}")
                raise

    def _write(self, taken: Capture, outcome: Outcome, entries: Sequence[Entry]) -> None:
        topics, groups = self.options.scopes()
        TopicsPartWriter(taken.point, scope=topics).finish(
            definitions=self.definitions.values(),
            states=outcome.states,
            entries=entries,
            bases=self.bases,
            summary=outcome.summary(),
            complete=not outcome.problems,
        )
        writer = PartWriter(taken.point, GROUPS, scope=groups)
        writer.add_files([(GROUPS_FILE, encode_groups(outcome.archived_groups.values()), {"kind": GROUPS_KIND})])
        writer.finish(summary=outcome.group_summary(), complete=not outcome.unread_groups)

    def _report(self, outcome: Outcome, backup: dict[str, Any]) -> Report:
        return Report({"backup": backup, **outcome.values()}, (*self.remarks, *outcome.notes()))


def _archived(found: TopicDefinition) -> ArchivedTopic:
    return ArchivedTopic(found.name, found.topic_id, found.partitions, found.replication_factor, found.configs)


def _remarks(
    options: BackupOptions, cluster: ClusterSeen, bases: Mapping[str, Base], newest: NewestTopics | None
) -> list[str]:
    remarks = []
    selection = options.scope.topics
    idle = selection.idle_patterns(cluster.names)
    if idle and selection.include != ("*",):
        remarks.append(f"No topic matches {', '.join(idle)}.")
    if not cluster.topics:
        remarks.append("No topic is selected: the restore point holds none.")
    if newest is not None:
        number = newest.point.sequence
        left = newest.definitions.keys() - cluster.topics.keys()
        unasked = sorted(left & set(cluster.names))
        vanished = sorted(left - set(cluster.names))
        if vanished:
            remarks.append(
                f"{len(vanished)} topics of restore point {number} are no longer there: {named(vanished, 5)}. "
                "That restore point keeps them; this one does not have them."
            )
        if unasked:
            remarks.append(
                f"{len(unasked)} topics of restore point {number} were not asked for: {named(unasked, 5)}. This "
                "restore point does not have them, and is the latest one. Narrower backups are better kept under a "
                "backup_id of their own."
            )
    broken = sorted(name for name, base in bases.items() if not base.whole)
    if broken:
        remarks.append(
            f"Archived files of {len(broken)} topics are missing or cut off: {named(broken, 5)}. What the cluster "
            "still has of them is archived anew; lifeboat.kafka.backup_verify tells what earlier restore points have "
            "lost."
        )
    return remarks


def _raise_first(planned: Outcome) -> None:
    """Raise why something cannot be read."""
    errors: list[KafkaError] = [*planned.problems.values(), *planned.unread_groups.values()]
    for error in errors:
        more = f" ({len(errors) - 1} more partitions or groups are like that.)" if len(errors) > 1 else ""
        raise unavailable(error, more)
