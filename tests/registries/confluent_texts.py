# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulated Confluent Schema Registry makes of texts.

It has no parsers. What it stores for a text is what was recorded for it, else the text as it is sent; the other
formats of a text are the recorded ones, else the text as it is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registries.recordings import Recorded

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
COMPLEX = {"record", "error", "enum", "array", "map", "fixed"}


@dataclass(frozen=True)
class Texts:
    """What was recorded of texts.

    Args:
        stored: By type and text as sent: the text as stored.
        formatted: By GUID and format: the text in that format.
    """

    stored: dict[tuple[str, str], str] = field(default_factory=dict)
    formatted: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, calls: Iterable[Recorded], walk: Iterable[Recorded] = ()) -> Texts:
        """Take them from recordings."""
        stored, formatted = {}, {}
        for call in calls:
            if call.method == "POST" and call.status == 200 and "schema" in (call.sent or {}):
                stored[call.sent.get("schemaType", "AVRO"), call.sent["schema"]] = call.answer["schema"]
        for read in walk:
            told = read.target.partition("format=")[2]
            if told and "referenceFormat" not in read.target and isinstance(read.answer, dict):
                formatted[read.answer["guid"], told] = read.answer["schema"]
        return cls(stored, formatted)

    def store(self, schema_type: str, text: str) -> str:
        """Return the text as it is stored."""
        return self.stored.get((schema_type, text), text)


class Unparsable(Exception):
    """A text is none of its type; its argument is what the parser says."""


class Checker:
    """Looks whether texts are schemas at all: that Avro and JSON Schema are JSON, and that Avro names no unknown type
    where a definition begins. The source's parsers refuse far more."""

    def __init__(self) -> None:
        self._unresolved = -1

    def check(self, schema_type: str, text: str) -> None:
        """Raise Unparsable for a text that is no schema."""
        if schema_type == "PROTOBUF":
            return
        try:
            value = json.loads(text)
        except ValueError:
            word = text.split()[0] if text.split() else ""
            expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            place = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
            raise Unparsable(
                f"com.fasterxml.jackson.core.JsonParseException: Unrecognized token '{word}': was expecting "
                f"{expected}\n at {place}"
            ) from None
        kind = value["type"] if schema_type == "AVRO" and isinstance(value, dict) and set(value) == {"type"} else None
        if isinstance(kind, str) and kind not in PRIMITIVES | COMPLEX:
            self._unresolved += 1
            raise Unparsable(f"Unknown schema: org.apache.avro.compiler.UnresolvedSchema_{self._unresolved}")


def normalised(schema_type: str, text: str) -> str:
    """Return JSON Schema with sorted keys; the source also sorts fields of Protobuf, which stays as it is here."""
    if schema_type != "JSON":
        return text
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tagged(text: str, path: str, tags: list[str]) -> str:
    """Add tags to a field of an Avro record, named ``.Record.field``."""
    value = json.loads(text)
    for held in value["fields"]:
        if path == f".{value['name']}.{held['name']}":
            held["confluent:tags"] = sorted({*held.get("confluent:tags", []), *tags})
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def incompatible(old: str, new: str) -> str | None:
    """Return why an Avro record cannot follow another; None where it can.

    A simple rule instead of the source's: the name must stay, and so must the type of a field that stays. References
    and other types of schema always fit.
    """
    try:
        before, after = json.loads(old), json.loads(new)
    except ValueError:
        return None
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return None
    if (before.get("name"), before.get("namespace")) != (after.get("name"), after.get("namespace")):
        return "errorType:'NAME_MISMATCH'"
    types = _types(before)
    changed = [name for name, kind in _types(after).items() if types.get(name, kind) != kind]
    return f"errorType:'TYPE_MISMATCH' ({changed[0]})" if changed else None


def _types(record: dict[str, Any]) -> dict[str, Any]:
    fields = record.get("fields") or []
    return {held["name"]: held.get("type") for held in fields if isinstance(held, dict) and "name" in held}
