# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring topics from a restore point, with the offsets of their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .._archive.journal import JournalRun, UndoJournal
from .._archive.liveness import Heartbeat
from .._archive.restores import RestoreSource, restores_of
from .._archive.store import Store, storage_of
from .._core.change import Difference, Report
from .._core.clock import SystemClock
from .._core.errors import Damaged
from .._core.kafka_names import TopicPartition
from .._core.progress import Progress
from .._core.settings import KafkaSettings, StoreSettings
from .._kafka.admin import Admin
from .._kafka.wire import Wire
from .archived_records import Lost
from .earlier_runs import open_journal, over_runs
from .offset_map import PartitionMap
from .restore_checks import WHEN_DAMAGED, check_target, damaged_pieces
from .restore_configs import held_configs, wanted_configs
from .restore_groups import GroupsWish, PlannedGroups, plan_groups, read_groups, set_offsets
from .restore_maps import known_maps
from .restore_plan import NOTHING, TopicPlan, Wish
from .restore_planning import OPERATION, check_restored, plan_topics
from .restore_remarks import topics_before, undecided_before
from .restore_report import difference, values, warnings
from .restore_request import RestoreRequest
from .restore_run import Ran, RestoreRun, RunOptions
from .restore_source import Source, read_source
from .restore_target import check_ends, target_identity


@dataclass(frozen=True)
class RestoreTopics:
    """The plan of a restore of topics.

    Args:
        request: What was asked for.
        options: How it is carried out.
        source: What the restore point holds.
        journal: The target's journal.
        earlier: Runs on the target that ended without having tidied up.
        plans: What is to become of each topic.
        groups: What is to become of groups, as far as it is known.
        damaged: What is known to be damaged already.
        remarks: What the user must know.
    """

    request: RestoreRequest
    options: RunOptions
    source: Source
    journal: UndoJournal
    earlier: tuple[JournalRun, ...]
    plans: tuple[TopicPlan, ...]
    groups: PlannedGroups
    damaged: tuple[Lost, ...]
    remarks: tuple[str, ...]

    @classmethod
    def prepare(
        cls,
        kafka: KafkaSettings,
        store_settings: StoreSettings,
        request: RestoreRequest,
        progress: Progress,
        *,
        is_trial: bool = False,
    ) -> RestoreTopics:
        """Read the restore point and the target, and plan.

        Nothing is written, but for one thing: where an earlier run's restore into a topic of others cannot go on, that
        topic gets its configs back.

        Args:
            kafka: How the target is reached.
            store_settings: Where the backup lies.
            request: What is asked for.
            progress: Is told how far it is.
            is_trial: Whether not even that is written.

        Raises:
            StoreError: There is no store.
            NotFound: There is no such backup, restore point, topic, partition or group.
            InvalidOption: Names or numbers that were given are not possible.
            Refused: A topic or a group cannot be restored to as it is.
            Damaged: The restore point or the journal is damaged.
            Busy: Another run is at work on the target.
            KafkaError: The target cannot be reached, or refuses something.
            VerificationFailed: Somebody else has written to a topic that an earlier run has begun to restore.
        """
        progress.start("looking at topics", None, "topics")
        store = Store.open(storage_of(store_settings))
        with Wire(kafka) as wire, Admin(kafka) as admin:
            identity = target_identity(wire, kafka.bootstrap_servers)
            journal = open_journal(identity, SystemClock(), store=store_settings, directory=request.journal)
            earlier = over_runs(journal)
            begun = list(restores_of(journal.storage, identity))
            source = read_source(store, request.asked, groups=request.groups, begun=begun)
            archived = read_groups(store, source.point, request.groups)
            wish = _wish(request, source)
            plans = plan_topics(wire, admin, journal, source, wish, is_trial=is_trial or request.only_groups)
            if request.only_groups:
                check_restored(plans)
            broker = admin.broker_configs()
            options = _options(kafka, request, source, wish, broker, plans, progress)
            remarks = [
                *source.remarks,
                *topics_before(store, request.asked, source),
                *check_target(admin, options, broker, plans),
                *undecided_before(wire, plans),
            ]
            damaged = damaged_pieces(source, plans, skip=request.skip_damaged)
            wanted = GroupsWish(archived, source.names, source.partitions, request.overwrite_offsets)
            groups = plan_groups(admin, wanted, known_maps(journal, options, plans, wanted))
            check_ends(wire, plans)
        return cls(request, options, source, journal, tuple(earlier), tuple(plans), groups, damaged, tuple(remarks))

    @cached_property
    def changed(self) -> bool:
        """Whether anything is written to the target."""
        return any(plan.action != NOTHING for plan in self.plans) or self.groups.plan.changed

    def difference(self) -> Difference:
        """Show what changes in the target, bounded."""
        return difference(self.plans, self.options, self.groups.plan, self.groups.committed)

    def preview(self) -> Report:
        """Report the plan."""
        return self._report(None, self.groups)

    def apply(self) -> Report:
        """Bring the records, compare them, give the topics their configs and the groups their offsets."""
        if not self.changed:
            return self._report(Ran(), self.groups)
        if self.request.journal is not None:
            self.journal.storage.prepare()
        run = self.journal.begin(OPERATION, self._facts())
        try:
            with Heartbeat(run.refresh):
                ran = self._restore()
                groups = self._restore_groups(ran)
        except Damaged as error:
            error.message += WHEN_DAMAGED
            raise
        finally:
            run.finish()
        for each in self.earlier:
            each.settle()
        return self._report(ran, groups)

    def _restore(self) -> Ran:
        return RestoreRun(self.options, self.journal, self.plans, self.groups.wish.asked()).run()

    def _restore_groups(self, ran: Ran) -> PlannedGroups:
        self.options.progress.start("restoring groups", None, "groups")
        with Admin(self.options.kafka) as admin:
            groups = plan_groups(admin, self.groups.wish, {**self.groups.maps, **self._sent_maps(ran)})
            set_offsets(admin, groups.plan)
        return groups

    def _sent_maps(self, ran: Ran) -> dict[TopicPartition, PartitionMap]:
        """Return the maps of what was sent, by the topics' names in the archive."""
        return {
            (plan.source.archived.name, number): ran.sent[plan.name, number].map
            for plan in self.plans
            for number in plan.aims
            if (plan.name, number) in ran.sent
        }

    def _facts(self) -> dict[str, object]:
        return {
            "backup_id": self.request.asked.backup_id,
            "restore_point": self.source.point.sequence,
            "topics": sum(1 for plan in self.plans if plan.action != NOTHING),
        }

    def _report(self, ran: Ran | None, groups: PlannedGroups) -> Report:
        lost = self.damaged if ran is None else tuple(lost for sent in ran.sent.values() for lost in sent.lost)
        remarks = (*self.remarks, *(ran.remarks if ran is not None else ()))
        return Report(
            {
                **values(self.source, self.plans, ran, groups.plan, lost, groups.maps, self.journal),
                "goes_on": self.source.goes_on,
            },
            (*remarks, *warnings(self.plans, lost), *groups.plan.warnings()),
        )


def _wish(request: RestoreRequest, source: Source) -> Wish:
    origin = RestoreSource(source.store.store_id, source.point.backup_id, source.point.sequence, "")
    # Where nothing is brought, records of others are no reason of their own.
    return Wish(origin, {"isolation": request.isolation}, request.append or request.only_groups)


def _options(
    kafka: KafkaSettings,
    request: RestoreRequest,
    source: Source,
    wish: Wish,
    broker: Mapping[str, str],
    plans: Sequence[TopicPlan],
    progress: Progress,
) -> RunOptions:
    known = next((plan.target.definition.effective for plan in plans if plan.target.definition is not None), broker)
    configs = {plan.name: wanted_configs(plan.source.archived.configs, request.config_overrides) for plan in plans}
    return RunOptions(
        kafka=kafka,
        store=source.store,
        wish=wish,
        committed=request.isolation == "committed",
        skip_damaged=request.skip_damaged,
        replication_factor=request.replication_factor,
        configs=configs,
        held=held_configs(known),
        parallel=request.parallel,
        bytes_per_second=request.bytes_per_second,
        progress=progress,
    )
