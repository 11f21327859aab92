# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which new id each old one got at a target, beside its journal: a map for each restore point, never overwritten.

Runs that bring in different parts of a restore point add to one map, if they bring contexts to the same places. An old
id that gets a second new one, since the target was emptied meanwhile, begins another map: nothing that reads records by
a map could tell which of two ids is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from .._core.canonical import compact_bytes, sha256_hex
from .._core.errors import Damaged, UnsupportedFormat
from .documents import ID_MAP, encode, read
from .journal import UndoJournal
from .layout import backup_folder

Ids: TypeAlias = "Mapping[str, Mapping[int, int]]"

_DIGITS = 8


def keep_id_map(journal: UndoJournal, backup_id: str, restore_point: int, contexts: Mapping[str, str], ids: Ids) -> str:
    """Add to the first map of a restore point that says nothing else; what cannot be read is passed over.

    Args:
        journal: The target's.
        backup_id: The backup that was imported.
        restore_point: Its restore point.
        contexts: The contexts that were given other names, by those of the backup.
        ids: By context of the backup, the new id by the old one.

    Returns:
        Where the map lies, for people.

    Raises:
        StoreError: It cannot be written.
    """
    stem = f"{journal.folder}/id-maps/{backup_folder(backup_id)}.{restore_point:08d}"
    if contexts:
        stem += f".{sha256_hex(compact_bytes(dict(sorted(contexts.items()))))[:_DIGITS]}"
    number, path = 1, f"{stem}.json"
    while (merged := _merged(journal, path, ids)) is None:
        number += 1
        path = f"{stem}.{number}.json"
    told = {context: {str(old): new for old, new in sorted(found.items())} for context, found in sorted(merged.items())}
    fields = {"target": journal.target, "backup_id": backup_id, "restore_point": restore_point, "ids": told}
    content = encode(ID_MAP, fields)
    if journal.storage.size(path) is None or journal.storage.read(path) != content:
        journal.storage.replace(path, content)
    return f"{journal.storage.location}/{path}"


def _merged(journal: UndoJournal, path: str, ids: Ids) -> Ids | None:
    """Return a map with further ids; None where it says otherwise of one, or cannot be read."""
    if journal.storage.size(path) is None:
        return ids
    try:
        known = _known(journal, path)
    except (Damaged, UnsupportedFormat):
        return None
    merged = {context: {**known.get(context, {}), **ids.get(context, {})} for context in {*known, *ids}}
    is_kept = all(merged[context][old] == new for context, found in known.items() for old, new in found.items())
    return merged if is_kept else None


def _known(journal: UndoJournal, path: str) -> Ids:
    fields = read(journal.storage, path, ID_MAP)
    contexts = fields.required("ids", dict)
    try:
        return {context: {int(old): int(new) for old, new in found.items()} for context, found in contexts.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise fields.damaged("ids must be whole numbers by whole numbers by contexts") from error
