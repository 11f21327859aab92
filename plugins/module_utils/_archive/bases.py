# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What increments of topics begin from: the newest restore point that holds each topic, and can be read."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core.errors import Damaged
from .._core.kafka_names import TopicPartition
from .coverage import Coverage
from .layout import backup_folder
from .parts import TOPICS, Entry
from .points import RestorePoint, read_point, sequences
from .reader import PartReader
from .store import Store
from .topic_state import TopicState
from .topics_index import TopicsIndex, is_topic

_SIZES_KNOWN = 10_000


@dataclass(frozen=True)
class Base:
    """What an increment of a topic begins from.

    Args:
        point: The restore point.
        state: What it holds of the topic. Partitions are left out whose slices cannot all be read any more: what the
            source still has of them is to be archived anew.
        entry: The index entry of the state.
        whole: Whether no partition was left out.
    """

    point: RestorePoint
    state: TopicState
    entry: Entry
    whole: bool = True


def find_bases(
    store: Store,
    backup_id: str,
    wanted: Collection[str],
    *,
    selects: Callable[[Mapping[str, Any], str], bool] | None = None,
) -> dict[str, Base]:
    """Find for each topic the newest restore point that holds it, complete or not.

    What cannot be read is passed over: it is no reason not to make a new backup.

    Args:
        store: Where to look.
        backup_id: The backup; it need not exist.
        wanted: The topics' names.
        selects: Tells whether a scope of the part would have taken a topic. A topic that a complete restore point
            lacks although its scope takes it did not exist then, so that older points need not be searched for it.

    Returns:
        The bases by topic; topics without one are left out.

    Raises:
        UnsupportedFormat: The backup was written to by a newer release.
    """
    left = set(wanted)
    bases: dict[str, Base] = {}
    searched: set[str] = set()
    for sequence in reversed(sequences(store, backup_id)):
        if not left:
            break
        try:
            point = read_point(store, backup_id, sequence)
            if TOPICS not in point.parts:
                continue
            index = TopicsIndex(PartReader(store, point, TOPICS))
        except Damaged:
            continue
        found = {base.state.topic: base for base in _states(index, point, left, searched)}
        bases.update(_readable(store, index, found))
        left -= found.keys()
        if selects is not None and point.complete:
            left -= {topic for topic in left if selects(point.scope[TOPICS], topic)}
    return bases


def _states(index: TopicsIndex, point: RestorePoint, wanted: Collection[str], searched: set[str]) -> Iterator[Base]:
    """Yield what a restore point says of the wanted topics; ``searched`` knows the pages that newer points share."""
    reader = index.reader
    for page in index.documents():
        if page.file in searched:
            continue
        searched.add(page.file)
        with contextlib.suppress(Damaged):
            for entry in index.entries_of(page):
                if is_topic(entry) and entry.facts["topic"] in wanted:
                    with contextlib.suppress(Damaged):
                        yield Base(point, TopicState.decode(reader.read(entry), reader.path(entry.file)), entry)


def _readable(store: Store, index: TopicsIndex, found: Mapping[str, Base]) -> dict[str, Base]:
    """Leave those partitions out that slices do not cover from end to end, or whose files are missing or cut off."""
    if not found:
        return {}
    folder = backup_folder(next(iter(found.values())).point.backup_id)
    size = functools.lru_cache(_SIZES_KNOWN)(store.storage.size)
    coverage = Coverage(base.state for base in found.values())
    broken = set()
    for _key, entry, _page in index.slices(lambda entry: coverage.needs(entry.facts), damaged=[]):
        gap = coverage.add(entry.facts)
        if gap is not None or (size(f"{folder}/{entry.file}") or 0) < entry.at + entry.length:
            broken.add((entry.facts["topic"], entry.facts["partition"]))
    broken |= {(gap.topic, gap.partition) for gap in coverage.missing()}
    return {topic: _without(base, broken) for topic, base in found.items()}


def _without(base: Base, broken: Collection[TopicPartition]) -> Base:
    kept = tuple(state for state in base.state.partitions if (base.state.topic, state.partition) not in broken)
    if len(kept) == len(base.state.partitions):
        return base
    return replace(base, state=replace(base.state, partitions=kept), whole=False)
