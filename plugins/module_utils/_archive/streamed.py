# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written piece by piece, and get their names together: each a segment of a partition, or a pack."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from .._core.canonical import sha256_hex
from .._storage.port import NewFile, Storage
from .layout import hashed_file, pack_file
from .parts import Entry
from .sharing import denies_its_name

PACK_BYTES = 8 * 1024 * 1024
"""A pack is written when it has so many bytes; until then it is in memory."""

_READ_BYTES = 1024 * 1024


@dataclass
class StreamedFile:
    """A file in the making, or one that has got its name.

    Args:
        name: Its path in the backup's folder; another one is given to it where that is taken by other content.
        file: The file itself; None once it has its name.
        size: How many bytes it has.
        pieces: What it holds, one after the other, without gaps; they are known once they are ended.
    """

    name: str
    file: NewFile | None
    size: int = 0
    pieces: list[Piece] = field(default_factory=list)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append some bytes."""
        _unplaced(self).write(data)
        self.size += len(data)

    def add_piece(self, at: int, length: int, sha256: str) -> Piece:
        """Note what some of its bytes are, where the last piece ends."""
        self.pieces.append(Piece(self, at, length, sha256))
        return self.pieces[-1]


@dataclass
class Piece:
    """Some bytes of a file.

    Args:
        file: The file.
        at: Where they begin there.
        length: How many they are.
        sha256: Their hash.
    """

    file: StreamedFile
    at: int
    length: int
    sha256: str

    def entry(self, facts: Mapping[str, Any]) -> Entry:
        """Return its index entry, once its file has its name."""
        return Entry(self.file.name, self.at, self.length, self.sha256, facts)


class StreamedFiles:
    """The files of a backup that are in the making; those that have no name when the context ends are discarded.

    Args:
        storage: Where.
        folder: The backup's folder.
    """

    def __init__(self, storage: Storage, folder: str) -> None:
        self._storage = storage
        self._folder = folder
        self._unfinished: dict[int, NewFile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._unfinished.values():
            file.discard()

    def begin(self, name: str) -> NewFile:
        """Begin a file, by its path in the backup's folder."""
        file = self._storage.new_file(self._path(name)).__enter__()
        self._unfinished[id(file)] = file
        return file

    def place(self, files: Sequence[StreamedFile]) -> None:
        """Make files durable under their names.

        A file that is there already with the same content is adopted; where it has other content, the name with the
        hash of the new content is taken.

        Args:
            files: What is written to its end.

        Raises:
            Damaged: A file that has a hash in its name has other content.
            StoreError: The store refuses to write.
        """
        adopted, others = self._commit(files)
        for streamed in others:
            streamed.name = hashed_file(streamed.name, _digest(streamed))
            _unplaced(streamed).rename(self._path(streamed.name))
        more_adopted, damaged = self._commit(others)
        if damaged:
            raise denies_its_name(f"{self._storage.location}/{self._path(damaged[0].name)}")
        adopted += more_adopted
        if adopted:
            self._storage.flush(self._path(streamed.name) for streamed in adopted)
        for streamed in files:
            _unplaced(streamed).discard()
            del self._unfinished[id(streamed.file)]
            streamed.file = None

    def _commit(self, files: Sequence[StreamedFile]) -> tuple[list[StreamedFile], list[StreamedFile]]:
        """Give files their names; return those that are there already, and those whose names other files have."""
        if not files:
            return [], []
        taken = {id(file) for file in self._storage.commit_many([_unplaced(streamed) for streamed in files])}
        there = [streamed for streamed in files if id(streamed.file) in taken]
        same = {id(streamed) for streamed in there if self._holds(streamed)}
        return [of for of in there if id(of) in same], [of for of in there if id(of) not in same]

    def _holds(self, streamed: StreamedFile) -> bool:
        """Tell whether the file that has the name consists of the same pieces."""
        with self._storage.open(self._path(streamed.name)) as file:
            for piece in streamed.pieces:
                if sha256_hex(file.read(piece.length)) != piece.sha256:
                    return False
            return not file.read(1)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


class PackWriter:
    """Lets small pieces share files, which are named by their hash.

    Args:
        files: The files of the backup.
    """

    def __init__(self, files: StreamedFiles) -> None:
        self._files = files
        self._pack = StreamedFile("", None)
        self._content = bytearray()
        self.full: list[StreamedFile] = []

    def add(self, content: bytes | bytearray, sha256: str) -> Piece:
        """Take a piece in, whose hash is given."""
        if self._content and len(self._content) + len(content) > PACK_BYTES:
            self.flush()
        piece = self._pack.add_piece(len(self._content), len(content), sha256)
        self._content += content
        return piece

    def flush(self) -> None:
        """Write what is in memory to a file of its own, which is then one of ``full``."""
        if not self._pack.pieces:
            return
        self._pack.name = pack_file(sha256_hex(self._content))
        self._pack.file = self._files.begin(self._pack.name)
        self._pack.write(self._content)
        self._pack.file.pause()
        self.full.append(self._pack)
        self._pack, self._content = StreamedFile("", None), bytearray()

    def take_full(self) -> list[StreamedFile]:
        """Return the packs that are written, each once."""
        full, self.full = self.full, []
        return full


def _unplaced(streamed: StreamedFile) -> NewFile:
    if streamed.file is None:
        raise ValueError(f"{streamed.name} has its name already")
    return streamed.file


def _digest(streamed: StreamedFile) -> str:
    if len(streamed.pieces) == 1:
        return streamed.pieces[0].sha256
    digest = hashlib.sha256()
    with _unplaced(streamed).read_back() as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
