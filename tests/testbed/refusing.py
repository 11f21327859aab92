# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage that refuses a write, wherever a test wants it to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import NewFile


class Refusing:
    """A storage that writes as another does, until it refuses one write, half-done where that is possible."""

    def __init__(self, storage: FilesystemStorage, refuse_at: int) -> None:
        self._storage = storage
        self._left = refuse_at

    @property
    def refused(self) -> bool:
        """Whether a write was refused."""
        return self._left <= 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def count(self, path: str) -> None:
        """Refuse it when it is the one to refuse."""
        self._left -= 1
        if self._left == 0:
            raise StoreError(f"Could not write {path}: No space left on device.", code="disk_full", object_name=path)

    def create(self, path: str, content: bytes) -> None:
        self.count(path)
        self._storage.create(path, content)

    def replace(self, path: str, content: bytes) -> None:
        self.count(path)
        self._storage.replace(path, content)

    def create_many(self, files: Iterable[tuple[str, bytes]]) -> None:
        files = list(files)
        self._storage.create_many(files[: len(files) // 2])
        self.count(files[-1][0])
        self._storage.create_many(files[len(files) // 2 :])

    def new_file(self, path: str) -> NewFile:
        self.count(path)
        file = self._storage.new_file(path)
        write = file.write

        def counted(content: bytes) -> None:
            write(content[: len(content) // 2])
            self.count(path)
            write(content[len(content) // 2 :])

        file.write = counted  # type: ignore[method-assign]
        return file

    def commit_many(self, files: Sequence[NewFile]) -> list[NewFile]:
        taken = self._storage.commit_many(files[: len(files) // 2])
        self.count("many files")
        return taken + self._storage.commit_many(files[len(files) // 2 :])
