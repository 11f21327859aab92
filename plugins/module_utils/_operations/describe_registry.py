# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what a schema registry is and holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core.change import Report
from .._core.counting import counted
from .._core.selection import Selection
from .._core.settings import RegistrySettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._registry.listing import ListedVersion, Listing
from .._schemas.model import SchemaVersion, ScopeSettings, Setting, context_of


def describe_registry(settings: RegistrySettings, subjects: Selection, *, gather: str) -> Report:
    """Describe a registry.

    Args:
        settings: Which one.
        subjects: Which of its subjects are meant.
        gather: ``summary``, ``subjects`` or ``versions``: how much is told.

    Raises:
        NotFound: A subject that is named literally does not exist.
        RegistryError: The registry gave no usable answer.
    """
    registry = connect(settings)
    listing = registry.list_versions()
    names = subjects.select({key.subject for key in listing.versions}, what="subject")
    chosen = set(names)
    listed = [version for _key, version in sorted(listing.versions.items()) if version.key.subject in chosen]
    wide = registry.read_settings(registry.setting_scopes(listing.contexts))
    values: dict[str, Any] = {
        "registry": _describe_server(registry),
        "counts": {
            "subjects": len(names),
            "versions": len(listed),
            "soft_deleted": sum(version.deleted for version in listed),
            "contexts": len({context_of(name) for name in names}),
        },
        "settings": [{"scope": scope, **_describe_settings(wide[scope])} for scope in sorted(wide)],
    }
    if gather != "summary":
        values["subjects"] = _describe_subjects(registry, names, listed)
    if gather == "versions":
        values["versions"] = [_describe_version(version) for version in registry.read_versions(listed)]
    return Report(values, _warnings(listing, subjects))


def _describe_server(registry: Registry) -> dict[str, Any]:
    health = registry.health()
    return {
        **registry.server(),
        "identity": registry.identity(),
        "healthy": health.healthy,
        "health": health.detail,
        "capabilities": registry.capabilities.describe(),
    }


def _describe_subjects(registry: Registry, names: list[str], listed: Iterable[ListedVersion]) -> list[dict[str, Any]]:
    by_subject: dict[str, list[ListedVersion]] = {name: [] for name in names}
    for version in listed:
        by_subject[version.key.subject].append(version)
    settings = registry.read_settings(names)
    return [
        {
            "subject": name,
            "versions": [version.key.version for version in versions],
            "soft_deleted": [version.key.version for version in versions if version.deleted],
            **_describe_settings(settings.get(name, ScopeSettings())),
        }
        for name, versions in by_subject.items()
    ]


def _describe_settings(settings: ScopeSettings) -> dict[str, Any]:
    return {"config": describe_setting(settings.config), "mode": describe_setting(settings.mode)}


def describe_setting(setting: Setting) -> dict[str, Any]:
    """Return a setting as a JSON value."""
    return {"set": setting.is_set, "value": setting.value}


def _describe_version(version: SchemaVersion) -> dict[str, Any]:
    return {
        "subject": version.subject,
        "version": version.version,
        "id": version.id,
        "deleted": version.deleted,
        "guid": version.guid,
        "schema_type": version.content.schema_type,
        "schema": version.content.text,
        "references": [
            {"name": reference.name, "subject": reference.subject, "version": reference.version}
            for reference in version.content.references
        ],
        "metadata": version.content.metadata,
        "rule_set": version.content.rule_set,
    }


def _warnings(listing: Listing, subjects: Selection) -> tuple[str, ...]:
    hidden = [f"{name!r} in the context {context} ({why})" for (context, name), why in listing.unaddressable.items()]
    warnings = [f"{counted(len(hidden), 'subject')} cannot be read: {'; '.join(hidden[:5])}."] if hidden else []
    if listing.left_out:
        warnings.append(f"Not looked at: {', '.join(listing.left_out)}.")
    idle = subjects.idle_patterns([key.subject for key in listing.versions]) if subjects != Selection() else []
    if idle:
        warnings.append(f"No subject matches {', '.join(idle)}.")
    return tuple(warnings)
