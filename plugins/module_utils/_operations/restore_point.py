# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening, committing and giving up restore points as steps of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._archive.commit import commit, would_create
from .._archive.liveness import ProcessIdentity
from .._archive.open_point import OpenPoint, abort, abortable, check_free, open_point
from .._archive.store import Store, storage_of
from .._core.change import Difference, Report
from .._core.clock import SystemClock
from .._core.settings import StoreSettings
from .backup_object import describe_commit


@dataclass(frozen=True)
class Opening:
    """The plan to open a restore point; never empty.

    Args:
        store: Where.
        backup_id: Which backup.
        parts: What it must have to be complete.
        owner_pid: The process that lives as long as the run, or None.
        lease_timeout: Seconds after which an unfinished run counts as dead.
    """

    store: Store
    backup_id: str
    parts: Sequence[str]
    owner_pid: int | None
    lease_timeout: float
    changed = True

    @classmethod
    def plan(
        cls,
        settings: StoreSettings,
        backup_id: str,
        *,
        parts: Sequence[str],
        owner_pid: int | None,
        lease_timeout: float,
    ) -> Opening:
        """Look whether one can be opened.

        Raises:
            StoreError: There is no store.
            Busy: Another run has the lease.
        """
        store = Store.open(storage_of(settings))
        check_free(store, backup_id, clock=SystemClock(), lease_timeout=lease_timeout)
        return cls(store, backup_id, parts, owner_pid, lease_timeout)

    def difference(self) -> Difference:
        """Show nothing: what matters is what is captured."""
        return Difference()

    def preview(self) -> Report:
        """Report that there is no id before it is opened."""
        return Report({"restore_point": None})

    def apply(self) -> Report:
        """Open it."""
        opened = open_point(
            self.store,
            self.backup_id,
            owner=None if self.owner_pid is None else ProcessIdentity.of(self.owner_pid),
            clock=SystemClock(),
            expected=self.parts,
            lease_timeout=self.lease_timeout,
        )
        return Report({"restore_point": opened.id})


@dataclass(frozen=True)
class Commit:
    """The plan to commit an open restore point; empty where the newest one has the very same parts.

    Args:
        opened: The open restore point.
        changed: Whether a restore point is made.
    """

    opened: OpenPoint
    changed: bool

    @classmethod
    def plan(cls, settings: StoreSettings, backup_id: str, point_id: str) -> Commit:
        """Look at what was captured.

        Raises:
            StoreError: There is no store.
            NotFound: The restore point is not open.
            Refused: Nothing was captured into it.
        """
        store = Store.open(storage_of(settings))
        opened = OpenPoint.load(store, backup_id, point_id, clock=SystemClock())
        return cls(opened, would_create(opened))

    def difference(self) -> Difference:
        """Show the parts."""
        parts = {part.name: dict(part.summary) for part in self.opened.parts()}
        return Difference({}, {"restore_point": self.opened.sequence, "parts": parts})

    def preview(self) -> Report:
        """Report the open restore point."""
        return Report({"restore_point": self.opened.id})

    def apply(self) -> Report:
        """Commit it."""
        result = commit(self.opened)
        backup = describe_commit(self.opened.store, result)
        return Report({"restore_point": self.opened.id, "backup": backup}, result.warnings)


@dataclass(frozen=True)
class Abortion:
    """The plan to give up an open restore point; empty where none is open.

    Args:
        store: Where.
        backup_id: Which backup.
        point_id: The open restore point; None for what a dead run left.
        found: What is given up, or None.
        lease_timeout: Seconds after which an unfinished run counts as dead.
    """

    store: Store
    backup_id: str
    point_id: str | None
    found: str | None
    lease_timeout: float

    @classmethod
    def plan(cls, settings: StoreSettings, backup_id: str, point_id: str | None, *, lease_timeout: float) -> Abortion:
        """Look what is open.

        Raises:
            StoreError: There is no store.
            Busy: No id was given, and the run that has the lease is alive.
            Damaged: The lease cannot be read, and the id does not ask for it to be taken away.
        """
        store = Store.open(storage_of(settings))
        found = abortable(store, backup_id, point_id)
        if point_id is None:
            check_free(store, backup_id, clock=SystemClock(), lease_timeout=lease_timeout)
        return cls(store, backup_id, point_id, found, lease_timeout)

    @property
    def changed(self) -> bool:
        """Whether anything is open."""
        return self.found is not None

    def difference(self) -> Difference:
        """Show what is given up."""
        return Difference(f"restore point {self.found} is open\n", "nothing is open\n")

    def preview(self) -> Report:
        """Report what would be given up."""
        return Report({"restore_point": self.found})

    def apply(self) -> Report:
        """Give it up."""
        given_up = abort(
            self.store, self.backup_id, self.point_id, clock=SystemClock(), lease_timeout=self.lease_timeout
        )
        return Report({"restore_point": given_up})
