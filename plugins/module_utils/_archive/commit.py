# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Committing restore points, and capturing into them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.clock import Clock
from .._core.errors import Busy, Damaged, LifeboatError, NotFound, Refused
from .._storage.port import AlreadyExists
from .layout import last_run_path, manifest_path, point_path
from .liveness import LEASE_TIMEOUT, Heartbeat, ProcessIdentity
from .open_point import OpenPoint, open_point
from .parts import Part
from .points import Confirmation, LastRun, RestorePoint, read_point, sequences
from .store import Store


@dataclass(frozen=True)
class CommitResult:
    """What a commit made or confirmed.

    Args:
        point: The restore point that now holds what was captured.
        created: Whether it was made now; otherwise nothing has changed since it was made.
        warnings: For the user, a sentence each.
    """

    point: RestorePoint
    created: bool
    warnings: tuple[str, ...]


@dataclass
class Capture:
    """A module's work on a restore point.

    Args:
        point: The open restore point to write a part into.
        result: What its commit made, once the context has ended; None where the commit is another module's.
    """

    point: OpenPoint
    result: CommitResult | None = None


def commit(opened: OpenPoint) -> CommitResult:
    """Make an open restore point a restore point, unless the newest one with these parts has the very same.

    Creating the point's document is the commit; what comes after it (``manifest.json``, ``last-run.json``, the lease)
    a second call makes up for.

    Args:
        opened: The restore point, with its parts written.

    Raises:
        Refused: It has no part.
        Busy: Another run has committed a restore point of that number, or this one was taken for dead.
        StoreError: The store refuses to write.
    """
    opened.refresh()
    wanted = _described(opened, _captured(opened))
    warnings: list[str] = []
    point = _unchanged(opened.store, wanted, warnings) or _created(opened, wanted)
    warnings += _left_out(opened, wanted)
    # A point of this id is this run's, also when a first call was interrupted after it had made the point.
    created = point.id == opened.id
    _copy_newest(opened)
    _note_run(opened, wanted, point, created, warnings)
    opened.close()
    return CommitResult(point, created, tuple(warnings))


def would_create(opened: OpenPoint) -> bool:
    """Tell whether `commit` would make a restore point; nothing is written.

    Raises:
        Refused: It has no part.
    """
    return _unchanged(opened.store, _described(opened, _captured(opened)), []) is None


@contextlib.contextmanager
def capture(
    store: Store,
    backup_id: str,
    point_id: str | None,
    *,
    clock: Clock,
    lease_timeout: float = LEASE_TIMEOUT,
) -> Iterator[Capture]:
    """Work on an open restore point, or on one of one's own that is committed at the end and given up on an error.

    Meanwhile a thread gives signs of life.

    Args:
        store: Where.
        backup_id: The backup.
        point_id: The open restore point that another module commits; None for one of one's own.
        clock: Tells the time.
        lease_timeout: As for `open_point`.

    Raises:
        NotFound: The restore point of that id is not open.
        Busy, Refused, StoreError: As `open_point` and `commit`.
    """
    if point_id is not None:
        joined = OpenPoint.load(store, backup_id, point_id, clock=clock)
        joined.refresh()
        with Heartbeat(joined.refresh):
            yield Capture(joined)
        return
    owner = ProcessIdentity.current()
    opened = open_point(store, backup_id, owner=owner, clock=clock, lease_timeout=lease_timeout)
    try:
        taken = Capture(opened)
        with Heartbeat(opened.refresh):
            yield taken
        taken.result = commit(opened)
    except BaseException:
        # The cause is what people must see; a lease that cannot be returned counts as dead with this process.
        with contextlib.suppress(LifeboatError):
            opened.give_up()
        raise


def _captured(opened: OpenPoint) -> list[Part]:
    parts = opened.parts()
    if not parts:
        raise Refused(
            f"Restore point {opened.id} of the backup {opened.backup_id!r} has no part, so there is nothing to commit. "
            "Capture something into it, or give it up with state: aborted.",
            object_name=f"{opened.backup_id}/{opened.id}",
        )
    return parts


def _described(opened: OpenPoint, parts: list[Part]) -> RestorePoint:
    refs = {part.name: part.ref() for part in parts}
    missing = tuple(sorted(set(opened.expected) - set(refs)))
    return RestorePoint(
        backup_id=opened.backup_id,
        sequence=opened.sequence,
        id=opened.id,
        parent=opened.parent,
        opened_at=opened.opened_at,
        committed_at=opened.clock.now(),
        complete=not missing and all(ref.complete for ref in refs.values()),
        scope={part.name: dict(part.scope) for part in parts},
        missing=missing,
        parts=refs,
    )


def _unchanged(store: Store, wanted: RestorePoint, warnings: list[str]) -> RestorePoint | None:
    """Return the restore point that has all of the wanted one's parts already, as the newest of each part.

    Only complete points answer for a complete one. A point that cannot be read is passed over, with a warning: it is
    no reason not to back up.
    """
    found: dict[str, RestorePoint] = {}
    for sequence in reversed(sequences(store, wanted.backup_id)):
        try:
            point = read_point(store, wanted.backup_id, sequence)
        except Damaged as error:
            warnings.append(error.message)
            continue
        if point.complete or not wanted.complete:
            for name in point.parts:
                found.setdefault(name, point)
        if all(name in found for name in wanted.parts):
            break
    holders = [found.get(name) for name in wanted.parts]
    holder = holders[0]
    if holder is None or any(other is not holder for other in holders):
        return None
    same = all(holder.parts[name] == ref for name, ref in wanted.parts.items())
    return holder if same and holder.missing == wanted.missing else None


def _left_out(opened: OpenPoint, wanted: RestorePoint) -> list[str]:
    """Say which parts the newest restore point has that a run over several parts was not asked for."""
    if not opened.expected or opened.parent is None:
        return []
    try:
        before = read_point(opened.store, opened.backup_id, opened.parent)
    except (Damaged, NotFound):
        return []
    left = sorted(before.parts.keys() - wanted.parts.keys() - set(opened.expected))
    if not left:
        return []
    names = " and ".join(left)
    return [f"Restore point {before.sequence} of {opened.backup_id!r} also holds {names}, which was not asked for now."]


def _created(opened: OpenPoint, wanted: RestorePoint) -> RestorePoint:
    try:
        opened.store.storage.create(point_path(opened.backup_id, opened.sequence), wanted.encode())
    except AlreadyExists as error:
        raise Busy(
            f"Another run committed restore point {opened.sequence} of the backup {opened.backup_id!r} meanwhile. "
            "Nothing of this run is in the backup; run again.",
            object_name=f"{opened.backup_id}/{opened.sequence}",
        ) from error
    return read_point(opened.store, opened.backup_id, opened.sequence)


def _copy_newest(opened: OpenPoint) -> None:
    """Make ``manifest.json`` a copy of the newest complete restore point, where it is not."""
    storage = opened.store.storage
    path = manifest_path(opened.backup_id)
    for sequence in reversed(sequences(opened.store, opened.backup_id)):
        try:
            point = read_point(opened.store, opened.backup_id, sequence)
        except Damaged:
            continue
        if point.complete:
            if storage.size(path) is None or storage.read(path) != point.encode():
                storage.replace(path, point.encode())
            return


def _note_run(opened: OpenPoint, wanted: RestorePoint, point: RestorePoint, created: bool, warnings: list[str]) -> None:
    """Write ``last-run.json``."""
    try:
        before = LastRun.read(opened.store, opened.backup_id)
    except Damaged as error:
        warnings.append(error.message)
        before = None
    now = opened.clock.now()
    confirmed = dict(before.confirmed) if before else {}
    if wanted.complete:
        confirmed.update({name: Confirmation(opened.opened_at, point.sequence) for name in wanted.parts})
    note = LastRun(
        id=opened.id,
        started_at=opened.opened_at,
        finished_at=now,
        restore_point=point.sequence,
        created=created,
        complete=wanted.complete,
        scope=wanted.scope,
        confirmed=confirmed,
    )
    opened.store.storage.replace(last_run_path(opened.backup_id), note.encode())
