# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version in the emulated Confluent Schema Registry holds, and the GUID that follows from it."""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEFAULT = "."
OVERALL = ":.__GLOBAL:"
RULES = ("migrationRules", "domainRules", "encodingRules")


def split(subject: str) -> tuple[str, str]:
    """Return context and name of a subject; ``:.ctx`` without a second colon is a context with no name."""
    if not subject.startswith(":."):
        return DEFAULT, subject
    context, _colon, name = subject[1:].partition(":")
    return context, name


def qualified(context: str, name: str) -> str:
    """Return the name by which a subject is stored."""
    return name if context == DEFAULT else f":{context}:{name}"


def stored_name(subject: str) -> str:
    """Return the name by which a subject is stored, for any way to write it."""
    return qualified(*split(subject))


@dataclass
class Version:
    """A version of a subject.

    Args:
        subject: The name by which it is stored.
        version: Its number.
        id: Its id in the subject's context.
        schema_type: ``AVRO``, ``JSON`` or ``PROTOBUF``.
        schema: The text as it is stored.
        references: As they were registered, with the version that -1 stood for.
        metadata: Sorted; None for none.
        rule_set: With all defaults filled in; None for none.
        deleted: Whether it is soft-deleted.
        ts: When its record was written, in ms.
    """

    subject: str
    version: int
    id: int
    schema_type: str
    schema: str
    references: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    rule_set: dict[str, Any] | None
    deleted: bool = False
    ts: int = 0

    @property
    def context(self) -> str:
        """The context of its subject."""
        return split(self.subject)[0]

    @property
    def content(self) -> str:
        """A text that two versions share exactly when the registry takes them for the same schema."""
        return json.dumps(
            [self.schema_type, self.schema, self.references, self.metadata, self.rule_set], sort_keys=True
        )

    @property
    def guid(self) -> str:
        """The GUID, from the content alone."""
        return guid(self.schema, self.references, self.metadata, self.rule_set)

    def entity(self, *left_out: str) -> dict[str, Any]:
        """Return it as the API tells of it, without what is empty and without some fields."""
        value = {
            "subject": self.subject,
            "version": self.version,
            "id": self.id,
            "guid": self.guid,
            "schemaType": self.schema_type,
            "references": self.references or None,
            "metadata": self.metadata,
            "ruleSet": self.rule_set,
            "schema": self.schema,
            "ts": self.ts,
            "deleted": self.deleted,
        }
        return {name: held for name, held in value.items() if held is not None and name not in left_out}


def guid(
    schema: str, references: list[dict[str, Any]], metadata: dict[str, Any] | None, rule_set: dict[str, Any] | None
) -> str:
    """Return the GUID of a content: an MD5 (``Schema.updateHash`` and its kind in ``client/rest/entities``)."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in _hashed(schema, references, metadata, rule_set):
        digest.update(part.encode(errors="surrogatepass") if isinstance(part, str) else part)
    return str(uuid.UUID(bytes=digest.digest()))


def sorted_metadata(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return metadata as it is stored."""
    if value is None:
        return None
    tags = {name: sorted(set(held)) for name, held in sorted((value.get("tags") or {}).items())}
    properties = dict(sorted((value.get("properties") or {}).items()))
    told = {"tags": tags, "properties": properties, "sensitive": sorted(set(value.get("sensitive") or []))}
    return {name: held for name, held in told.items() if held}


def full_rule_set(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a rule set as it is stored."""
    if value is None:
        return None
    rules = {kind: [_full_rule(rule) for rule in value.get(kind) or []] for kind in RULES}
    return {kind: held for kind, held in rules.items() if held}


def merged_metadata(*layers: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return metadata in which each layer goes over the ones before."""
    present = [layer for layer in layers if layer is not None]
    if not present:
        return None
    both: dict[str, Any] = {"tags": {}, "properties": {}, "sensitive": []}
    for layer in present:
        both["tags"].update(layer.get("tags") or {})
        both["properties"].update(layer.get("properties") or {})
        both["sensitive"] += layer.get("sensitive") or []
    return sorted_metadata(both)


def merged_rule_set(*layers: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a rule set in which a layer's rules go over the ones of the same name before."""
    present = [layer for layer in layers if layer is not None]
    if not present:
        return None
    both = {}
    for kind in RULES:
        rules = {rule["name"]: rule for layer in present for rule in layer.get(kind) or []}
        both[kind] = list(rules.values())
    return full_rule_set(both)


def _full_rule(rule: dict[str, Any]) -> dict[str, Any]:
    full = {name: held for name, held in rule.items() if held not in (None, [], {})}
    if "tags" in full:
        full["tags"] = sorted(set(full["tags"]))
    return full | {"disabled": bool(rule.get("disabled"))}


def _hashed(
    schema: str, references: list[dict[str, Any]], metadata: dict[str, Any] | None, rule_set: dict[str, Any] | None
) -> Iterator[str | bytes]:
    yield schema
    for reference in references:
        yield from (reference["name"], reference["subject"], struct.pack(">i", reference["version"]))
    if metadata is not None:
        yield b"\1"
        for name, tags in sorted((metadata.get("tags") or {}).items()):
            yield from (name, *tags)
        for name, value in sorted((metadata.get("properties") or {}).items()):
            yield from (name, value)
        yield from metadata.get("sensitive") or []
    if rule_set is not None:
        yield b"\1"
        for kind in RULES:
            for rule in rule_set.get(kind) or []:
                yield from _hashed_rule(rule)


def _hashed_rule(rule: dict[str, Any]) -> Iterator[str | bytes]:
    yield from (rule[name] for name in ("name", "doc", "kind", "mode", "type") if name in rule)
    yield from rule.get("tags") or []
    for name, value in sorted((rule.get("params") or {}).items()):
        yield from (name, value)
    yield from (rule[name] for name in ("expr", "onSuccess", "onFailure") if name in rule)
    if rule["disabled"]:
        yield b"\1"
