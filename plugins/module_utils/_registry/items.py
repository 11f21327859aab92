# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry's JSON objects and the model's values, one into the other.

The fields are those of Confluent's API (``POST /subjects/{subject}/versions`` and what ``GET`` gives), which every
implementation follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._schemas.model import Reference, SchemaContent, SchemaVersion

_KINDS: Mapping[type[Any], str] = {int: "a number", str: "a text", dict: "an object", list: "a list"}


def read_version(item: Any, subject: str, *, deleted: bool) -> SchemaVersion:
    """Read a version as ``GET /subjects/{subject}/versions/{version}`` and ``GET /schemas`` give it.

    Args:
        item: The JSON object.
        subject: The qualified name of the subject, which some servers do not repeat in full.
        deleted: Whether it is soft-deleted, where the object does not say.

    Raises:
        ValueError: The object lacks something, or holds something of another type.
    """
    content = read_content(item)
    return SchemaVersion(
        subject=subject,
        version=typed(item, "version", int),
        id=typed(item, "id", int),
        content=content,
        deleted=bool(item.get("deleted", deleted)),
        guid=optional(item, "guid", str),
        created_ms=optional(item, "ts", int),
    )


def read_content(item: Any) -> SchemaContent:
    """Read the part of such an object that belongs to a schema's identity; ``GET /schemas/ids/{id}`` gives only that.

    Raises:
        ValueError: As `read_version`.
    """
    text = typed(item, "schema", str)
    return SchemaContent(
        schema_type=optional(item, "schemaType", str) or "AVRO",  # left out for Avro by many servers
        text=text,
        references=tuple(_read_reference(reference) for reference in optional(item, "references", list) or ()),
        metadata=without_empty(optional(item, "metadata", dict)),
        rule_set=without_empty(optional(item, "ruleSet", dict)),
    )


def without_empty(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Leave out empty members; what says nothing becomes None. Servers differ in how they write nothing."""
    kept = {name: member for name, member in (value or {}).items() if member not in (None, {}, [])}
    return kept or None


def registration(version: SchemaVersion, *, with_id: bool) -> dict[str, Any]:
    """Return the body of ``POST /subjects/{subject}/versions``.

    Args:
        version: What to register.
        with_id: Whether its id and version number are asked for, as only IMPORT allows.
    """
    content = version.content
    body: dict[str, Any] = {"schema": content.text, "schemaType": content.schema_type}
    if content.references:
        body["references"] = [{"name": r.name, "subject": r.subject, "version": r.version} for r in content.references]
    if content.metadata is not None:
        body["metadata"] = content.metadata
    if content.rule_set is not None:
        body["ruleSet"] = content.rule_set
    if with_id:
        body["id"] = version.id
        body["version"] = version.version
    return body


def config_body(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of ``PUT /config`` for a config with the names of ``GET``, which differ in one of them."""
    return {"compatibility" if name == "compatibilityLevel" else name: member for name, member in value.items()}


def _read_reference(item: Any) -> Reference:
    return Reference(typed(item, "name", str), typed(item, "subject", str), typed(item, "version", int))


def typed(item: Any, name: str, wanted: type[Any]) -> Any:
    """Return a member of a JSON object that must be there and of a type: a number, a text, an object or a list.

    Raises:
        ValueError: It is not, or there is no object.
    """
    value = item.get(name) if isinstance(item, dict) else None
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise ValueError(f"{name} is not {_KINDS[wanted]}")
    return value


def optional(item: Any, name: str, wanted: type[Any]) -> Any:
    """Return a member of a JSON object as `typed` does; None where it is null, or not there.

    Raises:
        ValueError: It is of another type.
    """
    return None if item.get(name) is None else typed(item, name, wanted)
