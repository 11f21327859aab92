# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which offsets groups get at the target."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import ArchivedGroup, ArchivedOffset
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import FIRST, PartitionState
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.groups import Committed
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_partitions import ArchivedPartition
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.offset_map import OffsetMap, plain_map
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_groups import GroupsWish

PARTITIONS = {
    ("orders", number): ArchivedPartition("orders", PartitionState(number, "0" * 16, FIRST, 100, 200, 0, None), ())
    for number in range(2)
}
MAPS = OffsetMap({key: plain_map(100, 200, 1000 * key[1]) for key in PARTITIONS})


def group(offsets: Sequence[tuple[str, int, int]], name: str = "billing", kind: str = "classic") -> ArchivedGroup:
    said = tuple(ArchivedOffset(topic, number, offset, 5, f"said {offset}") for topic, number, offset in offsets)
    return ArchivedGroup(name, kind, "consumer", said)


def wish(*groups: ArchivedGroup, overwrite: bool = False) -> GroupsWish:
    return GroupsWish(groups, {"orders": "copy"}, PARTITIONS, overwrite)


def test_offsets_are_translated_and_lose_their_epochs() -> None:
    plan = wish(group([("orders", 0, 130), ("orders", 1, 200)])).plan(MAPS, {})
    assert plan.sets == {
        "billing": {("copy", 0): Committed(30, None, "said 130"), ("copy", 1): Committed(1100, None, "said 200")}
    }
    assert (plan.values()["groups"], plan.values()["offsets"], plan.clamped) == (1, 2, 0)
    assert plan.changed


def test_offsets_outside_of_the_restore_point_are_moved_to_its_ends() -> None:
    archived = ArchivedOffset("orders", 1, 200, None, "", clamped_from=230)
    early = group([("orders", 0, 7)])
    late = ArchivedGroup("late", "consumer", "consumer", (archived, archived._replace(partition=0, clamped_from=None)))
    plan = wish(early, late).plan(MAPS, {})
    assert plan.sets["billing"]["copy", 0].offset == 0
    assert [committed.offset for committed in plan.sets["late"].values()] == [1100, 100]
    assert plan.clamped == 2


def test_what_is_not_restored_is_left_out() -> None:
    others = [group([], name, kind) for name, kind in (("workers", "share"), ("app", "streams"))]
    plan = wish(group([("orders", 0, 130), ("orders", 2, 130), ("payments", 0, 1)]), *others).plan(MAPS, {})
    assert plan.left_out == 2
    assert plan.values()["not_restored"] == [{"group": "workers", "type": "share"}, {"group": "app", "type": "streams"}]
    assert wish(group([("payments", 0, 1)])).concerned() == []


def test_where_a_group_has_read_on_it_stays_unless_it_is_to_be_set_back() -> None:
    archived = group([("orders", 0, 130), ("orders", 1, 130)])
    target = {"billing": {("copy", 0): Committed(77), ("copy", 1): Committed(1030)}}
    kept = wish(archived).plan(MAPS, target)
    assert (kept.sets, kept.same, kept.changed) == ({}, 1, False)
    assert kept.values()["kept"] == [
        {"group": "billing", "topic": "copy", "partition": 0, "offset": 77, "archived": 30}
    ]
    assert any("group_offsets: overwrite" in warning for warning in kept.warnings())
    forced = wish(archived, overwrite=True).plan(MAPS, target)
    assert forced.sets == {"billing": {("copy", 0): Committed(30, None, "said 130")}}
    assert forced.kept == []


def test_what_is_only_known_later_counts_as_a_change() -> None:
    plan = wish(group([("orders", 0, 130), ("orders", 1, 130)])).plan(
        OffsetMap({}), {"billing": {("copy", 1): Committed(3)}}
    )
    assert plan.unknown == {"billing": [("copy", 0)]}
    assert plan.kept == [("billing", "copy", 1, 3, None)]
    assert plan.changed
    assert plan.written == ["billing"]


def test_offsets_that_must_be_translated_are_asked_for() -> None:
    asked = wish(group([("orders", 0, 130), ("orders", 1, 9)]), group([("orders", 0, 999)], "late")).asked()
    assert asked == {("orders", 0): {130, 200}, ("orders", 1): {100}}
