# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the run of Ansible that a module is part of, since a lease outlives the module that took it."""

from __future__ import annotations

import os
from pathlib import Path

_PROGRAMS = frozenset({"ansible", "ansible-playbook", "ansible-console", "ansible-pull"})


def controller_pid() -> int | None:
    """Return the process id of the ansible program that runs this module on this machine.

    Returns:
        The outermost ancestor that is an ansible program, or None where there is none, as on a remote host; then only
        time can tell whether the run still lives.
    """
    found = None
    pid = os.getppid()
    while pid > 1:
        parent = _parent(pid)
        if parent is None:
            break
        if _is_ansible(pid):
            found = pid
        pid = parent
    return found


def _parent(pid: int) -> int | None:
    try:
        # The second field, the program's name, stands in parentheses and may hold anything, spaces too.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _is_ansible(pid: int) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(os.path.basename(argument.decode(errors="replace")) in _PROGRAMS for argument in arguments[:2])
