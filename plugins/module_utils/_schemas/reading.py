# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the archive's documents of a registry, and finds what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from .._core.fields import Fields
from .content import parses
from .documents import (
    FORMAT_VERSION,
    FORMATS,
    GLOBAL_CONFIG,
    KEK,
    MANIFEST,
    SUBJECT,
    VERSION,
    DocumentName,
    Manifest,
    count,
)
from .graph import Versions, missing_references
from .key_documents import read_keys
from .model import (
    GLOBAL_SCOPE,
    Reference,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    is_wide_scope,
)


class Finding(NamedTuple):
    """Something that is wrong with a document whose bytes are as written.

    Args:
        document: Which one.
        reason: What is wrong.
    """

    document: DocumentName
    reason: str


def read_documents(
    found: Iterable[tuple[DocumentName, Any]], *, lost: Collection[DocumentName] = ()
) -> tuple[Manifest, RegistryState]:
    """Read what `documents.documents` wrote, in any order.

    Args:
        found: All documents of one part: names and parsed JSON values.
        lost: Documents that are damaged and to be done without: with a subject's go its versions and settings.

    Raises:
        Damaged: A document is missing, is not what was written, or does not fit another; it is named.
        UnsupportedFormat: A document is in a newer format.
    """
    by_kind: dict[str, dict[DocumentName, Fields]] = {kind: {} for kind in FORMATS}
    for name, value in found:
        fields = Fields.of_document(str(name), value, format_name=FORMATS[name.kind], format_version=FORMAT_VERSION)
        if name in by_kind[name.kind]:
            raise fields.damaged("the part holds it twice")
        by_kind[name.kind][name] = fields
    state = RegistryState()
    for name, fields in sorted(by_kind[SUBJECT].items()):
        _read_subject(name, fields, by_kind[VERSION], state, lost)
    for name, fields in sorted(by_kind[VERSION].items()):
        if DocumentName(SUBJECT, name.subject) not in lost:
            raise fields.damaged(f"{DocumentName(SUBJECT, name.subject)} does not list it")
    keys = {name.subject: fields for name, fields in by_kind[KEK].items()}
    state.keys = read_keys(keys) if keys else None
    if DocumentName(GLOBAL_CONFIG) not in lost:
        _read_settings(_single(by_kind, GLOBAL_CONFIG), state)
    return _read_manifest(_single(by_kind, MANIFEST), state, whole=not lost), state


def unsound(manifest: Manifest, state: RegistryState) -> list[Finding]:
    """Check what a part says: texts parse as far as their type allows, references are closed, the order holds.

    Args:
        manifest: As read.
        state: As read.

    Returns:
        What is wrong, sorted by document.
    """
    findings = [
        Finding(DocumentName(VERSION, *key), f"its text is not one of type {version.content.schema_type}")
        for key, version in state.versions.items()
        if not parses(version.content)
    ]
    for missing in missing_references(state.versions):
        if (missing.referrer, missing.reference.name) not in manifest.unresolved:
            reason = f"it refers to {missing.target}, which the part lacks"
            findings.append(Finding(DocumentName(VERSION, *missing.referrer), reason))
    place = {key: number for number, key in enumerate(manifest.order)}
    known = Versions(state.versions)
    findings.extend(
        Finding(DocumentName(MANIFEST), f"its order has {key} before {target}, which it refers to")
        for key in state.versions
        for target in known.targets(key)
        if place[target] >= place[key]
    )
    return sorted(findings)


def _single(by_kind: dict[str, dict[DocumentName, Fields]], kind: str) -> Fields:
    name = DocumentName(kind)
    return by_kind[kind].get(name) or Fields(str(name), None)


def _read_subject(
    name: DocumentName,
    fields: Fields,
    versions: dict[DocumentName, Fields],
    state: RegistryState,
    lost: Collection[DocumentName],
) -> None:
    """Read a subject's document and those of its versions, which it takes out of ``versions``."""
    if fields.required("subject", str) != name.subject:
        raise fields.damaged(f"subject must be {name.subject!r}")
    for entry in fields.objects("versions"):
        number, schema_id = entry.required("version", int), entry.required("id", int)
        deleted, fingerprint = entry.required("deleted", bool), entry.required("fingerprint", str)
        entry.finish()
        key = VersionKey(name.subject, number)
        if key in state.versions:
            raise fields.damaged(f"it lists version {number} twice")
        if DocumentName(VERSION, *key) in lost:
            continue
        document = versions.pop(DocumentName(VERSION, *key), None) or Fields(str(DocumentName(VERSION, *key)), None)
        version = _read_version(key, document, deleted)
        if version.id != schema_id:
            raise document.damaged(f"id must be {schema_id}, as {name} says")
        if version.content.fingerprint() != fingerprint:
            raise document.damaged(f"its content is not the one that {name} lists")
        state.versions[key] = version
    settings = fields.optional("settings", dict)
    fields.finish()
    if settings is not None:
        state.settings[name.subject] = _scope_settings(Fields(fields.document, settings, "settings"))


def _read_version(key: VersionKey, fields: Fields, deleted: bool) -> SchemaVersion:
    for field, wanted in (("subject", key.subject), ("version", key.version)):
        if fields.required(field, type(wanted)) != wanted:
            raise fields.damaged(f"{field} must be {wanted!r}")
    content = SchemaContent(
        schema_type=fields.required("schemaType", str),
        text=fields.required("schema", str),
        references=tuple(_read_reference(entry) for entry in fields.objects("references")),
        metadata=fields.optional("metadata", dict),
        rule_set=fields.optional("ruleSet", dict),
    )
    version = SchemaVersion(
        subject=key.subject,
        version=key.version,
        id=fields.required("id", int),
        content=content,
        deleted=deleted,
        guid=fields.optional("guid", str),
        tags=tuple(fields.required("schemaTags", list)),
        created_ms=fields.optional("ts", int),
    )
    fields.finish()
    return version


def _read_reference(fields: Fields) -> Reference:
    reference = Reference(
        name=fields.required("name", str),
        subject=fields.required("subject", str),
        version=fields.required("version", int),
    )
    fields.finish()
    return reference


def _read_settings(fields: Fields, state: RegistryState) -> None:
    for entry in fields.objects("scopes"):
        scope = entry.optional("scope", str) or GLOBAL_SCOPE
        if scope in state.settings or not is_wide_scope(scope):
            raise fields.damaged(f"the scope {scope!r} cannot stand here, or not twice")
        state.settings[scope] = _scope_settings(entry)
    fields.finish()


def _scope_settings(fields: Fields) -> ScopeSettings:
    settings = ScopeSettings(config=_setting(fields, "config", dict), mode=_setting(fields, "mode", str))
    fields.finish()
    return settings


def _setting(fields: Fields, name: str, kind: type[Any]) -> Setting:
    entry = fields.object(name)
    setting = Setting(is_set=entry.optional("set", bool), value=entry.optional("value", kind))
    entry.finish()
    if setting.is_set is not None and setting.is_set != (setting.value is not None):
        raise fields.damaged(f"{name} must have a value where it is set, and none where it is not")
    return setting


def _read_manifest(fields: Fields, state: RegistryState, *, whole: bool) -> Manifest:
    state.settled = fields.required("settled", bool)
    state.contexts = tuple(fields.list_of("contexts", lambda name: name if isinstance(name, str) else None, "text"))
    state.highest_ids = dict(fields.counts("highest_ids"))
    manifest = Manifest(
        source=fields.required("source", dict),
        selection=fields.required("selection", dict),
        counts=fields.counts("counts"),
        order=tuple(fields.list_of("order", _version_key, "a subject and a version")),
        unresolved=frozenset(fields.list_of("unresolved", _unresolved, "a subject, a version and a name")),
    )
    fields.finish()
    if not whole:
        return manifest
    if manifest.counts != count(state):
        raise fields.damaged(f"its counts are not those of the part: {count(state)}")
    if sorted(manifest.order) != sorted(state.versions):
        raise fields.damaged("its order does not name every version of the part once")
    return manifest


def _version_key(value: Any) -> VersionKey | None:
    match value:
        case [str(subject), int(version)]:
            return VersionKey(subject, version)
    return None


def _unresolved(value: Any) -> tuple[VersionKey, str] | None:
    match value:
        case [str(subject), int(version), str(name)]:
            return VersionKey(subject, version), name
    return None
