# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes: each is forked for one task, tells how far it is over a pipe, and ends when its parent does.

What a task needs is there by the fork, and is never copied; what it returns is pickled. A worker must make its own
connections: those of the parent are not its own.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import selectors
import signal
import struct
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from .._core.errors import LifeboatError
from .._core.progress import Progress

T = TypeVar("T")
R = TypeVar("R")

_PAUSE = 0.2  # seconds between two messages about progress
_GRACE = 10.0  # seconds that workers have to tidy up
_PIECE = 1 << 20
_FRAME = struct.Struct(">I")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ADVANCE, _NOTE, _RESULT, _FAILURE, _BUG = range(5)


class Reporter:
    """What a worker tells its parent while it works; telling often is cheap."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._amount = self._size = 0
        self._due = 0.0

    def advance(self, amount: int, size: int = 0) -> None:
        """Tell that so much more is done, in the unit of the parent's phase, and how many bytes that was."""
        self._amount += amount
        self._size += size
        if time.monotonic() >= self._due:
            self._flush()

    def note(self, text: str) -> None:
        """Tell people something now, in one line without secrets."""
        self._send(_NOTE, text)

    def _flush(self) -> None:
        self._due = time.monotonic() + _PAUSE
        if self._amount or self._size:
            done = self._amount, self._size
            self._amount = self._size = 0
            self._send(_ADVANCE, done)

    def _end(self, kind: int, value: object) -> None:
        self._flush()
        self._send(kind, value)

    def _send(self, kind: int, value: object) -> None:
        content = pickle.dumps((kind, value))
        waiting = memoryview(_FRAME.pack(len(content)) + content)
        while waiting:
            waiting = waiting[os.write(self._pipe, waiting) :]


class _Ended(BaseException):
    """The parent wants a worker to end: no error handler may keep it from that."""


@dataclass
class _Worker:
    """A process at work.

    Args:
        number: Its task's place.
        pid: Its process.
        pipe: Where its messages come from.
        received: What came of a message that is not whole yet.
        ended: Whether its last message came.
    """

    number: int
    pid: int
    pipe: int
    received: bytearray
    ended: bool = False

    def read(self) -> tuple[bool, list[tuple[int, Any]]]:
        """Return whether more may come, and the messages that are whole."""
        piece = os.read(self.pipe, _PIECE)
        self.received += piece
        messages = []
        while len(self.received) >= _FRAME.size:
            end = _FRAME.size + _FRAME.unpack_from(self.received)[0]
            if len(self.received) < end:
                break
            messages.append(pickle.loads(self.received[_FRAME.size : end]))
            del self.received[:end]
        return bool(piece), messages


class _Pool(Generic[T, R]):
    """Runs tasks, some at a time."""

    def __init__(self, tasks: Sequence[T], work: Callable[[T, Reporter], R], progress: Progress) -> None:
        self._tasks = tasks
        self._work = work
        self._progress = progress
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, _Worker] = {}
        # Nothing is ever written to it: workers read its end when their parent closes it, or ends by whatever cause.
        self._life_line, self._life = os.pipe()

    def run(self, processes: int) -> list[R]:
        """Return the results, in the order of the tasks."""
        waiting = iter(range(len(self._tasks)))
        results: dict[int, R] = {}
        try:
            for _slot, number in zip(range(processes), waiting, strict=False):
                self._start(number)
            while self._workers:
                for key, _events in self._selector.select():
                    if self._listen(key.data, results):
                        for number in waiting:
                            self._start(number)
                            break
            return [results[number] for number in range(len(self._tasks))]
        finally:
            self._end_all()

    def _start(self, number: int) -> None:
        reading, writing = os.pipe()
        # A signal's handler is the parent's, and must not run in a worker, where it would unwind the parent's work.
        with _held_back(), warnings.catch_warnings():
            # Other threads do not live on in a worker, which is why Python warns; no lock of theirs is used there.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
            if pid == 0:
                self._be_worker(number, reading, writing)
            os.close(writing)
            self._workers[pid] = worker = _Worker(number, pid, reading, bytearray())
            self._selector.register(reading, selectors.EVENT_READ, worker)

    def _be_worker(self, number: int, reading: int, writing: int) -> NoReturn:
        """Do one task, and end the process whatever happens: nothing of the parent's may run here."""
        status = 1
        try:
            os.close(self._life)
            os.close(reading)
            for worker in self._workers.values():
                os.close(worker.pipe)
            gc.freeze()  # the collector would write into all that is shared with the parent, and so copy it
            threading.Thread(target=_end_with_parent, args=(self._life_line,), daemon=True).start()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the parent ends its workers
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, _end_worker)
            sys.unraisablehook = _end_unheard
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            reporter = Reporter(writing)
            try:
                result = self._work(self._tasks[number], reporter)
            except LifeboatError as error:
                reporter._end(_FAILURE, error)
            except Exception:  # noqa: BLE001 - nothing may leave a worker but its end
                reporter._end(_BUG, traceback.format_exc())
            else:
                reporter._end(_RESULT, result)
            status = 0
        finally:
            os._exit(status)

    def _listen(self, worker: _Worker, results: dict[int, R]) -> bool:
        """Take what a worker has sent; return whether it has ended."""
        more, messages = worker.read()
        for kind, value in messages:
            if kind == _ADVANCE:
                self._progress.advance(*value)
            elif kind == _NOTE:
                self._progress.note(value)
            elif kind == _RESULT:
                results[worker.number] = value
                worker.ended = True
            elif kind == _FAILURE:
                raise value
            else:
                raise RuntimeError(f"A worker process failed:\n{value}")
        if more:
            return False
        status = self._forget(worker)
        if not worker.ended:
            raise _died(worker.pid, status)
        return True

    def _forget(self, worker: _Worker) -> int:
        """Wait for a worker that has closed its pipe; return its exit code, negative for a signal."""
        _pid, status = os.waitpid(worker.pid, 0)
        self._drop(worker)
        return os.waitstatus_to_exitcode(status)

    def _drop(self, worker: _Worker) -> None:
        del self._workers[worker.pid]
        self._selector.unregister(worker.pipe)
        os.close(worker.pipe)

    def _end_all(self) -> None:
        """End the workers that are left, gently at first."""
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGTERM)
        end = time.monotonic() + _GRACE
        while self._workers and (left := end - time.monotonic()) > 0:
            for key, _events in self._selector.select(left):
                if not os.read(key.data.pipe, _PIECE):
                    self._forget(key.data)
        for worker in list(self._workers.values()):
            os.kill(worker.pid, signal.SIGKILL)
            self._forget(worker)
        self._selector.close()
        os.close(self._life_line)
        os.close(self._life)


def run_workers(tasks: Sequence[T], work: Callable[[T, Reporter], R], *, processes: int, progress: Progress) -> list[R]:
    """Do tasks in processes of their own.

    A worker has the parent's memory as it is now. SIGTERM ends it by an exception, so that it can tidy up.

    Args:
        tasks: A process is forked for each; they need not be picklable.
        work: Does one task, in a worker; what it returns is pickled.
        processes: How many workers there are at a time, at least 1.
        progress: What the workers tell is told to this one.

    Returns:
        The results, in the order of the tasks.

    Raises:
        LifeboatError: What a worker raised, the first of all; the others are ended. Or a worker was killed (code
            ``worker_died``).
        RuntimeError: A worker failed in a way that is not foreseen; with its traceback.
    """
    return _Pool(tasks, work, progress).run(processes) if tasks else []


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Hold signals back, which come in once the context has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent(life_line: int) -> None:
    os.read(life_line, 1)
    os._exit(1)


def _end_worker(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended


def _end_unheard(found: sys.UnraisableHookArgs) -> None:
    """End a worker that was to end while something was closed of its own accord, where Python drops an exception."""
    if isinstance(found.exc_value, _Ended):
        os._exit(1)
    sys.__unraisablehook__(found)


def _died(pid: int, status: int) -> LifeboatError:
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    why = " The system may have been out of memory: its log tells." if -status == signal.SIGKILL else ""
    return LifeboatError(
        f"The worker process {pid} {how} before its work was done.{why} Run again: what is complete is not done twice.",
        code="worker_died",
        object_name=f"process {pid}",
    )
