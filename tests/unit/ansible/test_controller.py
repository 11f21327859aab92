# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the run of Ansible that a module is part of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.controller import controller_pid

ASK = f"""import sys
sys.path[:] = {sys.path!r}
from {controller_pid.__module__} import controller_pid
print(controller_pid())
"""
WATCH = f"""import sys, threading
sys.path[:] = {sys.path!r}
from {controller_pid.__module__} import end_with_controller
end_with_controller()
print([thread.name for thread in threading.enumerate()])
"""


def ask_below(*programs: Path) -> tuple[list[int], int | None]:
    """Ask in a process below some programs, each started by the one before; return their process ids and the answer."""
    command = [*map(str, programs), sys.executable, "-c", ASK]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout.split()
    return [int(pid) for pid in answer[:-1]], None if answer[-1] == "None" else int(answer[-1])


@pytest.fixture
def named(tmp_path: Path) -> dict[str, Path]:
    """Scripts that tell their process id and run the rest of their command line as a child."""
    scripts = {}
    for name in ("ansible-playbook", "ansible", "runner (x) y", "AnsiballZ_async_wrapper.py"):
        scripts[name] = tmp_path / name
        scripts[name].write_text('#!/bin/sh\necho $$\n"$@"\n')
        scripts[name].chmod(0o755)
    return scripts


def test_it_is_the_outermost_ansible_program(named: dict[str, Path]) -> None:
    pids, found = ask_below(named["runner (x) y"], named["ansible-playbook"], named["ansible"], named["runner (x) y"])
    assert found == pids[1]


def test_there_may_be_none(named: dict[str, Path]) -> None:
    pids, found = ask_below(named["runner (x) y"])
    assert len(pids) == 1
    assert found is None


@pytest.mark.parametrize(
    ("programs", "watches"),
    [
        (["ansible-playbook", "ansible"], True),
        (["runner (x) y"], False),
        (["ansible-playbook", "AnsiballZ_async_wrapper.py"], False),
    ],
)
def test_a_module_ends_with_its_controller_unless_its_task_is_asynchronous(
    named: dict[str, Path], programs: list[str], watches: bool
) -> None:
    command = [*(str(named[name]) for name in programs), sys.executable, "-c", WATCH]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout
    assert ("lifeboat-controller" in told) is watches
