# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory as a place where bytes lie."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import BinaryIO, Self, cast

from .._core.errors import NotFound, StoreError
from .durable import begin_flush, flush_files, flush_folders, move_without_replacing, write_all, write_new
from .port import TEMPORARY, AlreadyExists, NewFile, StoredFile, segments
from .refusals import store_error

_FLUSH_BEGINS = 8 * 1024 * 1024
"""After so many bytes the system begins to write a file out, while more of it comes."""


class FilesystemStorage:
    """Fulfils `Storage` with a directory.

    Files get mode 0600, folders 0700. Symbolic links inside of the directory are neither listed nor followed; the
    directory itself may be one.

    Args:
        root: Its absolute path.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root).rstrip("/")
        self._known_folders: set[str] = set()

    @property
    def location(self) -> str:
        """The directory's path."""
        return self._root

    def prepare(self) -> None:
        """Make the directory, with those above it."""
        with self._errors("make the directory", "", writing=True):
            try:
                os.makedirs(self._root, 0o700, exist_ok=True)
            except FileExistsError as error:
                message = f"{self._root} is a file, where a directory is needed."
                raise StoreError(message, object_name=self._root) from error

    def read(self, path: str) -> bytes:
        """Return a file's content; see `Storage.read`."""
        with self._errors("read", path), open(self._full(path), "rb", buffering=0, opener=_open_no_link) as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; see `Storage.open`."""
        with self._errors("read", path):
            return open(self._full(path), "rb", opener=_open_no_link)

    def size(self, path: str) -> int | None:
        """Return a file's length in bytes, or None; see `Storage.size`."""
        with self._errors("look at", path):
            try:
                found = os.lstat(self._full(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def files(self, folder: str = "") -> Iterator[StoredFile]:
        """Yield all files below a folder; see `Storage.files`."""
        with self._errors("list", folder):
            found = sorted(_sized(self._scan(folder)))
        for name, size in found:
            path = f"{folder}/{name}" if folder else name
            if size is None:
                yield from self.files(path[:-1])
            else:
                yield StoredFile(path, size)

    def folders(self, folder: str = "") -> list[str]:
        """Return the names of the folders directly in a folder; see `Storage.folders`."""
        with self._errors("list", folder):
            return sorted(entry.name for entry in self._scan(folder) if _is_folder(entry))

    def create(self, path: str, content: bytes) -> None:
        """Create one file; see `Storage.create`."""
        with self.new_file(path) as file:
            file.write(content)
            file.commit()

    def create_many(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Create many small files; see `Storage.create_many`."""
        self._write_many(files, self._place)

    def replace_many(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write many mutable documents; see `Storage.replace_many`."""
        self._write_many(files, self._place_over)

    def _write_many(self, files: Iterable[tuple[str, bytes]], place: Callable[[str, str], None]) -> None:
        token = secrets.token_hex(8)
        unfinished: dict[str, str] = {}
        parents: set[str] = set()
        try:
            for number, (path, content) in enumerate(files):
                with self._errors("write", path, writing=True):
                    parent = self._make_parent(path, parents)
                    temporary = f"{parent}/{TEMPORARY}{token}-{number}"
                    unfinished[temporary] = path
                    write_new(temporary, content)
            with self._errors("flush files of", "", writing=True):
                flush_files(unfinished)
            for temporary, path in list(unfinished.items()):
                place(temporary, path)
                del unfinished[temporary]
            with self._errors("flush folders of", "", writing=True):
                flush_folders(parents)
        finally:
            for temporary in unfinished:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)

    def commit_many(self, files: Sequence[NewFile]) -> list[NewFile]:
        """Make many files durable under their names; see `Storage.commit_many`."""
        unfinished = cast("Sequence[_NewFile]", files)
        taken: list[NewFile] = []
        with self._errors("flush files of", "", writing=True):
            for file in unfinished:
                file.pause()
            flush_files(file.temporary for file in unfinished)
        for file in unfinished:
            try:
                file.place()
            except AlreadyExists:
                taken.append(file)
        with self._errors("flush folders of", "", writing=True):
            flush_folders({folder for file in unfinished for folder in file.changed})
        return taken

    def new_file(self, path: str) -> _NewFile:
        """Begin a file; see `Storage.new_file`."""
        return _NewFile(self, path)

    def flush(self, paths: Iterable[str]) -> None:
        """Make files durable; see `Storage.flush`."""
        names = {path: self._full(path) for path in paths}
        with self._errors("flush files of", "", writing=True):
            flush_files(names.values())
            # A folder's own name is as new as its first file may be, so those above it are flushed too.
            flush_folders({above for path in names for above in self._folders_above(path)})

    def replace(self, path: str, content: bytes) -> None:
        """Write a mutable document; see `Storage.replace`."""
        with _NewFile(self, path) as file:
            file.write(content)
            file.commit(replacing=True)

    def delete(self, path: str) -> None:
        """Delete a file; see `Storage.delete`."""
        with self._errors("delete", path, writing=True), contextlib.suppress(FileNotFoundError):
            os.unlink(self._full(path))

    def delete_empty_folders(self, folder: str) -> None:
        """Delete folders that hold no files; see `Storage.delete_empty_folders`."""
        for name in self.folders(folder):
            self.delete_empty_folders(f"{folder}/{name}")
        with self._errors("delete", folder, writing=True):
            try:
                self._known_folders.clear()
                os.rmdir(self._full(folder))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise

    def discard_unfinished(self, folder: str) -> None:
        """Delete temporary files; see `Storage.discard_unfinished`."""
        for name in self.folders(folder):
            self.discard_unfinished(f"{folder}/{name}")
        with self._errors("tidy up", folder, writing=True):
            for entry in self._scan(folder):
                if entry.name.startswith(TEMPORARY) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(entry.path)

    def _full(self, path: str) -> str:
        """Return where a path lies, having checked that nothing on the way to it leads elsewhere."""
        *above, name = segments(path)
        return f"{self._folder(above)}/{name}"

    def _folder(self, names: Sequence[str]) -> str:
        folder = "/".join((self._root, *names))
        if folder not in self._known_folders:
            for depth in range(1, len(names) + 1):
                if not self._is_known("/".join((self._root, *names[:depth]))):
                    break
        return folder

    def _is_known(self, folder: str) -> bool:
        """Tell whether a folder exists, one that is no symbolic link; what is above it is known."""
        if folder in self._known_folders:
            return True
        try:
            mode = os.lstat(folder).st_mode
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder)
        self._known_folders.add(folder)
        return True

    def _scan(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder(segments(folder) if folder else ())) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _folders_above(self, path: str) -> list[str]:
        names = segments(path)[:-1]
        return ["/".join((self._root, *names[:depth])) for depth in range(len(names) + 1)]

    def _make_parent(self, path: str, changed: set[str]) -> str:
        """Return the folder of a path, made where it is missing; what then has new names is added to ``changed``."""
        parent = os.path.dirname(self._full(path))
        if parent not in self._known_folders:
            above = self._folders_above(path)
            for depth in range(1, len(above)):
                if above[depth] not in self._known_folders:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(above[depth], 0o700)
                    changed.add(above[depth - 1])
        changed.add(parent)
        return parent

    def _place_over(self, temporary: str, path: str) -> None:
        with self._errors("replace", path, writing=True):
            os.replace(temporary, self._full(path))

    def _place(self, temporary: str, path: str) -> None:
        try:
            with self._errors("create", path, writing=True):
                move_without_replacing(temporary, self._full(path))
        except FileExistsError as error:
            raise AlreadyExists(f"{self._root}/{path} exists already.", object_name=path) from error

    @contextlib.contextmanager
    def _errors(self, verb: str, path: str, *, writing: bool = False) -> Iterator[None]:
        """Turn what the system refuses into errors of lifeboat.kafka; `FileExistsError` is the caller's to judge."""
        where = f"{self._root}/{path}".rstrip("/") or "/"
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError) and not writing:
                raise NotFound(f"There is no file {where}.", object_name=where) from error
            raise store_error(error, f"Could not {verb} {where}", where, writing) from error


class _NewFile:
    """A file of a `FilesystemStorage` in the making.

    Attributes:
        temporary: Where it lies meanwhile; empty once it has its name.
        changed: Folders that have new names because of it.
    """

    def __init__(self, storage: FilesystemStorage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._descriptor = -1
        self._unflushed = 0
        self.temporary = ""
        self.changed: set[str] = set()

    def __enter__(self) -> Self:
        with self._writing():
            parent = self._storage._make_parent(self._path, self.changed)
            self.temporary = f"{parent}/{TEMPORARY}{secrets.token_hex(8)}"
            self._open(os.O_CREAT | os.O_EXCL)
        return self

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append some bytes."""
        with self._writing():
            if self._descriptor < 0:
                self._open(os.O_APPEND)
            write_all(self._descriptor, content)
            self._unflushed += len(content)
            if self._unflushed >= _FLUSH_BEGINS:
                self._unflushed = 0
                begin_flush(self._descriptor)

    def pause(self) -> None:
        """Hold nothing open until the next `write`; see `NewFile.pause`."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with self._writing():
                os.close(descriptor)

    def read_back(self) -> BinaryIO:
        """Open what was written so far; see `NewFile.read_back`."""
        with self._storage._errors("read", self._path):
            return open(self.temporary, "rb", opener=_open_no_link)

    def rename(self, path: str) -> None:
        """Let it get another name; see `NewFile.rename`."""
        if os.path.dirname(path) != os.path.dirname(self._path):
            raise ValueError(f"{path} is not in the folder of {self._path}")
        self._path = path

    def commit(self, *, replacing: bool = False) -> None:
        """Make it durable under its name; see `NewFile.commit`."""
        self.pause()
        with self._writing():
            flush_files([self.temporary])
        self.place(replacing=replacing)
        with self._storage._errors("flush the folder of", self._path, writing=True):
            flush_folders(self.changed)

    def place(self, *, replacing: bool = False) -> None:
        """Give it its name, once its content is durable; raises `AlreadyExists`."""
        (self._storage._place_over if replacing else self._storage._place)(self.temporary, self._path)
        self.temporary = ""

    def discard(self) -> None:
        """Give it up, unless it has its name; see `NewFile.discard`."""
        with contextlib.suppress(StoreError):
            self.pause()
        if self.temporary:
            with contextlib.suppress(OSError):
                os.unlink(self.temporary)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _open(self, how: int) -> None:
        self._descriptor = os.open(self.temporary, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return self._storage._errors("write", self._path, writing=True)


def _sized(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, int | None]]:
    """Yield the finished files with their sizes, and the folders with a slash and None, as paths are sorted."""
    for entry in entries:
        if _is_folder(entry):
            yield f"{entry.name}/", None
        elif entry.is_file(follow_symlinks=False) and not entry.name.startswith(TEMPORARY):
            with contextlib.suppress(FileNotFoundError):
                yield entry.name, entry.stat(follow_symlinks=False).st_size


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
