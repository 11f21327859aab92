# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore decides for each topic: whether it is created, filled, gone on with, or already as it should be.

Pure: what the archive, the target and the journal say is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .._archive.definitions import ArchivedTopic
from .._archive.restores import DONE, PartitionRestore, RestoreSource, TopicRestore
from .._core.counting import named
from .._core.errors import KafkaError, LifeboatError, Refused
from .._core.kafka_names import TopicPartition
from .._kafka.admin import TopicDefinition
from .._records.batch import Batch
from .archived_partitions import ArchivedPartition
from .partition_send import foreign_records
from .restore_configs import held_configs
from .restore_give_up import how_to_give_up

CREATE = "create"
FILL = "fill"
APPEND = "append"
GO_ON = "go_on"
NOTHING = "nothing"

ACTIONS = (CREATE, FILL, APPEND, GO_ON, NOTHING)
"""A topic is created; it is there and empty; it has other records, behind which these go; an earlier run began; it is
already restored."""

_SEQUENCES = 1 << 31


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Args:
        source: Where from, but for the topic.
        rules: What tells which records are sent; JSON values.
        append: Whether topics that have other records get these behind them.
    """

    source: RestoreSource
    rules: Mapping[str, Any]
    append: bool


@dataclass(frozen=True)
class SourceTopic:
    """A topic of the restore point.

    Args:
        archived: How it was made.
        partitions: What is restored of it, by number.
    """

    archived: ArchivedTopic
    partitions: Mapping[int, ArchivedPartition]


@dataclass(frozen=True)
class TargetTopic:
    """What the target has under the name of a topic.

    Args:
        name: The name.
        definition: How it is made; None where there is none.
        ends: The first offset and the end of each partition, or why they cannot be read.
        restore: What the journal says of an earlier restore into it.
        last: The header of each last batch that was looked at.
    """

    name: str
    definition: TopicDefinition | None
    ends: Mapping[int, tuple[int, int] | KafkaError]
    restore: TopicRestore | None
    last: Mapping[int, Batch]


class Aim(NamedTuple):
    """What is to become of a partition.

    Args:
        start: The target's offset of its first record.
        there: How many records are there already.
        is_done: Whether all are, as an earlier run has found.
        newer: How many offsets there are behind those.
    """

    start: int
    there: int = 0
    is_done: bool = False
    newer: int = 0


@dataclass(frozen=True)
class TopicPlan:
    """What is to become of a topic.

    Args:
        source: What the restore point holds.
        target: What the target has.
        action: One of `ACTIONS`.
        aims: What is to become of its partitions.
        restore: The earlier restore that it goes on with, or whose configs it takes over.
    """

    source: SourceTopic
    target: TargetTopic
    action: str
    aims: Mapping[int, Aim]
    restore: TopicRestore | None = None

    @property
    def name(self) -> str:
        """The topic's name at the target."""
        return self.target.name

    @cached_property
    def work(self) -> list[int]:
        """The partitions that are not done."""
        return [number for number, aim in self.aims.items() if not aim.is_done]

    @property
    def is_created(self) -> bool:
        """Whether it is, or was, created for this restore."""
        return self.action == CREATE or (self.restore is not None and self.restore.created)

    @property
    def partitions(self) -> list[ArchivedPartition]:
        """What is to be sent, or completed."""
        return [self.source.partitions[number] for number in self.work]


def ends_to_look_at(
    restores: Iterable[TopicRestore], ends: Mapping[TopicPartition, tuple[int, int] | KafkaError]
) -> dict[TopicPartition, int]:
    """Return where batches lie that tell whether somebody else has written what is at the target.

    These are the last ones of partitions that an earlier run has begun to restore; and where topics have no ids, the
    first ones of those that it has ended to restore.

    Args:
        restores: What the journal says of topics that are still there.
        ends: The first offset and the end of each partition.
    """
    found = {}
    for restore in restores:
        for number, partition in restore.partitions.items():
            end = ends.get((restore.topic, number))
            if not isinstance(end, tuple):
                continue
            if not partition.done and end[1] > max(partition.start, end[0]):
                found[restore.topic, number] = end[1] - 1
            elif not restore.topic_id and end[0] <= partition.start < min(partition.end or 0, end[1]):
                found[restore.topic, number] = partition.start
    return found


def plan_topic(source: SourceTopic, target: TargetTopic, wish: Wish) -> TopicPlan:
    """Decide what is to become of a topic.

    Raises:
        Refused: It cannot be restored to as it is; the message says what to do.
        VerificationFailed: Somebody else has written to it since an earlier run began.
        KafkaError: One of its partitions cannot be read.
    """
    definition = target.definition
    if definition is None:
        return TopicPlan(source, target, CREATE, {number: Aim(0) for number in source.partitions})
    if definition.partitions != source.archived.partitions:
        raise Refused(
            f"Topic {target.name!r} has {definition.partitions} partitions at the target, and {source.archived.name!r} "
            f"had {source.archived.partitions} when it was backed up. Keys would not be found in their partitions. "
            "Name another topic with topic_mapping, or delete this one.",
            code="partitions_differ",
            object_name=target.name,
        )
    ends = {number: _ends(target, number) for number in source.partitions}
    restore = before = _ours(target, definition)
    if restore is not None and not _is_same(restore, source, wish):
        _check_replaceable(restore, target, wish)
        restore = None if restore.state == DONE else _emptied(restore)
    if target.restore is None or target.restore.topic_id != definition.topic_id:
        _check_not_held(target.name, definition, restore)
    aims = {}
    appended = False
    for number, (earliest, latest) in ends.items():
        begun = restore.partitions.get(number) if restore is not None else None
        if restore is None or begun is None:
            appended = appended or earliest < latest
            aims[number] = Aim(latest)
        else:
            aims[number] = _go_on(target, restore, number, begun, (earliest, latest))
    if appended and not wish.append:
        raise Refused(
            _has_records(target.name, before if restore is None else None), code="has_records", object_name=target.name
        )
    return TopicPlan(source, target, _action(restore, aims, appended), aims, restore)


def _has_records(topic: str, before: TopicRestore | None) -> str:
    """Say why nothing is put behind the records of a topic, and what else can be done."""
    if before is not None:
        source = before.source
        return (
            f"Topic {topic!r} is there already: it was restored from restore point {source.restore_point} of the "
            f"backup {source.backup_id!r}. A restored topic is not brought up to date, since its records would come "
            "twice. Delete it to restore another restore point, name another topic with topic_mapping, or leave it out "
            "with exclude_topics."
        )
    return (
        f"Topic {topic!r} is there already, and has records that this restore has not brought. Restore only what is "
        "missing, with topics or exclude_topics; name another topic with topic_mapping; delete this one; or put the "
        "records behind its own with on_existing: append."
    )


def what_is_restored(restore: TopicRestore) -> str:
    """Say what a restore brings, in the words in which it is asked for."""
    of = restore.source
    how = ", ".join(f"{name}: {value}" for name, value in sorted(restore.rules.items()) if value is not None)
    return f"topic {of.topic!r}, restore point {of.restore_point} of the backup {of.backup_id!r} ({how})"


def first_problem(problems: Mapping[str, LifeboatError]) -> LifeboatError:
    """Return the first of the reasons why topics cannot be restored to, with a word about the others."""
    topics = list(problems)
    error = problems[topics[0]]
    if len(topics) > 1:
        error.message += f" {len(topics) - 1} more topics cannot be restored either: {named(topics[1:], 5)}."
    return error


def _action(restore: TopicRestore | None, aims: Mapping[int, Aim], appended: bool) -> str:
    if restore is not None and restore.partitions:
        is_done = restore.state == DONE and all(aim.is_done for aim in aims.values())
        return NOTHING if is_done else GO_ON
    return APPEND if appended else FILL


def _ends(target: TargetTopic, number: int) -> tuple[int, int]:
    found = target.ends[number]
    if isinstance(found, KafkaError):
        raise found
    return found


def _ours(target: TargetTopic, definition: TopicDefinition) -> TopicRestore | None:
    """Return the journaled restore, if it is one into the very topic that is there."""
    restore = target.restore
    if restore is None or restore.topic_id == definition.topic_id:
        return None if restore is None or _is_made_anew(target, restore) else restore
    if restore.topic_id or not restore.created:
        return None
    # A run was killed after it had asked for the topic, and before it knew of it.
    is_empty = all(earliest == latest for earliest, latest in (_ends(target, number) for number in target.ends))
    is_held = all(definition.configs.get(name) is not None for name in restore.held)
    return restore if is_empty and is_held else None


def _is_made_anew(target: TargetTopic, restore: TopicRestore) -> bool:
    """Tell whether others have written what lies where a restore has ended, in a cluster whose topics have no ids."""
    if restore.topic_id:
        return False
    first = [(begun.start, target.last.get(number)) for number, begun in restore.partitions.items() if begun.done]
    return any(
        batch is not None
        and batch.base_offset <= start < batch.next_offset
        and (batch.producer_id, batch.producer_epoch) != (restore.producer_id, restore.producer_epoch)
        for start, batch in first
    )


def _check_not_held(topic: str, definition: TopicDefinition, restore: TopicRestore | None) -> None:
    """Refuse a topic that a restore has left half-way, of which this journal knows nothing."""
    held = held_configs(definition.effective)
    if restore is None and held.items() <= definition.configs.items():
        raise Refused(
            f"Topic {topic!r} has all the configs that a topic has only while it is restored to "
            f"({', '.join(f'{name}={value}' for name, value in sorted(held.items()))}), and this journal knows of no "
            "such restore. One was interrupted, and its journal lies elsewhere or is lost. Go on with it by its own "
            "store or journal, or delete the topic to begin anew. To keep the topic, give it its own configs back "
            "first, retention.ms above all.",
            code="held_configs",
            object_name=topic,
        )


def _is_same(restore: TopicRestore, source: SourceTopic, wish: Wish) -> bool:
    wanted = RestoreSource(wish.source.store_id, wish.source.backup_id, wish.source.restore_point, source.archived.name)
    return restore.source == wanted and restore.rules == wish.rules


def _check_replaceable(restore: TopicRestore, target: TargetTopic, wish: Wish) -> None:
    """Refuse to begin another restore where an unfinished one has brought records."""
    if restore.state == DONE:
        return
    for number, begun in restore.partitions.items():
        end = target.ends.get(number)
        if begun.done or (isinstance(end, tuple) and end[1] > begun.start):
            raise Refused(
                f"A restore into topic {target.name!r} is not finished: of {what_is_restored(restore)}. Go on with it "
                f"by asking for the same, or {how_to_give_up(restore)}.",
                code="unfinished_restore",
                object_name=target.name,
                backup_id=restore.source.backup_id,
                restore_point=restore.source.restore_point,
            )


def _emptied(restore: TopicRestore) -> TopicRestore:
    """Return what stays of an unfinished restore that has brought nothing: the configs that it holds."""
    return TopicRestore(
        storage=restore.storage,
        target=restore.target,
        topic=restore.topic,
        topic_id=restore.topic_id,
        source=restore.source,
        rules=restore.rules,
        created=restore.created,
        held=dict(restore.held),
        final=dict(restore.final),
    )


def _go_on(
    target: TargetTopic, restore: TopicRestore, number: int, begun: PartitionRestore, ends: tuple[int, int]
) -> Aim:
    """Decide how a partition is gone on with that an earlier run has begun."""
    earliest, latest = ends
    if begun.end is not None:
        if latest < begun.end:
            raise _lost(target.name, number, f"it ended at offset {begun.end}, and ends at {latest} now")
        return Aim(begun.start, begun.end - begun.start, is_done=True, newer=latest - begun.end)
    there = latest - begun.start
    if there < 0 or (there and earliest > begun.start):
        raise _lost(target.name, number, f"it holds offsets {earliest} to {latest}, and it began at {begun.start}")
    if there:
        _check_last(target, restore, number, there, latest)
    return Aim(begun.start, there)


def _check_last(target: TargetTopic, restore: TopicRestore, number: int, there: int, latest: int) -> None:
    """Make sure that the last batch of a partition is one of the restore's own producer, with the right number."""
    last = target.last.get(number)
    if last is None or last.next_offset != latest:
        raise foreign_records(target.name, number, latest, "its last batch does not end there")
    if (last.producer_id, last.producer_epoch) != (restore.producer_id, restore.producer_epoch):
        raise foreign_records(target.name, number, last.base_offset, "another producer has written that batch")
    if (last.base_sequence + last.count - there) % _SEQUENCES:
        raise foreign_records(target.name, number, last.base_offset, "it is not the batch that belongs there")


def _lost(topic: str, number: int, why: str) -> Refused:
    return Refused(
        f"Records that an earlier run has restored to topic {topic!r}, partition {number}, are gone: {why}.",
        code="records_lost",
        object_name=f"{topic}/{number}",
    )
