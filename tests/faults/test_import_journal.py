# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the journal of an import lies: elsewhere when asked, and nothing is changed where it cannot be written."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from faults.import_target import Target, kill, prepare, take_course
from faults.program import on_a_disk, run_program

from testbed.mishaps import make_read_only


def test_a_killed_import_is_found_in_a_journal_of_its_own(target: Target, tmp_path: Path) -> None:
    target.more = {"journal": str(tmp_path / "new" / "journal")}
    course = take_course(target, "closed")
    prepare(target, "closed")
    outcome = target.import_while(course.openings + 3, kill, after=True)
    assert outcome.status == -signal.SIGKILL
    assert target.journal() == []
    assert len(target.journal(tmp_path / "new" / "journal")) == 1

    assert target.recover(**target.more).failed()["failure"]["code"] == "incomplete_import"
    target.import_().succeeded()
    assert target.holding() == course.after
    assert target.journal(tmp_path / "new" / "journal") == []


@pytest.mark.parametrize("below_a_file", [False, True])
def test_a_journal_that_cannot_be_written_stops_the_import_before_the_first_change(
    target: Target, tmp_path: Path, below_a_file: bool
) -> None:
    file = tmp_path / "file"
    file.touch()
    journal = file / "journal" if below_a_file else file
    held = target.holding()
    failed = target.import_(journal=str(journal)).failed()
    assert failed["failure"] == {"code": "store_unusable", "object": str(journal)}
    assert str(journal) in failed["msg"]
    assert target.proxy.writes() == []
    assert target.holding() == held


def test_a_store_that_cannot_be_written_needs_a_journal_elsewhere(target: Target, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = {**target.options, "store": {"path": str(disk / "store")}}

    def check() -> None:
        shutil.copytree(target.store, disk / "store")
        make_read_only(disk)
        failed = run_program("schema_registry_import", **options).failed()
        assert failed["failure"]["code"] == "not_writable"
        assert "Read-only file system" in failed["msg"]
        assert f"{disk}/store/journal" in failed["msg"]
        assert target.proxy.writes() == []
        run_program("schema_registry_import", **options, journal=str(tmp_path / "journal")).succeeded()

    on_a_disk(disk, "size=8m", check)
    assert target.holding()["versions"]
    assert target.journal(tmp_path / "journal") == []
