# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offsets of groups, restored on a real broker: each group goes on with the record that it would have read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from testbed.copies import Copies
from testbed.groups import PROTOCOLS, commit, member, share_member
from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.reading import Contents
from testbed.records import numbered, send, send_in_transactions

Offsets = dict[tuple[str, int], int]


class Bed:
    """A topic with holes in its offsets, and groups that have read some of it."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.client = kafka.client
        self.copies = Copies(kafka, folder / "store", prefix=f"{folder.name}-")
        self.source = f"{folder.name}.source"
        self.target = self.copies.name(self.source)
        self.copies.topics.create(self.source, 2)
        for turn in range(3):
            steps = [("commit", numbered(6, partitions=2, first=turn * 100)), ("abort", numbered(5, first=turn))]
            send_in_transactions(self.client, self.source, *steps)
        send(self.client, self.source, numbered(10, partitions=2, first=900))

    def group(self, name: str) -> str:
        return f"{self.source}.{name}"

    def commit(self, name: str, offsets: dict[int, int], **options: Any) -> str:
        commit(self.client, self.group(name), {(self.source, number): of for number, of in offsets.items()}, **options)
        return self.group(name)

    def back_up(self) -> None:
        self.copies.back_up(self.source, groups=[f"{self.source}.*"], exclude_groups=[])

    def options(self, **more: Any) -> dict[str, Any]:
        return self.copies.restore_options(self.source, **{"groups": ["*"], "exclude_groups": [], **more})

    def restore(self, **more: Any) -> dict[str, Any]:
        return run_module("topic_restore", **self.options(**more)).succeeded()

    def committed(self, group: str, partitions: int = 2) -> dict[int, tuple[int, str]]:
        """What a group has committed at the target."""
        consumer = Consumer({**self.client, "group.id": group})
        try:
            wanted = [TopicPartition(self.target, number) for number in range(partitions)]
            found = consumer.committed(wanted, timeout=30)
            return {each.partition: (each.offset, each.metadata or "") for each in found if each.offset >= 0}
        finally:
            consumer.close()

    def right(self, contents: Contents, number: int, offset: int) -> int:
        """As many committed records lie before a restored offset as before the one at the source."""
        return sum(record.offset < offset for record in contents[number])


@pytest.fixture
def bed(kafka: Kafka, tmp_path: Path) -> Bed:
    return Bed(kafka, tmp_path)


def test_groups_go_on_where_they_were(bed: Bed) -> None:
    contents = bed.copies.contents(bed.source)
    marks = bed.copies.marks(bed.source)
    offsets = {number: {number % 2: offset} for number, offset in enumerate(range(max(marks.values()) + 1))}
    groups = {
        number: bed.commit(f"g{number}", found, metadata=f"said {number}")
        for number, found in offsets.items()
        if all(offset <= marks[partition] for partition, offset in found.items())
    }
    both = bed.commit("both", {0: 4, 1: marks[1]}, protocol="consumer")
    bed.back_up()
    check = run_module("topic_restore", check=True, **bed.options()).succeeded()
    done = bed.restore()
    assert done["groups"]["groups"] == check["groups"]["groups"] == len(groups) + 1
    assert done["groups"]["offsets"] == check["groups"]["offsets"] == len(groups) + 2
    for number, group in groups.items():
        right = {part: bed.right(contents, part, offset) for part, offset in offsets[number].items()}
        assert bed.committed(group) == {part: (offset, f"said {number}") for part, offset in right.items()}
    assert bed.committed(both) == {0: (bed.right(contents, 0, 4), ""), 1: (len(contents[1]), "")}
    again = bed.restore()
    assert not again["changed"]
    assert (again["groups"]["offsets"], again["groups"]["unchanged"]) == (0, len(groups) + 2)


def test_offsets_are_translated_without_a_map_too(bed: Bed) -> None:
    """The journal keeps the map; where it is lost, the archive tells it."""
    contents = bed.copies.contents(bed.source)
    group = bed.commit("later", {0: 9, 1: 2})
    bed.back_up()
    done = bed.restore(groups=[])
    assert done["groups"]["offsets"] == 0
    for path in Path(done["offset_map_folder"]).iterdir():
        path.unlink()
    second = bed.restore()
    assert (second["changed"], second["topics"]["records"], second["groups"]["offsets"]) == (True, 0, 2)
    assert bed.committed(group) == {number: (bed.right(contents, number, of), "") for number, of in ((0, 9), (1, 2))}


def test_groups_alone_are_restored_where_their_topics_were(bed: Bed) -> None:
    contents = bed.copies.contents(bed.source)
    group = bed.commit("alone", {0: 9, 1: 2})
    bed.back_up()

    def refused(**more: Any) -> str:
        told = run_module("topic_restore", **bed.options(only_groups=True, **more)).failed()
        return f"{told['failure']['code']} {told['msg']}"

    assert refused().startswith("not_restored")
    assert "it is not there" in refused()
    assert bed.target not in bed.copies.topics.names()
    assert refused(groups=[]).startswith("invalid_option")
    bed.restore(groups=[], partitions=[0])
    assert "has left out partitions" in refused()
    bed.restore(groups=[])
    send(bed.client, bed.target, numbered(4, partitions=2))  # its own producers are at work again
    bed.commit("alone", {0: 10})
    bed.back_up()
    assert "restore point 1 of the backup 'prod' (isolation: committed)" in refused(restore_point="2")
    done = bed.restore(only_groups=True, restore_point="1")
    assert (done["changed"], done["topics"]["records"], done["groups"]["offsets"]) == (True, 0, 2)
    assert bed.committed(group) == {number: (bed.right(contents, number, of), "") for number, of in ((0, 9), (1, 2))}
    assert not bed.restore(only_groups=True, restore_point="1")["changed"]
    bed.copies.topics.recreate(bed.target)
    assert "this journal knows of no restore into it" in refused(restore_point="1")


def test_what_a_group_has_read_at_the_target_stays_unless_it_is_to_be_set_back(bed: Bed) -> None:
    contents = bed.copies.contents(bed.source)
    group = bed.commit("ahead", {0: 9, 1: 2})
    bed.back_up()
    bed.restore(groups=[])
    commit(bed.client, group, {(bed.target, 0): 1})
    kept = bed.restore()
    assert kept["groups"]["kept"] == [
        {"group": group, "topic": bed.target, "partition": 0, "offset": 1, "archived": bed.right(contents, 0, 9)}
    ]
    assert any("group_offsets: overwrite" in warning for warning in kept["warnings"])
    assert bed.committed(group)[0] == (1, "")
    told = run_module("topic_restore", diff=True, **bed.options(group_offsets="overwrite")).succeeded()
    right = bed.right(contents, 0, 9)
    assert bed.committed(group)[0] == (right, "")
    assert told["diff"]["before"] == {f"group {group}": {f"{bed.target}/0": 1}}
    assert told["diff"]["after"] == {f"group {group}": {f"{bed.target}/0": right}}


def test_offsets_beyond_the_restore_point_become_its_end(bed: Bed) -> None:
    group = bed.commit("beyond", {0: 2, 1: 10_000})
    bed.copies.topics.trim(bed.source, {0: 5})
    bed.back_up()
    contents = bed.copies.contents(bed.source)
    done = bed.restore()
    assert done["groups"]["clamped"] == 2
    assert bed.committed(group) == {0: (0, ""), 1: (len(contents[1]), "")}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_groups_with_members_are_refused_before_anything_is_written(bed: Bed, protocol: str) -> None:
    group = bed.commit("busy", {0: 3})
    bed.back_up()
    with member(bed.client, group, bed.source, protocol):
        for check in (True, False):
            told = run_module("topic_restore", check=check, **bed.options()).failed()
            assert told["failure"] == {"code": "has_members", "object": group}
            assert f"{group} (1)" in told["msg"]
        assert bed.target not in bed.copies.topics.names()
        bed.restore(exclude_groups=["*.busy"])
    bed.restore()
    with member(bed.client, group, bed.source, protocol):
        assert not bed.restore()["changed"]  # nothing is to be set, so nobody is in the way


def test_only_selected_groups_come_back_and_other_types_are_listed(bed: Bed) -> None:
    mine, other = bed.commit("mine", {0: 3}), bed.commit("other", {0: 3})
    shared = bed.group("shared")
    with share_member(bed.client, shared, bed.source):
        bed.back_up()
    done = bed.restore(groups=["*.mine", "*.shared"])
    assert done["groups"]["not_restored"] == [{"group": shared, "type": "share"}]
    assert (bool(bed.committed(mine)), bool(bed.committed(other))) == (True, False)
    told = run_module("topic_restore", **bed.options() | {"groups": [mine, "nobody"]}).failed()
    assert told["failure"] == {"code": "not_found", "object": "nobody"}


def test_offsets_of_partitions_that_are_not_restored_are_left_out(bed: Bed) -> None:
    group = bed.commit("partly", {0: 3, 1: 4})
    bed.back_up()
    done = bed.restore(partitions=[1])
    assert (done["groups"]["offsets"], done["groups"]["left_out"]) == (1, 1)
    assert list(bed.committed(group)) == [1]
