# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mishaps for code under test: killed between any two steps, on a disk that is full, with somebody else at work."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_RDONLY = 1
_MS_REMOUNT = 32
_MS_REC_PRIVATE = 16384 | 1 << 18

_LIBC = ctypes.CDLL(None, use_errno=True)

_STEPS = frozenset({"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})


class Child:
    """A process that runs a function of this one, forked when it is made."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._answer, answer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._answer)
            _run(action, answer)
        os.close(answer)

    def wait(self) -> tuple[int, str]:
        """Return its exit status (negative: the signal that killed it), and what it raised or returned, as text."""
        with open(self._answer, errors="replace") as pipe:
            text = pipe.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), text


def _run(action: Callable[[], object], answer: int) -> None:
    status = 1
    try:
        result = str(action())
        status = 0
    except BaseException:  # noqa: BLE001  whatever it is, the parent is told
        result = traceback.format_exc()
    # Nothing of the parent's may run here: no handlers, no fixtures, no reports.
    with contextlib.suppress(OSError):
        os.write(answer, result.encode(errors="replace")[-60_000:])
    os._exit(status)


def kill_at_each_step(action: Callable[[Path], object], roots: Iterator[Path]) -> Iterator[Path]:
    """Run a function again and again, each time killed one step later, until it comes to its end.

    A step is whatever changes something below its root: creating, linking, renaming, deleting.

    Args:
        action: What is killed, given a root.
        roots: A fresh root for each time.

    Yields:
        The root, as the killed process left it; not the one of the run that came to its end.
    """
    for step, root in enumerate(roots, 1):
        status, text = Child(functools.partial(_killed, action, root, step)).wait()
        if status == 0:
            return
        if status != -signal.SIGKILL:
            raise AssertionError(f"step {step}: {text}")
        yield root


def _killed(action: Callable[[Path], object], root: Path, at: int) -> None:
    die_at_step(root, at)
    action(root)


def die_at_step(root: Path, at: int) -> None:
    """Make this process, and each that is forked off it, kill itself just before its ``at``-th step.

    For what a step is, see `kill_at_each_step`.
    """
    taken = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal taken
        if event not in _STEPS or not str(arguments[0]).startswith(f"{root}/"):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        taken += 1
        if taken == at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def copies(of: Path, beside: Path) -> Iterator[Path]:
    """Yield copies of a folder; each is deleted when the next one is asked for."""
    for number in itertools.count(1):
        root = beside / f"copy-{number}"
        shutil.copytree(of, root)
        yield root
        shutil.rmtree(root)


def on_a_small_disk(folder: Path, options: str, action: Callable[[], object]) -> tuple[int, str]:
    """Run a function in a process that sees a small file system in memory at a folder; see `Child.wait`.

    Args:
        folder: Where it is mounted.
        options: Its size, as mount(8) has it for tmpfs: ``size=256k`` or ``nr_inodes=50``.
        action: What is run.

    Raises:
        PermissionError: This machine does not let its users have file systems of their own.
    """

    def mounted() -> object:
        _call(_LIBC.mount, b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options.encode())
        return action()

    return in_a_namespace(mounted)


def make_read_only(folder: Path) -> None:
    """Make the file system that `on_a_small_disk` has mounted a read-only one."""
    _call(_LIBC.mount, b"tmpfs", os.fsencode(folder), b"tmpfs", _MS_REMOUNT | _MS_RDONLY, b"")


def in_a_namespace(action: Callable[[], object]) -> tuple[int, str]:
    """Run a function in a process with mounts of its own; see `on_a_small_disk`."""
    status, text = Child(_enter_namespace).wait()
    if status != 0:
        raise PermissionError(text.strip().splitlines()[-1])

    def inside() -> object:
        _enter_namespace()
        return action()

    return Child(inside).wait()


def _enter_namespace() -> None:
    user, group = os.getuid(), os.getgid()
    _call(_LIBC.unshare, _CLONE_NEWUSER | _CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call(_LIBC.mount, b"none", b"/", None, _MS_REC_PRIVATE, None)


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
