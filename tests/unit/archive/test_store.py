# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores are marked, and nothing else is taken for one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    Damaged,
    LifeboatError,
    StoreError,
    UnsupportedFormat,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import back_up, make_store, tree


def test_a_place_is_marked_once(tmp_path: Path) -> None:
    storage = FilesystemStorage(str(tmp_path / "new" / "store"))
    assert Store.find(storage) is None
    store, created = Store.initialise(storage)
    again, created_again = Store.initialise(storage)
    assert (created, created_again) == (True, False)
    assert store.store_id == again.store_id == Store.open(storage).store_id
    assert list(tree(tmp_path)) == ["new/store/store.json"]


def test_an_unmarked_place_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(StoreError, match="backup_store") as caught:
            Store.open(FilesystemStorage(str(place)))
        assert caught.value.code == "not_a_store"
    assert os.listdir(tmp_path) == []


def test_what_is_somebody_elses_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(StoreError, match="photos") as caught:
        Store.initialise(FilesystemStorage(str(tmp_path)))
    assert caught.value.code == "not_empty"
    assert os.listdir(tmp_path) == ["photos"]


def test_a_fresh_file_system_is_marked(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".snapshots").mkdir()
    assert Store.initialise(FilesystemStorage(str(tmp_path)))[1]


@pytest.mark.parametrize(
    ("marker", "error"),
    [
        (b"", Damaged),
        (b'{"format": "lifeboat.kafka/store", "format_version": 2}', UnsupportedFormat),
        (b'{"format": "other/store", "format_version": 1, "store_id": "x"}', Damaged),
        (b'{"format": "lifeboat.kafka/store", "format_version": 1, "store_id": 7}', Damaged),
        (b"\xff\xfe", Damaged),
        (b"[" * 100_000, Damaged),
    ],
)
def test_a_marker_that_cannot_be_read_is_refused(tmp_path: Path, marker: bytes, error: type[LifeboatError]) -> None:
    (tmp_path / "store.json").write_bytes(marker)
    for attempt in (Store.open, Store.initialise):
        with pytest.raises(error, match=r"store\.json"):
            attempt(FilesystemStorage(str(tmp_path)))
    assert (tmp_path / "store.json").read_bytes() == marker


def test_backups_are_listed_by_their_names(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    names = ["eu/prod", "journal", "prod", "日本"]
    for name in names:
        back_up(store, {"orders": "1"}, backup_id=name)
    (tmp_path / "journal" / "x").mkdir(parents=True)
    (tmp_path / "something").mkdir()
    assert store.backup_ids() == names
