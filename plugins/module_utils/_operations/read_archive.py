# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the part of a restore point that an import is to bring in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .._archive.parts import SCHEMA_REGISTRY
from .._archive.points import RestorePoint
from .._archive.reader import PartReader
from .._archive.store import Store
from .._core.errors import Damaged
from .._core.selection import Selection
from .._schemas.documents import MANIFEST, DocumentName
from .._schemas.encryption_keys import EncryptionKeys
from .._schemas.graph import closure, missing_references
from .._schemas.model import GLOBAL_SCOPE, RegistryState, VersionKey, context_of, context_scope, is_wide_scope
from .._schemas.reading import read_documents
from .read_registry import WHOLE_REGISTRY
from .registry_part import name_of, read_document

FAIL, SKIP = "fail", "skip"


@dataclass(frozen=True)
class Archived:
    """What was read of a restore point.

    Args:
        state: The selected versions, what they refer to, and their settings.
        damaged: What had to be left out: ``file``, ``reason``, ``costs``.
    """

    state: RegistryState
    damaged: tuple[dict[str, str], ...]


def read_archive(store: Store, point: RestorePoint, subjects: Selection, *, on_damage: str) -> Archived:
    """Read a restore point's registry, every byte of it checked.

    Args:
        store: Where it lies.
        point: The restore point.
        subjects: Which subjects are wanted; what they refer to comes along.
        on_damage: ``fail``, or ``skip`` to leave out damaged documents and all that refers to them.

    Raises:
        Damaged: A document is damaged, and may not be left out.
        NotFound: A subject that is named literally is not there.
        UnsupportedFormat: A document is newer than this release.
    """
    reader = PartReader(store, point, SCHEMA_REGISTRY)
    damage: dict[DocumentName, dict[str, str]] = {}
    found = list(_documents(reader, damage, on_damage))
    manifest, state = read_documents(found, lost=frozenset(damage))
    damaged = list(damage.values())
    for key, target in _broken(state, manifest.unresolved):
        costs = f"version {key.version} of subject {key.subject}"
        damaged.append({"file": str(key), "reason": f"it refers to {target}, which is left out", "costs": costs})
    if not _holds_all_subjects(point):
        state = replace(state, highest_ids={})  # which are those of subjects that nobody asked for
    return Archived(_selected(state, subjects), tuple(damaged))


def _documents(
    reader: PartReader, damage: dict[DocumentName, dict[str, str]], on_damage: str
) -> Iterator[tuple[DocumentName, Any]]:
    for entry in reader.entries():
        name = name_of(entry)
        try:
            yield name, read_document(reader, entry)
        except Damaged as error:
            if on_damage == FAIL or name.kind == MANIFEST:
                raise
            reason = str(error.facts.get("reason", error.message))
            damage[name] = {"file": entry.file, "reason": reason, "costs": entry.cost()}


def _broken(
    state: RegistryState, unresolved: frozenset[tuple[VersionKey, str]]
) -> Iterator[tuple[VersionKey, VersionKey]]:
    """Take out of a state what refers to damaged versions, and yield it with what it refers to.

    References that led nowhere in the source already are not broken by damage.
    """
    while True:
        broken = {
            missing.referrer: missing.target
            for missing in missing_references(state.versions)
            if (missing.referrer, missing.reference.name) not in unresolved
        }
        if not broken:
            return
        for referrer in sorted(broken):
            del state.versions[referrer]
            yield referrer, broken[referrer]


def _holds_all_subjects(point: RestorePoint) -> bool:
    scope = point.scope[SCHEMA_REGISTRY]
    return all(scope.get(name) == WHOLE_REGISTRY[name] for name in ("subjects", "exclude_subjects"))


def _selected(state: RegistryState, subjects: Selection) -> RegistryState:
    encryption = state.keys or EncryptionKeys()
    held = {*state.subjects(), *encryption.subjects(), *(scope for scope in state.settings if not is_wide_scope(scope))}
    names = subjects.select(held, what="subject in the restore point")
    if subjects == Selection():
        return state
    chosen = set(names)
    keys = closure([key for key in state.versions if key.subject in chosen], state.versions)
    whole = set(map(context_of, chosen)) - set(map(context_of, held - chosen))
    chosen |= {key.subject for key in keys}
    chosen |= {context_scope(context) for context in whole} - {
        GLOBAL_SCOPE
    }  # which are not the default context's alone
    return replace(
        state,
        versions={key: version for key, version in state.versions.items() if key in keys},
        settings={scope: held for scope, held in state.settings.items() if scope in chosen},
        keys=encryption.chosen(chosen.__contains__) or None,
        highest_ids={context: highest for context, highest in state.highest_ids.items() if context in whole},
    )
