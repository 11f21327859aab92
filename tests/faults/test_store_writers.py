# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several writers of one backup at once: one of them wins, and what it wrote is whole."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import commit
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.lease import Lease
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point import OpenPoint
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Busy
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import Setting
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import BACKUP, back_up, make_store
from testbed.mishaps import Child

WRITERS = 6
SUBJECTS = [f"subject-{number}" for number in range(60)]


def outcomes(write: Callable[[int], object]) -> list[str]:
    """Run writers at the same moment; return what each of them returned, or ``busy``."""
    ready, start = os.pipe()

    def writer(number: int) -> object:
        os.close(start)
        os.read(ready, 1)
        try:
            return write(number)
        except Busy:
            return "busy"

    children = [Child(functools.partial(writer, number)) for number in range(WRITERS)]
    os.close(start)
    os.close(ready)
    found = [child.wait() for child in children]
    assert [text for status, text in found if status != 0] == []
    return [text for _status, text in found]


def test_the_lease_lets_one_in_at_a_time(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    found = outcomes(lambda number: back_up(store, dict.fromkeys(SUBJECTS, str(number))).point.sequence)
    written = sorted(text for text in found if text != "busy")
    points = list_points(store, BACKUP)
    assert [str(point.sequence) for point in points] == written
    assert written
    assert [verify_point(store, point).damaged for point in points] == [()] * len(points)


def test_one_run_at_a_time_changes_a_target(tmp_path: Path) -> None:
    def begin(_number: int) -> None:
        run = UndoJournal(FilesystemStorage(str(tmp_path)), "target", SystemClock()).begin("import", {})
        run.record("mode", "", Setting("READWRITE", True), "IMPORT")
        # The others are to find it at work.
        os.kill(os.getpid(), signal.SIGSTOP)

    for _round in range(5):
        children = [Child(functools.partial(begin, number)) for number in range(WRITERS)]
        ended = [os.waitid(os.P_PID, child.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT) for child in children]
        at_work = [child for child, found in zip(children, ended, strict=True) if found.si_code == os.CLD_STOPPED]
        for child in at_work:
            os.kill(child.pid, signal.SIGKILL)
        refusals = [text for status, text in map(Child.wait, children) if status != -signal.SIGKILL]
        assert len(at_work) <= 1
        assert [text for text in refusals if "Busy" not in text] == []


def test_without_a_lease_they_meet_at_the_restore_points_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path)
    back_up(store, dict.fromkeys(SUBJECTS, "before"))
    monkeypatch.setattr(Lease, "take", lambda *_where: True)
    monkeypatch.setattr(OpenPoint, "refresh", lambda _opened: None)
    monkeypatch.setattr(
        "ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point._clear_others", lambda *_: None
    )
    all_have_begun = multiprocessing.get_context("fork").Barrier(WRITERS)
    described = commit._described

    def describe(*committed: Any) -> Any:
        all_have_begun.wait(timeout=60)
        return described(*committed)

    monkeypatch.setattr(commit, "_described", describe)
    found = outcomes(lambda number: back_up(store, dict.fromkeys(SUBJECTS, str(number))).created)
    assert sorted(found) == ["True", *["busy"] * (WRITERS - 1)]
    _before, point = list_points(store, BACKUP)
    assert verify_point(store, point).damaged == ()
    reader = PartReader(store, point, "schema-registry")
    assert {reader.read(entry).decode() for entry in reader.entries()} == {str(found.index("True"))}
