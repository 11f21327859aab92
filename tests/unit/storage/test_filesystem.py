# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filesystem store: what is created is whole, durable, private, and never replaced."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import NotFound, StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import (
    AlreadyExists,
    NewFile,
    Storage,
    StoredFile,
)
from testbed.archives import tree

MANY = [(f"many/{number % 7}/{number}", b"%d" % number) for number in range(40)]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return FilesystemStorage(str(tmp_path))


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


def test_many_files_are_created_at_once(storage: Storage, tmp_path: Path) -> None:
    storage.create_many(iter(MANY))
    assert tree(tmp_path) == dict(MANY)


def test_many_files_are_created_where_a_file_system_cannot_be_flushed_at_once(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    monkeypatch.setattr(durable, "_flush_file_system", lambda path: False)
    monkeypatch.setattr(durable.os, "fsync", flushed.append)
    storage.create_many(MANY)
    assert tree(tmp_path) == dict(MANY)
    assert len(flushed) >= len(MANY) + 8


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed and what gets its name, in order; temporary names are shown as ``new``."""
    done: list[str] = []

    def shown(path: str) -> str:
        name = os.path.relpath(path, tmp_path)
        return f"{os.path.dirname(name)}/new" if ".tmp-" in name else name

    def spy(name: str, describe: Callable[..., str]) -> None:
        real = getattr(os, name)

        def step(*arguments: Any) -> None:
            done.append(describe(*arguments))
            real(*arguments)

        monkeypatch.setattr(durable.os, name, step)

    spy("fsync", lambda descriptor: f"flush {shown(os.readlink(f'/proc/self/fd/{descriptor}'))}")
    spy("link", lambda _source, target: f"name {shown(target)}")
    spy("replace", lambda _source, target: f"name {shown(target)}")
    flush_all = durable._flush_file_system
    monkeypatch.setattr(durable, "_flush_file_system", lambda path: bool(done.append("flush all")) or flush_all(path))
    return done


def test_a_file_is_flushed_before_it_gets_its_name_and_its_folder_after_that(
    storage: Storage, steps: list[str]
) -> None:
    storage.create("a/b", b"")
    assert steps[:2] == ["flush a/new", "name a/b"]
    assert sorted(steps[2:]) == ["flush .", "flush a"]
    steps.clear()
    storage.replace("a/b", b"")
    assert steps == ["flush a/new", "name a/b", "flush a"]
    steps.clear()
    storage.create_many([("a/c", b"")])
    assert steps == ["flush a/new", "name a/c", "flush a"]


def test_many_files_are_flushed_twice(storage: Storage, steps: list[str]) -> None:
    storage.create_many((f"a/{number}/b", b"") for number in range(20))
    assert [step for step in steps if not step.startswith("name")] == ["flush all", "flush all"]
    assert (steps[0], steps[-1]) == ("flush all", "flush all")


def test_what_another_writer_left_is_flushed_with_the_folders_above(storage: Storage, steps: list[str]) -> None:
    storage.create("a/b/c", b"")
    steps.clear()
    storage.flush(["a/b/c"])
    assert steps[0] == "flush a/b/c"
    assert sorted(steps[1:]) == ["flush .", "flush a", "flush a/b"]


def test_nothing_is_replaced_where_there_are_no_hard_links(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(durable.os, "link", refuse)
    storage.create("a", b"first")
    with pytest.raises(AlreadyExists):
        storage.create("a", b"second")
    assert tree(tmp_path) == {"a": b"first"}


def test_a_lost_answer_to_a_link_is_no_conflict(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link_twice(source: str, target: str, link: Callable[[str, str], None] = os.link) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(durable.os, "link", link_twice)
    storage.create("a", b"first")
    assert tree(tmp_path) == {"a": b"first"}


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


def test_what_is_not_committed_is_discarded(storage: Storage, tmp_path: Path) -> None:
    with storage.new_file("a/b") as file:
        file.write(b"begun")
    with pytest.raises(ZeroDivisionError), storage.new_file("a/c") as file:
        file.write(b"%d" % (1 // 0))
    assert tree(tmp_path) == {}


def test_a_file_is_written_piece_by_piece(storage: Storage, tmp_path: Path) -> None:
    with storage.new_file("a/b") as file:
        file.write(b"one ")
        file.write(b"two")
        assert list(storage.files()) == []
        file.commit()
    assert tree(tmp_path) == {"a/b": b"one two"}


def begin(storage: Storage, path: str, content: bytes) -> NewFile:
    file = storage.new_file(path).__enter__()
    file.write(content)
    return file


def test_files_in_the_making_get_their_names_together(storage: Storage, tmp_path: Path, steps: list[str]) -> None:
    files = [begin(storage, f"a/{number}/b", b"%d" % number) for number in range(20)]
    assert list(storage.files()) == []
    assert storage.commit_many(files) == []
    assert [step for step in steps if not step.startswith("name")] == ["flush all", "flush all"]
    assert (steps[0], steps[-1]) == ("flush all", "flush all")
    assert tree(tmp_path) == {f"a/{number}/b": b"%d" % number for number in range(20)}
    for file in files:
        file.discard()
    assert len(tree(tmp_path)) == 20


def test_files_whose_names_are_taken_may_get_others(storage: Storage, tmp_path: Path) -> None:
    storage.create("a/2", b"first")
    files = [begin(storage, f"a/{number}", b"%d" % number) for number in range(4)]
    assert storage.commit_many(files) == [files[2]]
    with files[2].read_back() as content:
        assert content.read() == b"2"
    with pytest.raises(ValueError, match="not in the folder"):
        files[2].rename("b/2")
    files[2].rename("a/other")
    assert storage.commit_many([files[2]]) == []
    assert tree(tmp_path) == {"a/0": b"0", "a/1": b"1", "a/2": b"first", "a/3": b"3", "a/other": b"2"}


def test_a_paused_file_goes_on(storage: Storage, tmp_path: Path) -> None:
    with storage.new_file("a/b") as file:
        for piece in (b"one ", b"two ", b"three"):
            file.write(piece)
            file.pause()
            file.pause()
        file.commit()
    assert tree(tmp_path) == {"a/b": b"one two three"}


@pytest.mark.parametrize("available", [True, False])
def test_a_large_file_is_written_out_while_it_comes(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: bool
) -> None:
    class Library:
        """The C library, with or without the call."""

        if available:

            def sync_file_range(self, descriptor: int, *_range: Any) -> int:
                begun.append(os.fstat(descriptor).st_size >> 20)
                return -1

    begun: list[int] = []
    monkeypatch.setattr(durable, "_LIBC", Library())
    with storage.new_file("a") as file:
        for _turn in range(20):
            file.write(bytes(1 << 20))
        file.commit()
    assert begun == ([8, 16] if available else [])
    assert (tmp_path / "a").stat().st_size == 20 << 20


def test_a_file_in_the_making_that_is_gone_is_named(storage: Storage, tmp_path: Path) -> None:
    file = begin(storage, "a/b", b"begun")
    file.pause()
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    for attempt in (lambda: file.write(b"x"), lambda: storage.commit_many([file])):
        with pytest.raises(StoreError):
            attempt()
    file.discard()


def test_many_documents_are_replaced(storage: Storage, tmp_path: Path, steps: list[str]) -> None:
    storage.replace("a/3", b"old")
    steps.clear()
    storage.replace_many((f"a/{number}", b"%d" % number) for number in range(20))
    assert [step for step in steps if not step.startswith("name")] == ["flush all", "flush a"]
    assert tree(tmp_path) == {f"a/{number}": b"%d" % number for number in range(20)}


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


def test_unfinished_files_are_not_listed_and_can_be_discarded(storage: Storage, tmp_path: Path) -> None:
    storage.create("a/b/c", b"")
    (tmp_path / "a" / "b" / ".tmp-1").touch()
    (tmp_path / "a" / ".tmp-2").touch()
    assert [file.path for file in storage.files()] == ["a/b/c"]
    storage.discard_unfinished("a")
    assert sorted(tree(tmp_path)) == ["a/b/c"]


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


def test_all_is_written_where_the_disk_takes_a_part_at_a_time(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(durable.os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    storage.create("a", b"ten bytes!")
    assert storage.read("a") == b"ten bytes!"


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
