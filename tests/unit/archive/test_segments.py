# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments and packs: every byte where the entries say, slices bounded and contiguous, nothing written twice."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import segments, slices, streamed
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.slices import Slice
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.canonical import sha256_hex
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from testbed.archived_topics import append, noise, scan
from testbed.archives import BACKUP, tree

LINEAGE = "0123456789abcdef"
KIB = 1024


def read(root: Path, entry: Entry) -> bytes:
    content = (root / BACKUP / entry.file).read_bytes()[entry.at : entry.at + entry.length]
    assert sha256_hex(content) == entry.sha256
    return content


def offsets(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(entry.facts["start"], entry.facts["next"]) for entry in entries]


def write(store: Store, *sizes: int, topic: str = "orders", start: int = 0, seed: int = 0) -> list[Entry]:
    """Write pieces of these sizes, of 10 records each, to one partition."""
    with SegmentWriter(store, BACKUP) as writer:
        partition = writer.partition(topic, 0, LINEAGE, start)
        for size in sizes:
            append(partition, 10, size, seed)
        partition.close()
        return writer.finish()


def test_a_large_piece_gets_a_file_of_its_own(store: Store, tmp_path: Path) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        partition = writer.partition("orders", 3, LINEAGE, 20)
        data = append(partition, 10, 40 * KIB) + append(partition, 5, 40 * KIB)
        partition.close()
        (entry,) = writer.finish()
    assert entry.file == f"topics/orders/{LINEAGE}/3/00000000000000000020.log"
    assert read(tmp_path, entry) == data == (tmp_path / BACKUP / entry.file).read_bytes()
    assert entry.facts == {
        "kind": "segment",
        "topic": "orders",
        "partition": 3,
        "lineage": LINEAGE,
        "start": 20,
        "next": 35,
        "records": 15,
        "dense": True,
        "transactional": 0,
        "control": 0,
        "largest": 100,
        "min_timestamp": 1020,
        "max_timestamp": 1035,
        "log_append_time": 0,
        "legacy": 0,
        "codecs": 1,
    }
    assert entry.cost() == "offsets 20 to 34 of partition 3 of topic orders"


def test_small_pieces_share_a_pack(store: Store, tmp_path: Path) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        written = {}
        for number in range(50):
            partition = writer.partition(f"topic-{number % 5}", number, LINEAGE, 0)
            written[f"topic-{number % 5}", number] = append(partition, 10, 200, number) + append(
                partition, 1, 5, number
            )
            partition.close()
        entries = writer.finish()
    (pack,) = {entry.file for entry in entries}
    content = (tmp_path / BACKUP / pack).read_bytes()
    assert pack == f"topics/_packs/{sha256_hex(content)[:32]}.pack"
    assert {(of.facts["topic"], of.facts["partition"]): read(tmp_path, of) for of in entries} == written
    assert list(written) != sorted(written)
    assert [(of.facts["topic"], of.facts["partition"]) for of in entries] == sorted(written)
    assert sorted(entry.at for entry in entries) == list(range(0, 205 * 50, 205))


def test_what_is_written_is_private(store: Store, tmp_path: Path) -> None:
    write(store, 100)
    write(store, 100 * KIB)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / BACKUP).rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / BACKUP).rglob("*") if path.is_dir()} == {0o700}


@pytest.mark.parametrize(("size", "packed"), [(64 * KIB - 1, True), (64 * KIB, False)])
def test_a_piece_is_packed_when_it_has_less_than_64_kib(store: Store, size: int, packed: bool) -> None:
    (entry,) = write(store, size // 2, size - size // 2)
    assert entry.file.startswith("topics/_packs/") is packed


def test_slices_are_bounded_contiguous_and_hashed_by_themselves(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SLICE_BYTES", 100 * KIB)
    entries = write(store, *[30 * KIB] * 10, 250 * KIB, 30 * KIB)
    assert [entry.length // KIB for entry in entries] == [90, 90, 90, 30, 250, 30]
    assert offsets(entries) == [(0, 30), (30, 60), (60, 90), (90, 100), (100, 110), (110, 120)]
    assert len({entry.file for entry in entries}) == 1
    assert [entry.at for entry in entries[1:]] == [entry.at + entry.length for entry in entries[:-1]]
    assert b"".join(read(tmp_path, entry) for entry in entries) == (tmp_path / BACKUP / entries[0].file).read_bytes()


def test_segments_are_rolled_at_their_size(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SLICE_BYTES", 100 * KIB)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 350 * KIB)
    entries = write(store, *[100 * KIB] * 8, 10 * KIB)
    folder = f"topics/orders/{LINEAGE}/0"
    assert [entry.file for entry in entries[:-1]] == [
        *[f"{folder}/00000000000000000000.log"] * 3,
        *[f"{folder}/00000000000000000030.log"] * 3,
        *[f"{folder}/00000000000000000060.log"] * 2,
    ]
    assert entries[-1].file == f"{folder}/00000000000000000060.log"
    assert offsets(entries) == list(pairwise(range(0, 100, 10)))
    assert max(path.stat().st_size for path in (tmp_path / BACKUP / folder).iterdir()) <= 350 * KIB


def test_what_is_left_after_a_rolled_segment_may_be_packed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SLICE_BYTES", 100 * KIB)
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 100 * KIB)
    first, second = write(store, 100 * KIB, 10 * KIB)
    assert first.file.endswith(".log")
    assert second.file.endswith(".pack")


def test_a_batch_that_begins_before_what_is_covered_names_the_file(store: Store) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        partition = writer.partition("orders", 0, LINEAGE, 105)
        partition.write(noise(70 * KIB), scan(100, 120), 105, 120)
        partition.close()
        (entry,) = writer.finish()
    assert entry.file.endswith("/00000000000000000100.log")
    assert {name: entry.facts[name] for name in ("base", "start", "next", "dense")} == {
        "base": 100, "start": 105, "next": 120, "dense": True,
    }  # fmt: skip


def test_offsets_that_hold_nothing_are_covered(store: Store, tmp_path: Path) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        hole = writer.partition("a", 0, LINEAGE, 0)
        hole.cover(10)
        append(hole, 5, 100)
        hole.cover(20)
        append(hole, 5, 100)
        hole.cover(30)
        empty = writer.partition("b", 0, LINEAGE, 7)
        empty.cover(9)
        for partition in (hole, empty, writer.partition("c", 0, LINEAGE, 5)):
            partition.close()
            partition.close()
        entries = writer.finish()
    assert [(of.facts["topic"], of.facts["start"], of.facts["next"], of.length) for of in entries] == [
        ("a", 0, 30, 200),
        ("b", 7, 9, 0),
    ]
    assert entries[0].facts["base"] == 10
    assert [of.facts["dense"] for of in entries] == [False, False]
    assert read(tmp_path, entries[1]) == b""
    assert entries[1].facts["records"] == 0


def test_a_partition_goes_on_where_it_ends(store: Store) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        partition = writer.partition("orders", 0, LINEAGE, 10)
        append(partition, 10, 100)
        with pytest.raises(ValueError, match="do not go on at 20"):
            partition.write(b"x", scan(21, 22), 21, 22)
        with pytest.raises(ValueError, match="covered up to 20"):
            partition.cover(19)
        partition.close()
        with pytest.raises(ValueError, match="do not go on"):
            append(partition, 1, 100)


PIECES = st.lists(
    st.fixed_dictionaries(
        {
            "gap": st.integers(0, 2),
            "records": st.integers(0, 3),
            "dense": st.booleans(),
            "transactional": st.integers(0, 2),
            "control": st.integers(0, 2),
            "largest": st.integers(1, 9),
            "log_append_time": st.integers(0, 2),
            "last": st.none(),
            "legacy": st.integers(0, 2),
            "codecs": st.integers(0, 31),
            "times": st.tuples(st.integers(-1, 5), st.integers(-1, 5)),
        }
    ),
    min_size=1,
    max_size=6,
)


@given(PIECES, st.integers(-2, 2), st.booleans())
def test_a_slice_tells_of_all_its_pieces(pieces: list[dict[str, Any]], before: int, hole_at_end: bool) -> None:
    of = Slice("orders", 0, LINEAGE, 10)
    at = 10 - before
    holes = at > 10
    scans = []
    for number, piece in enumerate(pieces):
        first = at + (piece["gap"] if number else 0)
        holes = holes or first > at or not piece["dense"]
        at = max(first + 1, 11)
        low, high = sorted(piece["times"])
        facts = {name: value for name, value in piece.items() if name not in ("gap", "times")}
        scans.append(scan(first, at, **{**facts, "min_timestamp": low, "max_timestamp": high}))
        of.add(b"x", scans[-1], at)
    if hole_at_end:
        of.next += 1
    facts = of.facts()
    for name in ("records", "transactional", "control", "log_append_time", "legacy"):
        assert facts[name] == sum(piece[name] for piece in scans)
    told = [piece["min_timestamp"] for piece in scans if piece["min_timestamp"] != -1]
    assert facts["min_timestamp"] == min(told, default=-1)
    assert facts["max_timestamp"] == max(piece["max_timestamp"] for piece in scans)
    assert facts["largest"] == max(piece["largest"] for piece in scans)
    assert facts["codecs"] == sum(1 << bit for bit in range(5) if any(piece["codecs"] >> bit & 1 for piece in scans))
    assert facts["dense"] is not (holes or hole_at_end)
    assert facts.get("base", 10) == scans[0]["first_offset"]
    assert (facts["start"], facts["next"]) == (10, at + hole_at_end)


@pytest.mark.parametrize("sizes", [[100], [100 * KIB, 30 * KIB]], ids=["a pack", "a segment"])
def test_equal_content_is_adopted_and_not_written_again(store: Store, tmp_path: Path, sizes: list[int]) -> None:
    first = write(store, *sizes)
    inodes = {path: path.stat().st_ino for path in (tmp_path / BACKUP).rglob("*") if path.is_file()}
    assert write(store, *sizes) == first
    assert {path: path.stat().st_ino for path in (tmp_path / BACKUP).rglob("*") if path.is_file()} == inodes


def test_other_content_gets_another_name(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SLICE_BYTES", 100 * KIB)
    monkeypatch.setattr(streamed, "_READ_BYTES", 1000)
    first = write(store, 90 * KIB, 90 * KIB)
    longer = write(store, 90 * KIB, 90 * KIB, 10)
    other = write(store, 90 * KIB, 90 * KIB, seed=1)
    single = write(store, 90 * KIB, seed=2)
    assert write(store, 90 * KIB, 90 * KIB, seed=1) == other
    for entries in (longer, other, single):
        (file,) = {entry.file for entry in entries}
        digest = sha256_hex((tmp_path / BACKUP / file).read_bytes())
        assert file == f"topics/orders/{LINEAGE}/0/00000000000000000000.{digest[:16]}.log"
    for entries in (first, longer, other, single):
        assert all(read(tmp_path, entry) for entry in entries)
    assert len(tree(tmp_path / BACKUP)) == 4


def test_a_file_that_denies_its_name_is_not_written_over(store: Store, tmp_path: Path) -> None:
    write(store, 90 * KIB)
    (entry,) = write(store, 90 * KIB, seed=1)
    path = tmp_path / BACKUP / entry.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Damaged, match="Delete it and run again"):
        write(store, 90 * KIB, seed=1)
    path.unlink()
    assert write(store, 90 * KIB, seed=1) == [entry]
    assert not [name for name in tree(tmp_path) if ".tmp-" in name]


def test_what_is_not_finished_is_discarded(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_MOST_OPEN", 2)
    with SegmentWriter(store, BACKUP) as writer:
        for number in range(5):
            append(writer.partition("orders", number, LINEAGE, 0), 10, 100 * KIB)
        assert len([name for name in tree(tmp_path) if ".tmp-" in name]) == 5
    assert list(tree(tmp_path)) == ["store.json"]


def test_files_may_be_made_durable_on_the_way(store: Store, tmp_path: Path) -> None:
    with SegmentWriter(store, BACKUP) as writer:
        done = writer.partition("orders", 0, LINEAGE, 0)
        append(done, 10, 100 * KIB)
        done.close()
        under_way = writer.partition("orders", 1, LINEAGE, 0)
        append(under_way, 10, 100 * KIB)
        writer.commit_files()
        finished = [name for name in tree(tmp_path / BACKUP) if ".tmp-" not in name]
        assert finished == [f"topics/orders/{LINEAGE}/0/{0:020d}.log"]
        append(under_way, 10, 100 * KIB)
        entries = writer.finish()
    assert offsets(entries) == [(0, 10), (0, 20)]
    assert all(read(tmp_path, entry) for entry in entries)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("close", [True, False], ids=["closed", "left open"])
def test_few_files_are_open_at_once(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, close: bool) -> None:
    monkeypatch.setattr(segments, "_MOST_OPEN", 10)
    before = open_files()
    with SegmentWriter(store, BACKUP) as writer:
        partitions = [writer.partition("orders", number, LINEAGE, 0) for number in range(50)]
        written = [b""] * 50
        for _turn in range(3):
            for number, partition in enumerate(partitions):
                written[number] += append(partition, 10, 50 * KIB, number)
                assert open_files() <= before + 10
        for partition in partitions if close else []:
            partition.close()
        entries = writer.finish()
    assert [read(tmp_path, entry) for entry in entries] == written
    assert open_files() == before


def test_what_waits_for_a_pack_is_bounded(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_WAITING_BYTES", 50 * KIB)
    with SegmentWriter(store, BACKUP) as writer:
        large = writer.partition("large", 0, LINEAGE, 0)
        written = [append(large, 10, 30 * KIB)]
        for number in range(15):
            small = writer.partition("small", number, LINEAGE, 0)
            written.append(append(small, 10, 2 * KIB, number))
        written[0] += append(large, 10, KIB)
        entries = writer.finish()
    assert [read(tmp_path, entry) for entry in entries] == written
    assert [entry.file.endswith(".log") for entry in entries] == [True, *[False] * 15]


def test_full_packs_are_written(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "PACK_BYTES", 10 * KIB)
    with SegmentWriter(store, BACKUP) as writer:
        written = []
        for number in range(10):
            partition = writer.partition("orders", number, LINEAGE, 0)
            written.append(append(partition, 10, 4 * KIB, number))
            partition.close()
        entries = writer.finish()
    assert [read(tmp_path, entry) for entry in entries] == written
    assert len({entry.file for entry in entries}) == 5


def test_many_files_share_flushes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def count(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: calls.append(name) or function(*arguments)

    monkeypatch.setattr(durable, "_flush_file_system", count("syncfs", durable._flush_file_system))
    monkeypatch.setattr(durable.os, "fsync", count("fsync", os.fsync))
    with SegmentWriter(store, BACKUP) as writer:
        for number in range(40):
            partition = writer.partition("orders", number, LINEAGE, 0)
            append(partition, 10, 70 * KIB)
            partition.close()
        writer.finish()
    assert calls == ["syncfs", "syncfs"]


def test_long_names_are_shortened_and_told_in_full(store: Store) -> None:
    topic = "x" * 249
    (entry,) = write(store, 100 * KIB, topic=topic)
    assert entry.facts["topic"] == topic
    assert max(len(segment) for segment in entry.file.split("/")) == 200


def test_a_slice_has_16_mib_at_most() -> None:
    assert slices.SLICE_BYTES == segments.SLICE_BYTES == 16 * KIB * KIB
