# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the newest restore point with topics holds: what a backup of topics is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._archive.bases import Base
from .._archive.definitions import ArchivedTopic
from .._archive.group_offsets import GROUPS_KIND, ArchivedGroup, decode_groups, encode_groups
from .._archive.parts import GROUPS, TOPICS
from .._archive.points import LastRun, RestorePoint, newest_first
from .._archive.reader import PartReader
from .._archive.store import Store
from .._archive.topic_state import TopicState
from .._archive.topics_part import TopicsReader
from .._core.errors import Damaged


@dataclass(frozen=True)
class NewestTopics:
    """What the newest comparable restore point holds.

    Args:
        point: The restore point.
        definitions: How its topics were made, by name.
        groups: Its groups, by name.
        states: What it holds of each topic, by name.
    """

    point: RestorePoint
    definitions: Mapping[str, ArchivedTopic]
    groups: Mapping[str, ArchivedGroup]
    states: Mapping[str, TopicState]

    def scopes(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return what it was asked to hold of topics, and of groups."""
        return self.point.scope[TOPICS], self.point.scope[GROUPS]

    def has_same(
        self, definitions: Mapping[str, ArchivedTopic], groups: Mapping[str, ArchivedGroup], states: list[TopicState]
    ) -> bool:
        """Tell whether it holds the very same."""
        return (
            self.definitions == definitions
            and self.states == {state.topic: state for state in states}
            and encode_groups(self.groups.values()) == encode_groups(groups.values())
        )


def newest_topics(store: Store, backup_id: str, bases: Mapping[str, Base], *, complete: bool) -> NewestTopics | None:
    """Return the newest restore point with topics or groups, if it has both; one that is damaged is as good as none.

    Args:
        store: Where to look.
        backup_id: The backup; it need not exist.
        bases: What is known of topics' states already.
        complete: Whether only complete restore points count, as they do for a complete one.
    """
    try:
        for point in newest_first(store, backup_id):
            if {TOPICS, GROUPS}.isdisjoint(point.parts) or (complete and not point.complete):
                continue
            if not {TOPICS, GROUPS} <= point.parts.keys():
                return None
            reader = TopicsReader(store, point)
            definitions = reader.definitions()
            states = {name: base.state for name, base in bases.items() if base.point.sequence == point.sequence}
            if states.keys() != definitions.keys():
                states = {state.topic: state for state in reader.states()}
            return NewestTopics(point, definitions, _groups(PartReader(store, point, GROUPS)), states)
    except Damaged:
        return None
    return None


def archived_at(base: Base, last_run: LastRun | None) -> datetime:
    """Return when a topic was last found to be as its base has it.

    Args:
        base: The base.
        last_run: What the last runs did.
    """
    confirmed = last_run.confirmed.get(TOPICS) if last_run is not None else None
    if confirmed is not None and confirmed.restore_point == base.point.sequence:
        return max(confirmed.at, base.point.opened_at)
    return base.point.opened_at


def _groups(reader: PartReader) -> dict[str, ArchivedGroup]:
    for entry in reader.entries():
        if entry.facts.get("kind") == GROUPS_KIND:
            return decode_groups(reader.read(entry), reader.path(entry.file))
    raise Damaged(f"{reader.path('')} has no document of groups.", object_name=GROUPS)
