# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bed in the background: one supervising process holds the components until it is told to end."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from testbed import axonops, kafka, postgresql
from testbed.cache import cache_root
from testbed.component import Component, ComponentError

TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Kind:
    """How a component that can be named on the command line is made, and what fills the cache for it."""

    make: Callable[[], Component]
    fetch: Callable[[], object]


KINDS = {
    "kafka": Kind(kafka.Kafka, kafka.fetch),
    "postgresql": Kind(postgresql.PostgreSQL, postgresql.find_programs),
    "registry": Kind(axonops.AxonOpsRegistry, axonops.fetch),
}


class Bed:
    """The bed called ``name``: its files lie in the cache folder, and its supervisor holds a lock on one of them."""

    def __init__(self, name: str = "default") -> None:
        self.name = name
        self._folder = cache_root() / "beds"
        self._state = self._folder / f"{name}.json"
        self._log = self._folder / f"{name}.log"
        self._lock = self._folder / f"{name}.lock"

    def endpoints(self) -> dict[str, str]:
        """Endpoints by component, empty when the bed is down."""
        return dict(self._read()["endpoints"]) if self._is_held() else {}

    def up(self, components: list[str]) -> dict[str, str]:
        """Start the components in the background and return their endpoints.

        A bed that holds exactly these already is left as it is; one that holds others is an error.
        """
        present = self.endpoints()
        if present:
            if set(present) != set(components):
                raise ComponentError(f"bed {self.name} is up with {' '.join(present)}: end it with `down` first")
            return present
        self._folder.mkdir(parents=True, exist_ok=True)
        self._state.unlink(missing_ok=True)
        command = [sys.executable, "-m", "testbed", "--bed", self.name, "supervise", *components]
        with self._log.open("wb") as log:
            supervisor = subprocess.Popen(
                command, cwd=TESTS, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        while not self._state.exists():
            if supervisor.poll() is not None:
                raise ComponentError(self._log.read_text(errors="replace").strip() or "the supervisor ended silently")
            time.sleep(0.05)
        return self.endpoints()

    def down(self) -> bool:
        """End the bed; whether it was up."""
        if not self._is_held():
            return False
        os.kill(self._read()["supervisor"], signal.SIGTERM)
        while self._is_held():
            time.sleep(0.05)
        return True

    def supervise(self, components: list[str]) -> None:
        """Hold the components until SIGTERM; this is the background process itself."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ComponentError(f"bed {self.name} is being started by another process") from error
            with ExitStack() as stack:
                stack.callback(self._state.unlink, missing_ok=True)
                started = {name: stack.enter_context(KINDS[name].make()) for name in components}
                state = {"supervisor": os.getpid(), "endpoints": {name: c.endpoint for name, c in started.items()}}
                draft = self._state.with_suffix(".new")
                draft.write_text(json.dumps(state))
                draft.rename(self._state)
                while True:
                    signal.pause()

    def _read(self) -> dict[str, object]:
        return json.loads(self._state.read_text())

    def _is_held(self) -> bool:
        if not self._state.exists():
            return False
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
