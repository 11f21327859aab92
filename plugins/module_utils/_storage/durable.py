# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that make files durable and move them without replacing; errors are `OSError`."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterable
from typing import Any

_FEW = 8
"""Up to so many files are flushed one by one, which spares waiting for the other data of the file system."""

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_SYNC_FILE_RANGE_WRITE = 2
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_CANNOT_FLUSH = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})

_LIBC = ctypes.CDLL(None, use_errno=True)


def write_new(path: str, content: bytes) -> None:
    """Create a file that only its owner may read; `FileExistsError` where there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes | bytearray | memoryview) -> None:
    """Write all of some bytes: a nearly full disk takes a part of them and refuses the rest at the next call."""
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, memoryview(content)[written:])


def begin_flush(descriptor: int) -> None:
    """Let the system begin to write a file out, so that there is less to wait for when it is flushed.

    Linux's ``sync_file_range`` with ``SYNC_FILE_RANGE_WRITE``; where there is none, or where it fails, a flush tells.
    """
    if hasattr(_LIBC, "sync_file_range"):
        _LIBC.sync_file_range(descriptor, ctypes.c_longlong(0), ctypes.c_longlong(0), _SYNC_FILE_RANGE_WRITE)


def move_without_replacing(temporary: str, target: str) -> None:
    """Give a file its name; `FileExistsError` where another has it, and the temporary name stays.

    A hard link is what every file system with Unix semantics does atomically, NFS included; where there are none,
    Linux's ``renameat2`` serves.
    """
    try:
        os.link(temporary, target)
    except FileExistsError:
        # NFS may repeat a request whose answer was lost, and then the name is taken by this very file.
        if not os.path.samefile(temporary, target):
            raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS or not hasattr(_LIBC, "renameat2"):
            raise
        _checked(_LIBC.renameat2, _AT_FDCWD, os.fsencode(temporary), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE)
        return
    os.unlink(temporary)


def flush_files(paths: Iterable[str]) -> None:
    """Make files' contents durable: few of them one by one, many with one call a file system."""
    _flush(list(paths))


def flush_folders(paths: Iterable[str]) -> None:
    """Make the names in folders durable; some network file systems cannot be asked to, and do it of themselves."""
    with contextlib.suppress(_CannotFlush):
        _flush(list(paths))


class _CannotFlush(OSError):
    """The file system does not flush such a thing on demand."""


def _flush(paths: list[str]) -> None:
    if len(paths) > _FEW:
        one_of_each = {os.stat(path).st_dev: path for path in paths}
        if all(_flush_file_system(path) for path in one_of_each.values()):
            return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno in _CANNOT_FLUSH:
                raise _CannotFlush(error.errno, error.strerror, path) from error
            raise
        finally:
            os.close(descriptor)


def _flush_file_system(path: str) -> bool:
    """Flush all of the file system that holds a path; return False where the system has no such call."""
    if not hasattr(_LIBC, "syncfs"):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_LIBC.syncfs, descriptor)
    except OSError as error:
        if error.errno in _CANNOT_FLUSH:
            return False
        raise
    finally:
        os.close(descriptor)
    return True


def _checked(call: Any, *arguments: Any) -> None:
    if call(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
