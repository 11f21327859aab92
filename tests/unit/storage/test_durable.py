# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filesystem store: a file is whole on the disk before it has its name, on every file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import (
    AlreadyExists,
    Storage,
)
from testbed.archives import tree

MANY = [(f"many/{number % 7}/{number}", b"%d" % number) for number in range(40)]


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


def test_many_documents_are_replaced(storage: Storage, tmp_path: Path, steps: list[str]) -> None:
    storage.replace("a/3", b"old")
    steps.clear()
    storage.replace_many((f"a/{number}", b"%d" % number) for number in range(20))
    assert [step for step in steps if not step.startswith("name")] == ["flush all", "flush a"]
    assert tree(tmp_path) == {f"a/{number}": b"%d" % number for number in range(20)}


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


def test_all_is_written_where_the_disk_takes_a_part_at_a_time(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(durable.os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    storage.create("a", b"ten bytes!")
    assert storage.read("a") == b"ten bytes!"
