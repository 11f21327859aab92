# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores and restore points to test with, written by the archive itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import CommitResult, capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.layout import path_of
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import SCHEMA_REGISTRY
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.writer import PartWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import Clock, SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage

BACKUP = "prod"
SCOPE = {"subjects": ["*"]}


class StillClock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def make_store(root: Path) -> Store:
    """Make a store in a folder, or open it."""
    return Store.initialise(FilesystemStorage(str(root)))[0]


def subjects(contents: Mapping[str, str]) -> list[tuple[str, bytes, Mapping[str, Any]]]:
    """Return files of a part: for each subject one version, with some text."""
    return [
        (
            path_of(SCHEMA_REGISTRY, "subjects", name, "v1.json"),
            text.encode(),
            {"kind": "version", "subject": name, "version": 1},
        )
        for name, text in contents.items()
    ]


def back_up(
    store: Store,
    contents: Mapping[str, str],
    *,
    backup_id: str = BACKUP,
    part: str = SCHEMA_REGISTRY,
    scope: Mapping[str, Any] | None = None,
    complete: bool = True,
    clock: Clock | None = None,
) -> CommitResult:
    """Write a restore point of one part, as a capturing module does."""
    with capture(store, backup_id, None, clock=clock or SystemClock()) as taken:
        writer = PartWriter(taken.point, part, scope=SCOPE if scope is None else scope)
        writer.add_files(subjects(contents))
        writer.finish(summary={"subjects": len(contents)}, complete=complete)
    assert taken.result is not None
    return taken.result


def tree(root: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too, with their contents."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
