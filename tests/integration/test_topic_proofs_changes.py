# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics that change between runs: written, trimmed, compacted, recreated, given more partitions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from testbed.copies import Copies, latest
from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.records import Message, Place, numbered, send, send_in_transactions
from testbed.topics import COMPACTED, Topics, compact


@pytest.fixture
def place(kafka: Kafka) -> Place:
    return Place.of(kafka)


def reasons(result: dict[str, Any]) -> dict[int, str]:
    """Why partitions begin anew, by partition."""
    return {each["partition"]: each["began"] for each in result["topics"]["new_lineages"]}


def restored_anew(copies: Copies, topic: str, turn: int) -> None:
    """Restore the newest point under a name of its own, and compare."""
    copies.prefix = f"{copies.prefix.rstrip('0123456789.')}{turn}."
    copies.restore(topic)
    copies.check(topic)


def test_increments_add_up(copies: Copies, place: Place) -> None:
    place.topics.create("grows", 3)
    points = set()
    for turn in range(4):
        batch = [message for message in numbered(60, partitions=3, first=turn * 60) if message.partition != turn]
        send(place.client, "grows", batch, compression_type="lz4")
        done = copies.back_up("grows")
        assert done["topics"]["records"] == len(batch)
        assert done["topics"]["new_lineages"] == []
        points.add(done["backup"]["restore_point"])
        restored_anew(copies, "grows", turn)
    assert len(points) == 4


def test_an_earlier_point_comes_back(copies: Copies, place: Place) -> None:
    place.topics.create("earlier", 2)
    send(place.client, "earlier", numbered(40, partitions=2))
    before, first = copies.contents("earlier"), copies.back_up("earlier")
    send_in_transactions(place.client, "earlier", ("commit", numbered(10, first=40)), ("abort", numbered(9, first=50)))
    copies.back_up("earlier")
    copies.restore("earlier", restore_point=first["backup"]["restore_point"])
    copies.check("earlier", before)
    restored_anew(copies, "earlier", 2)


def test_a_trimmed_head_is_normal_and_a_gap_begins_anew(copies: Copies, place: Place) -> None:
    place.topics.create("trimmed", 2)
    send(place.client, "trimmed", numbered(100, partitions=2))
    copies.back_up("trimmed")
    send(place.client, "trimmed", numbered(20, partitions=2, first=100))
    place.topics.trim("trimmed", {0: 30})
    second = copies.back_up("trimmed")
    assert reasons(second) == {}
    assert second["topics"]["records"] == 20
    restored_anew(copies, "trimmed", 1)

    send(place.client, "trimmed", numbered(100, partitions=2, first=120))
    place.topics.trim("trimmed", {0: 90})
    third = copies.back_up("trimmed")
    assert reasons(third) == {0: "gap"}
    restored_anew(copies, "trimmed", 2)

    place.topics.trim("trimmed", copies.marks("trimmed"))
    copies.back_up("trimmed")
    restored_anew(copies, "trimmed", 3)
    assert copies.restored("trimmed") == {0: [], 1: []}


def test_a_recreated_topic_begins_anew(copies: Copies, place: Place) -> None:
    place.topics.create("again", 2)
    send(place.client, "again", numbered(100, partitions=2))
    before, first = copies.contents("again"), copies.back_up("again")
    place.topics.recreate("again")
    send(place.client, "again", numbered(300, partitions=2, first=1000))  # longer than the old one
    second = copies.back_up("again")
    assert reasons(second) == {0: "recreated", 1: "recreated"}
    restored_anew(copies, "again", 2)
    place.topics.recreate("again")
    copies.back_up("again")
    restored_anew(copies, "again", 3)
    assert copies.restored("again") == {0: [], 1: []}
    copies.prefix = "again-first-"
    copies.restore("again", restore_point=first["backup"]["restore_point"])
    copies.check("again", before)


def test_a_topic_compacted_between_runs(copies: Copies, place: Place) -> None:
    place.topics.create("compacted", 2, COMPACTED)
    for turn in range(3):
        send(place.client, "compacted", numbered(200, partitions=2, first=turn * 200, keys=40))
        dropped = [Message(b"%d" % key, None, partition=key % 2) for key in range(turn, 20, 3)]
        send(place.client, "compacted", dropped)
        seen = copies.contents("compacted")
        if turn:
            compact(place.topics, place.data, "compacted")
        assert reasons(copies.back_up("compacted")) == {}
        copies.prefix = f"compacted-{turn}-"
        copies.restore("compacted")
        restored = copies.restored("compacted")
        assert latest(restored) == latest(copies.contents("compacted"))
        assert set(latest(restored).items()) <= set(latest(seen).items()) | {((p, b"~roll"), b"") for p in (0, 1)}


def fill_purged(copies: Copies, place: Place, topic: str, retention_ms: int) -> None:
    """Create a compacted topic with three keys."""
    place.topics.create(topic, 1, {**COMPACTED, "delete.retention.ms": retention_ms})
    send(place.client, topic, [Message(b"stays", b"1"), Message(b"goes", b"1"), Message(b"other", b"1")])


def purge(copies: Copies, place: Place, topic: str, retention_seconds: float = 0) -> None:
    """Delete a key, and compact until its tombstone is gone."""
    send(place.client, topic, [Message(b"goes", None)])
    for number in range(2):
        send(place.client, topic, [Message(b"other", b"%d" % number)])
        compact(place.topics, place.data, topic)
        time.sleep(retention_seconds)
    send(place.client, topic, [Message(b"other", b"2")])
    compact(place.topics, place.data, topic)
    assert {record.key for record in copies.contents(topic)[0]} == {b"stays", b"other", b"~roll"}


def test_purged_tombstones_bring_no_keys_back(copies: Copies, place: Place) -> None:
    fill_purged(copies, place, "purged", 0)
    copies.back_up("purged")
    purge(copies, place, "purged")
    assert reasons(copies.back_up("purged")) == {0: "purged_tombstones"}
    restored_anew(copies, "purged", 2)


def test_tombstones_that_went_before_the_point_was_committed_bring_no_keys_back(copies: Copies, place: Place) -> None:
    fill_purged(copies, place, "late", 1000)
    backup = {name: value for name, value in copies.backup_options("late").items() if name in ("store", "backup_id")}
    opened = run_module("restore_point", **backup, state="open").succeeded()["restore_point"]
    copies.back_up("late", restore_point=opened)
    purge(copies, place, "late", retention_seconds=1.5)
    run_module("restore_point", **backup, state="committed", restore_point=opened).succeeded()
    assert reasons(copies.back_up("late")) == {0: "purged_tombstones"}
    restored_anew(copies, "late", 2)


def test_a_retention_of_tombstones_that_was_raised_since_does_not_count(copies: Copies, place: Place) -> None:
    fill_purged(copies, place, "raised", 0)
    copies.back_up("raised")
    purge(copies, place, "raised")
    place.topics.set("raised", delete_retention_ms=2**63 - 1)
    assert reasons(copies.back_up("raised")) == {0: "purged_tombstones"}
    restored_anew(copies, "raised", 2)
    # From now on it is for ever, which is longer than Python's calendar.
    send(place.client, "raised", [Message(b"new", b"1")])
    assert reasons(copies.back_up("raised")) == {}


def test_a_topic_that_is_compacted_no_more_goes_on(copies: Copies, place: Place) -> None:
    fill_purged(copies, place, "changed", 86_400_000)
    copies.back_up("changed")
    send(place.client, "changed", [Message(b"other", b"2")])
    compact(place.topics, place.data, "changed")
    place.topics.set("changed", cleanup_policy="delete")
    send(place.client, "changed", [Message(b"other", b"3")])
    assert reasons(copies.back_up("changed")) == {}


def test_what_other_modules_committed_leaves_nothing_out_when_files_are_lost(copies: Copies, place: Place) -> None:
    """What was noted for a run that might not finish begins behind the lost file."""
    place.topics.create("lost", 1)
    backup = {name: value for name, value in copies.backup_options("lost").items() if name in ("store", "backup_id")}
    for turn in range(2):
        send(place.client, "lost", numbered(1000, first=1000 * turn, size=200))
        opened = run_module("restore_point", **backup, state="open").succeeded()["restore_point"]
        copies.back_up("lost", restore_point=opened)
        run_module("restore_point", **backup, state="committed", restore_point=opened).succeeded()
    min(copies.store.glob("*/topics/lost/*/0/*.log")).unlink()
    assert copies.back_up("lost")["topics"]["records"] == 2000
    restored_anew(copies, "lost", 3)


def test_partitions_that_were_added(copies: Copies, place: Place) -> None:
    place.topics.create("wider", 1)
    send(place.client, "wider", numbered(10))
    copies.back_up("wider")
    place.topics.widen("wider", 3)
    send(place.client, "wider", numbered(30, partitions=3, first=10))
    second = copies.back_up("wider")
    assert second["topics"]["records"] == 30
    assert "recreated" not in reasons(second).values()
    restored_anew(copies, "wider", 2)


def test_another_cluster(kafka: Kafka, tmp_path: Path) -> None:
    """Topics keep their names there."""
    with Kafka() as target:
        copies = Copies(kafka, tmp_path / "store", target=target, prefix="")
        copies.topics.create("moves", 2, {"retention.ms": 123_456_789})
        send(kafka.client, "moves", numbered(50, partitions=2))
        copies.back_up("moves")
        copies.restore("moves")
        copies.check("moves")
        assert Topics(target.client).configs("moves") == {"retention.ms": "123456789"}
