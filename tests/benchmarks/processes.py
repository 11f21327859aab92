# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program to its end, and tells how long it took, what it worked, and the most memory that it had."""

from __future__ import annotations

import re
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.02  # seconds between two looks at a program's memory
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Finished:
    """A program that has ended.

    Args:
        seconds: How long it took.
        processor_seconds: How long it, and what it started, kept processors busy.
        peak_mb: The most memory that it had when it was last looked at, in MiB.
        output: Its standard output.
    """

    seconds: float
    processor_seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, may_fail: bool = False) -> Finished:
    """Run a program to its end; no other may end meanwhile that this process has started.

    Args:
        command: The program and its arguments.
        env: Its environment.
        cwd: Where it runs.
        may_fail: Whether it may end with another status than 0 if only it has written something.

    Raises:
        RuntimeError: It failed; with what it wrote to standard error.
    """
    before = _processor_seconds()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with _Looking(process.pid) as looking:
        output, errors = process.communicate()
        seconds = time.perf_counter() - started
    if process.returncode and not (may_fail and output):
        raise RuntimeError(f"{Path(command[0]).name} ended with status {process.returncode}: {errors}")
    return Finished(seconds, _processor_seconds() - before, looking.peak_mb, output)


def peak_memory(pid: int | str = "self") -> float | None:
    """The most memory that a process had, in MiB, or None when it has ended.

    Unlike that of the rusage, this is without what its parent had.
    """
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


class _Looking:
    """Looks at the memory of a process while it is entered."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Looking:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self.peak_mb = peak_memory(self._pid) or self.peak_mb


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
