# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing the same to many things, some at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_concurrently(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Apply a function to every item, in some threads.

    Args:
        function: What to apply; it must be safe to run in several threads.
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
    work = _Work(function, waiting)
    workers = [threading.Thread(target=work.run, daemon=True) for _number in range(count)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        work.stop()  # reached with work left when the program is interrupted while it waits
    if work.errors:
        raise work.errors[min(work.errors)]
    return [work.results[number] for number in range(len(waiting))]


class _Work(Generic[Item, Result]):
    """The items that are left, and what became of the others."""

    def __init__(self, function: Callable[[Item], Result], items: list[Item]) -> None:
        self.results: dict[int, Result] = {}
        self.errors: dict[int, BaseException] = {}
        self._function = function
        self._next = iter(enumerate(items))
        self._lock = threading.Lock()
        self._stopped = False

    def run(self) -> None:
        while not self._stopped:
            with self._lock:
                taken = next(self._next, None)
            if taken is None:
                return
            number, item = taken
            try:
                self.results[number] = self._function(item)
            except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
                self.errors[number] = error
                self._stopped = True

    def stop(self) -> None:
        self._stopped = True
