# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification of topics: batches, what the index says of them, and that no offset is missing."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import coverage
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import (
    GROUPS_FILE,
    GROUPS_KIND,
    ArchivedGroup,
    ArchivedOffset,
    encode_groups,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import GROUPS, Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    FIRST,
    PartitionState,
    TopicState,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.writer import PartWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import StoreSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.check_topics import check_groups, check_topics
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.verify_backup import verify_backup
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.scan import scan
from testbed.archives import BACKUP, make_store

LINEAGE = "0" * 16
_NO_END = 2**63 - 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path)


def batch(first: int, records: int, size: int = 10) -> bytes:
    """Return a record batch at some offset."""
    built = build([Record(0, 1000 + first, b"key", bytes(size), ()) for _n in range(records)], codec=0)
    return first.to_bytes(8, "big") + built[8:]


def write(store: Store, pieces: Iterable[tuple[int, int, bytes]], start: int = 0, after: int | None = None) -> None:
    """Write a restore point of one partition.

    Each piece is the first offset that it covers, the one after the last, and its batches.
    """
    with capture(store, BACKUP, None, clock=SystemClock()) as taken:
        with SegmentWriter(store, BACKUP) as writer:
            partition = writer.partition("orders", 0, LINEAGE, start)
            for first, end, data in pieces:
                facts = scan(data, 0, len(data), expected=first, stop=_NO_END)._asdict()
                partition.write(data, facts, first, end)
            partition.cover(partition.next if after is None else after)
            entries = writer.finish()
        state = TopicState("orders", "", False, (PartitionState(0, LINEAGE, FIRST, start, partition.next, 0, None),))
        TopicsPartWriter(taken.point, scope={}).finish(
            definitions=[ArchivedTopic("orders", "", 1, 1, {})],
            states=[state],
            entries=entries,
            bases={},
            summary={"topics": 1},
        )
        group = ArchivedGroup("billing", "classic", "consumer", (ArchivedOffset("orders", 0, 7, None, ""),))
        groups = PartWriter(taken.point, GROUPS, scope={"groups": ["*"]})
        groups.add_files([(GROUPS_FILE, encode_groups([group]), {"kind": GROUPS_KIND})])
        groups.finish(summary={"groups": 1})


def verified(store: Store) -> dict[str, Any]:
    settings = StoreSettings(path=store.storage.location)
    (point,) = verify_backup(settings, backup_id=BACKUP, wanted=["latest"]).values["verified"]
    return dict(point)


def pieces_of(store: Store) -> list[tuple[Entry, bytes]]:
    reader = TopicsReader(store, find_point(store, BACKUP, LATEST))
    found = [entry for page in reader.part.pages for entry in reader.index.entries_of(page)]
    return [(entry, reader.read(entry)) for entry in found]


def check(store: Store, edit: Callable[[Entry, bytes], tuple[Entry, bytes]]) -> list[str]:
    """Return what the check finds of pieces that were edited so that their hashes are right."""
    point = find_point(store, BACKUP, LATEST)
    pieces = (edit(entry, content) for entry, content in pieces_of(store))
    return [damage.reason for damage in check_topics(store, point)(pieces)]


def edit_slice(
    content: Callable[[bytes], bytes] = lambda content: content, **facts: Any
) -> Callable[[Entry, bytes], tuple[Entry, bytes]]:
    def edit(entry: Entry, data: bytes) -> tuple[Entry, bytes]:
        if entry.facts["kind"] != "segment":
            return entry, data
        return entry._replace(facts={**entry.facts, **facts}), content(data)

    return edit


TWO_BATCHES = [(0, 5, batch(0, 5)), (5, 9, batch(5, 4))]


def test_a_whole_backup_is_whole(store: Store) -> None:
    write(store, [*TWO_BATCHES, (9, 30, batch(20, 3) + batch(25, 2))], after=40)
    write(store, [], start=40)
    write(store, [(7, 10, batch(5, 5))], start=7)
    write(store, [], start=0, after=10)
    for number in (1, 2, 3, 4):
        settings = StoreSettings(path=store.storage.location)
        (point,) = verify_backup(settings, backup_id=BACKUP, wanted=[str(number)]).values["verified"]
        assert (point["topics"], point["groups"], point["schemas"]) == (1, 1, 0)


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (edit_slice(flip(70)), "The batch at offset 0 does not have its checksum"),
        (edit_slice(flip(7)), "batch begins at offset 5"),
        (edit_slice(lambda content: content[:-1]), "its batches end after"),
        (edit_slice(lambda content: content + b"more"), "its batches end after"),
        (edit_slice(lambda content: content + bytes(100)), "bytes are too few for one"),
        (edit_slice(records=10), "it holds records 9, not 10"),
        (edit_slice(largest=1), "it holds largest"),
        (edit_slice(base=2), "it holds base 0, not 2"),
        (edit_slice(next=8), "its batches end at offset 9"),
        (edit_slice(lambda content: batch(0, 4) + batch(5, 5)), "it lacks offsets that it should hold"),
    ],
)
def test_what_a_slice_should_not_hold_is_named(
    store: Store, edit: Callable[[Entry, bytes], tuple[Entry, bytes]], reason: str
) -> None:
    write(store, TWO_BATCHES)
    assert check(store, edit_slice()) == []
    found = check(store, edit)
    assert [problem for problem in found if reason in problem], found


def test_documents_that_cannot_be_read_are_named(store: Store) -> None:
    write(store, TWO_BATCHES)
    assert len(check(store, lambda entry, content: (entry, content if entry.facts["kind"] == "segment" else b"{"))) == 2
    other = TopicState("users", "", False, ()).encode()
    assert check(store, lambda entry, content: (entry, other if entry.facts["kind"] == "topic" else content)) == [
        "it is the state of users"
    ]
    groups = Entry("cluster/groups.json", 0, 1, "", {"kind": "groups"})
    assert len(list(check_groups(iter([(groups, b"{}")])))) == 1
    assert list(check_groups(iter([(groups, encode_groups([]))]))) == []


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda add: lambda self, facts: add(self, {**facts, "start": 1}), "the first slice begins at 1"),
        (lambda add: lambda self, facts: add(self, {**facts, "next": 8}), "the last slice ends there, and not at 9"),
    ],
)
def test_offsets_that_are_not_covered_are_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Any], Any], reason: str
) -> None:
    write(store, TWO_BATCHES)
    monkeypatch.setattr(coverage.Coverage, "add", harm(coverage.Coverage.add))
    with pytest.raises(Damaged, match=rf"{reason}.*offsets from .* on of partition 0 of topic orders"):
        verified(store)


def test_a_file_that_is_gone_is_told_once(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments.SLICE_BYTES", 80_000)
    write(store, [(number, number + 1, batch(number, 1, 70_000)) for number in range(9)])
    (path,) = (tmp_path / BACKUP / "topics" / "orders").rglob("*.log")
    path.unlink()
    with pytest.raises(Damaged) as caught:
        verified(store)
    (damage,) = caught.value.facts["damaged"]
    assert (damage["file"], damage["reason"]) == (path.relative_to(tmp_path / BACKUP).as_posix(), "it is missing")
    assert damage["costs"] == ", ".join(
        f"offsets {number} to {number} of partition 0 of topic orders" for number in range(3)
    ) + (" and 6 more pieces")


def test_much_damage_is_told_in_bounds(store: Store, tmp_path: Path) -> None:
    topics = [f"{'x' * 240}-{number:03d}" for number in range(300)]
    with capture(store, BACKUP, None, clock=SystemClock()) as taken:
        with SegmentWriter(store, BACKUP) as writer:
            for topic in topics:
                data = batch(0, 1, 70_000)
                facts = scan(data, 0, len(data), expected=0, stop=_NO_END)._asdict()
                writer.partition(topic, 0, LINEAGE, 0).write(data, facts, 0, 1)
            entries = writer.finish()
        states = [TopicState(topic, "", False, (PartitionState(0, LINEAGE, FIRST, 0, 1, 0, None),)) for topic in topics]
        TopicsPartWriter(taken.point, scope={}).finish(
            definitions=[], states=states, entries=entries, bases={}, summary={}
        )
    for path in (tmp_path / BACKUP / "topics").rglob("*.log"):
        path.unlink()
    with pytest.raises(Damaged, match="300 files in all") as caught:
        verified(store)
    failure = {"msg": caught.value.message, "failure": caught.value.failure()}
    assert len(json.dumps(failure)) < 60_000
    listed = len(caught.value.facts["damaged"])
    assert 20 < listed == 300 - caught.value.facts["damaged_omitted"]


def test_memory_is_bounded_by_a_slice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments.SLICE_BYTES", 500_000
    )
    data = [batch(number, 1, 100_000) for number in range(200)]
    write(store, [(number, number + 1, piece) for number, piece in enumerate(data)])
    del data
    tracemalloc.start()
    verified(store)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
