# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the run of Ansible that a module is part of: a lease outlives the module, and the module not its run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .._core.process_stat import ProcessStat

_LOOK_SECONDS = 1.0
_PROGRAMS = frozenset({"ansible", "ansible-playbook", "ansible-console", "ansible-pull"})


def controller_pid() -> int | None:
    """Return the process id of the ansible program that runs this module on this machine.

    Returns:
        The outermost ancestor that is an ansible program, or None where there is none, as on a remote host; then only
        time can tell whether the run still lives.
    """
    found = None
    for pid in _ancestors():
        if _is_ansible(pid):
            found = pid
    return found


def end_with_controller() -> None:
    """End this process, as SIGTERM does, soon after the ansible program that runs it has ended without ending it.

    Whoever kills ansible-playbook, or closes its terminal, wants no backup or restore to go on behind their back, and
    to run beside the next one. Where no ansible program is found, and for a task with ``async``, nothing is done.
    """
    pid = controller_pid()
    if pid is None or any(_runs_on(ancestor) for ancestor in _ancestors()):
        return
    started = _started(pid)

    def watch() -> None:
        while started is not None and _started(pid) == started:
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeboat-controller", daemon=True).start()


def _ancestors() -> Iterator[int]:
    pid = os.getppid()
    while pid > 1:
        stat = _stat(pid)
        if stat is None:
            return
        yield pid
        pid = stat.parent


def _started(pid: int) -> int | None:
    stat = _stat(pid)
    return None if stat is None or stat.ended else stat.started


def _stat(pid: int) -> ProcessStat | None:
    try:
        return ProcessStat.parse(Path(f"/proc/{pid}/stat").read_bytes())
    except OSError:
        return None


def _is_ansible(pid: int) -> bool:
    return not _PROGRAMS.isdisjoint(_programs(pid))


def _runs_on(pid: int) -> bool:
    """Tell whether a process lets modules run on without their controller, as those of tasks with ``async`` do."""
    return any("async_wrapper" in name for name in _programs(pid))


def _programs(pid: int) -> list[str]:
    """Return what may be the name of a process's program: of the interpreter, or of what that runs."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return [os.path.basename(argument.decode(errors="replace")) for argument in arguments[:2]]
