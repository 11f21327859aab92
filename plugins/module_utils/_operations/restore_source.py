# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What topics are restored from: the restore point that is chosen, and what it holds of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._archive.parts import GROUPS, TOPICS
from .._archive.points import LATEST, RestorePoint, find_point
from .._archive.restores import DONE, TopicRestore
from .._archive.slice_reader import SliceReader
from .._archive.store import Store
from .._archive.topic_state import TopicState
from .._archive.topics_part import TopicsReader
from .._core.counting import named
from .._core.errors import Damaged, InvalidOption, NotFound
from .._core.kafka_names import KAFKAS_TOPICS, TopicPartition, is_registry_topic, needs_naming, select_topics
from .._core.selection import Selection, is_literal
from .archived_partitions import ArchivedPartition, read_partitions, read_states
from .restore_plan import SourceTopic
from .topic_mapping import target_names

_SHOWN = 10


@dataclass(frozen=True)
class TopicsAsked:
    """Which topics of which backup are asked for, and under which names.

    Args:
        backup_id: The backup.
        restore_point: A number, or ``latest``.
        topics: Which topics.
        partitions: Which of their partitions; None for all.
        mapping: New names by old ones, as the user has written them.
    """

    backup_id: str
    restore_point: str
    topics: Selection
    partitions: Sequence[int] | None
    mapping: Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """What a restore point holds of the topics that were asked for.

    Args:
        store: Where it lies.
        point: The restore point.
        known: How many topics it holds in all.
        names: The target's name of each topic.
        topics: The topics, by their names in the restore point.
        states: What it says of them.
        remarks: What the user must know of it.
        goes_on: Whether it is that of a restore which an earlier run has begun, and which has not ended.
    """

    store: Store
    point: RestorePoint
    known: int
    names: Mapping[str, str]
    topics: Mapping[str, SourceTopic]
    states: Mapping[str, TopicState]
    remarks: tuple[str, ...]
    goes_on: bool

    @property
    def partitions(self) -> dict[TopicPartition, ArchivedPartition]:
        """All partitions, by their topics' names in the restore point."""
        return {found.key: found for topic in self.topics.values() for found in topic.partitions.values()}


def check_least(option: str, value: int, least: int) -> None:
    """Make sure that an option is not below a limit.

    Raises:
        InvalidOption: It is.
    """
    if value < least:
        raise InvalidOption(f"{option} must be {least} or more, not {value}.", object_name=option)


def read_source(store: Store, asked: TopicsAsked, *, groups: Selection | None, begun: Sequence[TopicRestore]) -> Source:
    """Choose the restore point, and read what it holds of the topics.

    Args:
        store: Where the backup lies.
        asked: What is asked for.
        groups: Which groups must be in it where they are named; None for none.
        begun: Restores that are journaled for the target. Where one of them is not finished, its restore point is gone
            on with when the latest one is asked for.

    Raises:
        NotFound: There is no such backup, restore point, topic or partition.
        InvalidOption, Refused: The names of the topics at the target are not possible.
        Damaged, UnsupportedFormat: The restore point cannot be read.
    """
    point, goes_on = _find_point(store, asked, groups, begun)
    reader = TopicsReader(store, point)
    archived = reader.definitions()
    selected = _select(asked.topics, archived, point)
    names = target_names(asked.mapping, selected, archived)
    states = read_states(reader, frozenset(selected))
    partitions = read_partitions(reader, point, states, asked.partitions)
    by_topic: dict[str, dict[int, ArchivedPartition]] = {name: {} for name in states}
    for (name, number), partition in partitions.items():
        by_topic[name][number] = partition
    topics = {name: SourceTopic(archived[name], by_topic[name]) for name in states}
    if asked.partitions is not None:
        _check_numbers(asked.partitions, topics)
    remarks = (
        [f"An earlier run has begun with restore point {point.sequence}, so it is gone on with."] if goes_on else []
    )
    remarks += _remarks(asked, point, archived, states)
    return Source(store, point, len(archived), names, topics, states, tuple(remarks), goes_on)


def damaged_files(store: Store, backup_id: str, partitions: Iterable[ArchivedPartition]) -> Iterator[Damaged]:
    """Yield what is wrong with slices, as far as the lengths of their files tell."""
    reader = SliceReader(store, backup_id)
    for partition in partitions:
        for piece in partition.slices:
            if piece.length and (damage := reader.damage(partition.entry(piece))) is not None:
                yield damage


def _find_point(
    store: Store, asked: TopicsAsked, groups: Selection | None, begun: Sequence[TopicRestore]
) -> tuple[RestorePoint, bool]:
    """Find the restore point, and tell whether it is taken since an earlier run has begun with it."""
    needs = [TOPICS]
    if groups is not None and any(map(is_literal, groups.include)):
        needs.append(GROUPS)

    missing: list[NotFound] = []

    def suits(point: RestorePoint) -> bool:
        try:
            return bool(select_topics(asked.topics, TopicsReader(store, point).definitions()))
        except NotFound as error:
            missing.append(error)
            return False

    unfinished = [
        restore.source.restore_point
        for restore in begun
        if restore.state != DONE
        and (restore.source.store_id, restore.source.backup_id) == (store.store_id, asked.backup_id)
        and asked.topics.matches(restore.source.topic)
        and _may_become(asked.mapping, restore)
    ]
    if asked.restore_point != LATEST or not unfinished:
        try:
            return find_point(store, asked.backup_id, asked.restore_point, needs, suits), False
        except NotFound as error:
            if missing:
                error.message = f"{missing[0].message} {error.message}"
            raise
    return find_point(store, asked.backup_id, max(unfinished), needs), True


def _may_become(mapping: Mapping[str, Any], restore: TopicRestore) -> bool:
    topic = restore.source.topic
    try:
        return target_names(mapping, [topic], [topic, *mapping])[topic] == restore.topic
    except InvalidOption:
        return False


def _select(selection: Selection, archived: Collection[str], point: RestorePoint) -> list[str]:
    where = f"restore point {point.sequence} of the backup {point.backup_id!r}"
    try:
        selected = select_topics(selection, archived)
    except NotFound as error:
        error.message += f" In {where} there are: {named(sorted(archived), _SHOWN) or 'none'}."
        raise
    if not selected:
        raise NotFound(f"No topic in {where} matches {', '.join(selection.include)}.", object_name=point.backup_id)
    return selected


def _check_numbers(numbers: Sequence[int], topics: Mapping[str, SourceTopic]) -> None:
    missing = set(numbers).difference(*(topic.partitions.keys() for topic in topics.values()))
    if missing:
        raise NotFound(
            f"None of the selected topics has a partition {min(missing)} in the restore point.",
            object_name=str(min(missing)),
        )


def _remarks(
    asked: TopicsAsked, point: RestorePoint, archived: Collection[str], states: Mapping[str, TopicState]
) -> Iterator[str]:
    idle = [] if asked.topics.include == ("*",) else asked.topics.idle_patterns(sorted(archived))
    if idle:
        yield f"No topic in restore point {point.sequence} matches {', '.join(idle)}."
    scope = point.scope[TOPICS]
    narrowed = {name: scope.get(name) for name in ("topics", "exclude_topics") if scope.get(name) not in (["*"], [])}
    if narrowed and asked.topics == Selection():
        told = ", ".join(f"{name}: {value}" for name, value in sorted(narrowed.items()))
        yield (
            f"Restore point {point.sequence} holds only the topics that it was asked to ({told}). Nothing else is "
            "restored; if more is wanted, name another restore point."
        )
    stale = [name for name, state in states.items() if any(of.unavailable for of in state.partitions)]
    if stale:
        yield (
            f"Partitions of {len(stale)} topics could not be read for restore point {point.sequence}, which holds what "
            f"an earlier one had of them: {named(stale, _SHOWN)}."
        )
    hidden = [name for name in sorted(filter(needs_naming, archived)) if name not in states]
    never = [name for name in hidden if is_registry_topic(name) or name in KAFKAS_TOPICS]
    if never:
        yield f"Topics of schema registries or of Kafka itself are never restored: {named(never, _SHOWN)}."
    unnamed = [name for name in hidden if name not in never and asked.topics.matches(name)]
    if unnamed:
        yield f"Topics whose names begin with __ are only restored when they are named: {named(unnamed, _SHOWN)}."
