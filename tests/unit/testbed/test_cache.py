# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache is filled once, by whoever comes first, and never half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.cache import cache_root, cached

TESTS = Path(__file__).parents[2]
BUILDER = """
import os, sys, time
from pathlib import Path
from testbed.cache import cached
def build(folder):
    with open(sys.argv[1], "a") as calls:
        calls.write("built\\n")
    (folder / "part").write_text("half")
    time.sleep(float(sys.argv[2]))
    (folder / "part").write_text("whole")
print((cached("thing-1", build) / "part").read_text())
"""


def start_builder(calls: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(calls), str(seconds)]
    env = dict(os.environ) | {"PYTHONPATH": str(TESTS)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_root_follows_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFEBOAT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_root() == Path("/somewhere/lifeboat.kafka")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_root() == Path("/home/someone/.cache/lifeboat.kafka")


def test_a_finished_folder_is_not_built_again() -> None:
    first = cached("thing-1", lambda folder: (folder / "part").touch())
    second = cached("thing-1", lambda _folder: pytest.fail("built twice"))
    assert first == second
    assert (second / "part").exists()


def test_a_failed_build_leaves_nothing(root: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "part").touch()
        raise RuntimeError("no compiler")

    with pytest.raises(RuntimeError, match="no compiler"):
        cached("thing-1", fail)
    assert [path.name for path in root.iterdir() if path.is_dir()] == []


def test_two_runs_at_once_build_once(tmp_path: Path) -> None:
    builders = [start_builder(tmp_path / "calls", 0.5) for _number in range(3)]
    assert [builder.communicate()[0].strip() for builder in builders] == ["whole"] * 3
    assert (tmp_path / "calls").read_text() == "built\n"


def test_after_a_killed_build_the_next_one_starts_anew(tmp_path: Path, root: Path) -> None:
    killed = start_builder(tmp_path / "calls", 600)
    while not list(root.glob(".thing-1.building-*/part")):
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (root / "thing-1").exists()
    assert start_builder(tmp_path / "calls", 0).communicate()[0].strip() == "whole"
    assert not list(root.glob(".thing-1.building-*"))
