# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes, and what they share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import LifeboatError, StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.progress import Silent
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.rate import SharedRate
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.workers import Reporter, run_workers


class Told:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.amount = self.size = 0
        self.notes: list[str] = []

    def start(self, phase: str, total: int | None, unit: str = "bytes") -> None:
        raise AssertionError("a worker begins no phase")

    def advance(self, amount: int, size: int = 0) -> None:
        self.amount += amount
        self.size += size

    def note(self, text: str) -> None:
        self.notes.append(text)


class Gate:
    """Holds processes up until some are there; it ends them with their parent, should it wait in vain."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def wait(self, count: int = 1) -> None:
        while count:
            count -= len(os.read(self._reading, count))

    def open(self, count: int = 1) -> None:
        os.write(self._writing, bytes(count))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_results_come_in_the_order_of_the_tasks() -> None:
    second = Gate()

    def work(task: int, _reporter: Reporter) -> tuple[int, int]:
        if task == 0:
            second.wait()
        if task == 1:
            second.open()
        return task * 10, os.getpid()

    results = run_workers(range(5), work, processes=2, progress=Silent())
    assert [value for value, _pid in results] == [0, 10, 20, 30, 40]
    assert len({pid for _value, pid in results} | {os.getpid()}) == 6


def test_all_workers_run_at_once_and_no_more_than_asked() -> None:
    arrived, leave = Gate(), Gate()

    def work(task: int, reporter: Reporter) -> int:
        arrived.open()
        if task < 3:
            leave.wait()
        return task

    def three_arrive() -> None:
        arrived.wait(3)
        leave.open(3)

    helper = threading.Thread(target=three_arrive)
    helper.start()
    assert run_workers(range(4), work, processes=3, progress=Silent()) == [0, 1, 2, 3]
    helper.join()


def test_without_tasks_no_process_is_made() -> None:
    assert run_workers([], lambda task, reporter: os.abort(), processes=2, progress=Silent()) == []


def test_what_workers_tell_is_told_on_and_complete() -> None:
    told = Told()

    def work(task: int, reporter: Reporter) -> None:
        for _step in range(1000):
            reporter.advance(task, 10 * task)
        reporter.note(f"done {task}")

    run_workers([1, 2], work, processes=2, progress=told)
    assert (told.amount, told.size) == (3000, 30000)
    assert sorted(told.notes) == ["done 1", "done 2"]


def test_a_result_may_be_larger_than_a_pipe_holds() -> None:
    large = run_workers([3_000_000], lambda size, reporter: bytes(size), processes=1, progress=Silent())
    assert large == [bytes(3_000_000)]


def test_the_first_error_comes_whole_and_ends_the_others(tmp_path: Path) -> None:
    started = Gate()
    tidied = tmp_path / "tidied"

    def work(task: int, reporter: Reporter) -> None:
        if task == 0:
            started.wait()
            raise StoreError("No room.", code="disk_full", object_name="file", free=0)
        try:
            started.open()
            Gate().wait()
        finally:
            tidied.write_text(str(os.getpid()))

    with pytest.raises(StoreError, match="No room") as caught:
        run_workers([0, 1], work, processes=2, progress=Silent())
    assert caught.value.failure() == {"code": "disk_full", "object": "file", "free": 0}
    assert is_gone(int(tidied.read_text()))


def test_an_error_in_the_code_comes_with_its_traceback() -> None:
    def work(task: int, reporter: Reporter) -> int:
        return 1 // task

    with pytest.raises(RuntimeError, match=r"(?s)in work.*ZeroDivisionError"):
        run_workers([0], work, processes=1, progress=Silent())


def test_a_worker_that_is_killed_is_an_error_and_ends_the_others(tmp_path: Path) -> None:
    started = Gate()
    other = tmp_path / "pid"

    def work(task: int, reporter: Reporter) -> None:
        if task == 0:
            started.wait()
            os.kill(os.getpid(), signal.SIGKILL)
        other.write_text(str(os.getpid()))
        started.open()
        Gate().wait()

    with pytest.raises(LifeboatError, match="ended by SIGKILL") as caught:
        run_workers([0, 1], work, processes=2, progress=Silent())
    assert caught.value.code == "worker_died"
    assert is_gone(int(other.read_text()))


class Interrupted(Exception):
    """What the test's signal handler raises."""


class EndedOnClosing:
    """Gets the signal that ends its process while it is taken away, where Python drops whatever is raised."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.getpid()  # the handler runs before this


def test_a_worker_ends_even_if_the_signal_comes_where_exceptions_are_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    def work(_task: int, _reporter: Reporter) -> None:
        EndedOnClosing()
        signal.pause()

    with pytest.raises(LifeboatError, match="ended with status 1") as caught:
        run_workers([1], work, processes=1, progress=Silent())
    assert caught.value.code == "worker_died"
    assert "ignored" not in capfd.readouterr().err


def test_a_signal_to_the_parent_ends_the_workers(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def work(task: int, reporter: Reporter) -> None:
        pid.write_text(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGTERM)
        Gate().wait()

    def raise_interrupted(number: int, frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGTERM, raise_interrupted)
    try:
        with pytest.raises(Interrupted):
            run_workers([0], work, processes=1, progress=Silent())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert is_gone(int(pid.read_text()))


_PARENT = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.progress import Silent
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.workers import run_workers

def work(task, reporter):
    if task == 0:
        os.kill(os.getppid(), signal.SIGKILL)
    os.read(os.pipe()[0], 1)

run_workers([0, 1], work, processes=2, progress=Silent())
"""


def test_workers_end_when_their_parent_is_killed() -> None:
    # The workers hold the program's standard output open: its end is theirs.
    search_path = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    ended = subprocess.run(
        [sys.executable, "-c", _PARENT, search_path], stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b""


def test_a_rate_is_kept_by_all_that_take_from_it() -> None:
    now = [100.0]
    rate = SharedRate(1000, clock=lambda: now[0])
    assert rate.take(500) == 0.5
    assert rate.take(1000) == 1.5
    now[0] += 10
    assert rate.take(100) == pytest.approx(0.1)
    assert rate.piece(1 << 20, 4) == 250
    rate.close()


def test_processes_share_a_rate() -> None:
    rate = SharedRate(1000, clock=lambda: 0.0)
    waits = run_workers([300, 200], lambda amount, reporter: rate.take(amount), processes=2, progress=Silent())
    assert max(waits) == 0.5
    rate.close()


def test_no_rate_never_waits() -> None:
    rate = SharedRate(0)
    assert rate.take(10**12) == 0.0
    assert rate.piece(1 << 20, 4) == 1 << 20
    rate.close()
