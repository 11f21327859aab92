# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filesystem store: what is created is private and never replaced, and what cannot be done is named."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import NotFound, StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import (
    AlreadyExists,
    Storage,
    StoredFile,
)
from testbed.archives import tree


def test_what_is_created_is_read_back(storage: Storage) -> None:
    storage.create("a/b/c.json", b"content")
    assert storage.read("a/b/c.json") == b"content"
    assert storage.size("a/b/c.json") == 7
    with storage.open("a/b/c.json") as file:
        file.seek(3)
        assert file.read(2) == b"te"


def test_creating_never_replaces(storage: Storage, tmp_path: Path) -> None:
    storage.create("a", b"first")
    with pytest.raises(AlreadyExists):
        storage.create("a", b"second")
    with pytest.raises(AlreadyExists):
        storage.create_many([("b", b"new"), ("a", b"second")])
    assert tree(tmp_path) == {"a": b"first", "b": b"new"}


def test_only_the_owner_may_read(storage: Storage, tmp_path: Path) -> None:
    storage.create("a/b", b"")
    storage.create_many([("c/d", b"")])
    storage.replace("e/f", b"")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"a": 0o700, "b": 0o600, "c": 0o700, "d": 0o600, "e": 0o700, "f": 0o600}


def test_files_are_listed_by_path(storage: Storage) -> None:
    for path in ("a/z", "a.b", "a/b/c", "b", "a0"):
        storage.create(path, b"xy")
    assert list(storage.files()) == [StoredFile(path, 2) for path in sorted(("a/z", "a.b", "a/b/c", "b", "a0"))]
    assert [file.path for file in storage.files("a")] == ["a/b/c", "a/z"]
    assert list(storage.files("missing")) == []
    assert storage.folders() == ["a"]
    assert storage.folders("a") == ["b"]


def test_missing_files_are_not_found(storage: Storage) -> None:
    storage.create("a", b"")
    for path in ("missing", "missing/too", "a/below-a-file"):
        assert storage.size(path) is None
        with pytest.raises(NotFound):
            storage.read(path)
        with pytest.raises(NotFound):
            storage.open(path)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "a//b", "a/", "../a", "a/../../b", "./a", "a\0b", ".tmp-1"])
def test_paths_cannot_lead_out(storage: Storage, path: str) -> None:
    for attempt in (storage.read, storage.size, lambda path: storage.create(path, b"")):
        with pytest.raises(StoreError) as caught:
            attempt(path)
        assert caught.value.code == "unsafe_path"


def test_symbolic_links_are_not_followed(storage: Storage, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tmp_path / "folder").symlink_to(outside)
    (tmp_path / "file").symlink_to(outside / "secret")
    for attempt in (
        lambda: storage.read("folder/secret"),
        lambda: storage.read("file"),
        lambda: storage.create("folder/new", b""),
        lambda: list(storage.files("folder")),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.code == "unsafe_path"
    assert list(storage.files()) == []
    assert storage.size("file") is None
    assert os.listdir(outside) == ["secret"]


def test_the_store_itself_may_be_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    FilesystemStorage(str(tmp_path / "link")).create("a/b", b"x")
    assert tree(tmp_path / "real") == {"a/b": b"x"}


def test_a_document_is_replaced(storage: Storage, tmp_path: Path) -> None:
    storage.replace("a/b", b"old")
    storage.replace("a/b", b"new")
    assert tree(tmp_path) == {"a/b": b"new"}


def test_deleting(storage: Storage, tmp_path: Path) -> None:
    for path in ("a/b/c", "a/d", "e"):
        storage.create(path, b"")
    storage.delete("a/b/c")
    storage.delete("a/b/c")
    storage.delete_empty_folders("a")
    assert tree(tmp_path) == {"a/d": b"", "e": b""}
    assert not (tmp_path / "a" / "b").exists()
    storage.delete("a/d")
    storage.delete_empty_folders("a")
    storage.delete_empty_folders("a")
    assert not (tmp_path / "a").exists()
    storage.create("a/b/c", b"again")
    assert storage.read("a/b/c") == b"again"


def test_only_prepare_makes_the_root(tmp_path: Path) -> None:
    storage = FilesystemStorage(str(tmp_path / "not" / "mounted"))
    for attempt in (
        lambda: storage.create("a", b""),
        lambda: storage.create("a/b", b""),
        lambda: storage.create_many([("a/b", b"")]),
        lambda: storage.replace("a/b", b""),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.code == "store_unusable"
        assert "mounted" in caught.value.message
    assert tree(tmp_path) == {}
    assert list(storage.files()) == []
    storage.prepare()
    storage.create("a/b", b"x")
    assert storage.read("a/b") == b"x"


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is a file"):
        FilesystemStorage(str(tmp_path / "file")).prepare()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "not_writable"),
        (errno.EACCES, "not_writable"),
        (errno.EIO, "store_unusable"),
    ],
)
def test_what_the_system_refuses_is_named(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(_descriptor: int, content: bytes, write: Callable[[int, bytes], int] = os.write) -> int:
        if content == b"refused":
            raise OSError(number, os.strerror(number))
        return write(_descriptor, content)

    monkeypatch.setattr(durable.os, "write", refuse)
    for attempt in (
        lambda: storage.create("a/b", b"refused"),
        lambda: storage.create_many([("a/a", b"fine"), ("a/b", b"refused")]),
        lambda: storage.replace("a/b", b"refused"),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.code == code
        assert str(tmp_path / "a" / "b") in caught.value.message
    assert tree(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_folders_of_others_are_named(storage: Storage, tmp_path: Path) -> None:
    storage.create("a/b", b"")
    (tmp_path / "a").chmod(0)
    with pytest.raises(StoreError) as caught:
        storage.create("a/c", b"")
    assert caught.value.code == "not_writable"
    with pytest.raises(StoreError) as caught:
        storage.read("a/b")
    assert caught.value.code == "not_readable"
    (tmp_path / "a").chmod(0o700)
