# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring topics from a restore point, with the offsets of their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._archive.journal import JournalRun, UndoJournal
from .._archive.liveness import Heartbeat
from .._archive.restores import DONE, RestoreSource, restores_of
from .._archive.store import Store, storage_of
from .._core.change import Difference, Report
from .._core.clock import SystemClock
from .._core.errors import Damaged, InvalidOption, LifeboatError
from .._core.kafka_names import TopicPartition
from .._core.progress import Progress
from .._core.selection import Selection
from .._core.settings import KafkaSettings, StoreSettings
from .._kafka.admin import Admin
from .._kafka.group_offsets import Offsets
from .._kafka.wire import Wire
from .archived_records import Lost
from .earlier_runs import open_journal, over_runs
from .offset_map import OffsetMap, PartitionMap
from .restore_configs import Standing, check_limits, doomed, held_configs, wanted_configs
from .restore_give_up import give_up, is_hopeless
from .restore_groups import GroupsPlan, GroupsWish, read_committed, read_groups, refuse_members, set_offsets
from .restore_maps import known_maps
from .restore_plan import CREATE, NOTHING, TargetTopic, TopicPlan, Wish, first_problem, plan_topic
from .restore_remarks import topics_before, undecided_before
from .restore_report import difference, values, warnings
from .restore_run import Ran, RestoreRun, RunOptions
from .restore_source import Source, TopicsAsked, check_least, damaged_files, read_source
from .restore_target import check_ends, read_target, target_identity, try_to_create

OPERATION = "topic_restore"
_MOST_REPLICAS = 10_000  # librdkafka's limit; Kafka's own is a number of 16 bits
_WHEN_DAMAGED = (
    " Bring the file back from a copy of the store, restore another restore point, or leave out what is damaged with "
    "on_damage: skip. lifeboat.kafka.backup_verify lists all of it."
)


@dataclass(frozen=True)
class RestoreRequest:
    """What a user asks for; the module's options.

    Args:
        asked: Which topics, from where.
        groups: Which groups; None for none.
        overwrite_offsets: Whether groups that have read elsewhere at the target are set back.
        isolation: ``committed`` or ``uncommitted``.
        append: Whether topics that have other records get these behind them.
        skip_damaged: Whether what is damaged is left out; otherwise it is an error.
        replication_factor: Of topics that are created; None for the one that they had.
        config_overrides: Configs of topics that are created; None leaves one to the cluster.
        parallel: How many worker processes there may be.
        bytes_per_second: How much all of them may send a second; 0 for no limit.
        journal: A directory for the journal, or None for the store.

    Raises:
        InvalidOption: A number is too small or too large, or a config is no text.
    """

    asked: TopicsAsked
    groups: Selection | None
    overwrite_offsets: bool
    isolation: str
    append: bool
    skip_damaged: bool
    replication_factor: int | None
    config_overrides: Mapping[str, Any]
    parallel: int
    bytes_per_second: int
    journal: str | None

    def __post_init__(self) -> None:
        check_least("parallel", self.parallel, 1)
        check_least("max_bytes_per_second", self.bytes_per_second, 0)
        if self.replication_factor is not None:
            check_least("replication_factor", self.replication_factor, 1)
            if self.replication_factor > _MOST_REPLICAS:
                raise InvalidOption(
                    f"replication_factor must be {_MOST_REPLICAS} or less, not {self.replication_factor}.",
                    object_name="replication_factor",
                )
        for name, value in self.config_overrides.items():
            if value is not None and not isinstance(value, (str, int, float)):
                raise InvalidOption(
                    f"config_overrides: {name} must be a text, a number or null, not {value!r}.",
                    object_name="config_overrides",
                )


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
        groups_wish: What is asked for of groups.
        groups: What is to become of them, as far as it is known.
        maps: Which offset becomes which, as far as it is known.
        committed: What the groups have committed at the target.
        damaged: What is known to be damaged already.
        remarks: What the user must know.
    """

    request: RestoreRequest
    options: RunOptions
    source: Source
    journal: UndoJournal
    earlier: tuple[JournalRun, ...]
    plans: tuple[TopicPlan, ...]
    groups_wish: GroupsWish
    groups: GroupsPlan
    maps: Mapping[TopicPartition, PartitionMap]
    committed: Mapping[str, Offsets]
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
            groups = read_groups(store, source.point, request.groups)
            wish = _wish(request, source)
            plans = _plan_topics(wire, admin, journal, source, wish, is_trial=is_trial)
            broker = admin.broker_configs()
            options = _options(kafka, request, source, wish, broker, plans, progress)
            remarks = [
                *source.remarks,
                *topics_before(store, request.asked, source),
                *_check_target(admin, options, broker, plans),
                *undecided_before(wire, plans),
            ]
            damaged = _damaged(source, plans, skip=request.skip_damaged)
            groups_wish = GroupsWish(groups, source.names, source.partitions, request.overwrite_offsets)
            maps = known_maps(journal, options, plans, groups_wish)
            committed = read_committed(admin, groups_wish.concerned())
            groups_plan = groups_wish.plan(OffsetMap(maps), committed)
            refuse_members(admin, groups_plan.written)
            check_ends(wire, plans)
        return cls(
            request, options, source, journal, tuple(earlier), tuple(plans), groups_wish, groups_plan, maps, committed,
            damaged, tuple(remarks),
        )  # fmt: skip

    @cached_property
    def changed(self) -> bool:
        """Whether anything is written to the target."""
        return any(plan.action != NOTHING for plan in self.plans) or self.groups.changed

    def difference(self) -> Difference:
        """Show what changes in the target, bounded."""
        return difference(self.plans, self.options, self.groups, self.committed)

    def preview(self) -> Report:
        """Report the plan."""
        return self._report(None, self.groups, self.maps)

    def apply(self) -> Report:
        """Bring the records, compare them, give the topics their configs and the groups their offsets."""
        if not self.changed:
            return self._report(Ran(), self.groups, self.maps)
        if self.request.journal is not None:
            self.journal.storage.prepare()
        run = self.journal.begin(OPERATION, self._facts())
        try:
            with Heartbeat(run.refresh):
                ran = self._restore()
                maps = {**self.maps, **self._sent_maps(ran)}
                groups = self._restore_groups(maps)
        except Damaged as error:
            error.message += _WHEN_DAMAGED
            raise
        finally:
            run.finish()
        for each in self.earlier:
            each.settle()
        return self._report(ran, groups, maps)

    def _restore(self) -> Ran:
        return RestoreRun(self.options, self.journal, self.plans, self.groups_wish.asked()).run()

    def _restore_groups(self, maps: Mapping[TopicPartition, PartitionMap]) -> GroupsPlan:
        self.options.progress.start("restoring groups", None, "groups")
        with Admin(self.options.kafka) as admin:
            committed = read_committed(admin, self.groups_wish.concerned())
            groups = self.groups_wish.plan(OffsetMap(maps), committed)
            refuse_members(admin, groups.written)
            set_offsets(admin, groups)
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

    def _report(self, ran: Ran | None, groups: GroupsPlan, maps: Mapping[TopicPartition, PartitionMap]) -> Report:
        lost = self.damaged if ran is None else tuple(lost for sent in ran.sent.values() for lost in sent.lost)
        remarks = (*self.remarks, *(ran.remarks if ran is not None else ()))
        return Report(
            {
                **values(self.source, self.plans, ran, groups, lost, maps, self.journal),
                "goes_on": self.source.goes_on,
            },
            (*remarks, *warnings(self.plans, lost), *groups.warnings()),
        )


def _wish(request: RestoreRequest, source: Source) -> Wish:
    origin = RestoreSource(source.store.store_id, source.point.backup_id, source.point.sequence, "")
    return Wish(origin, {"isolation": request.isolation}, request.append)


def _plan_topics(
    wire: Wire, admin: Admin, journal: UndoJournal, source: Source, wish: Wish, *, is_trial: bool
) -> list[TopicPlan]:
    wanted = {source.names[name]: topic.partitions.keys() for name, topic in source.topics.items()}
    targets = read_target(wire, admin, journal, wanted)
    plans = []
    problems: dict[str, LifeboatError] = {}
    for name, topic in source.topics.items():
        target = targets[source.names[name]]
        try:
            plans.append(plan_topic(topic, target, wish))
        except LifeboatError as error:
            _give_up(error, target, journal, None if is_trial else admin)
            problems[target.name] = error
    if problems:
        raise first_problem(problems)
    return plans


def _give_up(error: LifeboatError, target: TargetTopic, journal: UndoJournal, admin: Admin | None) -> None:
    """Leave a topic of others as it was, where the restore that an earlier run has begun there cannot go on."""
    restore, definition = target.restore, target.definition
    if restore is None or definition is None or not is_hopeless(error):
        return
    if restore.topic_id != definition.topic_id or restore.state == DONE:
        return
    held = held_configs(definition.effective)
    if admin is None:
        give_up(error, restore, held, None)
        return
    run = journal.begin(OPERATION, {"topic": target.name})
    try:
        give_up(error, restore, held, admin)
    finally:
        run.finish()


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


def _check_target(
    admin: Admin, options: RunOptions, broker: Mapping[str, str], plans: Sequence[TopicPlan]
) -> list[str]:
    """Find out what the target would refuse, before anything is written, and what it would delete afterwards."""
    wanted = {plan.name: options.wanted_topic(plan) for plan in plans if plan.action == CREATE}
    final = [topic._replace(configs=options.configs[name]) for name, topic in wanted.items()]
    problems: dict[str, LifeboatError] = {**try_to_create(admin, list(wanted.values())), **try_to_create(admin, final)}
    remarks = []
    now = SystemClock().now()
    for plan in plans:
        standing = _standing(plan, options, broker)
        definition = plan.target.definition
        replicas = wanted[plan.name].replication_factor if definition is None else definition.replication_factor
        try:
            check_limits(plan.name, standing, replicas, plan.partitions, is_new=plan.is_created)
        except LifeboatError as error:
            problems.setdefault(plan.name, error)
        if plan.work and (gone := doomed(standing, plan.partitions, now)):
            remarks.append(
                f"Topic {plan.name!r}: as soon as the restore has ended, about {gone[0]} of its records are deleted, "
                f"since they are beyond {gone[1]}. Other configs are given with config_overrides."
            )
    if problems:
        raise first_problem(problems)
    return remarks


def _standing(plan: TopicPlan, options: RunOptions, broker: Mapping[str, str]) -> Standing:
    definition = plan.target.definition
    own: Mapping[str, str | None]
    if definition is None or plan.is_created:
        own = options.configs[plan.name]
    else:
        own = {**definition.configs, **(plan.restore.final if plan.restore is not None else {})}
    effective = definition.effective if definition is not None else {}
    held = options.held.keys() if plan.restore is not None and plan.restore.held else ()
    return Standing(own, effective, held, broker)


def _damaged(source: Source, plans: Sequence[TopicPlan], *, skip: bool) -> tuple[Lost, ...]:
    """Find files that are missing or cut off before anything is written."""
    found = []
    partitions = [partition for plan in plans for partition in plan.partitions]
    for damage in damaged_files(source.store, source.point.backup_id, partitions):
        if not skip:
            damage.message += _WHEN_DAMAGED
            raise damage
        facts = damage.facts
        found.append(
            Lost(facts["topic"], facts["partition"], facts["start"], facts["next"], str(facts.get("reason", "")))
        )
    return tuple(found)
