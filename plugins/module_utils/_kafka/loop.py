# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event loop below the wire: kafka-python's, with what it swallows let through."""

from __future__ import annotations

import selectors
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from .kafka_python import Future, KernelEvent, NetworkSelector, Task, TaskState


class Loop(NetworkSelector):  # type: ignore[misc]
    """Drives coroutines in the calling thread; nothing runs between two calls of `run`."""

    def __init__(self) -> None:
        # A coroutine here may well compute for a while, such as the CRC of a large answer: not worth a warning.
        super().__init__(slow_task_threshold_secs=0)

    def watch(self, sock: Any, callback: Callable[[], None]) -> Any:
        """Call something whenever a socket can be read, until the returned task is cancelled.

        The library's own way is to register the socket anew for every single time, at several times the cost.
        """
        watcher = _Watcher(callback)
        watcher.state = TaskState.WAIT_IO
        self._pending_tasks.add(watcher)
        self.register_event(sock, selectors.EVENT_READ, watcher)
        return watcher

    def _watch_on(self) -> None:
        self._current.state = TaskState.WAIT_IO

    def _task_done(self, task: Any) -> None:
        """Let Ctrl-C and exits through: the library would note them for the task that they hit, and go on."""
        error = sys.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        super()._task_done(task)

    async def gather(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines together, begun in the given order, and wait for all of them.

        Returns:
            Their results, in the given order.

        Raises:
            Exception: What the first of them, in the given order, has raised; after all have ended.
        """
        futures = []
        for coroutine in coroutines:
            futures.append(Future())
            self.call_soon(_settle(coroutine, futures[-1]))
        first: Exception | None = None
        results = []
        for future in futures:
            try:
                results.append(await future)
            except Exception as error:  # noqa: BLE001 - raised below, when all have ended
                first = first or error
        if first is not None:
            raise first
        return results


async def _settle(coroutine: Coroutine[Any, Any, Any], outcome: Any) -> None:
    """Note how a coroutine ends; Ctrl-C and exits are not outcomes, but end the loop."""
    try:
        outcome.success(await coroutine)
    except Exception as error:  # noqa: BLE001 - raised where the outcome is awaited
        outcome.failure(error)


class _Watcher(Task):  # type: ignore[misc]
    """A task that is run again and again, and never done until it is cancelled."""

    def __init__(self, callback: Callable[[], None]) -> None:
        super().__init__(callback)
        self._callback = callback

    def __call__(self, _argument: Any = None) -> Any:
        self._callback()
        return _WATCH_ON


_WATCH_ON = KernelEvent("_watch_on") if KernelEvent is not None else None


class Slots:
    """How many may be at something at once; those who wait are served in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Any] = deque()

    async def take(self) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn = Future()
        self._waiting.append(turn)
        await turn

    def give_back(self) -> None:
        if self._waiting:
            self._waiting.popleft().success(None)
        else:
            self._free += 1
