# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules as Ansible does, each in a process of its own, and measures them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import processes
from conftest import COLLECTIONS

OBSERVED_MODULE = Path(__file__).with_name("observed_module.py")
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {"PYTHONPATH": f"{COLLECTIONS}:{TESTS}", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class ModuleRun:
    """A module's run.

    Args:
        seconds: How long the whole process took.
        processor_seconds: How long it and its workers kept processors busy.
        peak_mb: The most memory that it had, in MiB.
        workers_mb: The most that one of its workers had, in MiB, what it shares with its parent included; 0 without
            workers.
        calls: The calls of a registry's methods that were noted.
        result: What it returned.
    """

    seconds: float
    processor_seconds: float
    peak_mb: float
    workers_mb: float
    calls: list[dict[str, Any]]
    result: dict[str, Any]


def run_module(scratch: Path, name: str, options: dict[str, Any]) -> ModuleRun:
    """Run a module.

    Raises:
        RuntimeError: It failed.
    """
    arguments, notes = scratch / "arguments.json", scratch / "notes.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    command = [sys.executable, str(OBSERVED_MODULE), name, str(arguments), str(notes)]
    finished = processes.run(command, env=ENVIRONMENT, cwd=scratch, may_fail=True)
    result = json.loads(finished.output)
    if result.get("failed"):
        raise RuntimeError(f"{name} failed: {result['msg']}")
    noted = json.loads(notes.read_text())
    return ModuleRun(
        seconds=finished.seconds,
        processor_seconds=finished.processor_seconds,
        peak_mb=noted["peak_mb"],
        workers_mb=max(noted["workers_mb"], default=0.0),
        calls=noted["calls"],
        result=result,
    )
