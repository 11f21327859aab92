# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells living runs from dead ones."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .._core.clock import Clock
from .._core.errors import Busy, LifeboatError, NotFound, StoreError
from .._core.fields import Fields
from .._core.process_stat import ProcessStat
from .documents import whole_number

LEASE_TIMEOUT = 900
"""Seconds without a sign of life after which a run counts as dead."""

REFRESH_INTERVAL = 60.0
"""Seconds between two signs of life."""


@dataclass(frozen=True)
class ProcessIdentity:
    """Names a process among all processes of all machines.

    Args:
        hostname: Its machine, for people.
        pid: Its number.
        boot_id: The machine's boot, where the system tells it.
        pid_namespace: What the number counts in: containers of one machine have their own.
        start_time: When it started, in clock ticks since the boot, where the system tells it; numbers are reused.
    """

    hostname: str
    pid: int
    boot_id: str | None = None
    pid_namespace: str | None = None
    start_time: int | None = None

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a process on this machine."""
        try:
            start_time = _start_time(pid)
        except OSError:
            start_time = None
        return cls(socket.gethostname(), pid, _boot_id(), _pid_namespace(), start_time)

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls.of(os.getpid())

    @classmethod
    def from_document(cls, fields: Fields) -> ProcessIdentity:
        """Read what `document` wrote.

        Raises:
            Damaged: It is something else.
        """
        identity = cls(
            hostname=fields.required("hostname", str),
            pid=whole_number(fields, "pid", 1),
            boot_id=fields.optional("boot_id", str),
            pid_namespace=fields.optional("pid_namespace", str),
            start_time=fields.optional("start_time", int),
        )
        fields.finish()
        return identity

    def document(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return asdict(self)

    def is_gone(self) -> bool:
        """Tell whether the process has certainly ended; what cannot be told from here counts as not gone."""
        known = None not in (self.boot_id, self.pid_namespace, self.start_time)
        if not known or (self.boot_id, self.pid_namespace) != (_boot_id(), _pid_namespace()):
            return False
        try:
            return _start_time(self.pid) != self.start_time
        except OSError:
            return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.hostname}"


def is_dead(owner: ProcessIdentity | None, refreshed_at: datetime, timeout: float, clock: Clock) -> bool:
    """Tell whether a run is dead: its process is gone on this machine, or it gave no sign of life for too long.

    A sign of life that lies further in the future than ``timeout`` tells nothing: it would be believed until then.

    Args:
        owner: The run's process; None where only time can tell.
        refreshed_at: Its last sign of life.
        timeout: Seconds.
        clock: Tells the time.
    """
    if owner is not None and owner.is_gone():
        return True
    return abs(clock.now() - refreshed_at) > timedelta(seconds=timeout)


class Heartbeat:
    """Gives signs of life from a thread while its context lasts.

    A sign that fails is tried again at the next interval: what must not go on without a lease checks it at its end.
    Where the store fails a run that was taken for dead, as whoever did so has cleared its files away, it is told that
    instead: `Busy` is raised.

    Args:
        refresh: Gives one sign of life.
        interval: Seconds between two.
    """

    def __init__(self, refresh: Callable[[], None], interval: float = REFRESH_INTERVAL) -> None:
        self._refresh = refresh
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lifeboat-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if isinstance(error, StoreError | NotFound):
            try:
                self._refresh()
            except Busy as taken:
                raise taken from error
            except LifeboatError:
                return

    def _beat(self) -> None:
        while not self._ended.wait(self._interval):
            try:
                self._refresh()
            except LifeboatError:
                continue


def _boot_id() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _pid_namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _start_time(pid: int) -> int | None:
    """Return when a process started, or None when it has ended.

    Raises:
        OSError: The system does not show it.
    """
    try:
        found = ProcessStat.parse(Path(f"/proc/{pid}/stat").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        # A hidden process (hidepid) has no directory there, but can be signalled, or may not be.
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        raise
    return None if found.ended else found.started
