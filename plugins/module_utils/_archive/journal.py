# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo journal: every temporary change to a target is noted durably before it is made.

A journal lies in a store, or in a directory of its own, under a hash of the target's identity. Each run that changes
its target has one document there, which goes when all is undone. What a killed run leaves is undone by the next one.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .._core.clock import Clock, timestamp
from .._core.errors import Busy, Damaged, NotFound
from .._core.fields import Fields
from .._schemas.model import Setting
from .._storage.port import Storage
from .documents import JOURNAL_RUN, encode, moment, read, texts
from .layout import target_folder
from .liveness import LEASE_TIMEOUT, ProcessIdentity, is_dead


@dataclass(frozen=True)
class Change:
    """A temporary change.

    Args:
        kind: What is changed: ``mode`` or ``config``.
        scope: Where, as the registry's model names scopes: the empty text for the global one.
        prior: What was there before.
        value: What is set for a while; a JSON value.
        replaced: What the run had set there before, which still is there if it ended between the note and the change.
        undone: Whether ``prior`` is there again.
    """

    kind: str
    scope: str
    prior: Setting
    value: Any
    replaced: Any = None
    undone: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Its kind and scope."""
        return self.kind, self.scope


@dataclass
class JournalRun:
    """What one run journaled.

    Args:
        storage: Where the journal lies.
        path: The run's document.
        clock: Tells the time.
        operation: What the run does, such as ``schema_registry_import``.
        target: The target's identity.
        facts: What else is known of the run; JSON values.
        owner: Its process.
        started_at: When it began.
        refreshed_at: Its last sign of life.
        ended: Whether it ended by itself: then it is over, whatever its process does.
        incomplete: Scopes that it left half-way, which stay closed to writers until somebody decides.
        changes: Its changes by kind and scope, in the order in which they were noted.
    """

    storage: Storage = field(repr=False)
    path: str
    clock: Clock = field(repr=False)
    operation: str
    target: str
    facts: Mapping[str, Any]
    owner: ProcessIdentity
    started_at: datetime
    refreshed_at: datetime
    ended: bool = False
    incomplete: tuple[str, ...] = ()
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The run's name."""
        return self.path.rpartition("/")[2].removesuffix(".json")

    def pending(self) -> list[Change]:
        """Return the changes that are not undone, the latest first."""
        return [change for change in reversed(self.changes.values()) if not change.undone]

    def is_over(self) -> bool:
        """Tell whether the run has ended or is dead, so that its changes may be undone by others."""
        return self.ended or is_dead(self.owner, self.refreshed_at, LEASE_TIMEOUT, self.clock)

    def busy(self) -> Busy:
        """Return the error that names the run, and how to go on."""
        return Busy(
            f"{self.operation} by {self.owner} has been at work on {self.target} since {timestamp(self.started_at)}, "
            f"last sign of life {timestamp(self.refreshed_at)}. Wait for it to end, or end that process there; without "
            f"a sign of life it counts as dead after {LEASE_TIMEOUT} seconds, and the next run undoes what it changed "
            f"for a while. Its journal is {self.storage.location}/{self.path}.",
            object_name=self.target,
        )

    def record(self, kind: str, scope: str, prior: Setting, value: Any) -> None:
        """Note one change before it is made; see `record_all`."""
        self.record_all([Change(kind, scope, prior, value)])

    def record_all(self, changes: Iterable[Change]) -> None:
        """Note changes durably, before the first of them is made: one write for all of them.

        A scope that is changed again keeps the prior value of its first change, and the value set last.

        Raises:
            StoreError: The journal cannot be written to: make none of the changes.
            Busy: As `refresh`.
        """
        with self._lock:
            for change in changes:
                self.changes[change.key] = _changed_again(self.changes.get(change.key), change)
            self._write()

    def mark_undone(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note that changes, named by kind and scope, are undone; raises as `record_all`."""
        with self._lock:
            for key in keys:
                self.changes[key] = replace(self.changes[key], undone=True)
            self._write()

    def mark_incomplete(self, scopes: Iterable[str]) -> None:
        """Note the scopes that the run leaves half-way; none takes the note back. Raises as `record_all`."""
        with self._lock:
            self.incomplete = tuple(sorted(scopes))
            self._write()

    def refresh(self) -> None:
        """Give a sign of life.

        Raises:
            Busy: Another run has taken this one for dead, and undone its changes.
            StoreError: The journal cannot be written to.
        """
        with self._lock:
            self._write()

    def finish(self, *, unfinished: bool = False) -> bool:
        """End the run: its document goes when nothing is left to undo or to decide, and else says that it is over.

        Args:
            unfinished: Whether it stays all the same, since the next run must know what this one may have made.

        Returns:
            Whether the document went.
        """
        with self._lock:
            if not self.pending() and not self.incomplete and not unfinished:
                self.storage.delete(self.path)
                return True
            self.ended = True
            self._write()
            return False

    def settle(self) -> None:
        """Delete the document of a run that is over: its changes are undone, or noted by another run as its own.

        Raises:
            StoreError: The journal cannot be written to.
        """
        with self._lock:
            self.storage.delete(self.path)

    def _write(self) -> None:
        if self.storage.size(self.path) is None:
            raise Busy(
                f"The run {self.id} on {self.target} is no longer in its journal {self.storage.location}/{self.path}: "
                "another run took it for dead, and undid its changes. Run it again.",
                object_name=self.target,
            )
        self.refreshed_at = self.clock.now()
        self.storage.replace(self.path, self._encode())

    def _encode(self) -> bytes:
        return encode(
            JOURNAL_RUN,
            {
                "operation": self.operation,
                "target": self.target,
                "facts": dict(self.facts),
                "owner": self.owner.document(),
                "started_at": timestamp(self.started_at),
                "refreshed_at": timestamp(self.refreshed_at),
                "ended": self.ended,
                "incomplete": list(self.incomplete),
                "changes": [
                    {
                        "kind": change.kind,
                        "scope": change.scope,
                        "prior": {"set": change.prior.is_set, "value": change.prior.value},
                        "value": change.value,
                        "replaced": change.replaced,
                        "undone": change.undone,
                    }
                    for change in self.changes.values()
                ],
            },
        )


@dataclass(frozen=True)
class UndoJournal:
    """The journal of one target.

    Args:
        storage: A store's, or a directory of its own.
        target: The target's identity, such as its cluster and registry ids.
        clock: Tells the time.
    """

    storage: Storage
    target: str
    clock: Clock

    @property
    def folder(self) -> str:
        """Where it lies."""
        return target_folder(self.target)

    def begin(self, operation: str, facts: Mapping[str, Any]) -> JournalRun:
        """Begin the journal of a run, before its first change.

        Args:
            operation: What the run does.
            facts: What people should know of it; JSON values, no secrets.

        Raises:
            StoreError: The journal cannot be written to.
            Busy: Another run that journals is at work on the target.
        """
        self._refuse_others(None)
        now = self.clock.now()
        name = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        run = JournalRun(
            storage=self.storage,
            path=f"{self.folder}/runs/{name}.json",
            clock=self.clock,
            operation=operation,
            target=self.target,
            facts=facts,
            owner=ProcessIdentity.current(),
            started_at=now,
            refreshed_at=now,
        )
        self.storage.create(run.path, run._encode())
        try:
            # Two that begin at once see no other before, but at least one of them does afterwards.
            self._refuse_others(run)
        except BaseException:
            run.settle()
            raise
        return run

    def _refuse_others(self, own: JournalRun | None) -> None:
        for other in self.runs():
            if (own is None or other.path != own.path) and not other.is_over():
                raise other.busy()

    def runs(self) -> list[JournalRun]:
        """Return all runs that are in the journal, the oldest first: those at work, and what others left.

        Raises:
            Damaged, UnsupportedFormat: One of them cannot be read by this release.
        """
        found = []
        for file in list(self.storage.files(f"{self.folder}/runs")):
            try:
                found.append(self._read(file.path))
            except NotFound:
                continue
        return found

    def _read(self, path: str) -> JournalRun:
        try:
            return self._decoded(path)
        except Damaged as error:
            raise Damaged(
                f"{error.message} So it is not known whether that run is at work, and what it changed at {self.target} "
                "for a while. See that no run is at work there, and that modes and configs there are as they should "
                "be; then delete the file, and run again.",
                object_name=error.object_name,
                **error.facts,
            ) from error

    def _decoded(self, path: str) -> JournalRun:
        fields = read(self.storage, path, JOURNAL_RUN)
        run = JournalRun(
            storage=self.storage,
            path=path,
            clock=self.clock,
            operation=fields.required("operation", str),
            target=fields.required("target", str),
            facts=fields.required("facts", dict),
            owner=ProcessIdentity.from_document(fields.object("owner")),
            started_at=moment(fields, "started_at"),
            refreshed_at=moment(fields, "refreshed_at"),
            ended=fields.required("ended", bool),
            incomplete=texts(fields, "incomplete"),
            changes={change.key: change for change in map(_change, fields.objects("changes"))},
        )
        fields.finish()
        return run


def _changed_again(first: Change | None, change: Change) -> Change:
    if first is None or first.undone:
        return change
    replaced = first.replaced if first.value == change.value else first.value
    return replace(change, prior=first.prior, replaced=replaced)


def _change(fields: Fields) -> Change:
    prior = fields.object("prior")
    change = Change(
        kind=fields.required("kind", str),
        scope=fields.required("scope", str),
        prior=Setting(is_set=prior.optional("set", bool), value=prior.any_value("value")),
        value=fields.any_value("value"),
        replaced=fields.any_value("replaced"),
        undone=fields.required("undone", bool),
    )
    prior.finish()
    fields.finish()
    return change
