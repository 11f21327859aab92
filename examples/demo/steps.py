# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the demo: one line each with its seconds, and commands whose output goes to a log."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WIDTH = 57
NOTE_WIDTH = 38
INDENT = " " * 6
HINT_AFTER_SECONDS = 3
GRACE_SECONDS = 10


class CommandFailed(RuntimeError):
    """A command ended with another status than 0; its whole output is the file ``log``."""

    def __init__(self, command: str, status: int, log: Path) -> None:
        super().__init__(f"{command} ended with status {status}")
        self.log = log


@dataclass
class Step:
    """A step that runs or has run."""

    title: str
    note: str = ""
    seconds: float = 0.0


class Steps:
    """All steps so far; the last one is the one that runs."""

    def __init__(self) -> None:
        self.all: list[Step] = []

    @contextmanager
    def step(self, title: str, hint: str = "") -> Iterator[Step]:
        """Print the title, then the seconds and the note that the step was given; ``hint`` when it takes long."""
        step = Step(title)
        self.all.append(step)
        print(f"  {title:<{WIDTH}}", end="", flush=True)
        patience = threading.Timer(HINT_AFTER_SECONDS, lambda: print(f"\n    {hint:<{WIDTH - 2}}", end="", flush=True))
        if hint:
            patience.start()
        started = time.monotonic()
        try:
            yield step
        except BaseException as error:
            print("stopped" if isinstance(error, KeyboardInterrupt) else "failed", flush=True)
            raise
        finally:
            patience.cancel()
            step.seconds = time.monotonic() - started
        print(f"{step.seconds:5.1f} s", end="")
        if len(step.note) <= NOTE_WIDTH:
            print(f"   {step.note}".rstrip(), flush=True)
        else:
            print(
                "", textwrap.fill(step.note, 100, initial_indent=INDENT, subsequent_indent=INDENT), sep="\n", flush=True
            )


def run(command: list[str], log: Path, *, cwd: Path, env: dict[str, str]) -> str:
    """Run a command with its output in ``log`` and return that output; it is ended when the demo is interrupted."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait()
        finally:
            _end(process)
    if status:
        raise CommandFailed(f"{Path(command[0]).name} {command[1]}", status, log)
    return log.read_text(encoding="utf-8", errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
