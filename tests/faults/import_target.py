# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry behind a proxy, and a backup to import into it: to interrupt it and see what it leaves."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import urllib.error
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faults.registry_proxy import SERVER_ERROR, WRITES, Answer, Fault, Recorded, RegistryProxy, Request
from registries.emulated import AnyRegistry

from testbed.contents import avro, fill, holding, place, register, set_config, set_mode
from testbed.modules import Outcome, RunningModule, run_module, start_module

Action = Callable[[RunningModule], object]

BACKUP = "prod"
SUBJECTS = (
    "address", "customer", "event", "gone", "orders-value", "payments-value", "person", ":.eu:orders-value",
)  # fmt: skip
EVENT = {"schemaType": "PROTOBUF", "schema": 'syntax = "proto3";\nmessage Event { string a = 1; }\n'}
EVENT_ID = 10
CONFLICT = "conflict"
SCOPES = ("", ":.eu:", "other", *SUBJECTS)


def fill_source(server: AnyRegistry) -> None:
    """Fill the registry that is backed up; its subject customer has the mode that is everybody's, as its own."""
    fill(server)
    set_mode(server, "READWRITE", "customer")


def leave_empty(server: AnyRegistry) -> None:
    """A target without anything."""


def close(server: AnyRegistry) -> None:
    """A target without schemas whose modes were set, among them one that opens a subject of the backup."""
    set_mode(server, "READWRITE", "orders-value")
    set_mode(server, "READONLY", "event")
    set_mode(server, "READONLY")


def fill_partly(server: AnyRegistry) -> None:
    """A target with one subject of the backup, another of its own, and modes and configs here and there."""
    register(server, "address", avro("Address", "street"), avro("Address", "street", "town"))
    set_mode(server, "IMPORT", "other")
    place(server, "other", 500, 1, avro("Other", "a"))
    server.call("DELETE", "/mode/other")
    set_config(server, "orders-value", compatibility="FULL")
    set_mode(server, "READWRITE", "orders-value")
    set_mode(server, "READONLY", "payments-value")


def fill_with_a_conflict(server: AnyRegistry) -> None:
    """A target that holds a schema of the backup under another number, in a subject with settings of its own."""
    register(server, "address", avro("Address", "street"), avro("Address", "street", "town"))
    set_mode(server, "IMPORT", "event")
    place(server, "event", EVENT_ID, 7, EVENT)
    set_config(server, "event", compatibility="FULL", normalize=True)
    set_mode(server, "READONLY", "event")


STATES: dict[str, Callable[[AnyRegistry], None]] = {
    "empty": leave_empty,
    "closed": close,
    "part-filled": fill_partly,
}


@dataclass
class Target:
    """The registry that is imported into, reached through a proxy, so that its requests can be failed."""

    server: AnyRegistry
    proxy: RegistryProxy
    store: Path
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def registry(self) -> dict[str, Any]:
        """The option family of that name."""
        return {"url": self.proxy.endpoint, "retries": 0}

    @property
    def options(self) -> dict[str, Any]:
        """The options of an import."""
        return {"registry": self.registry, "store": {"path": str(self.store)}, "backup_id": BACKUP, **self.more}

    @property
    def recovery(self) -> dict[str, Any]:
        """The options of a recovery."""
        return {"registry": self.registry, "store": {"path": str(self.store)}, "state": "recovered"}

    def import_(self, **more: Any) -> Outcome:
        """Import, undisturbed."""
        self.proxy.clear()
        return self.import_beside(**more)

    def import_beside(self, **more: Any) -> Outcome:
        """Import, while faults and another run go on."""
        return run_module("schema_registry_import", **(self.options | more))

    def import_failing(self, nth: int, *, answer: Answer, path: str = "*", **more: Any) -> Outcome:
        """Import, and answer a write so instead of letting the registry see it."""
        self.proxy.clear()
        self.proxy.add(Fault(WRITES, path, nth=nth, answer=answer))
        return self.import_beside(**more)

    def wait_for_write(self, nth: int, act: Callable[[], object]) -> Outcome:
        """Import, and do something before the registry gets a write; then it gets it."""
        self.proxy.clear()
        self.proxy.add(Fault(WRITES, nth=nth, before=lambda _request: act()))
        return self.import_beside()

    def recover(self, **more: Any) -> Outcome:
        """Run ``schema_registry_mode`` with ``state: recovered``, undisturbed."""
        self.proxy.clear()
        return self.recover_beside(**more)

    def recover_beside(self, **more: Any) -> Outcome:
        """The same, while faults and another run go on."""
        return run_module("schema_registry_mode", **(self.recovery | more))

    def set_mode_beside(self, mode: str) -> Outcome:
        """Set the mode of a subject with the module, while faults go on."""
        return run_module("schema_registry_mode", registry=self.registry, subjects=["address"], mode=mode)

    def pretend_unknown(self) -> None:
        """Let the registry no longer say what it is."""
        self.proxy.clear()
        self.proxy.add(Fault("GET", "/v1/metadata/version", times=1000, answer=Answer(404)))

    def import_while(self, nth: int, act: Action, *, after: bool, **more: Any) -> Outcome:
        """Import, and do something to it when a write comes: after the registry got it, or so that it never does."""
        fault = Fault(WRITES, nth=nth, drop=not after)
        return self.run_while("schema_registry_import", fault, act, self.options | more)

    def recover_while(self, nth: int, act: Action, *, after: bool, **more: Any) -> Outcome:
        """The same with a recovery."""
        fault = Fault(WRITES, nth=nth, drop=not after)
        return self.run_while("schema_registry_mode", fault, act, self.recovery | more)

    def run_while(self, name: str, fault: Fault, act: Action, options: Mapping[str, Any]) -> Outcome:
        """Run a module, and do something to it when a fault happens: before it drops a request, else after it."""
        running: Future[RunningModule] = Future()

        def handle(_request: Request) -> None:
            act(running.result())

        self.proxy.clear()
        self.proxy.add(replace(fault, before=handle) if fault.drop else replace(fault, after=handle))
        running.set_result(start_module(name, **options))
        return running.result().wait()

    def import_killed_while_closing(self, failing: int, closing: int) -> Outcome:
        """Import, fail at a write, and kill at one of those that follow on that, which the registry does not get."""
        running: Future[RunningModule] = Future()
        self.proxy.clear()
        self.proxy.add(Fault(WRITES, nth=failing, answer=SERVER_ERROR))
        self.proxy.add(Fault(WRITES, nth=failing + closing, before=lambda _request: kill(running.result()), drop=True))
        running.set_result(start_module("schema_registry_import", **self.options))
        return running.result().wait()

    def modes(self) -> dict[str, str | None]:
        """The own mode of every scope; of those wider than a subject the one that holds there."""
        return {scope: self._mode(scope) for scope in SCOPES}

    def _mode(self, scope: str) -> str | None:
        try:
            return str(self.server.call("GET", f"/mode/{scope}" if scope else "/mode")["mode"])
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def holding(self) -> dict[str, dict[str, Any]]:
        """All that it holds."""
        return {**holding(self.server), "modes": self.modes()}

    def refuses(self, subject: str) -> bool:
        """Whether a producer that registers a schema is refused."""
        try:
            self.server.call("POST", f"/subjects/{subject}/versions", avro("Intruder", "a"))
        except urllib.error.HTTPError as error:
            if error.code != 422:
                raise
            return True
        return False

    def journal(self, folder: Path | None = None) -> list[dict[str, Any]]:
        """What the runs in the journal have noted."""
        paths = sorted(((folder or self.store) / "journal").glob("*/runs/*.json"))
        return [json.loads(path.read_bytes()) for path in paths]

    def pending(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The changes that the journal has as not undone, by kind and scope; the earliest run knows the prior value."""
        changes: dict[tuple[str, str], dict[str, Any]] = {}
        for run in self.journal():
            for change in run["changes"]:
                if not change["undone"]:
                    changes.setdefault((change["kind"], change["scope"]), change)
        return changes

    def incomplete(self) -> set[str]:
        """The scopes that the journal has as half-way."""
        return {scope for run in self.journal() for scope in run["incomplete"]}


def kill(running: RunningModule) -> None:
    """Kill a module, and wait until it is gone."""
    process = os.pidfd_open(running.pid)
    os.kill(running.pid, signal.SIGKILL)
    select.select([process], [], [])
    os.close(process)


@dataclass(frozen=True)
class Course:
    """What an undisturbed import does and makes.

    Args:
        before: The modes that were there.
        writes: Its writes.
        after: What the target then holds.
    """

    before: Mapping[str, str | None]
    writes: tuple[Recorded, ...]
    after: Mapping[str, Mapping[str, Any]]

    @functools.cached_property
    def openings(self) -> int:
        """How many modes are set before the first schema is registered."""
        return next(number for number, write in enumerate(self.writes) if write.method == "POST")

    @functools.cached_property
    def turns(self) -> tuple[int, ...]:
        """The numbers, from 1, of the first and the last write of each phase."""
        kinds = [(write.method, write.path.split("/")[1].split("?")[0]) for write in self.writes]
        edges = {1, len(kinds)}
        for number in range(1, len(kinds)):
            if kinds[number] != kinds[number - 1]:
                edges |= {number, number + 1}
        return tuple(sorted(edges))

    def is_complete(self, subject: str, held: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether a registry holds the versions of a subject as they are to be."""
        names = [name for name in self.after["versions"] if name.rpartition(" version ")[0] == subject]
        return all(held["versions"].get(name) == self.after["versions"][name] for name in names)


def take_course(target: Target, state: str) -> Course:
    """Bring a new target into a state, and import undisturbed."""
    prepare(target, state)
    before = target.modes()
    target.import_().succeeded()
    course = Course(before, tuple(target.proxy.writes()), target.holding())
    assert target.journal() == []
    return course


def prepare(target: Target, state: str) -> None:
    """Put a new registry in the place of the target, and bring it into a state."""
    target.server.wipe()
    (fill_with_a_conflict if state == CONFLICT else STATES[state])(target.server)
    for path in (target.store / "journal").glob("*/runs/*.json"):
        path.unlink()
