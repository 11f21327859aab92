# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file through which a module at work tells how far it is: one JSON object a line, only ever appended to.

``{"phase": "reading topics", "unit": "offsets", "total": 1000, "done": 250, "size": 40000, "seconds": 1.5}`` tells
where a phase stands that began so many seconds ago: ``total`` is null where nobody knows it, ``size`` is how many bytes
were moved, or 0. ``{"note": "..."}`` is a line for people.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from .._core.errors import InvalidOption
from .._core.progress import Progress, Silent

_PAUSE = 0.25  # seconds between two lines about a phase


@dataclass(frozen=True)
class Status:
    """Where a phase stands; the fields are those of its line."""

    phase: str
    unit: str
    total: int | None
    done: int
    size: int
    seconds: float


@dataclass(frozen=True)
class Note:
    """A line for people."""

    note: str


Event: TypeAlias = "Status | Note"


class ProgressFile:
    """Appends what it is told to a file, some lines a second at most.

    A disk that is full, or a file that is taken away, does not stop the work: then nothing more is told.
    """

    def __init__(self, descriptor: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._descriptor = descriptor
        self._clock = clock
        self._lock = threading.Lock()
        self._phase: tuple[str, int | None, str] | None = None
        self._began = self._due = 0.0
        self._done = self._told = self._size = 0

    def start(self, phase: str, total: int | None, unit: str = "bytes") -> None:
        """Begin a phase, after the last word on the one before."""
        with self._lock:
            self._settle()
            self._phase, self._began = (phase, total, unit), self._clock()
            self._done = self._size = 0
            self._tell()

    def advance(self, amount: int, size: int = 0) -> None:
        """Go on; told at once unless something was told just now."""
        with self._lock:
            self._done += amount
            self._size += size
            if self._clock() >= self._due:
                self._tell()

    def note(self, text: str) -> None:
        """Tell people something now."""
        with self._lock:
            self._append({"note": text})

    def settle(self) -> None:
        """Tell what is not told yet."""
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        if self._done != self._told:
            self._tell()

    def _tell(self) -> None:
        if self._phase is None:
            return
        phase, total, unit = self._phase
        now = self._clock()
        self._told, self._due = self._done, now + _PAUSE
        self._append(asdict(Status(phase, unit, total, self._done, self._size, round(now - self._began, 3))))

    def _append(self, line: dict[str, Any]) -> None:
        try:
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        except OSError:
            self._phase = None


@contextmanager
def reporting(path: str | None) -> Iterator[Progress]:
    """Give the progress that is told to a file, or to nobody where there is none.

    Raises:
        InvalidOption: The file cannot be appended to.
    """
    if path is None:
        yield Silent()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidOption(
            f"Cannot append to the progress file {path}: {error.strerror}. Give progress_file the path of a file that "
            "may be written, or leave it out.",
            object_name="progress_file",
        ) from error
    progress = ProgressFile(descriptor)
    try:
        yield progress
        progress.settle()
    finally:
        os.close(descriptor)


class ProgressReader:
    """Reads on in a progress file; a line that is not whole yet is left for the next time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._at = 0

    def read(self) -> list[Event]:
        """Return what was told since; lines that mean nothing here are left out."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                whole, newline, _rest = file.read().rpartition(b"\n")
        except OSError:
            return []
        self._at += len(whole) + len(newline)
        return [event for line in whole.splitlines() if (event := _event(line)) is not None]


def _event(line: bytes) -> Event | None:
    try:
        told = json.loads(line)
        return Note(**told) if "note" in told else Status(**told)
    except (ValueError, TypeError):
        return None
