# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a module is, as lines for people: few enough to be read, often enough to see that it lives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .progress_file import Event, Note, Status

_STEP = 10  # per cent
_MOMENT = 1.0  # seconds; what is over by then needs no line
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")


class Lines:
    """Turns what a module tells into lines.

    A line comes when another tenth of a phase is done, when a phase ends, and after a while without one. A phase that
    takes no time has none.

    Args:
        host: Named in every line.
        patience: Seconds after which a line comes anyway.
        now: The time in seconds, from a clock of any beginning, as in all methods.
    """

    def __init__(self, host: str, patience: float, now: float) -> None:
        self._host = host
        self._patience = patience
        self._status: Status | None = None
        self._shown: Status | None = None  # of the same phase
        self._last_line = self._last_event = now

    def take(self, events: Iterable[Event], now: float) -> Iterator[str]:
        """Give the lines that some events make, and the one that is due since there was none for long."""
        for event in events:
            self._last_event = now
            if isinstance(event, Note):
                yield self._line(event.note)
                continue
            if self._status is not None and not _goes_on(self._status, event):
                yield from self.end(now)
                self._shown = None
            self._status = event
            if self._is_due(event, now):
                yield self._progress(event, now)
        if self._status is not None and now - self._last_line >= self._patience:
            still = now - self._last_event
            yield self._progress(self._status, now, f", nothing new for {_duration(still)}" if still > _MOMENT else "")

    def end(self, now: float) -> Iterator[str]:
        """Give the last line of the phase, unless it was given or there was no time to see any."""
        status = self._status
        if status is not None and status != self._shown and (self._shown is not None or status.seconds >= _MOMENT):
            yield self._progress(status, now)

    def _is_due(self, status: Status, now: float) -> bool:
        step = _share(self._shown) // _STEP if self._shown is not None else 0
        quick = status.seconds < _MOMENT or now - self._last_line < _MOMENT
        return _share(status) // _STEP > step and not quick

    def _progress(self, status: Status, now: float, more: str = "") -> str:
        self._last_line, self._shown = now, status
        return self._line(f"{status.phase}: {describe(status)}{more}")

    def _line(self, text: str) -> str:
        return f"[{self._host}] {text}"


def describe(status: Status) -> str:
    """Say where a phase stands: how much, which share, how fast, how long still.

    Returns:
        For example ``3.2 GB of 10.1 GB (31 %), 412 MB/s, 17 s left``, or, where bytes are not what is counted,
        ``31 of 100 files (31 %), 3.2 GB, 412 MB/s, 17 s left``.
    """
    rate = status.done / status.seconds if status.seconds > 0 else 0
    speed = f", {_amount(rate, status.unit)}/s" if rate else ""
    if status.size and rate:
        speed = f", {_amount(status.size, 'bytes')}, {_amount(status.size / status.seconds, 'bytes')}/s"
    done = _amount(status.done, status.unit)
    if status.total is None:
        return f"{done}{speed}, {_duration(status.seconds)} so far"
    if status.done >= status.total:
        return f"{done} (100 %){speed}, took {_duration(status.seconds)}"
    left = f", {_duration((status.total - status.done) / rate)} left" if rate else ""
    part = done if status.unit == "bytes" else f"{status.done:,}"
    return f"{part} of {_amount(status.total, status.unit)} ({_share(status)} %){speed}{left}"


def _goes_on(before: Status, after: Status) -> bool:
    return before.phase == after.phase and before.seconds <= after.seconds


def _share(status: Status) -> int:
    return min(100, 100 * status.done // status.total) if status.total else 0


def _amount(number: float, unit: str) -> str:
    if unit != "bytes":
        return f"{number:,.0f} {unit}"
    for size in _SIZES:
        if number < 999.5 or size == _SIZES[-1]:
            break
        number /= 1000
    return f"{number:.1f} {size}" if number < 99.95 and size != "B" else f"{number:.0f} {size}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
