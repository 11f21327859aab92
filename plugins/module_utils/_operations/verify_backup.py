# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading restore points back: every byte, what the schemas say, and which offsets of topics are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from .._archive.documents import parse_json
from .._archive.layout import point_sequence
from .._archive.parts import GROUPS, SCHEMA_REGISTRY, TOPICS, Entry
from .._archive.points import LATEST, RestorePoint, find_point, read_point, sequences
from .._archive.store import Store, storage_of
from .._archive.verify import Damage, verify_point
from .._core.canonical import compact_bytes
from .._core.change import Report
from .._core.errors import Damaged, InvalidOption
from .._core.settings import StoreSettings
from .._schemas.documents import DocumentName
from .._schemas.reading import read_documents, unsound
from .check_topics import check_groups, check_topics
from .registry_part import name_of

T = TypeVar("T")

EVERY = "all"
_SHOWN = 20
_SHOWN_BYTES = 4_000
_LISTED = 200
_LISTED_BYTES = 40_000


def verify_backup(settings: StoreSettings, *, backup_id: str, wanted: Sequence[str]) -> Report:
    """Verify restore points.

    Args:
        settings: Where.
        backup_id: Which backup.
        wanted: Numbers of restore points, ``latest``, or ``all``.

    Raises:
        StoreError: There is no store.
        InvalidOption: Nothing is wanted.
        NotFound: There is no such backup or restore point.
        Damaged: Something is not as it was written; the facts list it.
        UnsupportedFormat: A document is newer than this release.
    """
    if not wanted:
        raise InvalidOption(
            "restore_points is empty, so nothing would be verified; leave the option out to verify the latest one.",
            object_name="restore_points",
        )
    store = Store.open(storage_of(settings))
    damaged: list[dict[str, Any]] = []
    verified = []
    for point in _points(store, backup_id, wanted, damaged):
        checks = {SCHEMA_REGISTRY: _check_registry, TOPICS: check_topics(store, point), GROUPS: check_groups}
        report = verify_point(store, point, checks)
        damaged += [{"restore_point": point.sequence, **damage._asdict()} for damage in report.damaged]
        verified.append(
            {
                "restore_point": point.sequence,
                "complete": point.complete,
                "parts": sorted(point.parts),
                "files": report.files,
                "bytes": report.size,
                "schemas": _count(point, SCHEMA_REGISTRY, "versions"),
                "topics": _count(point, TOPICS, "topics"),
                "groups": _count(point, GROUPS, "groups"),
            }
        )
    if damaged:
        raise _damaged(settings, backup_id, damaged)
    return Report({"verified": verified})


def _count(point: RestorePoint, part: str, what: str) -> int:
    return int(point.parts[part].summary.get(what, 0)) if part in point.parts else 0


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
    texts = [
        f"{found['file']} (restore point {found['restore_point']}): {found['reason']}, which costs {found['costs']}"
        for found in damaged[:_SHOWN]
    ]
    shown = _fitting(texts, _SHOWN_BYTES)
    listed = _fitting(damaged[:_LISTED], _LISTED_BYTES)
    more = f"; and {len(damaged) - len(shown)} more" if len(damaged) > len(shown) else ""
    return Damaged(
        f"The backup {backup_id!r} in {settings.path} is damaged, {len(damaged)} files in all: "
        f"{'; '.join(shown)}{more}. Restore from another restore point, or bring these files back from a copy of the "
        "store; the next backup writes anew what the source still has.",
        object_name=backup_id,
        damaged=listed,
        damaged_omitted=len(damaged) - len(listed) or None,
    )


def _fitting(members: Sequence[T], size: int) -> list[T]:
    """Return the first members that fit into so many bytes of JSON; the first one in any case."""
    sizes = accumulate(len(compact_bytes(member)) for member in members)
    return [
        member
        for number, (member, all_so_far) in enumerate(zip(members, sizes, strict=True))
        if all_so_far <= size or not number
    ]
