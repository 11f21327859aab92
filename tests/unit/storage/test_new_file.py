# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filesystem store: files in the making, which nobody sees before they are committed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import (
    NewFile,
    Storage,
)
from testbed.archives import tree


def begin(storage: Storage, path: str, content: bytes) -> NewFile:
    file = storage.new_file(path).__enter__()
    file.write(content)
    return file


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


def test_unfinished_files_are_not_listed_and_can_be_discarded(storage: Storage, tmp_path: Path) -> None:
    storage.create("a/b/c", b"")
    (tmp_path / "a" / "b" / ".tmp-1").touch()
    (tmp_path / "a" / ".tmp-2").touch()
    assert [file.path for file in storage.files()] == ["a/b/c"]
    storage.discard_unfinished("a")
    assert sorted(tree(tmp_path)) == ["a/b/c"]
