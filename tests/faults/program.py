# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as a program of its own: where libraries are missing, or file systems are not as they should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from testbed.mishaps import on_a_small_disk
from testbed.modules import PACKAGE, Outcome


def run_program(name: str, *, without: Iterable[Path] = (), **options: Any) -> Outcome:
    """Run a module to its end.

    Args:
        name: Its name without the collection's.
        without: Folders made by `missing`.
        **options: Its options.
    """
    search_path = os.pathsep.join([*map(str, without), *sys.path])
    process = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.{name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        env={**os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=False,
    )
    values = json.loads(process.stdout) if process.stdout.strip() else {}
    return Outcome(process.returncode, values, process.stdout + process.stderr)


def missing(library: str, folder: Path) -> Path:
    """Return a folder that hides a library from those who search it first."""
    (folder / f"{library}.py").write_text(f"raise ModuleNotFoundError('No module named {library}')\n")
    return folder


def on_a_disk(folder: Path, options: str, action: Callable[[], None]) -> None:
    """Run checks where a small file system in memory lies at a folder; skip where this machine does not allow it."""
    try:
        status, text = on_a_small_disk(folder, options, action)
    except PermissionError as error:
        pytest.skip(f"no file system of one's own here: {error}")
    assert status == 0, text
