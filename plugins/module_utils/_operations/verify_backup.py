# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading restore points back: every byte, and what the schemas say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .._archive.documents import parse_json
from .._archive.layout import point_sequence
from .._archive.parts import SCHEMA_REGISTRY, Entry
from .._archive.points import LATEST, RestorePoint, find_point, read_point, sequences
from .._archive.store import Store, storage_of
from .._archive.verify import Damage, verify_point
from .._core.change import Report
from .._core.errors import Damaged
from .._core.settings import StoreSettings
from .._schemas.documents import DocumentName
from .._schemas.reading import read_documents, unsound
from .registry_part import name_of

EVERY = "all"
_SHOWN = 20
_LISTED = 200


def verify_backup(settings: StoreSettings, *, backup_id: str, wanted: Sequence[str]) -> Report:
    """Verify restore points.

    Args:
        settings: Where.
        backup_id: Which backup.
        wanted: Numbers of restore points, ``latest``, or ``all``.

    Raises:
        StoreError: There is no store.
        NotFound: There is no such backup or restore point.
        Damaged: Something is not as it was written; the facts list it.
        UnsupportedFormat: A document is newer than this release.
    """
    store = Store.open(storage_of(settings))
    damaged: list[dict[str, Any]] = []
    verified = []
    for point in _points(store, backup_id, wanted, damaged):
        report = verify_point(store, point, {SCHEMA_REGISTRY: _check_registry})
        damaged += [{"restore_point": point.sequence, **damage._asdict()} for damage in report.damaged]
        summary = point.parts[SCHEMA_REGISTRY].summary if SCHEMA_REGISTRY in point.parts else {}
        verified.append(
            {
                "restore_point": point.sequence,
                "complete": point.complete,
                "files": report.files,
                "bytes": report.size,
                "schemas": summary.get("versions", 0),
            }
        )
    if damaged:
        raise _damaged(settings, backup_id, damaged)
    return Report({"verified": verified})


def _points(
    store: Store, backup_id: str, wanted: Sequence[str], damaged: list[dict[str, Any]]
) -> Iterator[RestorePoint]:
    """Yield the wanted restore points, the oldest first; those that cannot be read are added to ``damaged`` instead."""
    numbers: set[int] = set()
    for name in wanted:
        every = sequences(store, backup_id) if name == EVERY else []
        try:
            # An unknown backup has no points at all; the search for the latest one says so.
            numbers.update(every or [find_point(store, backup_id, LATEST if name == EVERY else name).sequence])
        except Damaged as error:
            damaged.append(_unreadable(error))
    for number in sorted(numbers):
        try:
            yield read_point(store, backup_id, number)
        except Damaged as error:
            damaged.append(_unreadable(error))


def _unreadable(error: Damaged) -> dict[str, Any]:
    path = error.object_name or ""
    return {
        "restore_point": point_sequence(path),
        "file": path,
        "reason": error.facts.get("reason", error.message),
        "costs": "the whole restore point",
    }


def _check_registry(pieces: Iterator[tuple[Entry, bytes]]) -> Iterable[Damage]:
    """Check that the documents fit together, schemas parse, and references are closed."""
    files: dict[DocumentName, str] = {}

    def parsed() -> Iterator[tuple[DocumentName, Any]]:
        for entry, content in pieces:
            name = name_of(entry)
            files[name] = entry.file
            yield name, parse_json(content, entry.file)

    try:
        manifest, state = read_documents(parsed())
    except Damaged as error:
        return [Damage(error.object_name or SCHEMA_REGISTRY, error.message, "the schema registry cannot be restored")]
    return [
        Damage(files[finding.document], finding.reason, f"{finding.document} may not be restorable")
        for finding in unsound(manifest, state)
    ]


def _damaged(settings: StoreSettings, backup_id: str, damaged: list[dict[str, Any]]) -> Damaged:
    shown = "; ".join(
        f"{found['file']} (restore point {found['restore_point']}): {found['reason']}, which costs {found['costs']}"
        for found in damaged[:_SHOWN]
    )
    more = f"; and {len(damaged) - _SHOWN} more" if len(damaged) > _SHOWN else ""
    return Damaged(
        f"The backup {backup_id!r} in {settings.path} is damaged, {len(damaged)} files in all: {shown}{more}. Restore "
        "from another restore point, or bring these files back from a copy of the store; the next backup writes anew "
        "what the source still has.",
        object_name=backup_id,
        damaged=damaged[:_LISTED],
        damaged_omitted=max(0, len(damaged) - _LISTED) or None,
    )
