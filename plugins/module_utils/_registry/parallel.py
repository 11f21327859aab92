# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing the same to many things, some at once."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_concurrently(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Apply a function that changes nothing to every item, in some threads.

    Args:
        function: What to apply; it must be safe to run in several threads. What is under way when the program is
            interrupted is not awaited.
        items: The items.
        threads: How many at once, at least 1; with one nothing is started.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: The error of the first item, in their order, that failed. After an error no further item is begun.
    """
    waiting = list(items)
    count = min(threads, len(waiting))
    if count <= 1:
        return [function(item) for item in waiting]
    results: dict[int, Result] = {}

    def apply(number: int) -> None:
        results[number] = function(waiting[number])

    _run(_Work(apply, [()] * len(waiting)), count, awaited=False)
    return [results[number] for number in range(len(waiting))]


def do_in_order(function: Callable[[int], object], needs: Sequence[Collection[int]], threads: int) -> None:
    """Call a function with every number from 0 on, in some threads: lower ones first, each after those that it needs.

    Args:
        function: What to call; it must be safe to run in several threads.
        needs: For each number those that must be done before it begins, all of them lower.
        threads: How many at once, at least 1; with one nothing is started.

    Raises:
        Exception: The error of the lowest number that failed. After an error, or when the program is interrupted, no
            further one is begun, and what is under way is awaited.
    """
    count = min(threads, len(needs))
    if count > 1:
        _run(_Work(function, needs), count, awaited=True)
        return
    for number in range(len(needs)):
        function(number)


def _run(work: _Work, count: int, *, awaited: bool) -> None:
    workers: list[threading.Thread] = []
    try:
        for _number in range(count):
            workers.append(threading.Thread(target=work.run, daemon=True))
            workers[-1].start()
        for worker in workers:
            worker.join()
    finally:
        work.stop()  # reached with work left when the program is interrupted
        if awaited:
            work.wait()
    if work.errors:
        raise work.errors[min(work.errors)]


class _Work:
    """The numbers that are left, and what became of the others."""

    def __init__(self, function: Callable[[int], object], needs: Sequence[Collection[int]]) -> None:
        self.errors: dict[int, BaseException] = {}
        self._function = function
        self._open_needs = [len(each) for each in needs]
        self._needed_by: dict[int, list[int]] = {}
        for number, each in enumerate(needs):
            for need in each:
                self._needed_by.setdefault(need, []).append(number)
        self._free = [number for number, left in enumerate(self._open_needs) if not left]  # a heap, since it ascends
        self._left = len(needs)
        self._under_way = 0
        self._stopped = False
        self._changed = threading.Condition()

    def run(self) -> None:
        while (number := self._take()) is not None:
            try:
                self._function(number)
            except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
                self._end(number, error)
            else:
                self._end(number)

    def stop(self) -> None:
        """Let nothing more be begun."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Return once nothing is under way."""
        with self._changed:
            while self._under_way:
                self._changed.wait()

    def _take(self) -> int | None:
        with self._changed:
            while self._left and not (self._free or self._stopped):
                self._changed.wait()
            if self._stopped or not self._free:
                return None
            self._under_way += 1
            return heapq.heappop(self._free)

    def _end(self, number: int, error: BaseException | None = None) -> None:
        with self._changed:
            self._under_way -= 1
            if error is None:
                self._left -= 1
                for waiting in self._needed_by.get(number, ()):
                    self._open_needs[waiting] -= 1
                    if not self._open_needs[waiting]:
                        heapq.heappush(self._free, waiting)
            else:
                self.errors[number] = error
                self._stopped = True
            self._changed.notify_all()
