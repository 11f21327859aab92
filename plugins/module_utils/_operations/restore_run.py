# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out the plan of a restore of topics: create, hold, send, compare, let go.

Whatever is about to be done to a topic is journaled first, so that a run that is killed at any moment is gone on with
by the next one: the restore of each topic with its producer id, where its records begin, and the configs that it gets
back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from .._archive.journal import UndoJournal
from .._archive.offset_maps import MappedPartition, MappedTopic, find_offset_map, save_offset_maps
from .._archive.restores import DONE, RESTORING, VERIFIED, PartitionRestore, TopicRestore, save_all
from .._archive.store import Store
from .._core.errors import LifeboatError, Refused
from .._core.kafka_names import TopicPartition
from .._core.progress import Progress
from .._core.settings import KafkaSettings
from .._kafka.admin import Admin, TopicDefinition, WantedTopic
from .._kafka.wire import Wire
from .partition_send import SendTask, Sent
from .rate import SharedRate
from .restore_configs import Standing, check_limits
from .restore_give_up import give_up, is_hopeless, tell_held, topic_of
from .restore_plan import CREATE, NOTHING, TopicPlan, Wish
from .restore_target import check_ends, create, set_configs
from .send import SendJob, send
from .share_out import Load, share_out
from .workers import run_workers


@dataclass(frozen=True)
class RunOptions:
    """How a restore is carried out.

    Args:
        kafka: How the target is reached.
        store: Where the archive lies.
        wish: What is asked for.
        committed: Whether records of aborted and undecided transactions are left out.
        skip_damaged: Whether what is damaged is left out; otherwise it is an error.
        replication_factor: Of topics that are created; None for the one that they had.
        configs: By topic at the target, all that it has of its own in the end if it is created.
        held: What all topics must have while they are restored to.
        parallel: How many worker processes there may be.
        bytes_per_second: How much all of them may send a second; 0 for no limit.
        progress: Is told how far it is.
    """

    kafka: KafkaSettings
    store: Store
    wish: Wish
    committed: bool
    skip_damaged: bool
    replication_factor: int | None
    configs: Mapping[str, Mapping[str, str]]
    held: Mapping[str, str]
    parallel: int
    bytes_per_second: int
    progress: Progress

    def wanted_topic(self, plan: TopicPlan) -> WantedTopic:
        """Return how a topic is created."""
        archived = plan.source.archived
        replicas = archived.replication_factor if self.replication_factor is None else self.replication_factor
        return WantedTopic(plan.name, archived.partitions, replicas, {**self.configs[plan.name], **self.held})


@dataclass
class Ran:
    """What came of it.

    Args:
        sent: What became of each partition that was worked on, by the topic's name at the target.
        remarks: What the user must know.
    """

    sent: dict[TopicPartition, Sent] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


class RestoreRun:
    """Carries out the plan of a restore.

    Args:
        options: How.
        journal: The target's journal.
        plans: What is to become of the topics; those of which nothing is to be done may be among them.
        asked: Source offsets that are to be translated, by the topic's name in the archive.
    """

    def __init__(
        self,
        options: RunOptions,
        journal: UndoJournal,
        plans: Sequence[TopicPlan],
        asked: Mapping[TopicPartition, set[int]],
    ) -> None:
        self._options = options
        self._journal = journal
        self._plans = [plan for plan in plans if plan.action != NOTHING]
        self._asked = asked
        self._restores: dict[str, TopicRestore] = {}
        self._producers: dict[str, tuple[int, int]] = {}
        self._earlier_final: dict[str, dict[str, str | None]] = {}  # what an earlier run may have set in the end
        self._ran = Ran()

    def run(self) -> Ran:
        """Bring all records to the target, and give the topics the configs that they are to have.

        Raises:
            KafkaError, StoreError, Damaged, VerificationFailed, Refused: It could not be done. What was begun is
                journaled, and the next run goes on with it.
        """
        if not self._plans:
            return self._ran
        self._options.progress.start("making topics ready", None, "topics")
        with Wire(self._options.kafka) as wire, Admin(self._options.kafka) as admin:
            check_ends(wire, self._plans)
            self._begin(wire)
            self._make_ready(wire, admin)
            tasks = self._tasks(wire)
        try:
            for sent in self._send(tasks):
                self._ran.sent[sent.topic, sent.partition] = sent
        except LifeboatError as error:
            self._give_up(error)
            raise
        self._note_sent()
        with Admin(self._options.kafka) as admin:
            self._let_go(admin)
        return self._ran

    def _give_up(self, error: LifeboatError) -> None:
        """Leave topics of others as they were, where their restore cannot go on."""
        restore = self._restores.get(topic_of(error)) if is_hopeless(error) else None
        if restore is not None:
            with Admin(self._options.kafka) as admin:
                give_up(error, restore, self._options.held, admin)
        tell_held(error, self._restores.values())

    # The journal

    def _begin(self, wire: Wire) -> None:
        """Journal what is about to be begun, before any of it is."""
        producer = None
        for plan in self._plans:
            restore = self._restores[plan.name] = self._restore(plan)
            if restore.producer_id is None or restore.producer_epoch is None:
                producer = producer or wire.init_producer()
                restore.producer_id, restore.producer_epoch = producer
            self._producers[plan.name] = restore.producer_id, restore.producer_epoch
        save_all(self._restores.values())

    def _restore(self, plan: TopicPlan) -> TopicRestore:
        """Return a topic's restore as it is to be journaled now."""
        wish = self._options.wish
        restore = plan.restore
        definition = plan.target.definition
        if restore is None or not restore.partitions:
            restore = TopicRestore(
                storage=self._journal.storage,
                target=self._journal.target,
                topic=plan.name,
                topic_id=definition.topic_id if definition is not None else "",
                source=replace(wish.source, topic=plan.source.archived.name),
                rules=wish.rules,
                created=plan.is_created,
                held=dict(plan.restore.held) if plan.restore is not None else {},
                final=dict(plan.restore.final) if plan.restore is not None else {},
            )
        if definition is not None:
            restore.topic_id = definition.topic_id
        if restore.state == DONE:
            # It is taken up again for further partitions: its configs are its own by now.
            restore.created, restore.held, restore.final = False, {}, {}
        if plan.work:
            restore.state = RESTORING
        for number in plan.work:
            restore.partitions.setdefault(number, PartitionRestore(plan.aims[number].start))
        own = self._options.configs[plan.name] if restore.created or definition is None else definition.configs
        self._earlier_final[plan.name] = dict(restore.final)
        for name in self._options.held:
            if restore.created or name not in restore.held:
                restore.held[name] = None if restore.created else own.get(name)
                restore.final[name] = own.get(name)
        return restore

    # The topics

    def _make_ready(self, wire: Wire, admin: Admin) -> None:
        """Create topics, and hold what must be held."""
        identities: dict[str, str] = {}
        wanted = [self._options.wanted_topic(plan) for plan in self._plans if plan.action == CREATE]
        create(wire, admin, wanted, identities)
        for name, topic_id in identities.items():
            self._restores[name].topic_id = topic_id
        save_all(self._restores[name] for name in identities)
        there = admin.definitions(self._restores) if self._restores else {}
        changes = {name: self._changes(name, there[name]) for name in self._restores}
        set_configs(admin, {name: found for name, found in changes.items() if found})
        for plan in self._plans:
            self._check_limits(plan, there[plan.name])

    def _changes(self, name: str, definition: TopicDefinition) -> dict[str, str | None]:
        """Return what has to be set of a topic's configs while it is restored to."""
        restore, own = self._restores[name], definition.configs
        # Where all records are there already, what is held is about to be let go.
        is_held = restore.state == RESTORING
        wanted: dict[str, str | None] = (
            dict(self._options.held) if is_held else {key: own.get(key) for key in restore.held}
        )
        if restore.created:
            wanted = {**dict.fromkeys(own), **self._options.configs[name], **wanted}
        return {key: value for key, value in wanted.items() if own.get(key) != value}

    def _check_limits(self, plan: TopicPlan, definition: TopicDefinition) -> None:
        """Make sure, now that all of its configs are known, that a topic takes what is sent."""
        if definition.partitions != plan.source.archived.partitions:
            raise Refused(
                f"Somebody else has made topic {plan.name!r} just now, with {definition.partitions} partitions. Run "
                "again.",
                code="changed_meanwhile",
                object_name=plan.name,
            )
        own = self._options.configs[plan.name] if self._restores[plan.name].created else definition.configs
        standing = Standing(own, definition.effective, self._options.held.keys(), {})
        check_limits(
            plan.name,
            standing,
            definition.replication_factor,
            plan.partitions,
            is_new=self._restores[plan.name].created,
        )

    def _let_go(self, admin: Admin) -> None:
        """Give the topics the configs that they are to have in the end, unless somebody has changed them meanwhile."""
        there = admin.definitions(self._restores) if self._restores else {}
        self._tell_widened(there)
        changes: dict[str, dict[str, str | None]] = {}
        for name, restore in self._restores.items():
            own = there[name].configs
            held, earlier = self._options.held, self._earlier_final[name]
            touched = [
                key
                for key, final in restore.final.items()
                if own.get(key) not in (held.get(key), final, earlier.get(key, final))
            ]
            if touched:
                self._ran.remarks.append(
                    f"Somebody has changed {', '.join(touched)} of topic {name!r} while it was restored; that stays."
                )
            wanted = {key: value for key, value in restore.final.items() if key not in touched}
            changes[name] = {key: value for key, value in wanted.items() if own.get(key) != value}
            restore.state = DONE
        set_configs(admin, {name: found for name, found in changes.items() if found})
        save_all(self._restores.values())

    def _tell_widened(self, there: Mapping[str, TopicDefinition]) -> None:
        for plan in self._plans:
            before, now = plan.source.archived.partitions, there[plan.name].partitions
            if now != before:
                self._ran.remarks.append(
                    f"Somebody has given topic {plan.name!r} {now} partitions while it was restored; it had {before} "
                    "when it was backed up. All of its records are in the partitions that they were in, where "
                    "producers will not put new ones with the same keys."
                )

    # The records

    def _tasks(self, wire: Wire) -> list[Load]:
        wire.refresh(self._restores)
        loads = []
        for plan in self._plans:
            restore = self._restores[plan.name]
            for number in plan.work:
                archived, aim = plan.source.partitions[number], plan.aims[number]
                leader = wire.leader(plan.name, number)
                task = SendTask(
                    archived, plan.name, restore.topic_id, leader, aim.start, aim.there, *self._producers[plan.name],
                    tuple(self._asked.get(archived.key, ())),
                )  # fmt: skip
                loads.append(Load(task, leader, archived.bytes))
        return loads

    def _send(self, loads: Sequence[Load]) -> list[Sent]:
        """Let workers bring the records."""
        options = self._options
        tasks, processes = share_out(loads, options.parallel)
        options.progress.start("restoring topics", sum(load.item.archived.bytes for load in loads))
        with contextlib.closing(SharedRate(options.bytes_per_second)) as rate:
            job = SendJob(
                options.kafka,
                options.store,
                options.wish.source.backup_id,
                options.committed,
                options.skip_damaged,
                rate,
            )
            found = run_workers(tasks, partial(send, job), processes=processes, progress=options.progress)
        return [sent for share in found for sent in share]

    def _note_sent(self) -> None:
        """Journal that all records are there, and which offset became which."""
        maps = []
        for plan in self._plans:
            restore = self._restores[plan.name]
            found = {number: self._ran.sent[plan.name, number] for number in plan.work}
            for number, sent in found.items():
                restore.set_partition(number, records=sent.records, end=sent.map.end)
            restore.state = VERIFIED
            if found:
                maps.append(self._mapped(restore, found))
        save_offset_maps(self._journal.storage, self._journal.target, maps)
        save_all(self._restores.values())

    def _mapped(self, restore: TopicRestore, sent: Mapping[int, Sent]) -> MappedTopic:
        partitions = {number: MappedPartition(of.map.runs, of.map.end) for number, of in sent.items()}
        if restore.partitions.keys() - sent.keys():
            earlier = find_offset_map(self._journal.storage, self._journal.target, restore.topic)
            if earlier is not None and (earlier.topic_id, earlier.source) == (restore.topic_id, restore.source):
                partitions = {**earlier.partitions, **partitions}
        return MappedTopic(restore.topic, restore.topic_id, restore.source, partitions)
