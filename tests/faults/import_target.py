# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry behind a proxy, and a backup to import into it: to interrupt it and see what it leaves."""

from __future__ import annotations

import functools
import json
import os
import re
import select
import signal
import urllib.error
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faults.makes import EMPTY, Make, State
from faults.registry_proxy import SERVER_ERROR, WRITES, Answer, Fault, Recorded, RegistryProxy, Request
from registries.emulated import AnyRegistry

from testbed.contents import avro, segment
from testbed.modules import Outcome, RunningModule, run_module, start_module

Action = Callable[[RunningModule], object]

BACKUP = "prod"
KIND = re.compile(r"(?:/apis/\w+/v\d+)?/([^/?]+).*")
"""What a path is about: its first word below that of an interface."""


@dataclass
class Target:
    """The registry that is imported into, reached through a proxy, so that its requests can be failed.

    Args:
        make: Its make.
        server: The registry.
        proxy: The proxy.
        store: The store that is imported from.
        more: Further options of the import.
        state: What the registry was like before.
    """

    make: Make
    server: AnyRegistry
    proxy: RegistryProxy
    store: Path
    more: Mapping[str, Any] = field(default_factory=dict)
    state: State = EMPTY

    @property
    def registry(self) -> dict[str, Any]:
        """The option family of that name."""
        return {"url": self.proxy.endpoint, "retries": 0}

    @property
    def options(self) -> dict[str, Any]:
        """The options of an import."""
        common = {"registry": self.registry, "store": {"path": str(self.store)}, "backup_id": BACKUP}
        return {**common, **self.state.options, **self.more}

    @property
    def keeps_ids(self) -> bool:
        """Whether versions keep their ids."""
        return self.options.get("ids") != "assign"

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
        return self._outcome(running.result())

    def import_killed_while_closing(self, failing: int, closing: int) -> Outcome:
        """Import, fail at a write, and kill at one of those that follow on that, which the registry does not get."""
        running: Future[RunningModule] = Future()
        self.proxy.clear()
        self.proxy.add(Fault(WRITES, nth=failing, answer=SERVER_ERROR))
        self.proxy.add(Fault(WRITES, nth=failing + closing, before=lambda _request: kill(running.result()), drop=True))
        running.set_result(start_module("schema_registry_import", **self.options))
        return self._outcome(running.result())

    def _outcome(self, running: RunningModule) -> Outcome:
        """Wait for the end of a module, and until the registry has all that it had sent."""
        outcome = running.wait()
        self.proxy.settle()
        return outcome

    def modes(self) -> dict[str, str | None]:
        """The own mode of every scope; of those wider than a subject the one that holds there."""
        return {scope: self._mode(scope) for scope in self.make.scopes}

    def _mode(self, scope: str) -> str | None:
        try:
            return str(self.server.call("GET", f"/mode/{segment(scope)}" if scope else "/mode")["mode"])
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def holding(self) -> dict[str, dict[str, Any]]:
        """All that it holds; not the ids, where each import makes new ones."""
        held = self.make.holding(self.server)
        if not self.keeps_ids:
            del held["ids"]
        return {**held, "modes": self.modes()}

    def refuses(self, subject: str) -> bool:
        """Whether a producer that registers a schema is refused."""
        try:
            self.server.call("POST", f"/subjects/{segment(subject)}/versions", avro("Intruder", "a"))
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
        held: What the target held before.
        writes: The import's writes.
        after: What the target then holds.
        ids: The ids of the backup that it has given new ones, by context.
    """

    held: Mapping[str, Mapping[str, Any]]
    writes: tuple[Recorded, ...]
    after: Mapping[str, Mapping[str, Any]]
    ids: frozenset[tuple[str, int]]

    @property
    def before(self) -> Mapping[str, str | None]:
        """The modes that were there."""
        return self.held["modes"]

    @functools.cached_property
    def subjects(self) -> tuple[str, ...]:
        """The subjects that the target then holds."""
        return tuple(sorted({subject_of(name) for name in self.after["versions"]}))

    @functools.cached_property
    def openings(self) -> int:
        """How many modes and configs are set before the first schema is registered."""
        return next(number for number, write in enumerate(self.writes) if write.method == "POST")

    @functools.cached_property
    def turns(self) -> tuple[int, ...]:
        """The numbers, from 1, of the first and the last write of each phase."""
        kinds = [(write.method, KIND.sub(r"\1", write.path)) for write in self.writes]
        edges = {1, len(kinds)}
        for number in range(1, len(kinds)):
            if kinds[number] != kinds[number - 1]:
                edges |= {number, number + 1}
        return tuple(sorted(edges))

    def missing(self, held: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return the subjects of which a registry does not hold all versions as they are to be."""
        wanted = self.after["versions"]
        return sorted({subject_of(name) for name in wanted if held["versions"].get(name) != wanted[name]})


def subject_of(name: str) -> str:
    """Return the subject in the name of a version."""
    return name.rpartition(" version ")[0]


def id_map(result: Mapping[str, Any]) -> dict[tuple[str, int], int]:
    """Return the new ids that an import has given, by context and old one."""
    return {(pair["context"], pair["old"]): pair["new"] for pair in result.get("id_map", ())}


def take_course(target: Target, state: str | State) -> Course:
    """Bring a new target into a state, and import undisturbed."""
    prepare(target, state)
    held = target.holding()
    told = target.import_().succeeded()
    course = Course(held, tuple(target.proxy.writes()), target.holding(), frozenset(id_map(told)))
    assert target.journal() == []
    return course


def prepare(target: Target, state: str | State) -> None:
    """Put a new registry in the place of the target, and bring it into a state."""
    target.state = state if isinstance(state, State) else target.make.states[state]
    target.server.wipe()
    target.state.prepare(target.server)
    for path in (target.store / "journal").glob("*/runs/*.json"):
        path.unlink()
