# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo journal: noted before it is done, kept until it is undone."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import Change, JournalRun, UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    Busy,
    Damaged,
    StoreError,
    UnsupportedFormat,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import UNSET, Setting
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import StillClock, tree

READWRITE = Setting("READWRITE", True)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def journal(tmp_path: Path, clock: StillClock) -> UndoJournal:
    return UndoJournal(FilesystemStorage(str(tmp_path)), "cluster-1/registry", clock)


def begin(journal: UndoJournal) -> JournalRun:
    return journal.begin("schema_registry_import", {"backup_id": "prod"})


def test_a_change_is_on_disk_before_it_is_made(journal: UndoJournal, clock: StillClock) -> None:
    run = begin(journal)
    run.record("mode", "", READWRITE, "IMPORT")
    run.record("config", "orders", Setting({"compatibilityLevel": "FULL"}, None), {"compatibilityLevel": "NONE"})
    (found,) = journal.runs()
    assert (found.id, found.operation, found.target) == (run.id, "schema_registry_import", "cluster-1/registry")
    assert (found.facts, found.owner, found.started_at) == ({"backup_id": "prod"}, run.owner, clock.time)
    assert found.pending() == [
        Change("config", "orders", Setting({"compatibilityLevel": "FULL"}, None), {"compatibilityLevel": "NONE"}),
        Change("mode", "", READWRITE, "IMPORT"),
    ]


def test_many_changes_are_one_write(journal: UndoJournal) -> None:
    run = begin(journal)
    run.record_all(Change("mode", f"subject-{number}", UNSET, "IMPORT") for number in range(1000))
    assert len(journal.runs()[0].pending()) == 1000


def test_a_run_that_undid_all_leaves_nothing(journal: UndoJournal, tmp_path: Path) -> None:
    run = begin(journal)
    run.record("mode", "", READWRITE, "IMPORT")
    run.record("mode", "orders", UNSET, "IMPORT")
    run.mark_undone([("mode", "orders")])
    assert [change.scope for change in journal.runs()[0].pending()] == [""]
    run.mark_undone([("mode", "")])
    assert run.finish()
    assert journal.runs() == []
    assert tree(tmp_path) == {}


def test_a_scope_that_is_changed_again_keeps_what_was_there_first(journal: UndoJournal) -> None:
    run = begin(journal)
    run.record("mode", "", READWRITE, "IMPORT")
    run.record("mode", "", Setting("IMPORT", True), "READONLY")
    assert run.pending() == journal.runs()[0].pending() == [Change("mode", "", READWRITE, "READONLY", "IMPORT")]
    run.record("mode", "", READWRITE, "READONLY")
    assert run.pending() == [Change("mode", "", READWRITE, "READONLY", "IMPORT")]
    run.mark_undone([("mode", "")])
    run.record("mode", "", UNSET, "IMPORT")
    assert journal.runs()[0].pending() == [Change("mode", "", UNSET, "IMPORT")]


def test_incomplete_scopes_stay_in_the_journal(journal: UndoJournal) -> None:
    run = begin(journal)
    run.record("mode", "", READWRITE, "READONLY")
    run.mark_incomplete(["users", "orders"])
    assert not run.finish()
    (found,) = journal.runs()
    assert found.incomplete == ("orders", "users")
    assert found.is_over()
    found.mark_undone([("mode", "")])
    assert not found.finish()
    found.mark_incomplete([])
    assert found.finish()


def test_what_a_dead_run_left_is_found_and_ended_by_the_next(journal: UndoJournal, clock: StillClock) -> None:
    first = begin(journal)
    first.record("mode", "", READWRITE, "IMPORT")
    with pytest.raises(Busy, match=f"process {os.getpid()} on .* since 2026-01-31T12:00:00.000Z") as told:
        begin(journal)
    assert "last sign of life 2026-01-31T12:00:00.000Z" in str(told.value)
    assert "counts as dead after 900 seconds" in str(told.value)
    clock.advance(901)
    second = begin(journal)
    left = [run for run in journal.runs() if run.id != second.id]
    assert [run.is_over() for run in left] == [True]
    left[0].mark_undone([("mode", "")])
    left[0].finish()
    assert [run.id for run in journal.runs()] == [second.id]
    with pytest.raises(Busy, match="took it for dead"):
        first.refresh()
    assert [run.id for run in journal.runs()] == [second.id]


def test_signs_of_life(journal: UndoJournal, clock: StillClock) -> None:
    run = begin(journal)
    clock.advance(800)
    run.refresh()
    clock.advance(800)
    assert not journal.runs()[0].is_over()
    gone = dataclasses.replace(run.owner, start_time=(run.owner.start_time or 1) - 1)
    assert dataclasses.replace(journal.runs()[0], owner=gone).is_over()


def test_targets_have_journals_of_their_own(journal: UndoJournal) -> None:
    begin(journal)
    other = dataclasses.replace(journal, target="cluster-2/\ud800")
    assert other.runs() == []
    begin(other)
    assert len(other.runs()) == 1


def test_a_journal_that_cannot_be_written_is_found_before_the_first_change(clock: StillClock, tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with pytest.raises(StoreError):
        begin(UndoJournal(FilesystemStorage(str(tmp_path)), "target", clock))
    with pytest.raises(StoreError, match="is its file system mounted"):
        begin(UndoJournal(FilesystemStorage(str(tmp_path / "missing")), "target", clock))


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        (b'"format_version": 1', b'"format_version": 2', UnsupportedFormat),
        (b'"set": true', b'"set": "yes"', Damaged),
        (b'"undone": false', b'"undone": null', Damaged),
        (b'"pid": ', b'"pid": -', Damaged),
        (b'"kind"', b'"kinds"', Damaged),
        (b"\n}", b"", Damaged),
    ],
)
def test_a_journal_that_cannot_be_read_is_named(
    journal: UndoJournal, tmp_path: Path, right: bytes, wrong: bytes, error: type[Exception]
) -> None:
    run = begin(journal)
    run.record("mode", "", READWRITE, "IMPORT")
    path = tmp_path / run.path
    assert right in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(right, wrong))
    with pytest.raises(error, match=run.id) as told:
        begin(journal)
    assert ("delete the file" in str(told.value)) == (error is Damaged)
    path.unlink()
    begin(journal)
