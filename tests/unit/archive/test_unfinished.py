# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs note of topics before they have finished, and what the next run makes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.layout import unfinished_path
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.slices import Slice
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import LastBatch
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.unfinished import (
    Origin,
    Unfinished,
    UnfinishedNotes,
    noted,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import Batch
from testbed.archived_topics import append
from testbed.archives import BACKUP

LINEAGE = "0123456789abcdef"
ORIGIN = Origin(LINEAGE * 2, "first", 0)
LARGE = 20 * 1024 * 1024
"""More than a slice has, so that each piece is one."""


def batch(base_offset: int) -> Batch:
    return Batch(**dict.fromkeys(Batch._fields, 0) | {"base_offset": base_offset, "crc": 7, "leader_epoch": 3})


def write(store: Store, notes: UnfinishedNotes, first: int, pieces: int, origin: Origin = ORIGIN) -> None:
    """Write pieces of 10 records from an offset on, and note them, as a run that is killed then."""

    def note(slices: Sequence[Slice]) -> None:
        notes.add([noted(each, origin) for each in slices])

    with SegmentWriter(store, BACKUP, note) as writer:
        partition = writer.partition("orders", 0, LINEAGE, first)
        for piece in range(pieces):
            append(partition, 10, LARGE, last=batch(first + 10 * piece))
        partition.close()
        writer.commit_files()


def read(store: Store) -> list[Unfinished]:
    return UnfinishedNotes.find(store, BACKUP).read()


def begin(store: Store, kept: Sequence[Unfinished] = ()) -> UnfinishedNotes:
    return UnfinishedNotes.find(store, BACKUP).next_generation(kept)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/unfinished/*"))


def test_nothing_is_noted_where_all_runs_finished(store: Store, tmp_path: Path) -> None:
    assert read(store) == []
    write(store, notes := begin(store), 0, 1)
    notes.clear()
    assert read(store) == files(tmp_path) == []


def test_what_is_durable_is_gone_on_from(store: Store) -> None:
    write(store, begin(store), 0, 3)
    (found,) = read(store)
    assert (found.topic, found.partition, found.lineage, found.origin) == ("orders", 0, LINEAGE, ORIGIN)
    assert [(each.entry.facts["start"], each.entry.facts["next"]) for each in found.slices] == [
        (0, 10),
        (10, 20),
        (20, 30),
    ]
    assert (found.next, found.last) == (30, LastBatch(20, 7, 3))


def test_runs_that_go_on_add_to_it(store: Store, tmp_path: Path) -> None:
    for first in (0, 10, 20):
        write(store, begin(store, read(store)), first, 1)
    (found,) = read(store)
    assert (len(found.slices), found.next) == (3, 30)
    assert len(files(tmp_path)) == 2  # what was taken over, and what was added


def test_what_a_run_did_not_take_over_counts_no_more(store: Store, tmp_path: Path) -> None:
    write(store, begin(store), 0, 2)
    before = {path: path.read_bytes() for path in files(tmp_path)}
    write(store, begin(store), 0, 1)
    for path, content in before.items():
        path.write_bytes(content)  # as a crash brings deleted files back
    (found,) = read(store)
    assert found.next == 10


@pytest.mark.parametrize(
    "harm", ["segment gone", "segment cut", "note gone", "note damaged", "note of a newer release"]
)
def test_what_is_lost_is_read_anew(store: Store, tmp_path: Path, harm: str) -> None:
    write(store, begin(store), 0, 1)
    write(store, begin(store, read(store)), 10, 1)
    (segment,) = tmp_path.glob("*/topics/orders/*/0/*10.log")
    (note,) = [
        path for path in files(tmp_path) if f"/{segment.name}" in path.read_text() and "00.log" not in path.read_text()
    ]
    if harm == "segment gone":
        segment.unlink()
    elif harm == "segment cut":
        segment.chmod(0o600)
        segment.write_bytes(segment.read_bytes()[:-1])
    elif harm == "note gone":
        note.unlink()
    else:
        text = note.read_text()
        note.chmod(0o600)
        note.write_text(
            text[:-20] if harm == "note damaged" else re.sub('"format_version": ?1', '"format_version": 9', text)
        )
    (found,) = read(store)
    assert found.next == 10


def test_a_gap_ends_it(store: Store) -> None:
    notes = begin(store)
    write(store, notes, 0, 1)
    write(store, notes, 20, 1)
    (found,) = read(store)
    assert found.next == 10


def test_without_its_beginning_it_is_of_no_use(store: Store) -> None:
    write(store, begin(store), 10, 1)
    assert read(store) == []


def test_other_files_are_passed_over(store: Store, tmp_path: Path) -> None:
    write(store, begin(store), 0, 1)
    (tmp_path / unfinished_path(BACKUP, 1, "x" * 16)).write_text("{}")
    assert len(read(store)) == 1


def test_a_slice_that_is_not_ended_cannot_be_noted() -> None:
    with pytest.raises(ValueError, match="not ended"):
        noted(Slice("orders", 0, LINEAGE, 0), ORIGIN)
