# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points as they lie in a store: reading, listing, finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .._core.canonical import compact_bytes, sha256_hex
from .._core.clock import timestamp
from .._core.counting import named
from .._core.errors import Damaged, InvalidOption, NotFound
from .._core.fields import Fields
from .documents import LAST_RUN, RESTORE_POINT, encode, moment, read, sha256, texts, whole_number
from .layout import last_run_path, point_path, point_sequence, points_folder
from .store import Store

LATEST = "latest"

_SHOWN = 20


@dataclass(frozen=True)
class PartRef:
    """How a restore point names one of its parts.

    Args:
        name: The part's name, such as ``schema-registry``.
        file: Its document, relative to the backup's folder.
        sha256: The document's hash.
        complete: Whether all that was asked for is in it.
        files: How many files it has.
        size: How many bytes these have.
        summary: What the capturing operation says of it, for people and listings.
    """

    name: str
    file: str
    sha256: str
    complete: bool
    files: int
    size: int
    summary: Mapping[str, Any]

    @classmethod
    def from_document(cls, fields: Fields) -> PartRef:
        """Read what `document` wrote.

        Raises:
            Damaged: It is something else.
        """
        part = cls(
            name=fields.required("name", str),
            file=fields.required("file", str),
            sha256=sha256(fields),
            complete=fields.required("complete", bool),
            files=whole_number(fields, "files"),
            size=whole_number(fields, "bytes"),
            summary=fields.required("summary", dict),
        )
        fields.finish()
        return part

    def document(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {
            "name": self.name,
            "file": self.file,
            "sha256": self.sha256,
            "complete": self.complete,
            "files": self.files,
            "bytes": self.size,
            "summary": dict(self.summary),
        }


@dataclass(frozen=True)
class RestorePoint:
    """A restore point: what belongs together, and is whole.

    Args:
        backup_id: The backup that it belongs to.
        sequence: Its number, from 1; the order of a backup's points.
        id: What it was called while it was open: its number and 8 hexadecimal digits.
        parent: The number of the newest point when this one was opened; None for the first.
        opened_at: When it was opened: nothing in it is older, but for what it shares.
        committed_at: When it was committed.
        complete: Whether all that was asked for is in it: every expected part, each of them complete.
        scope: What was asked for, by part.
        missing: Expected parts that it lacks.
        parts: What it holds, by name.
    """

    backup_id: str
    sequence: int
    id: str
    parent: int | None
    opened_at: datetime
    committed_at: datetime
    complete: bool
    scope: Mapping[str, Any]
    missing: tuple[str, ...]
    parts: Mapping[str, PartRef]

    @classmethod
    def from_document(cls, backup_id: str, sequence: int, fields: Fields) -> RestorePoint:
        """Read what `encode` wrote.

        Raises:
            Damaged: It is something else, or a point of another number.
        """
        if fields.required("sequence", int) != sequence:
            raise fields.damaged(f"sequence must be {sequence}, as its name says")
        parts = [PartRef.from_document(part) for part in fields.objects("parts")]
        point = cls(
            backup_id=backup_id,
            sequence=sequence,
            id=fields.required("id", str),
            parent=fields.optional("parent", int),
            opened_at=moment(fields, "opened_at"),
            committed_at=moment(fields, "committed_at"),
            complete=fields.required("complete", bool),
            scope=fields.required("scope", dict),
            missing=texts(fields, "missing"),
            parts={part.name: part for part in parts},
        )
        digest = sha256(fields)
        fields.finish()
        if digest != point._digest():
            raise fields.damaged("its content is not what was written")
        if len(parts) != len(point.parts) or set(point.scope) != set(point.parts):
            raise fields.damaged("parts and scope must name the same parts, each once")
        return point

    def encode(self) -> bytes:
        """Return the document's bytes, with a hash of all that it says: nothing else names it by one."""
        return encode(RESTORE_POINT, {**self._document(), "sha256": self._digest()})

    def _document(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "id": self.id,
            "parent": self.parent,
            "opened_at": timestamp(self.opened_at),
            "committed_at": timestamp(self.committed_at),
            "complete": self.complete,
            "scope": dict(self.scope),
            "missing": list(self.missing),
            "parts": [part.document() for _name, part in sorted(self.parts.items())],
        }

    def _digest(self) -> str:
        return sha256_hex(compact_bytes(self._document()))


@dataclass(frozen=True)
class Confirmation:
    """When a part of a backup was last found to be as a restore point has it.

    Args:
        at: When the run began: what was written since may not be in it.
        restore_point: The point's number.
    """

    at: datetime
    restore_point: int


@dataclass(frozen=True)
class LastRun:
    """What the last run of a backup did; a note, not an authority.

    Args:
        id: What its restore point was called while it was open.
        started_at: When it was opened.
        finished_at: When it was committed.
        restore_point: The number of the point that it made or confirmed.
        created: Whether it made that point; otherwise nothing had changed since.
        complete: Whether all that was asked for is in the point.
        scope: What was asked for, by part.
        confirmed: The last complete confirmation of each part, by earlier runs too.
    """

    id: str
    started_at: datetime
    finished_at: datetime
    restore_point: int
    created: bool
    complete: bool
    scope: Mapping[str, Any]
    confirmed: Mapping[str, Confirmation]

    @classmethod
    def read(cls, store: Store, backup_id: str) -> LastRun | None:
        """Return a backup's note, or None where no run has ended.

        Raises:
            Damaged, UnsupportedFormat: It cannot be read by this release.
        """
        try:
            fields = read(store.storage, last_run_path(backup_id), LAST_RUN)
        except NotFound:
            return None
        run = cls(
            id=fields.required("id", str),
            started_at=moment(fields, "started_at"),
            finished_at=moment(fields, "finished_at"),
            restore_point=whole_number(fields, "restore_point", 1),
            created=fields.required("created", bool),
            complete=fields.required("complete", bool),
            scope=fields.required("scope", dict),
            confirmed={
                entry.required("part", str): Confirmation(moment(entry, "at"), whole_number(entry, "restore_point", 1))
                for entry in fields.objects("confirmed")
            },
        )
        fields.finish()
        return run

    def encode(self) -> bytes:
        """Return the document's bytes."""
        return encode(
            LAST_RUN,
            {
                "id": self.id,
                "started_at": timestamp(self.started_at),
                "finished_at": timestamp(self.finished_at),
                "restore_point": self.restore_point,
                "created": self.created,
                "complete": self.complete,
                "scope": dict(self.scope),
                "confirmed": [
                    {"part": part, "at": timestamp(found.at), "restore_point": found.restore_point}
                    for part, found in sorted(self.confirmed.items())
                ],
            },
        )


def sequences(store: Store, backup_id: str) -> list[int]:
    """Return the numbers of a backup's restore points, ascending; nothing but their names is read."""
    found = (point_sequence(file.path) for file in store.storage.files(points_folder(backup_id)))
    return sorted(sequence for sequence in found if sequence is not None)


def read_point(store: Store, backup_id: str, sequence: int) -> RestorePoint:
    """Read one restore point.

    Raises:
        NotFound: There is none of that number.
        Damaged, UnsupportedFormat: It cannot be read by this release.
    """
    fields = read(store.storage, point_path(backup_id, sequence), RESTORE_POINT)
    return RestorePoint.from_document(backup_id, sequence, fields)


def newest_first(store: Store, backup_id: str) -> Iterator[RestorePoint]:
    """Yield a backup's restore points, the newest first, each read when it is asked for; raises as `read_point`."""
    for sequence in reversed(sequences(store, backup_id)):
        yield read_point(store, backup_id, sequence)


def list_points(store: Store, backup_id: str) -> list[RestorePoint]:
    """Return a backup's restore points, the oldest first; none for an unknown backup. Raises as `read_point`."""
    return list(newest_first(store, backup_id))[::-1]


def find_point(
    store: Store,
    backup_id: str,
    wanted: int | str,
    needs: Sequence[str] = (),
    suits: Callable[[RestorePoint], bool] | None = None,
) -> RestorePoint:
    """Find the restore point to read from.

    Args:
        store: Where to look.
        backup_id: The backup.
        wanted: A point's number, or `LATEST`: the newest complete point that holds what is needed. Incomplete points
            are found by number only.
        needs: Names of parts that it must hold.
        suits: Tells whether a point that holds them will do; `LATEST` passes over those that will not, such as
            points of fewer topics. A point that is named by its number is not asked about.

    Raises:
        NotFound: There is no such point; the message lists what there is.
        InvalidOption: What is wanted is neither a number nor `LATEST`.
        Damaged, UnsupportedFormat: A point on the way to it cannot be read by this release.
    """
    if wanted != LATEST and not str(wanted).isdecimal():
        raise InvalidOption(f"A restore point is a number or {LATEST!r}, not {wanted!r}.", object_name="restore_point")
    numbers = sequences(store, backup_id)
    if not numbers:
        raise NotFound(_no_backup(store, backup_id), object_name=backup_id)
    if wanted == LATEST:
        for point in newest_first(store, backup_id):
            if point.complete and _holds(point, needs) and (suits is None or suits(point)):
                return point
        reason = "no complete restore point" + (f" with {' and '.join(needs)}" if needs else "")
        reason += " that holds all that is asked for" if suits is not None else ""
    elif int(wanted) in numbers:
        point = read_point(store, backup_id, int(wanted))
        if _holds(point, needs):
            return point
        reason = f"no {' and '.join(need for need in needs if need not in point.parts)} in restore point {wanted}"
    else:
        reason = f"no restore point {wanted}"
    raise NotFound(
        f"The backup {backup_id!r} in {store.storage.location} has {reason}. It has {_listing(store, backup_id)}.",
        object_name=f"{backup_id}/{wanted}",
    )


def _holds(point: RestorePoint, needs: Sequence[str]) -> bool:
    return all(need in point.parts for need in needs)


def _no_backup(store: Store, backup_id: str) -> str:
    others = store.backup_ids()
    if backup_id in others:
        lost = store.storage.size(last_run_path(backup_id)) is not None
        why = "although a run has ended: look for a copy of the store" if lost else "since no run has ended"
        return f"The backup {backup_id!r} in {store.storage.location} has no restore point, {why}."
    return (
        f"There is no backup {backup_id!r} in {store.storage.location}. It holds {named(others) or 'no backup at all'}."
    )


def _listing(store: Store, backup_id: str) -> str:
    """Describe the newest restore points of a backup, bounded, for an error."""
    numbers = sequences(store, backup_id)
    described = []
    for sequence in reversed(numbers[-_SHOWN:]):
        try:
            point = read_point(store, backup_id, sequence)
            content = ", ".join(sorted(point.parts)) + ("" if point.complete else "; incomplete")
        except Damaged:
            content = "damaged"
        described.append(f"{sequence} ({content})")
    more = f" and {len(numbers) - _SHOWN} older ones" if len(numbers) > _SHOWN else ""
    return ", ".join(described) + more
