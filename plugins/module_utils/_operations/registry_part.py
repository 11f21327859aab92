# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part ``schema-registry`` of a restore point: a registry's documents as files, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._archive.documents import parse_json
from .._archive.layout import path_of
from .._archive.parts import SCHEMA_REGISTRY, Entry
from .._archive.points import RestorePoint
from .._archive.reader import PartReader
from .._archive.store import Store
from .._core.canonical import document_bytes
from .._core.errors import Damaged
from .._schemas.documents import GLOBAL_CONFIG, KEK, MANIFEST, SUBJECT, VERSION, DocumentName

_FILES = {
    MANIFEST: "_manifest.json",
    GLOBAL_CONFIG: "_global_config.json",
    SUBJECT: "_metadata.json",
    KEK: "_keys.json",
}
_FOLDERS = {SUBJECT: "subjects", VERSION: "subjects", KEK: "keks"}


def part_files(found: Iterable[tuple[DocumentName, Any]]) -> Iterator[tuple[str, bytes, Mapping[str, Any]]]:
    """Turn documents into files.

    Args:
        found: What `documents` yields.

    Yields:
        For each its path in the backup, its content, and the facts for its index entry.
    """
    for name, value in found:
        yield _path(name), document_bytes(value), _facts(name)


def name_of(entry: Entry) -> DocumentName:
    """Return what document an index entry is.

    Raises:
        Damaged: Its facts do not say.
    """
    match entry.facts:
        case {"kind": "version", "subject": str(subject), "version": int(version)}:
            return DocumentName(VERSION, subject, version)
        case {"kind": "subject", "subject": str(subject)}:
            return DocumentName(SUBJECT, subject)
        case {"kind": "kek", "kek": str(kek)}:
            return DocumentName(KEK, kek)
        case {"kind": ("manifest" | "global_config") as kind}:
            return DocumentName(kind)
    raise Damaged(
        f"The index of the schema registry's part says nothing usable of {entry.file}: {dict(entry.facts)}.",
        object_name=entry.file,
    )


def document_hashes(store: Store, point: RestorePoint) -> dict[DocumentName, Entry]:
    """Return the index entries of a restore point's registry by what they are.

    Raises:
        Damaged, UnsupportedFormat: The index cannot be read.
    """
    return {name_of(entry): entry for entry in PartReader(store, point, SCHEMA_REGISTRY).entries()}


def read_document(reader: PartReader, entry: Entry) -> Any:
    """Read a document back, checked against its hash.

    Raises:
        Damaged: Its file is missing, or not what was written.
    """
    return parse_json(reader.read(entry), reader.path(entry.file))


def _path(name: DocumentName) -> str:
    if name.kind in (MANIFEST, GLOBAL_CONFIG):
        return path_of(SCHEMA_REGISTRY, _FILES[name.kind])
    file = f"v{name.version}.json" if name.kind == VERSION else _FILES[name.kind]
    return path_of(SCHEMA_REGISTRY, _FOLDERS[name.kind], name.subject, file)


def _facts(name: DocumentName) -> Mapping[str, Any]:
    facts: dict[str, Any] = {"kind": name.kind}
    if name.kind in (SUBJECT, VERSION):
        facts["subject"] = name.subject
    if name.kind == VERSION:
        facts["version"] = name.version
    if name.kind == KEK:
        facts["kek"] = name.subject
    return facts
