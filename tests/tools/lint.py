# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every linter on a copy of the checkout, two at a time, and says of each whether it is content.

Usage: lint.py [NAME ...] runs only the named ones.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ansible_test_home import prepare_home, python_version
from collection_copy import copy_collection

from testbed.cache import cache_root


@dataclass(frozen=True)
class Linter:
    name: str
    command: list[str]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)


def linters(copy: Path, home: Path) -> list[Linter]:
    """Return the linters for a copy of the collection, the slowest first."""
    search_path = copy.parents[2]
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(search_path)}
    module_utils = "ansible_collections.lifeboat.kafka.plugins.module_utils"
    mypy_cache = cache_root() / "mypy"
    return [
        Linter(
            "ansible-test sanity",
            ["ansible-test", "sanity", "--local", "--python", python_version(), "--color", "no"],
            copy,
            {"HOME": str(home)},
        ),
        Linter("ansible-lint", ["ansible-lint", "--offline", "--nocolor"], copy, collections),
        Linter(
            "mypy",
            ["mypy", "--config-file", str(copy / "pyproject.toml"), "--cache-dir", str(mypy_cache), "-p", module_utils],
            search_path,
        ),
        Linter(
            "antsibull-docs",
            ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", "."],
            copy,
            collections,
        ),
        Linter("black", ["black", "--check", "--diff", "--quiet", "."], copy),
        Linter("ruff", ["ruff", "check", "--no-cache", "."], copy),
    ]


def run(linter: Linter) -> tuple[Linter, int, str, float]:
    """Run one linter; return it with its exit status, what it printed, and the seconds it took."""
    started = time.monotonic()
    process = subprocess.run(
        linter.command,
        cwd=linter.directory,
        env={**os.environ, **linter.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return linter, process.returncode, process.stdout, time.monotonic() - started


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(names: list[str]) -> int:
    scratch = cache_root() / "lint"
    scratch.mkdir(parents=True, exist_ok=True)
    failed = []
    # ansible-test's home is not safe to be filled by two runs at once.
    with locked(scratch / ".lock"), tempfile.TemporaryDirectory(dir=scratch) as search_path:
        chosen = linters(copy_collection(Path(search_path)), prepare_home())
        if names:
            chosen = [linter for linter in chosen if any(name in linter.name for name in names)]
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in as_completed([pool.submit(run, linter) for linter in chosen]):
                linter, status, output, seconds = done.result()
                print(f"{'ok    ' if status == 0 else 'FAILED'} {linter.name} ({seconds:.0f} s)", flush=True)
                if status != 0:
                    print(output.replace(search_path + "/", ""), flush=True)
                    failed.append(linter.name)
    print(f"lint: failed: {', '.join(sorted(failed))}" if failed else "lint: all are content")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
