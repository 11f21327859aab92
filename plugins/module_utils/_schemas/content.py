# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two schemas say the same, although servers write their texts differently."""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .._core.canonical import compact_bytes, sha256_hex
from .attachments import comparable
from .capabilities import Identity
from .model import SchemaContent
from .protobuf_text import protobuf_meaning

NUMBER_PROPERTY = "confluent:version"
_JSON_TYPES = frozenset({"AVRO", "JSON"})
_BARE_NAME = re.compile(r"[A-Za-z_][\w.]*")
_NUMBER = "\0number"
# Of https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas
_AVRO_NAMES = frozenset({"record", "error", "enum", "fixed"})
_AVRO_ATTRIBUTES = {
    "record": ("name", "type", "fields"),
    "error": ("name", "type", "fields"),
    "enum": ("name", "type", "symbols"),
    "fixed": ("name", "type", "size"),
    "array": ("type", "items"),
    "map": ("type", "values"),
}
_AVRO_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_AVRO_IGNORED = frozenset({"doc", "aliases", "default", "order"})


def meaning(content: SchemaContent) -> str:
    """Return 64 hexadecimal digits that are equal for contents that say the same.

    Texts of Avro and JSON Schema are compared as parsed JSON, where 2.50 is 2.5. In Avro, names are compared in full,
    and ``{"type": "int"}`` is ``"int"``. Protobuf is compared as tokens, without comments and white space; of what a
    block holds, the order counts only among what is of one kind, such as fields. A text that cannot be parsed, and one
    of another type, is compared to the letter. Then come references in their order, and metadata and rule set as far
    as they say anything (`comparable`).

    Servers write texts in forms of their own that differ no more than that; seen on Confluent 8.3.1 and Karapace 6.2.
    """
    references = [list(reference.key()) for reference in content.references]
    text = _text_meaning(content.schema_type, content.text)
    attached = [comparable(value or {}) for value in (content.metadata, content.rule_set)]
    return sha256_hex(compact_bytes([content.schema_type, text, references, *attached]))


def same_text(one: SchemaContent, other: SchemaContent) -> bool:
    """Tell whether two texts say the same, as `meaning` compares them."""
    return one.text == other.text or (
        one.schema_type == other.schema_type
        and _text_meaning(one.schema_type, one.text) == _text_meaning(other.schema_type, other.text)
    )


def same(one: SchemaContent, other: SchemaContent) -> bool:
    """Tell whether two contents say the same: whether their `meaning` is equal, without computing it in most cases."""
    return one == other or meaning(one) == meaning(other)


def identity(content: SchemaContent, kind: Identity) -> str:
    """Return a text that is equal for contents that a server takes for the same one.

    Args:
        content: What a version says.
        kind: How the server compares.
    """
    if kind is Identity.CONTENT:
        return meaning(content)
    references = sorted([r.subject, r.version, r.name] for r in content.references)
    form = _avro_identity(content.schema_type, content.text, kind)
    return sha256_hex(compact_bytes([content.schema_type, form, references]))


def without_own_number(content: SchemaContent) -> SchemaContent:
    """Return a content without the property that tells a version's own number.

    A registry that gives the number itself corrects the property (seen on Confluent 8.3.1), but adds none.
    """
    metadata = content.metadata or {}
    if NUMBER_PROPERTY not in (metadata.get("properties") or {}):
        return content
    properties = {name: value for name, value in metadata["properties"].items() if name != NUMBER_PROPERTY}
    rest = {name: value for name, value in metadata.items() if name != "properties"}
    return replace(content, metadata=(rest | {"properties": properties} if properties else rest) or None)


def parses(content: SchemaContent) -> bool:
    """Tell whether a text is one of its type, as far as that shows without a compiler.

    An Avro and a JSON schema is JSON; a bare name such as ``string`` is an Avro schema too. Of Protobuf and other
    types it is only asked that there is a text.
    """
    if content.schema_type not in _JSON_TYPES:
        return bool(content.text.strip())
    try:
        _parsed(content.text)
    except ValueError:
        return content.schema_type == "AVRO" and _BARE_NAME.fullmatch(content.text.strip()) is not None
    return True


def shows_type(content: SchemaContent) -> bool:
    """Tell whether a text shows of which type it is to a server that only looks at the text.

    Seen on Apicurio 3.3.3: an Avro schema must be JSON, so that a bare name is none, and a JSON schema needs at its top
    ``properties``, or a ``$schema`` of json-schema.org.
    """
    if content.schema_type not in _JSON_TYPES:
        return True
    try:
        schema = _parsed(content.text)
    except ValueError:
        return False
    if content.schema_type == "AVRO":
        return True
    return isinstance(schema, dict) and ("properties" in schema or "json-schema.org" in _text(schema.get("$schema")))


def number_beyond_64_bits(content: SchemaContent) -> str | None:
    """Return a number in an Avro or JSON text that no 64-bit integer and no double is equal to; None without."""
    found: list[str] = []
    if content.schema_type in _JSON_TYPES:
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(content.text, parse_int=found.append, parse_float=found.append)
    return next((written for written in found if not _fits_64_bits(written)), None)


def _fits_64_bits(written: str) -> bool:
    value = float(written)
    if not math.isfinite(value):
        return False
    exact = Decimal(written)
    return Decimal(repr(value)) == exact or (written.lstrip("-").isdigit() and -(2**63) <= exact < 2**64)


@lru_cache(maxsize=16384)
def _text_meaning(schema_type: str, text: str) -> str:
    return sha256_hex(_normal_text(schema_type, text).encode(errors="surrogatepass"))


def _normal_text(schema_type: str, text: str) -> str:
    if schema_type in _JSON_TYPES:
        try:
            parsed = _parsed(text)
            return compact_bytes(_avro_meaning(parsed, "") if schema_type == "AVRO" else parsed).decode()
        except (ValueError, RecursionError):
            return text
    if schema_type == "PROTOBUF":
        return protobuf_meaning(text)
    return text


def _avro_meaning(schema: Any, namespace: str) -> Any:
    """Write names in full, and a type that is an object with nothing but its name as that name.

    A ``doc`` counts only where Avro knows it, on named types and fields: servers drop it elsewhere.
    """
    if isinstance(schema, list) and schema[:1] != [_NUMBER]:
        return [_avro_meaning(branch, namespace) for branch in schema]
    if isinstance(schema, str):
        return schema if schema in _AVRO_PRIMITIVES else _full_name(schema, namespace)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    made = dict(schema)
    if isinstance(kind, str) and kind in _AVRO_NAMES:
        made["name"] = _full_name(_text(schema.get("name")), _text(schema.get("namespace", namespace)))
        made.pop("namespace", None)
        if isinstance(made.get("fields"), list):
            inside = made["name"].rpartition(".")[0]
            made["fields"] = [_field_meaning(field, inside) for field in made["fields"]]
        return made
    made.pop("doc", None)
    for member in ("type", "items", "values"):
        if member in made and made[member] not in ("array", "map"):
            made[member] = _avro_meaning(made[member], namespace)
    return made["type"] if made.keys() == {"type"} and isinstance(kind, str) else made


def _field_meaning(field: Any, namespace: str) -> Any:
    return {**field, "type": _avro_meaning(field.get("type"), namespace)} if isinstance(field, dict) else field


def _parsed(text: str) -> Any:
    """Parse JSON so that equal values become equal, whatever way their numbers are written.

    Raises:
        ValueError: It is not JSON, or more than Python can parse.
    """
    try:
        return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_constant)
    except (RecursionError, ArithmeticError) as error:
        raise ValueError("nested too deeply, or a number beyond all bounds") from error


def _number(written: str) -> list[str]:
    """Return a number as a list that no schema holds, since Python takes 1 and true for the same."""
    sign, digits, exponent = Decimal(written).as_tuple()
    plain = "".join(map(str, digits)).lstrip("0")
    significant = plain.rstrip("0")
    if not significant:
        return [_NUMBER, "0"]
    power = int(exponent) + len(plain) - len(significant)
    return [_NUMBER, f"{'-' * sign}{significant}e{power}"]


def _constant(written: str) -> Any:
    raise ValueError(f"{written} is not JSON")


@lru_cache(maxsize=16384)
def _avro_identity(schema_type: str, text: str, kind: Identity) -> str:
    if schema_type != "AVRO":
        return _text_meaning(schema_type, text)
    form = _avro_form if kind is Identity.PARSING_FORM else _avro_without_docs
    try:
        return sha256_hex(compact_bytes(form(_parsed(text), "")))
    except (ValueError, RecursionError):
        return _text_meaning("", text.strip())


def _avro_form(schema: Any, namespace: str) -> Any:
    """Reduce an Avro schema as the Parsing Canonical Form does, but keep the defaults of fields.

    Attributes that the form does not know are kept where no named type, array or map carries them: logical types.
    """
    if isinstance(schema, list) and schema[:1] != [_NUMBER]:
        return [_avro_form(branch, namespace) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    reduced = dict(schema)
    if kind in _AVRO_NAMES:
        namespace = _text(schema.get("namespace")) or namespace
        reduced["name"] = _full_name(_text(schema.get("name")), namespace)
    known = _AVRO_ATTRIBUTES.get(kind) if isinstance(kind, str) else None
    kept = [key for key in known or sorted(set(schema) - _AVRO_IGNORED) if key in reduced]
    return {
        key: _avro_fields(reduced[key], namespace) if key == "fields" else _avro_form(reduced[key], namespace)
        for key in kept
    }


def _avro_fields(fields: Any, namespace: str) -> Any:
    if not isinstance(fields, list):
        return fields
    return [
        (
            {
                key: _avro_form(field[key], namespace) if key == "type" else field[key]
                for key in ("name", "type", "default")
                if key in field
            }
            if isinstance(field, dict)
            else field
        )
        for field in fields
    ]


def _avro_without_docs(schema: Any, namespace: str) -> Any:
    """Leave out of an Avro schema what describes it, and write all names in full."""
    if isinstance(schema, list) and schema[:1] != [_NUMBER]:
        return [_avro_without_docs(branch, namespace) for branch in schema]
    if isinstance(schema, str):
        return schema if schema in _AVRO_PRIMITIVES else _full_name(schema, namespace)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    reduced = dict(schema)
    if kind in _AVRO_NAMES:
        namespace = _text(schema.get("namespace")) or namespace
        reduced["name"] = _full_name(_text(schema.get("name")), namespace)
        left_out = {"doc", "aliases", "namespace", *(("default",) if kind == "enum" else ())}
        reduced = {name: value for name, value in reduced.items() if name not in left_out}
    elif kind not in ("array", "map"):
        reduced["type"] = _avro_without_docs(kind, namespace)
    for member in ("items", "values"):
        if member in reduced:
            reduced[member] = _avro_without_docs(reduced[member], namespace)
    if isinstance(reduced.get("fields"), list):
        reduced["fields"] = [_field_without_docs(field, namespace) for field in reduced["fields"]]
    return reduced["type"] if set(reduced) == {"type"} else reduced


def _field_without_docs(field: Any, namespace: str) -> Any:
    if not isinstance(field, dict):
        return field
    kept = {name: value for name, value in field.items() if name not in ("doc", "aliases")}
    if kept.get("order") == "ascending":  # which is the default
        del kept["order"]
    return {**kept, "type": _avro_without_docs(field.get("type"), namespace)}


def _full_name(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
