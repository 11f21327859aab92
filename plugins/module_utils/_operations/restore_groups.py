# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing back up to where groups had read: which offsets they get at the target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._archive.group_offsets import GROUPS_KIND, ArchivedGroup, ArchivedOffset, decode_groups
from .._archive.parts import GROUPS
from .._archive.points import RestorePoint
from .._archive.reader import PartReader
from .._archive.store import Store
from .._core.counting import named
from .._core.errors import KafkaError, NotFound, Refused
from .._core.kafka_names import TopicPartition
from .._core.selection import Selection
from .._kafka.admin import Admin
from .._kafka.group_offsets import Committed, Offsets
from .._kafka.groups import Group
from .archived_partitions import ArchivedPartition
from .bounded import ROOM, listed
from .offset_map import OffsetMap, PartitionMap
from .read_cluster import HAVE_OFFSETS

_ROOM = ROOM // 4  # of a result
_WITHOUT_MEMBERS = frozenset({"empty", "dead"})


def read_groups(store: Store, point: RestorePoint, selection: Selection | None) -> list[ArchivedGroup]:
    """Read the groups of a restore point.

    Args:
        store: Where it lies.
        point: The restore point.
        selection: Which groups; None for none.

    Raises:
        NotFound: It has no group that was named.
        Damaged, UnsupportedFormat: They cannot be read.
    """
    if selection is None:
        return []
    groups: dict[str, ArchivedGroup] = {}
    if GROUPS in point.parts:
        reader = PartReader(store, point, GROUPS)
        for entry in reader.entries():
            if entry.facts.get("kind") == GROUPS_KIND:
                groups |= decode_groups(reader.read(entry), reader.path(entry.file))
    try:
        return [groups[name] for name in selection.select(groups, what="group")]
    except NotFound as error:
        error.message += f" Restore point {point.sequence} of the backup {point.backup_id!r} has {len(groups)} groups."
        raise


@dataclass(frozen=True)
class GroupsWish:
    """What is asked for of groups.

    Args:
        groups: The archived groups.
        names: The target's name of each restored topic.
        partitions: What is restored.
        overwrite: Whether groups that have read elsewhere at the target are set back.
    """

    groups: Sequence[ArchivedGroup]
    names: Mapping[str, str]
    partitions: Mapping[TopicPartition, ArchivedPartition]
    overwrite: bool

    def asked(self) -> dict[TopicPartition, set[int]]:
        """Return the source offsets that have to be translated, by partition."""
        found: dict[TopicPartition, set[int]] = {}
        for _group, _said, partition in self._restored():
            found.setdefault(partition.key, set()).add(_within(_said, partition))
        return found

    def concerned(self) -> list[str]:
        """Return the groups that have an offset of something that is restored."""
        return sorted({group for group, _said, _partition in self._restored()})

    def plan(self, offsets: OffsetMap, target: Mapping[str, Offsets]) -> GroupsPlan:
        """Decide which offsets are set.

        Args:
            offsets: What is known of which offset becomes which.
            target: What the groups have committed at the target.
        """
        others = tuple((group.group, group.type) for group in self.groups if group.type not in HAVE_OFFSETS)
        plan = GroupsPlan(not_restored=others, left_out=sum(len(group.offsets) for group in self.groups))
        for group, said, partition in self._restored():
            archived = _within(said, partition)
            key = self.names[said.topic], said.partition
            there = target.get(group, {}).get(key)
            found = offsets.translate(*partition.key, archived)
            plan.left_out -= 1
            plan.clamped += said.clamped_from is not None or archived != said.offset
            if there is not None and found is not None and there.offset == found.offset:
                plan.same += 1
            elif there is not None and not self.overwrite:
                plan.kept.append((group, *key, there.offset, None if found is None else found.offset))
            elif found is None:
                plan.unknown.setdefault(group, []).append(key)
            else:
                plan.sets.setdefault(group, {})[key] = Committed(found.offset, None, said.metadata)
        return plan

    def _restored(self) -> Iterable[tuple[str, ArchivedOffset, ArchivedPartition]]:
        """Yield groups' offsets of what is restored."""
        for group in self.groups:
            for said in group.offsets if group.type in HAVE_OFFSETS else ():
                partition = self.partitions.get((said.topic, said.partition))
                if partition is not None:
                    yield group.group, said, partition


@dataclass
class GroupsPlan:
    """Which offsets groups get.

    Args:
        sets: What is set, by group.
        unknown: Partitions by group whose offset is only known when their records are there.
        kept: Group, topic, partition, the target's offset, and the one that it is not set to; None: not known yet.
        same: How many offsets are right already.
        clamped: How many lie outside of what the restore point holds, and are moved to its nearer end.
        left_out: How many are of partitions that are not restored.
        not_restored: Groups whose type's offsets are not brought back, and that type.
    """

    sets: dict[str, dict[TopicPartition, Committed]] = field(default_factory=dict)
    unknown: dict[str, list[TopicPartition]] = field(default_factory=dict)
    kept: list[tuple[str, str, int, int, int | None]] = field(default_factory=list)
    same: int = 0
    clamped: int = 0
    left_out: int = 0
    not_restored: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is set."""
        return bool(self.sets or self.unknown)

    @property
    def written(self) -> list[str]:
        """The groups that something is set of."""
        return sorted(self.sets.keys() | self.unknown.keys())

    def values(self) -> dict[str, Any]:
        """Return it as a module's result, bounded."""
        kept = (
            {"group": group, "topic": topic, "partition": number, "offset": there, "archived": wanted}
            for group, topic, number, there, wanted in self.kept
        )
        others = ({"group": group, "type": kind} for group, kind in self.not_restored)
        lists = listed({"kept": (kept, len(self.kept)), "not_restored": (others, len(self.not_restored))}, _ROOM)
        return {
            "groups": len(self.written),
            "offsets": sum(map(len, self.sets.values())) + sum(map(len, self.unknown.values())),
            "unchanged": self.same,
            "clamped": self.clamped,
            "left_out": self.left_out,
            **lists,
        }

    def warnings(self) -> Iterable[str]:
        """Yield what the user should know."""
        if self.kept:
            yield (
                f"{len(self.kept)} offsets of groups are left as the target has them, since the groups have read "
                "there. groups.kept tells which; group_offsets: overwrite sets them."
            )
        if self.not_restored:
            kinds = ", ".join(sorted({kind for _group, kind in self.not_restored}))
            yield (
                f"{len(self.not_restored)} groups of other types ({kinds}) are in the restore point, and are not "
                "restored; groups.not_restored tells which."
            )


@dataclass(frozen=True)
class PlannedGroups:
    """What is to become of groups, and from what it was found.

    Args:
        wish: What is asked for of them.
        maps: Which offset becomes which, by partitions of the archive, as far as it is known.
        committed: What the groups have committed at the target.
        plan: Which offsets they get.
    """

    wish: GroupsWish
    maps: Mapping[TopicPartition, PartitionMap]
    committed: Mapping[str, Offsets]
    plan: GroupsPlan


def plan_groups(admin: Admin, wish: GroupsWish, maps: Mapping[TopicPartition, PartitionMap]) -> PlannedGroups:
    """Read what groups have committed at the target, and decide which offsets they get.

    Raises:
        Refused: Some of those that get one have members.
        KafkaError: One of them cannot be asked.
    """
    committed = _read_committed(admin, wish.concerned())
    plan = wish.plan(OffsetMap(maps), committed)
    _refuse_members(admin, plan.written)
    return PlannedGroups(wish, maps, committed, plan)


def set_offsets(admin: Admin, plan: GroupsPlan) -> None:
    """Set what is planned.

    Raises:
        KafkaError: Some could not be set; run again.
    """
    for error in (admin.set_all_committed(plan.sets) if plan.sets else {}).values():
        if error is not None:
            raise error


def _read_committed(admin: Admin, groups: Sequence[str]) -> dict[str, Offsets]:
    found: dict[str, Offsets] = {}
    for group, offsets in (admin.all_committed(groups) if groups else {}).items():
        if isinstance(offsets, KafkaError):
            raise offsets
        found[group] = offsets
    return found


def _refuse_members(admin: Admin, groups: Sequence[str]) -> None:
    """Make sure that no group has members, which would set its offsets themselves."""
    busy: list[Group] = []
    for found in (admin.describe_groups(groups) if groups else {}).values():
        if isinstance(found, KafkaError):
            raise found
        if found.members or found.state not in _WITHOUT_MEMBERS:
            busy.append(found)
    if busy:
        shown = named([f"{group.group} ({group.members})" for group in busy], 5)
        raise Refused(
            f"{len(busy)} groups have members at the target, which set offsets themselves: {shown}. Stop their "
            "consumers until the restore has ended, or leave these groups out with exclude_groups.",
            code="has_members",
            object_name=busy[0].group,
        )


def _within(said: ArchivedOffset, partition: ArchivedPartition) -> int:
    """Return a group's offset, moved to the nearer end of what the restore point holds where it lies outside."""
    return min(max(said.offset, partition.state.start), partition.state.next)
