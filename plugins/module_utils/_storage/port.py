# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the archive asks of a place where bytes lie.

Paths are relative, in POSIX form, without empty, ``.`` and ``..`` segments, and no segment begins with `TEMPORARY`.
Whatever is created is whole and durable under its name, or is not there: a writer that dies leaves nothing that can
be taken for a file. Every operation raises `StoreError` (``disk_full``, ``not_writable``, ``not_readable``,
``unsafe_path`` or ``store_unusable``) for what the place refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

from .._core.errors import LifeboatError, StoreError

TEMPORARY = ".tmp-"
"""How the names of unfinished files begin; no listing shows them."""


class AlreadyExists(LifeboatError):
    """A file was to be created where there is one already; it was left as it is."""

    default_code = "already_exists"


class StoredFile(NamedTuple):
    """A file of a listing.

    Args:
        path: Its path.
        size: Its length in bytes.
    """

    path: str
    size: int


class NewFile(Protocol):
    """A file in the making; leaving its context without `commit` discards it."""

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append some bytes."""

    def pause(self) -> None:
        """Hold nothing open until the next `write`: thousands of files may be in the making at once."""

    def read_back(self) -> BinaryIO:
        """Open what was written so far for reading."""

    def rename(self, path: str) -> None:
        """Let it get another name in the same folder when it is committed."""

    def commit(self) -> None:
        """Make it durable under its name.

        Raises:
            AlreadyExists: Somebody else has created it; nothing was replaced.
        """

    def discard(self) -> None:
        """Give it up, unless it is committed; raises nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Storage(Protocol):
    """A place where bytes lie."""

    @property
    def location(self) -> str:
        """Where it is, for people."""

    def prepare(self) -> None:
        """Make the place itself where it is missing. Nothing else does."""

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            NotFound: There is no such file.
        """

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; it can seek.

        Raises:
            NotFound: There is no such file.
        """

    def size(self, path: str) -> int | None:
        """Return a file's length in bytes, or None where there is no such file."""

    def files(self, folder: str = "") -> Iterator[StoredFile]:
        """Yield all files below a folder at any depth, by ascending path; none where there is no such folder."""

    def folders(self, folder: str = "") -> list[str]:
        """Return the names of the folders that lie directly in a folder, sorted."""

    def create(self, path: str, content: bytes) -> None:
        """Create one file.

        Raises:
            AlreadyExists: There is such a file.
        """

    def create_many(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Create many small files at the cost of few flushes.

        Contents are taken one by one and not kept. All are durable on return. After an error some of them exist,
        each of them whole.

        Args:
            files: Paths, each once, and contents.

        Raises:
            AlreadyExists: There is such a file.
        """

    def new_file(self, path: str) -> NewFile:
        """Begin a file that is written piece by piece."""

    def commit_many(self, files: Sequence[NewFile]) -> list[NewFile]:
        """Make files of `new_file` durable under their names at the cost of few flushes.

        After an error some of them exist, each of them whole.

        Returns:
            Those whose names others have taken: nothing was replaced, and they are still in the making.
        """

    def flush(self, paths: Iterable[str]) -> None:
        """Make files durable that another writer may have left unflushed."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a mutable document: readers see the old content or the new one."""

    def replace_many(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write many mutable documents, paths each once, at the cost of few flushes; each as `replace` does."""

    def delete(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""

    def delete_empty_folders(self, folder: str) -> None:
        """Delete a folder and those in it, as far as they hold no files."""

    def discard_unfinished(self, folder: str) -> None:
        """Delete what dead writers left below a folder under temporary names; no writer may be at work there."""


def segments(path: str) -> list[str]:
    """Split a path, checking that it cannot lead out of its storage.

    Raises:
        StoreError: It is no path as this module's text describes; code ``unsafe_path``.
    """
    names = path.split("/")
    for name in names:
        if name in ("", ".", "..") or "\0" in name or name.startswith(TEMPORARY):
            raise StoreError(f"{path!r} is not a path inside of a store.", code="unsafe_path", object_name=path)
    return names
