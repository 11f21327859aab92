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
from typing import Any

from testbed import apicurio, axonops, kafka, postgresql
from testbed.cache import cache_root
from testbed.component import Component, ComponentError

TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Kind:
    """A component that can be named on the command line.

    Args:
        make: Makes it.
        fetch: Fills the cache for it.
        leads_to: The variable of an inventory's host and the option in it that take its endpoint, where one does.
    """

    make: Callable[[], Component]
    fetch: Callable[[], object]
    leads_to: tuple[str, str] | None = None


REGISTRY = ("lifeboat_registry", "url")
KINDS = {
    "apicurio": Kind(apicurio.Apicurio, apicurio.fetch, REGISTRY),
    "kafka": Kind(kafka.Kafka, kafka.fetch, ("lifeboat_kafka", "bootstrap_servers")),
    "postgresql": Kind(postgresql.PostgreSQL, postgresql.find_programs),
    "registry": Kind(axonops.AxonOpsRegistry, axonops.fetch, REGISTRY),
}


class Bed:
    """The bed called ``name``. Its supervisor holds a lock on a file in the cache folder, which tells its pid."""

    def __init__(self, name: str = "default") -> None:
        self.name = name
        folder = cache_root() / "beds"
        folder.mkdir(parents=True, exist_ok=True)
        self._endpoints = folder / f"{name}.json"
        self._log = folder / f"{name}.log"
        self._lock = folder / f"{name}.lock"

    def endpoints(self) -> dict[str, str]:
        """Endpoints by component, empty when the bed is not up."""
        if not self._is_held() or not self._endpoints.exists():
            return {}
        return dict(json.loads(self._endpoints.read_text()))

    def up(self, components: list[str]) -> dict[str, str]:
        """Start the components in the background and return their endpoints.

        A bed that holds exactly these already is left as it is; one that holds others is an error, and so is a
        component that does not start: then none is left running.
        """
        spawned = False
        while not self.endpoints():
            if not self._is_held():
                if spawned:
                    raise ComponentError(self._log.read_text(errors="replace").strip() or f"bed {self.name} has ended")
                spawned = self._spawn(components)
            time.sleep(0.05)
        present = self.endpoints()
        if set(present) != set(components):
            raise ComponentError(f"bed {self.name} is up with {' '.join(present)}: end it with `down` first")
        return present

    def inventory(self) -> dict[str, Any]:
        """Return an Ansible inventory with what runs as one host, and a store beside the bed's own files."""
        host: dict[str, Any] = {"lifeboat_store": {"path": str(self._log.with_suffix(".store"))}}
        for name, endpoint in self.endpoints().items():
            if (leads_to := KINDS[name].leads_to) is not None:
                variable, option = leads_to
                host[variable] = {option: endpoint}
        return {"lifeboat": {"hosts": {"bed": host}}}

    def down(self) -> bool:
        """End the bed; whether it was up."""
        if not self._is_held():
            return False
        os.kill(int(self._lock.read_text()), signal.SIGTERM)
        while self._is_held():
            time.sleep(0.05)
        return True

    def supervise(self, components: list[str]) -> None:
        """Hold the components until SIGTERM; this is the background process itself, which inherits the lock."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
        with ExitStack() as stack:
            stack.callback(self._endpoints.unlink, missing_ok=True)
            started = {name: stack.enter_context(KINDS[name].make()) for name in dict.fromkeys(components)}
            draft = self._endpoints.with_suffix(".new")
            draft.write_text(json.dumps({name: component.endpoint for name, component in started.items()}))
            draft.rename(self._endpoints)
            while True:
                signal.pause()

    def _spawn(self, components: list[str]) -> bool:
        """Start the supervisor; False when another process is doing so."""
        command = [sys.executable, "-m", "testbed", "--bed", self.name, "supervise", *components]
        with self._lock.open("a+") as lock, self._log.open("wb") as log:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._endpoints.unlink(missing_ok=True)
            supervisor = subprocess.Popen(
                command,
                cwd=TESTS,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
            lock.truncate(0)
            lock.write(str(supervisor.pid))
        return True

    def _is_held(self) -> bool:
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
