# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents that hold a registry in an archive: ``_manifest.json``, ``_global_config.json`` and, for each subject,
``_metadata.json`` and one document a version.

They tell nothing of the run that wrote them, so that equal registries give equal documents. A soft delete shows in
the subject's document only, so that the version's stays as it is. How names become paths is the archive's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .encryption_keys import EncryptionKeys
from .graph import dependency_order, missing_references
from .key_documents import kek_fields
from .model import (
    RegistryState,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    is_wide_scope,
)

FORMAT_VERSION = 1

MANIFEST = "manifest"
GLOBAL_CONFIG = "global_config"
SUBJECT = "subject"
VERSION = "version"
KEK = "kek"

FORMATS: Mapping[str, str] = {
    MANIFEST: "lifeboat.kafka/schema-registry",
    GLOBAL_CONFIG: "lifeboat.kafka/schema-registry-settings",
    SUBJECT: "lifeboat.kafka/schema-subject",
    VERSION: "lifeboat.kafka/schema-version",
    KEK: "lifeboat.kafka/encryption-keys",
}
"""The ``format`` of each kind of document."""


class DocumentName(NamedTuple):
    """Names a document by what it is about.

    Args:
        kind: `MANIFEST`, `GLOBAL_CONFIG`, `SUBJECT`, `VERSION` or `KEK`.
        subject: The true qualified name, of a subject's and a version's document; the KEK's name of a KEK's document.
        version: The version number, of a version's document.
    """

    kind: str
    subject: str = ""
    version: int = 0

    def __str__(self) -> str:
        if self.kind == MANIFEST:
            return "_manifest.json"
        if self.kind == GLOBAL_CONFIG:
            return "_global_config.json"
        if self.kind == KEK:
            return f"keks/{self.subject}/_keys.json"
        return f"subjects/{self.subject}/" + ("_metadata.json" if self.kind == SUBJECT else f"v{self.version}.json")


@dataclass(frozen=True)
class Manifest:
    """What ``_manifest.json`` says beside the state itself.

    Args:
        source: The registry that was read: ``implementation``, ``version``, ``url`` and the like, without secrets.
        selection: What was asked for: the options of the export that decide what is in it.
        counts: How many there are of each, as `count` returns them.
        order: All versions in dependency order.
        unresolved: References that lead out of the part: the referrer and the reference's name.
    """

    source: Mapping[str, Any]
    selection: Mapping[str, Any]
    counts: Mapping[str, int]
    order: tuple[VersionKey, ...]
    unresolved: frozenset[tuple[VersionKey, str]] = field(default_factory=frozenset)


def count(state: RegistryState) -> dict[str, int]:
    """Count what a state holds: subjects, versions, soft-deleted and sensitive ones, contexts, configs and modes.

    KEKs and DEKs are counted where there are any: archives of before they were exported say nothing of them.
    """
    versions = state.versions.values()
    settings = state.settings.values()
    return {
        "subjects": len(state.subjects()),
        "versions": len(state.versions),
        "soft_deleted": sum(version.deleted for version in versions),
        "sensitive": sum(bool((version.content.metadata or {}).get("sensitive")) for version in versions),
        "contexts": len(state.contexts),
        "configs": sum(scope.config.is_set is True for scope in settings),
        "modes": sum(scope.mode.is_set is True for scope in settings),
        **(state.keys.counts() if state.keys else {}),
    }


def documents(
    state: RegistryState, *, source: Mapping[str, Any], selection: Mapping[str, Any]
) -> Iterator[tuple[DocumentName, Any]]:
    """Write a state as documents.

    Args:
        state: What the registry holds, or the selected part of it.
        source: As in `Manifest`.
        selection: As in `Manifest`.

    Yields:
        A name and a JSON value: subjects sorted, the versions of each before its own document; then KEKs with their
        DEKs; then the settings of the registry and its contexts; the manifest last.

    Raises:
        CycleError: Versions refer to each other in a circle.
    """
    order = dependency_order(state.versions)
    by_subject: dict[str, list[SchemaVersion]] = {}
    for key in sorted(state.versions):
        by_subject.setdefault(key.subject, []).append(state.versions[key])
    for subject in sorted({*by_subject, *(scope for scope in state.settings if not is_wide_scope(scope))}):
        versions = by_subject.get(subject, [])
        for version in versions:
            yield DocumentName(VERSION, subject, version.version), _version_document(version)
        # A subject without a name of its own shares the scope of its context, whose settings stand with the wide ones.
        own = None if is_wide_scope(subject) else state.settings.get(subject)
        yield DocumentName(SUBJECT, subject), _subject_document(subject, versions, own)
    keys = state.keys or EncryptionKeys()
    for name, deks in keys.by_kek().items():
        yield DocumentName(KEK, name), _document(KEK, **kek_fields(keys.keks[name], deks))
    yield DocumentName(GLOBAL_CONFIG), _global_document(state)
    yield DocumentName(MANIFEST), _manifest_document(state, order, source, selection)


def _document(kind: str, **fields: Any) -> dict[str, Any]:
    return {"format": FORMATS[kind], "format_version": FORMAT_VERSION, **fields}


def _version_document(version: SchemaVersion) -> dict[str, Any]:
    content = version.content
    return _document(
        VERSION,
        subject=version.subject,
        version=version.version,
        id=version.id,
        schemaType=content.schema_type,
        schema=content.text,
        references=[{"name": r.name, "subject": r.subject, "version": r.version} for r in content.references],
        metadata=content.metadata,
        ruleSet=content.rule_set,
        guid=version.guid,
        schemaTags=list(version.tags),
        ts=version.created_ms,
    )


def _subject_document(
    subject: str, versions: Sequence[SchemaVersion], settings: ScopeSettings | None
) -> dict[str, Any]:
    return _document(
        SUBJECT,
        subject=subject,
        versions=[
            {"version": v.version, "id": v.id, "deleted": v.deleted, "fingerprint": v.content.fingerprint()}
            for v in versions
        ],
        settings=None if settings is None else _settings_fields(settings),
    )


def _global_document(state: RegistryState) -> dict[str, Any]:
    wide = sorted(scope for scope in state.settings if is_wide_scope(scope))
    return _document(
        GLOBAL_CONFIG,
        scopes=[{"scope": scope or None, **_settings_fields(state.settings[scope])} for scope in wide],
    )


def _settings_fields(settings: ScopeSettings) -> dict[str, Any]:
    return {"config": _setting_fields(settings.config), "mode": _setting_fields(settings.mode)}


def _setting_fields(setting: Setting) -> dict[str, Any]:
    return {"set": setting.is_set, "value": setting.value}


def _manifest_document(
    state: RegistryState, order: Sequence[VersionKey], source: Mapping[str, Any], selection: Mapping[str, Any]
) -> dict[str, Any]:
    return _document(
        MANIFEST,
        source=dict(source),
        selection=dict(selection),
        settled=state.settled,
        contexts=sorted(state.contexts),
        highest_ids=dict(state.highest_ids),
        counts=count(state),
        order=[list(key) for key in order],
        unresolved=sorted(
            [missing.referrer.subject, missing.referrer.version, missing.reference.name]
            for missing in missing_references(state.versions)
        ),
    )
