# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event loop below the wire: kafka-python's, with what it swallows let through."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Coroutine
from typing import Any

from .kafka_python import Future, NetworkSelector


class Loop(NetworkSelector):  # type: ignore[misc]
    """Drives coroutines in the calling thread; nothing runs between two calls of `run`."""

    def __init__(self) -> None:
        # A coroutine here may well compute for a while, such as the CRC of a large answer: not worth a warning.
        super().__init__(slow_task_threshold_secs=0)

    def _task_done(self, task: Any) -> None:
        """Let Ctrl-C and exits through: the library would note them for the task that they hit, and go on."""
        super()._task_done(task)
        error = sys.exception()
        if error is not None and not isinstance(error, Exception):
            raise error

    async def gather(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run coroutines together, begun in the given order, and wait for all of them.

        Returns:
            Their results, in the given order.

        Raises:
            Exception: What the first of them, in the given order, has raised; after all have ended.
        """
        futures = [self.call_soon_with_future(coroutine) for coroutine in coroutines]
        first: BaseException | None = None
        results = []
        for future in futures:
            try:
                results.append(await future)
            except BaseException as error:  # noqa: BLE001 - raised below, when all have ended
                first = first or error
        if first is not None:
            raise first
        return results


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
