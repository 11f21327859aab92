# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a progress file while a module works, and shows what it tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from .progress_file import ProgressReader
from .progress_lines import Lines

_POLL = 0.5  # seconds


class Watch:
    """Shows the lines of a progress file, from a thread of its own; a context manager.

    Args:
        path: The file.
        host: Named in every line.
        patience: Seconds after which a line comes anyway.
        show: Shows a line; called by that thread.
    """

    def __init__(self, path: str, host: str, patience: float, show: Callable[[str], None]) -> None:
        self._reader = ProgressReader(path)
        self._lines = Lines(host, patience, time.monotonic())
        self._show = show
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(_POLL):
            self._tell(self._lines.take(self._reader.read(), time.monotonic()))
        self._tell(self._lines.take(self._reader.read(), time.monotonic()))
        self._tell(self._lines.end(time.monotonic()))

    def _tell(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._show(line)
