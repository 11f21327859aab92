# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full or read-only disk: one clear message, no restore point that looks whole, and the next run goes on."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import BACKUP, back_up, make_store, tree
from testbed.mishaps import make_read_only, on_a_small_disk
from testbed.refusing import Refusing

BEFORE = {"orders": "one"}
AFTER = {"orders": "two", **{f"subject-{number}": str(number) * 100 for number in range(400)}}


def run_on_a_small_disk(folder: Path, options: str, action: Callable[[], None]) -> None:
    try:
        status, text = on_a_small_disk(folder, options, action)
    except PermissionError as error:
        pytest.skip(f"no file system of one's own here: {error}")
    assert status == 0, text


def refused(action: Callable[[], Any]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        action()
    return caught.value


@pytest.mark.parametrize("options", ["size=320k", "nr_inodes=300"], ids=["no blocks left", "no inodes left"])
def test_a_disk_fills_up(tmp_path: Path, options: str) -> None:
    def fill_up() -> None:
        store = make_store(tmp_path / "store")
        back_up(store, BEFORE)
        error = refused(lambda: back_up(store, AFTER))
        assert error.code == "disk_full"
        assert str(tmp_path / "store" / BACKUP) in error.message
        assert "No space left" in error.message
        (point,) = list_points(store, BACKUP)
        assert verify_point(store, point).damaged == ()
        assert [path for path in tree(tmp_path) if "/.tmp-" in path] == []
        assert back_up(store, {"orders": "three"}).point.sequence == 2

    run_on_a_small_disk(tmp_path, options, fill_up)


def test_a_full_disk_takes_no_journal(tmp_path: Path) -> None:
    def fill_up() -> None:
        journal = UndoJournal(FilesystemStorage(str(tmp_path)), "target", SystemClock())
        with (tmp_path / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        assert refused(lambda: journal.begin("import", {})).code == "disk_full"
        assert journal.runs() == []

    run_on_a_small_disk(tmp_path, "size=64k", fill_up)


def test_a_read_only_store_is_read_and_not_written(tmp_path: Path) -> None:
    def read_and_write() -> None:
        store = make_store(tmp_path / "store")
        back_up(store, BEFORE)
        make_read_only(tmp_path)
        (point,) = list_points(Store.open(store.storage), BACKUP)
        assert verify_point(store, point).damaged == ()
        journal = UndoJournal(store.storage, "target", SystemClock())
        for attempt in (lambda: back_up(store, AFTER), lambda: journal.begin("import", {})):
            error = refused(attempt)
            assert error.code == "not_writable"
            assert str(tmp_path / "store") in error.message
        assert journal.runs() == []

    run_on_a_small_disk(tmp_path, "size=1m", read_and_write)


def test_every_write_may_be_refused(tmp_path: Path) -> None:
    for refuse_at in itertools.count(1):
        root = tmp_path / str(refuse_at)
        store = make_store(root)
        back_up(store, BEFORE)
        refusing = Refusing(FilesystemStorage(str(root)), refuse_at)
        with contextlib.suppress(StoreError):
            back_up(Store(refusing, store.store_id), AFTER)
            break
        assert refusing.refused
        points = list_points(store, BACKUP)
        assert len(points) in (1, 2)
        assert [verify_point(store, point).damaged for point in points] == [()] * len(points)
        result = back_up(store, AFTER)
        assert (result.created, result.point.sequence) == (len(points) == 1, 2)
        assert verify_point(store, result.point).damaged == ()
    assert refuse_at > 7
