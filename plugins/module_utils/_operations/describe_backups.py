# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling which backups a store holds, and how old they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from .._archive.points import LastRun, RestorePoint, list_points
from .._archive.store import Store, storage_of
from .._core.change import Report
from .._core.clock import SystemClock, timestamp
from .._core.counting import named
from .._core.errors import Damaged, InvalidOption, LifeboatError, NotFound
from .._core.settings import StoreSettings
from .bounded import ROOM, cut, fitting

_AGE = re.compile(r"([0-9]+)([smhdw]?)")
_SHOWN = 100
_SLACK = 300  # seconds by which clocks of well kept machines may differ
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class TooOld(LifeboatError):
    """A backup is older than it may be."""

    default_code = "too_old"


class WrongClock(LifeboatError):
    """A backup was made later than now, so that no age can be told."""

    default_code = "wrong_clock"


def describe_backups(
    settings: StoreSettings, *, backup_id: str | None, parts: Sequence[str], max_age: str | None
) -> Report:
    """Describe the backups of a store.

    Args:
        settings: Where.
        backup_id: The one backup to describe; None for all.
        parts: What a restore point must hold to count as the latest, and for the age; nothing counts any point.
        max_age: How old the last good run of each may be, such as ``26h``; None for any age.

    Raises:
        StoreError: There is no store.
        NotFound: There is no such backup, or with ``max_age`` none at all.
        TooOld: One is older than ``max_age``.
        WrongClock: With ``max_age``, one was made later than now.
        InvalidOption: ``max_age`` cannot be read.
        Damaged, UnsupportedFormat: A restore point cannot be read.
    """
    oldest = None if max_age is None else parse_age(max_age)
    store = Store.open(storage_of(settings))
    names = store.backup_ids()
    if backup_id is not None and backup_id not in names:
        raise NotFound(
            f"There is no backup {backup_id!r} in {settings.path}. It holds {', '.join(names) or 'no backup at all'}.",
            object_name=backup_id,
        )
    now = SystemClock().now()
    backups = [_describe(store, name, parts, now) for name in ([backup_id] if backup_id is not None else names)]
    if oldest is not None:
        _check_ages(settings, backups, oldest, str(max_age))
    return Report(that_fit(backups))


def parse_age(text: str) -> timedelta:
    """Read an age such as ``90m``, ``26h``, ``7d``, or a number of seconds.

    Raises:
        InvalidOption: It is none.
    """
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise InvalidOption(
            f"max_age must be a number with s, m, h, d or w after it, such as 26h, not {text!r}.", object_name="max_age"
        )
    try:
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    except (OverflowError, ValueError):
        raise InvalidOption("max_age is too large to be an age.", object_name="max_age") from None


def _describe(store: Store, backup_id: str, parts: Sequence[str], now: datetime) -> dict[str, Any]:
    points = list_points(store, backup_id)
    suiting = [point for point in points if point.complete and set(parts) <= set(point.parts)]
    run, warning = _last_run(store, backup_id)
    confirmed = [point.committed_at for point in suiting[-1:]]
    if run is not None:
        confirmed += _confirmations(run, parts)
    return {
        "backup_id": backup_id,
        "latest": suiting[-1].sequence if suiting else None,
        "age_seconds": int((now - max(confirmed)).total_seconds()) if confirmed else None,
        "last_run": _describe_run(run) if run else None,
        "last_run_problem": warning,
        "restore_points": [_describe_point(point) for point in points[-_SHOWN:]],
        "restore_points_omitted": max(0, len(points) - _SHOWN),
    }


def that_fit(backups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the backups as a result has them: of their restore points as many of the newest as there is room for."""
    bare = [{**backup, "restore_points": []} for backup in backups]
    kept, used = fitting(bare, ROOM)
    newest = {backup["backup_id"]: backup["restore_points"][::-1] for backup in backups[: len(kept)]}
    points = cut(newest, ROOM - used)
    for backup in kept:
        shown = points[backup["backup_id"]]
        backup["restore_points_omitted"] += len(newest[backup["backup_id"]]) - len(shown)
        backup["restore_points"] = shown[::-1]
    return {"backups": kept, "backups_omitted": len(backups) - len(kept)}


def _confirmations(run: LastRun, parts: Sequence[str]) -> list[datetime]:
    """When all that counts was last found to be as a restore point has it."""
    if not parts:
        return [run.finished_at] if run.complete else []
    found = [run.confirmed[part].at for part in parts if part in run.confirmed]
    return [min(found)] if len(found) == len(parts) else []


def _last_run(store: Store, backup_id: str) -> tuple[LastRun | None, str | None]:
    """The note of the last run is no authority: one that cannot be read is said, and the points count."""
    try:
        return LastRun.read(store, backup_id), None
    except Damaged as error:
        return None, error.message


def _describe_run(run: LastRun) -> dict[str, Any]:
    return {
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.finished_at),
        "restore_point": run.restore_point,
        "created": run.created,
        "complete": run.complete,
    }


def _describe_point(point: RestorePoint) -> dict[str, Any]:
    return {
        "restore_point": point.sequence,
        "parent": point.parent,
        "opened_at": timestamp(point.opened_at),
        "committed_at": timestamp(point.committed_at),
        "complete": point.complete,
        "parts": [
            {"name": part.name, "complete": part.complete, "files": part.files, "bytes": part.size, **part.summary}
            for _name, part in sorted(point.parts.items())
        ],
        "missing": list(point.missing),
    }


def _check_ages(settings: StoreSettings, backups: list[dict[str, Any]], oldest: timedelta, max_age: str) -> None:
    if not backups:
        raise NotFound(f"There is no backup in {settings.path}, so none is younger than {max_age}.")
    early = [backup for backup in backups if backup["age_seconds"] is not None and backup["age_seconds"] < -_SLACK]
    if early:
        ahead = named([f"{each['backup_id']} ({timedelta(seconds=-each['age_seconds'])} ahead)" for each in early])
        raise WrongClock(
            f"{len(early)} of {len(backups)} backups in {settings.path} were made later than it is now: {ahead}. The "
            "clock of this machine is wrong, or was wrong when the backup ran, so nobody can tell whether they are "
            "older than max_age. Set the clock right, and run the backup.",
            object_name=early[0]["backup_id"],
        )
    late = [
        backup for backup in backups if backup["age_seconds"] is None or backup["age_seconds"] > oldest.total_seconds()
    ]
    if late:
        raise TooOld(
            f"{len(late)} of {len(backups)} backups in {settings.path} are older than max_age ({max_age}): "
            f"{named([*map(_named_with_age, late)])}. Run the backup, and look why it was not run.",
            object_name=late[0]["backup_id"],
        )


def _named_with_age(backup: dict[str, Any]) -> str:
    seconds = backup["age_seconds"]
    age = "has no complete restore point" if seconds is None else f"{timedelta(seconds=seconds)} old"
    return f"{backup['backup_id']} ({age})"
