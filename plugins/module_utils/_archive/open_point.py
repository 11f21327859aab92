# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points in the making: opening them, and giving them up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .._core.clock import Clock
from .._core.errors import Busy, Damaged, NotFound, Refused
from .._storage.port import AlreadyExists
from .documents import PART, decode
from .layout import backup_folder, lease_path, open_folder, point_id_sequence
from .lease import DAMAGED_LEASE, Lease
from .liveness import LEASE_TIMEOUT, ProcessIdentity, is_dead
from .parts import Part
from .points import sequences
from .store import Store

_ATTEMPTS = 5


@dataclass(frozen=True)
class OpenPoint:
    """A restore point in the making, on which this run has the lease.

    Args:
        store: Where it is made.
        backup_id: The backup that it will belong to.
        id: Its number and 8 hexadecimal digits, such as ``00000042-1a2b3c4d``.
        opened_at: When it was opened.
        expected: The parts that it must have to be complete.
        clock: Tells the time.
    """

    store: Store
    backup_id: str
    id: str
    opened_at: datetime
    expected: tuple[str, ...]
    clock: Clock

    @classmethod
    def load(cls, store: Store, backup_id: str, point_id: str, *, clock: Clock) -> OpenPoint:
        """Return a restore point that another process of the same run has opened.

        Raises:
            NotFound: It is not open: it was committed, given up, or taken for dead.
            Damaged, UnsupportedFormat: Its lease cannot be read by this release.
        """
        lease = Lease.read(store, backup_id)
        if lease is None or lease.point_id != point_id:
            raise _not_open(store, backup_id, point_id)
        return cls(store, backup_id, point_id, lease.opened_at, lease.expected, clock)

    @property
    def sequence(self) -> int:
        """The number that it gets when it is committed."""
        return point_id_sequence(self.id) or 0

    @property
    def parent(self) -> int | None:
        """The number of the newest restore point when it was opened."""
        return self.sequence - 1 or None

    def refresh(self) -> None:
        """Give a sign of life.

        Raises:
            Busy: Another run has taken this one for dead, or somebody has given it up.
        """
        lease = Lease.read(self.store, self.backup_id)
        if lease is None or lease.point_id != self.id:
            taker = "" if lease is None else f" The backup is {lease.owner_text} now, which makes {lease.point_id}."
            raise Busy(
                f"Restore point {self.id} of the backup {self.backup_id!r} is no longer this run's: it was taken for "
                f"dead or given up meanwhile.{taker} Nothing of it is in the backup; run again.",
                object_name=f"{self.backup_id}/{self.id}",
            )
        refreshed = replace(lease, refreshed_at=self.clock.now())
        self.store.storage.replace(lease_path(self.backup_id), refreshed.encode())

    def add_part(self, part: Part) -> None:
        """Note a part that was written; twice the same one is no error.

        Raises:
            Busy: As `refresh`.
            Refused: There is another part of that name already.
        """
        self.refresh()
        path = f"{open_folder(self.backup_id, self.id)}/{part.name}.json"
        try:
            self.store.storage.create(path, part.encode())
        except AlreadyExists:
            if self.store.storage.read(path) != part.encode():
                raise Refused(
                    f"Restore point {self.id} of the backup {self.backup_id!r} has a part {part.name!r} already, with "
                    "other content. Capture it once for each restore point.",
                    object_name=f"{self.backup_id}/{self.id}/{part.name}",
                ) from None

    def parts(self) -> list[Part]:
        """Return the parts that were written so far, by name.

        Raises:
            Damaged, UnsupportedFormat: One of them cannot be read by this release.
        """
        storage = self.store.storage
        found = [file.path for file in storage.files(open_folder(self.backup_id, self.id))]
        return [Part.from_document(decode(storage.read(path), PART, f"{storage.location}/{path}")) for path in found]

    def give_up(self) -> None:
        """Clear away what this run has not finished, and return the lease; what is finished the next run adopts.

        Processes that wrote for this run may have been killed, and none is at work any more.
        """
        lease = Lease.read(self.store, self.backup_id)
        if lease is not None and lease.point_id == self.id:
            self.store.storage.discard_unfinished(backup_folder(self.backup_id))
        self.close()

    def close(self) -> None:
        """Return the lease, and clear away what lies in ``open/``; twice is no error."""
        lease = Lease.read(self.store, self.backup_id)
        if lease is not None and lease.point_id == self.id:
            self.store.storage.delete(lease_path(self.backup_id))
        _clear(self.store, self.backup_id, self.id)


def open_point(
    store: Store,
    backup_id: str,
    *,
    owner: ProcessIdentity | None,
    clock: Clock,
    expected: Sequence[str] = (),
    lease_timeout: float = LEASE_TIMEOUT,
) -> OpenPoint:
    """Take the lease of a backup and open its next restore point.

    What a dead run left open is cleared away.

    Args:
        store: Where.
        backup_id: The backup; it need not exist.
        owner: The process that lives as long as the run, or None where it is not known: then time alone tells.
        clock: Tells the time.
        expected: The parts that the restore point must have to be complete; what was written decides when empty.
        lease_timeout: Seconds without a sign of life after which the run that has the lease counts as dead.

    Raises:
        Busy: Another run has the lease; the message names it.
        InvalidOption: The backup's name cannot be used.
        StoreError: The store refuses to write.
    """
    took_over = False
    for _attempt in range(_ATTEMPTS):
        now = clock.now()
        sequence = _next_sequence(store, backup_id)
        point_id = f"{sequence:08d}-{secrets.token_hex(4)}"
        if not Lease(point_id, now, now, owner, tuple(expected)).take(store, backup_id):
            took_over = _end_if_dead(store, backup_id, clock, lease_timeout)
            continue
        opened = OpenPoint(store, backup_id, point_id, now, tuple(expected), clock)
        _clear_others(opened, took_over)
        if _next_sequence(store, backup_id) == sequence:
            return opened
        # Another run committed between the look and the lease: its number is taken.
        opened.close()
    raise Busy(
        f"Other runs go on opening restore points of the backup {backup_id!r}. Wait for them, and run again.",
        object_name=backup_id,
    )


def check_free(store: Store, backup_id: str, *, clock: Clock, lease_timeout: float = LEASE_TIMEOUT) -> None:
    """Look whether a restore point can be opened; nothing is written.

    Raises:
        Busy: Another run has the lease.
        InvalidOption: The backup's name cannot be used.
    """
    _dead_lease(store, backup_id, clock, lease_timeout)


def abort(
    store: Store, backup_id: str, point_id: str | None, *, clock: Clock, lease_timeout: float = LEASE_TIMEOUT
) -> str | None:
    """Give up a restore point in the making; its files stay for the next run to adopt.

    Args:
        store: Where.
        backup_id: The backup.
        point_id: The open restore point, whoever opened it. None gives up what a dead run left; `DAMAGED_LEASE` what
            has a lease that cannot be read, which tells of no run.
        clock: Tells the time.
        lease_timeout: As for `open_point`.

    Returns:
        The id of what was given up; None where there was nothing.

    Raises:
        Busy: No id was given, and the run that has the lease is alive.
        Damaged: The lease cannot be read, and that was not what was to be given up.
    """
    found = abortable(store, backup_id, point_id)
    if found is None:
        return None
    if point_id is None:
        check_free(store, backup_id, clock=clock, lease_timeout=lease_timeout)
    if abortable(store, backup_id, found) is not None:  # and not that of a run that has begun just now
        store.storage.delete(lease_path(backup_id))
    _clear(store, backup_id, found)
    store.storage.discard_unfinished(backup_folder(backup_id))
    return found


def abortable(store: Store, backup_id: str, point_id: str | None) -> str | None:
    """Return the id of what `abort` would give up, as far as the lease tells; None where there is nothing.

    Raises:
        Damaged: As `abort`.
    """
    try:
        lease = Lease.read(store, backup_id)
    except Damaged:
        if point_id != DAMAGED_LEASE:
            raise
        return point_id
    return lease.point_id if lease and point_id in (None, lease.point_id) else None


def _next_sequence(store: Store, backup_id: str) -> int:
    return max(sequences(store, backup_id), default=0) + 1


def _dead_lease(store: Store, backup_id: str, clock: Clock, lease_timeout: float) -> Lease | None:
    """Return the lease that a dead run left, if any; raises `Busy` for that of a living one."""
    lease = Lease.read(store, backup_id)
    if lease is not None and not is_dead(lease.owner, lease.refreshed_at, lease_timeout, clock):
        raise lease.busy(store, backup_id, lease_timeout)
    return lease


def _end_if_dead(store: Store, backup_id: str, clock: Clock, lease_timeout: float) -> bool:
    """End the lease of a dead run; return whether there was one."""
    lease = _dead_lease(store, backup_id, clock, lease_timeout)
    # Two runs may find the same dead lease; whoever comes second must not end the first one's new lease.
    if lease is not None and Lease.read(store, backup_id) == lease:
        store.storage.delete(lease_path(backup_id))
    return lease is not None


def _clear_others(opened: OpenPoint, took_over: bool) -> None:
    """Clear away what dead runs left: nobody else is at work while this run has the lease."""
    left = [name for name in opened.store.storage.folders(open_folder(opened.backup_id)) if name != opened.id]
    for point_id in left:
        _clear(opened.store, opened.backup_id, point_id)
    if left or took_over:
        opened.store.storage.discard_unfinished(backup_folder(opened.backup_id))


def _clear(store: Store, backup_id: str, point_id: str) -> None:
    folder = open_folder(backup_id, point_id)
    for path in [file.path for file in store.storage.files(folder)]:
        store.storage.delete(path)
    store.storage.delete_empty_folders(folder)


def _not_open(store: Store, backup_id: str, point_id: str) -> NotFound:
    lease = Lease.read(store, backup_id)
    now = f"{lease.point_id} is open now" if lease else "none is open now"
    return NotFound(
        f"Restore point {point_id} of the backup {backup_id!r} in {store.storage.location} is not open: it was "
        f"committed, given up or taken for dead; {now}. Open a new one.",
        object_name=f"{backup_id}/{point_id}",
    )
