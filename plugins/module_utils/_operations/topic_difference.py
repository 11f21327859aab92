# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of topics changes, for people: offsets of partitions and groups before and after, bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeAlias

from .._archive.definitions import ArchivedTopic
from .._archive.group_offsets import ArchivedGroup
from .._archive.topic_state import PartitionState, TopicState
from .._core.change import Difference, omitted

_SHOWN = 100
_SHOWN_OFFSETS = 20

_Line: TypeAlias = "tuple[str, Any, Any]"


def difference(
    definitions: tuple[Mapping[str, ArchivedTopic], Mapping[str, ArchivedTopic]],
    states: tuple[Mapping[str, TopicState], Mapping[str, TopicState]],
    groups: tuple[Mapping[str, ArchivedGroup], Mapping[str, ArchivedGroup]],
) -> Difference:
    """Render what differs.

    Args:
        definitions: How topics were made, before and after, by name.
        states: What is archived of them, before and after, by name.
        groups: The groups, before and after, by name.
    """
    lines = _differing([*_states(*states), *_definitions(*definitions), *_groups(*groups)])
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, old, new in islice(lines, _SHOWN):
        before |= {name: old} if old is not None else {}
        after |= {name: new} if new is not None else {}
    return Difference(before, after | omitted(sum(1 for _line in lines), "difference"))


def _differing(lines: Iterable[_Line]) -> Iterator[_Line]:
    return (line for line in lines if line[1] != line[2])


def _states(before: Mapping[str, TopicState], after: Mapping[str, TopicState]) -> Iterator[_Line]:
    for topic in sorted({*before, *after}):
        old, new = (
            {of.partition: of for of in side[topic].partitions} if topic in side else {} for side in (before, after)
        )
        for partition in sorted({*old, *new}):
            yield f"topic {topic} partition {partition}", _range(old.get(partition)), _range(new.get(partition))


def _range(state: PartitionState | None) -> str | None:
    if state is None:
        return None
    missing = ", not available" if state.unavailable else ""
    return f"offsets {state.start} to {state.next} of lineage {state.lineage}{missing}"


def _definitions(before: Mapping[str, ArchivedTopic], after: Mapping[str, ArchivedTopic]) -> Iterator[_Line]:
    for topic in sorted({*before, *after}):
        yield f"definition of topic {topic}", _made(before.get(topic)), _made(after.get(topic))


def _made(topic: ArchivedTopic | None) -> dict[str, Any] | None:
    if topic is None:
        return None
    return {
        "partitions": topic.partitions,
        "replication_factor": topic.replication_factor,
        "configs": dict(sorted(topic.configs.items())),
    }


def _groups(before: Mapping[str, ArchivedGroup], after: Mapping[str, ArchivedGroup]) -> Iterator[_Line]:
    for group in sorted({*before, *after}):
        old, new = (_offsets(side[group]) if group in side else None for side in (before, after))
        if old is not None and new is not None:
            changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)][:_SHOWN_OFFSETS]
            old, new = ({name: side[name] for name in changed if name in side} for side in (old, new))
        yield f"group {group}", _first(old), _first(new)


def _offsets(group: ArchivedGroup) -> dict[str, int]:
    return {f"{offset.topic}/{offset.partition}": offset.offset for offset in group.offsets}


def _first(offsets: dict[str, int] | None) -> dict[str, int] | None:
    return None if offsets is None else dict(islice(offsets.items(), _SHOWN_OFFSETS))
