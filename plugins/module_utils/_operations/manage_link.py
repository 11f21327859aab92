# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, changing, running, pausing, resetting and removing exporters and importers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._core.change import Difference, Report
from .._core.clock import Clock, SystemClock
from .._core.errors import LifeboatError, RegistryError
from .._core.settings import RegistrySettings
from .._registry.detect import connect
from .._registry.links import Links, LinkStatus
from .await_state import await_state
from .link_requests import ABSENT, PAUSED, RUNNING, LinkRequest

_AT_WORK = ("STARTING", "RUNNING")
_SHOWN_TRACE = 300

CREATE, UPDATE, DELETE, PAUSE, RESUME, RESET = "create", "update", "delete", "pause", "resume", "reset"


@dataclass(frozen=True)
class LinkChange:
    """The plan for one exporter or importer.

    Args:
        links: Where it is.
        request: What is asked for.
        held: Its definition, with the API's names; None when it is not there.
        status: How it is; None when it is not there.
        body: What is sent to make or to change it.
        steps: What is done, in order, of `CREATE`, `UPDATE`, `DELETE`, `PAUSE`, `RESUME` and `RESET`.
        clock: Waits.
    """

    links: Links
    request: LinkRequest
    held: Mapping[str, Any] | None
    status: LinkStatus | None
    body: Mapping[str, Any]
    steps: tuple[str, ...]
    clock: Clock

    @classmethod
    def plan(
        cls, settings: RegistrySettings, kind: str, request: LinkRequest, *, clock: Clock | None = None
    ) -> LinkChange:
        """Read what is there.

        Args:
            settings: Which registry.
            kind: `links.EXPORTER` or `links.IMPORTER`.
            request: What is asked for.
            clock: Waits, when not the machine's own.

        Raises:
            InvalidOption: The request cannot be used.
            Refused: The registry has none of the kind, or one would lose its secrets.
            RegistryError: The registry gave no usable answer.
        """
        request.check()
        links = Links(connect(settings), kind)
        held = links.read(request.name)
        status = links.status(request.name) if held is not None else None
        body: dict[str, Any] = {}
        if request.state != ABSENT:
            body = request.definition() if held is None else request.changes(held)
        steps = _steps(request, status, changes=bool(body))
        return cls(links, request, held, status, body, steps, clock or SystemClock())

    @property
    def changed(self) -> bool:
        """Whether anything is done."""
        return bool(self.steps)

    def difference(self) -> Difference:
        """Show its definition and its state before and after, its secrets hidden."""
        before = {} if self.held is None or self.status is None else self._shown(self.held, self.status.state)
        after = {} if self.request.state == ABSENT else self._shown(self._defined(), self._expected())
        return Difference(before, after)

    def preview(self) -> Report:
        """Report it as it will be."""
        if self.request.state == ABSENT:
            return self._report(None, None)
        return self._report(self._defined(), LinkStatus(self._expected(), None, None))

    def apply(self) -> Report:
        """Do it, and wait for the state that was asked for.

        Raises:
            RegistryError: A step was refused, or the state was not reached in time.
        """
        for number, step in enumerate(self.steps):
            try:
                self._do(step)
            except LifeboatError as error:
                if PAUSE in self.steps[: number + 1] and RESUME in self.steps[number:]:
                    error.message += f" {self._resume_after(step)}"
                raise
        if self.request.state == ABSENT:
            return self._report(None, None)
        if self.request.wait and self.request.state in (RUNNING, PAUSED):
            self._await(self._expected())
        held = self.links.read(self.request.name)
        return self._report(held or self._defined(), self.links.status(self.request.name))

    def _do(self, step: str) -> None:
        name = self.request.name
        if step == CREATE:
            self.links.create(name, dict(self.body))
        elif step == UPDATE:
            self.links.update(name, dict(self.body))
        elif step == DELETE:
            self.links.delete(name)
        elif step == RESET:
            self.links.reset(name)
        elif step == RESUME:
            self.links.resume(name)
        else:
            self.links.pause(name)
            if step != self.steps[-1]:  # what follows needs it paused
                self._await("PAUSED")

    def _resume_after(self, step: str) -> str:
        """Let it run again after a step that failed, and return what became of that, for people."""
        kind = self.links.kind
        if step != RESUME:
            with suppress(LifeboatError):
                self.links.resume(self.request.name)
                return f"The {kind} runs again."
        return f"The {kind} was paused to be changed, and may still be. Resume it with state: running."

    def _await(self, state: str) -> None:
        name, kind, seconds = self.request.name, self.links.kind, self.request.wait_timeout

        def reached(status: LinkStatus) -> bool:
            if status.trace and status.state == "PAUSED" and state == "RUNNING":
                raise RegistryError(
                    f"The {kind} {name} stopped: {' '.join(status.trace.split())[:_SHOWN_TRACE]}",
                    code="stopped",
                    object_name=name,
                )
            return status.state == state

        def late(status: LinkStatus) -> RegistryError:
            return RegistryError(
                f"The {kind} {name} was not {state} within {seconds} s (wait_timeout); it is {status.state}.",
                code="timeout",
                object_name=name,
            )

        await_state(lambda: self.links.status(name), reached, late, seconds=seconds, clock=self.clock)

    def _expected(self) -> str:
        """Return the state that it will have once it is as asked for."""
        if self.request.state == PAUSED:
            return "PAUSED"
        if self.request.state == RUNNING or self.status is None:
            return "RUNNING"
        return self.status.state

    def _defined(self) -> dict[str, Any]:
        return {"config": {}, **(self.held or {}), **self.body}

    def _shown(self, held: Mapping[str, Any], state: str) -> dict[str, Any]:
        return {"name": self.request.name, "state": state, **self.request.shown(held)}

    def _report(self, held: Mapping[str, Any] | None, status: LinkStatus | None) -> Report:
        told = None if held is None or status is None else self._shown(held, status.state) | {"offset": status.offset}
        return Report({self.links.kind: told, "steps": list(self.steps)})


def _steps(request: LinkRequest, status: LinkStatus | None, *, changes: bool) -> tuple[str, ...]:
    """Return what is to be done; what changes or resets one needs it paused."""
    if request.state == ABSENT:
        return () if status is None else (DELETE,)
    if status is None:
        return (CREATE, PAUSE) if request.state == PAUSED else (CREATE,)
    is_paused, at_work = status.state == "PAUSED", status.state in _AT_WORK
    if changes or request.reset:
        steps = [] if is_paused else [PAUSE]
        steps += [UPDATE] if changes else []
        steps += [RESET] if request.reset else []
        goes_on = request.state == RUNNING or (request.state != PAUSED and not is_paused)
        return (*steps, RESUME) if goes_on else tuple(steps)
    if request.state == RUNNING and not at_work:
        return (RESUME,)
    return (PAUSE,) if request.state == PAUSED and not is_paused else ()
