# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every component of the bed has in common: start, wait until ready, show the log, end."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

LOOPBACK = "127.0.0.1"
GUARD = Path(__file__).with_name("guard.py")

_given_ports: set[int] = set()


class ComponentError(RuntimeError):
    """A component could not be fetched, started or spoken to."""


class UnavailableError(ComponentError):
    """This machine lacks something that the component needs; tests that want it are skipped with this reason."""


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on, and that this process was not given before.

    Taken below the range from which the kernel gives ports to outgoing connections, so that none of those can slip
    in before the component listens, nor while it is restarted on the same port.
    """
    found: set[int] = set()
    for _attempt in range(500):
        if len(found) == count:
            _given_ports.update(found)
            return list(found)
        port = 20000 + secrets.randbelow(12000)
        if port not in _given_ports and is_free(port):
            found.add(port)
    raise ComponentError(f"no {count} free ports found on {LOOPBACK} between 20000 and 32000")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Component(ABC):
    """One process on loopback. Also a context manager: started on entry, stopped on exit."""

    name: ClassVar[str]
    stop_signal: ClassVar[int] = signal.SIGTERM
    ready_seconds: ClassVar[float] = 60.0

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_ports(1)[0]
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """What a client is given to find this component."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the component answers a real request now."""

    @abstractmethod
    def _prepare(self) -> None:
        """Fetch what is needed and write configuration and empty data below ``home``."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line of the component."""

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _user(self) -> tuple[int, int] | None:
        """``(uid, gid)`` to run as, when it must not be the caller's."""
        return None

    @property
    def home(self) -> Path:
        """Folder with configuration, data and log; gone after ``stop``."""
        if self._home is None:
            raise ComponentError(f"{self.name} is not started")
        return self._home

    @property
    def pid(self) -> int:
        """Process id of the running component."""
        if self._process is None:
            raise ComponentError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> Self:
        """Start with empty data and wait until ready. Raises `ComponentError` with the last log lines otherwise."""
        if self._home is not None:
            raise ComponentError(f"{self.name} is already started")
        self._home = Path(tempfile.mkdtemp(prefix=f"lifeboat-{self.name}-"))
        try:
            self._prepare()
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the component and remove its data. Does nothing when it is not started."""
        self._end(self.stop_signal)
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def kill(self) -> None:
        """End the process at once, as a crash would; its data stay for ``restart``."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """End the process and start it again with the same data on the same port."""
        self._end(self.stop_signal)
        self._launch()

    def wipe(self) -> None:
        """Put a new empty component in the place of this one, at the same endpoint."""
        self._end(signal.SIGKILL)
        for left in self.home.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        self._prepare()
        self._launch()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that the component has logged, or an empty text."""
        log = self._home / "log" if self._home else None
        if log is None or not log.exists():
            return ""
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        if not is_free(self.port):  # else `ready` would be answered by whoever listens there
            raise ComponentError(f"{self.name} cannot listen on {LOOPBACK}:{self.port}: another process does")
        user = self._user()
        reading, self._lifeline = os.pipe()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(reading), str(int(self.stop_signal)), str(self.home)]
        guard.append(f"{user[0]}:{user[1]}" if user else "-")
        try:
            with (self.home / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*guard, *self._command()],
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[reading],
                    start_new_session=True,
                )
        finally:
            os.close(reading)
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while process.poll() is None:
            if self.ready():
                return
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready after {self.ready_seconds:.0f} s")
            time.sleep(0.02)
        raise self._failure(f"ended with status {process.returncode} before it was ready")

    def _failure(self, what: str) -> ComponentError:
        return ComponentError(f"{self.name} {what}; its last log lines:\n{self.log_tail() or '(no output)'}")

    def _end(self, number: int) -> None:
        if self._lifeline is not None:
            with suppress(BrokenPipeError):  # the watcher may have been killed
                os.write(self._lifeline, b".")
            os.close(self._lifeline)
            self._lifeline = None
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(number)
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
