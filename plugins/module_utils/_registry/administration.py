# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that only those send who administer a registry by hand: lookups, trials, deletions, whole contexts."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from .._core.errors import RegistryError
from .._schemas.model import (
    GLOBAL_SCOPE,
    OVERALL_SCOPE,
    SchemaContent,
    SchemaVersion,
    VersionKey,
    context_of,
    context_scope,
)
from . import items
from .apicurio import ApicurioRegistry
from .client import Answer
from .codes import (
    NO_MODE,
    NO_SCHEMA,
    NO_SUBJECT,
    NO_SUCH_PATH,
    NO_VERSION,
    SUBJECT_NOT_SOFT_DELETED,
    SUBJECT_SOFT_DELETED,
)
from .confluent import ConfluentRegistry
from .dialect import Registry
from .failures import quoted
from .plain import UNTOUCHED_LEVEL, PlainRegistry

NEVER_SET = ":.lifeboat-never-set:"
"""A context that nobody has, to see what holds where nothing is set."""

_GONE = (NO_SUBJECT, NO_VERSION)

INVALID_SCHEMA = 42201
"""A registry's code for a schema that it cannot parse, or that refers to what is not there."""

INVALID_CONTENT = 422
"""The status with which Apicurio's own interface says so."""


def is_level_set(registry: Registry, scope: str, level: Any) -> bool:
    """Tell whether a wide scope was given its compatibility level, where the registry itself does not tell.

    Confluent's own level shows in a context that has none, unless one is set for all contexts; for those, the level of
    an untouched server (``BACKWARD``) is taken, and so it is by makes that cannot remove the global level. A level that
    is what the server has anyway counts as not set.

    Raises:
        Refused: It was, and cannot be removed.
    """
    if isinstance(registry, PlainRegistry):
        registry.check_removable(scope, level)
        return False
    if not isinstance(registry, ConfluentRegistry):
        return False
    if scope == OVERALL_SCOPE:
        return bool(level != UNTOUCHED_LEVEL)
    path = f"/config/{registry.address(NEVER_SET)}?defaultToGlobal=true"
    value = registry.client.get(path, "config", absent=(NO_SUBJECT,))
    return isinstance(value, dict) and value.get("compatibilityLevel") != level


def delete_modes_below(registry: Registry, scope: str) -> None:
    """Remove the mode of a context, and of all its subjects, those without versions too; Confluent's alone does it.

    Before 8.0.3 it removes that of the context only; others do nothing here.
    """
    if isinstance(registry, ConfluentRegistry):
        registry.require_writable()
        path = "/mode" if scope == GLOBAL_SCOPE else f"/mode/{registry.address(scope)}"
        registry.client.send("DELETE", f"{path}?recursive=true", "mode", accept=(NO_SUBJECT, NO_MODE))


def purged_by_import(registry: Registry, scope: str) -> list[VersionKey]:
    """Return the soft-deleted versions that a registry deletes for good when a scope enters IMPORT and is not forced.

    Confluent does that where nothing is live; where something is, it refuses, and deletes nothing. The global scope and
    that of all contexts stand for everything.
    """
    if not isinstance(registry, ConfluentRegistry):
        return []
    everything = scope in (GLOBAL_SCOPE, OVERALL_SCOPE)
    below = [
        version
        for key, version in registry.list_versions().versions.items()
        if everything or scope in (key.subject, context_scope(context_of(key.subject)))
    ]
    return sorted(version.key for version in below) if all(version.deleted for version in below) else []


def look_up(registry: Registry, subject: str, content: SchemaContent, *, normalize: bool) -> SchemaVersion | None:
    """Ask for the live version of a subject that has a content, as the server compares contents.

    Raises:
        RegistryError: ``registry_code`` 42201 when the server cannot parse it or lacks what it refers to; or
            ``aliased_subject``.
    """
    path = f"/subjects/{registry.address(subject)}" + ("?normalize=true" if normalize else "")
    body = items.registration(SchemaVersion(subject, 0, 0, content), with_id=False)
    absent = (NO_SUBJECT, NO_SCHEMA, NO_VERSION, SUBJECT_SOFT_DELETED)
    answer = registry.client.send("POST", path, "lookup", body=body, accept=absent)
    if answer.code is not None:
        return None
    return registry.told_version(answer.value, subject, path)


def incompatibilities(registry: Registry, subject: str, content: SchemaContent, *, normalize: bool) -> list[str] | None:
    """Try a content against the versions that the compatibility level of a subject makes it compatible with.

    A server that cannot do that at once (Karapace, Redpanda) is asked about the newest one alone.

    Returns:
        None when it is compatible; else what the server gives as reasons, which may be nothing.

    Raises:
        RegistryError: As `look_up`.
    """
    if isinstance(registry, ApicurioRegistry):
        return _tried_by_apicurio(registry, subject, content)
    body = items.registration(SchemaVersion(subject, 0, 0, content), with_id=False)
    for versions in ("versions", "versions/latest"):
        path = f"/compatibility/subjects/{registry.address(subject)}/{versions}?verbose=true"
        path += "&normalize=true" if normalize else ""
        accept = (*_GONE, SUBJECT_SOFT_DELETED, NO_SUCH_PATH)
        answer = registry.client.send("POST", path, "compatibility", body=body, accept=accept)
        if answer.code != NO_SUCH_PATH:
            break
    if answer.code is not None:
        return None
    if not isinstance(answer.value, dict) or not isinstance(answer.value.get("is_compatible"), bool):
        raise registry.client.unexpected(path, answer.value, "whether it is compatible", method="POST")
    return None if answer.value["is_compatible"] else [str(reason) for reason in answer.value.get("messages") or ()]


def _tried_by_apicurio(registry: ApicurioRegistry, subject: str, content: SchemaContent) -> list[str] | None:
    """Try a content at the server's own interface (``dryRun``); as `incompatibilities`.

    The one for Confluent's clients gives no reasons, and cannot read schemas with references there (seen on 3.3.3).
    """
    group = quote(registry.group, safe="")
    path = f"/groups/{group}/artifacts/{quote(subject, safe='')}/versions?dryRun=true"
    references = [
        {"groupId": registry.group, "artifactId": r.subject, "version": str(r.version), "name": r.name}
        for r in content.references
    ]
    kind = "application/x-protobuf" if content.schema_type == "PROTOBUF" else "application/json"
    body = {"content": {"content": content.text, "contentType": kind, "references": references}}
    native = registry.native.beside(registry.native.settings.urls, {"Content-Type": "application/json"})
    answer = native.send("POST", path, "compatibility", body=body, accept=(400, 404, 409, INVALID_CONTENT))
    if answer.code in (None, 404):
        return None
    told = answer.value if isinstance(answer.value, dict) else {}
    if answer.code == INVALID_CONTENT:
        raise RegistryError(
            f"Apicurio at {native.url} cannot read the schema for {subject}: {quoted(str(told.get('detail')))}.",
            object_name=subject,
            http_status=answer.status,
            registry_code=INVALID_SCHEMA,
        )
    if told.get("name") != "RuleViolationException":
        raise native.unexpected(path, answer.value, "whether it is compatible", method="POST")
    causes = [cause for cause in told.get("causes") or () if isinstance(cause, dict)]
    return [f"{cause.get('description')} at {cause.get('context')}" for cause in causes]


def register(registry: Registry, subject: str, content: SchemaContent, *, normalize: bool) -> None:
    """Register a content as a new version of a subject."""
    registry.require_writable()
    path = f"/subjects/{registry.address(subject)}/versions" + ("?normalize=true" if normalize else "")
    body = items.registration(SchemaVersion(subject, 0, 0, content), with_id=False)
    look = partial(look_up, registry, subject, content, normalize=normalize)
    registry.client.send("POST", path, "register", body=body, repeatable=False, look=look)


def delete_subject(registry: Registry, subject: str) -> None:
    """Soft-delete all versions of a subject; nothing happens where there are none."""
    _delete(registry, f"/subjects/{registry.address(subject)}", "soft delete", (NO_SUBJECT, SUBJECT_SOFT_DELETED))


def purge_deleted_subject(registry: Registry, subject: str) -> bool:
    """Delete a subject for good, all of whose versions are soft-deleted; nothing happens where there are none.

    Returns:
        False where one of them is live, and nothing was deleted.
    """
    path = f"/subjects/{registry.address(subject)}?permanent=true"
    answer = _delete(registry, path, "purge", (NO_SUBJECT, SUBJECT_NOT_SOFT_DELETED))
    return bool(answer.code != SUBJECT_NOT_SOFT_DELETED)


def purge_version(registry: Registry, key: VersionKey) -> None:
    """Delete a soft-deleted version for good; nothing happens where there is none."""
    path = f"/subjects/{registry.address(key.subject)}/versions/{key.version}?permanent=true"
    _delete(registry, path, "purge", _GONE)


def _delete(registry: Registry, path: str, kind: str, done: tuple[int, ...]) -> Answer:
    registry.require_writable()
    return registry.client.send("DELETE", path, kind, accept=done)
