# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests on every Python found, each with the newest ansible-core that it takes, and prints a table.

Usage: matrix.py [PYTEST ARGUMENT ...], by default the unit tests, the integration tests and the faults.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collection_copy import CHECKOUT

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
SUITES = ("tests/unit", "tests/integration", "tests/faults")


@dataclass(frozen=True)
class Pair:
    """A Python and the ansible-core in its venv, with what the tests said."""

    python: str
    core: str
    verdict: str
    seconds: float


def candidates(version: str) -> Iterator[str]:
    """Give the places where a Python of a version may be, best first."""
    outside = [folder for folder in os.get_exec_path() if Path(folder) != Path(sys.executable).parent]
    if on_path := shutil.which(f"python{version}", path=os.pathsep.join(outside)):
        yield on_path
    yield from map(str, sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python{version}")))


def usable(python: str) -> bool:
    """Whether a program runs (version managers' shims may not) and can make a venv."""
    probe = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return probe.returncode == 0


def try_python(python: str, arguments: list[str]) -> Pair:
    """Run the tests on a Python; the venv is made where it is missing."""
    environment = {**os.environ, "LIFEBOAT_PYTHON": python}
    in_venv = [str(CHECKOUT / "tests" / "tools" / "in-venv"), "python"]
    versions = "import platform, ansible.release as r; print(platform.python_version(), r.__version__)"
    asked = subprocess.run([*in_venv, "-c", versions], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if asked.returncode != 0:
        return Pair(python, "-", "no venv", 0)
    version, core = asked.stdout.split()
    print(f"\n=== Python {version}, ansible-core {core}", flush=True)
    started = time.monotonic()
    tests = subprocess.run([*in_venv, "-m", "pytest", *arguments], cwd=CHECKOUT, env=environment, check=False)
    return Pair(version, core, "failed" if tests.returncode else "passed", time.monotonic() - started)


def main(arguments: list[str]) -> int:
    arguments = arguments or [suite for suite in SUITES if (CHECKOUT / suite).is_dir()]
    pairs = []
    for version in VERSIONS:
        python = next(filter(usable, candidates(version)), None)
        pairs.append(try_python(python, arguments) if python else Pair(version, "-", "not found", 0))
    print(f"\n{'Python':<10}{'ansible-core':<14}{'tests':<11}seconds")
    for pair in pairs:
        print(f"{pair.python:<10}{pair.core:<14}{pair.verdict:<11}{pair.seconds:.0f}")
    return 0 if all(pair.verdict in ("passed", "not found") for pair in pairs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
