# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that restore points share: written once, adopted where they are there already, never rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.canonical import sha256_hex
from .._core.errors import Busy, Damaged
from .._storage.port import AlreadyExists, Storage

_ATTEMPTS = 5


class Content(NamedTuple):
    """Some content that is to have a file.

    Args:
        names: The files that it may lie in, relative to the backup's folder, the first choice first.
        content: Its bytes.
        sha256: Their hash.
    """

    names: tuple[str, ...]
    content: bytes
    sha256: str


class SharedFiles:
    """The files of a backup.

    Args:
        storage: Where they lie.
        folder: The backup's folder.
        trusted: Hashes, by file relative to that folder, of files that a restore point names: their content is
            known, and durable, as long as their size is right.
        listed: Whether to learn what is there from listings, which pays where most of it is asked for, or else one
            by one.
    """

    def __init__(self, storage: Storage, folder: str, trusted: Mapping[str, str], *, listed: bool = True) -> None:
        self._storage = storage
        self._listed = listed
        self._folder = folder
        self._trusted = trusted
        self._sizes: dict[str, dict[str, int]] = {}

    def put(self, contents: Sequence[Content]) -> list[str]:
        """See to it that every content lies durably in one of its files.

        Args:
            contents: A batch that fits into memory.

        Returns:
            The file of each, relative to the backup's folder.

        Raises:
            Damaged: All files that a content may lie in hold something else.
            Busy: Others go on creating the same files.
            StoreError: The store refuses to write.
        """
        for _attempt in range(_ATTEMPTS):
            places = [self._place(content) for content in contents]
            wanted = {name: content for (name, state), content in zip(places, contents, strict=True) if state == "new"}
            adopted = [self._path(name) for name, state in places if state == "adopted"]
            try:
                if wanted:
                    self._storage.create_many((self._path(name), found.content) for name, found in wanted.items())
            except AlreadyExists:
                self._sizes.clear()
                continue
            if adopted:
                self._storage.flush(adopted)
            for name, content in wanted.items():
                if self._listed:
                    self._listing(name)[name] = len(content.content)
            return [name for name, _state in places]
        raise Busy(
            f"Other runs go on writing to {self._storage.location}/{self._folder}. Wait for them, and run again.",
            object_name=self._folder,
        )

    def _place(self, content: Content) -> tuple[str, str]:
        """Return a content's file, and whether it is ``shared``, ``adopted`` or ``new``."""
        size = len(content.content)
        there = {name: self._size(name) for name in content.names}
        for name in content.names:
            if there[name] == size and self._trusted.get(name) == content.sha256:
                return name, "shared"
        for name in content.names:
            if there[name] is None:
                return name, "new"
            if there[name] == size and sha256_hex(self._storage.read(self._path(name))) == content.sha256:
                return name, "adopted"
        raise denies_its_name(f"{self._storage.location}/{self._path(content.names[-1])}")

    def _size(self, name: str) -> int | None:
        return self._listing(name).get(name) if self._listed else self._storage.size(self._path(name))

    def _listing(self, name: str) -> dict[str, int]:
        """Return the sizes of all files below the topmost folder of a file: one listing for all of them."""
        top = name.partition("/")[0]
        if top not in self._sizes:
            skipped = len(self._folder) + 1
            found = self._storage.files(f"{self._folder}/{top}")
            self._sizes[top] = {file.path[skipped:]: file.size for file in found}
        return self._sizes[top]

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


def denies_its_name(where: str) -> Damaged:
    """Return the error for a file whose name holds the hash of other content than it has."""
    return Damaged(
        f"{where} is damaged: it does not hold what its name says. Delete it and run again, which restores it.",
        object_name=where,
    )
