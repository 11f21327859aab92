# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry that is measured: many subjects of all three types, with references and settings of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

SUBJECTS = 1000
VERSIONS = 5
OWN_CONFIG_EVERY = 10


@dataclass(frozen=True)
class Registration:
    """One version, as it is registered with its id in IMPORT."""

    subject: str
    version: int
    body: bytes


def registrations(count: int = SUBJECTS) -> list[Registration]:
    """All versions of so many subjects; what others refer to comes first."""
    return [
        Registration(name, version, json.dumps(_body(number, version)).encode())
        for number, name in enumerate(subjects(count))
        for version in range(1, VERSIONS + 1)
    ]


def without_id(registration: Registration) -> Registration:
    """The same as it is registered where the server assigns id and number."""
    body = {name: value for name, value in json.loads(registration.body).items() if name not in ("id", "version")}
    return replace(registration, body=json.dumps(body).encode())


def subjects(count: int = SUBJECTS) -> list[str]:
    """The names of so many subjects; the first one is referred to."""
    return [f"shop.{'money' if number == 0 else f'events-{number:04d}'}-value" for number in range(count)]


def configs(count: int = SUBJECTS) -> Iterator[tuple[str, dict[str, str]]]:
    """Those of so many subjects that have a config of their own, and its body."""
    for name in subjects(count)[::OWN_CONFIG_EVERY]:
        yield name, {"compatibility": "FULL_TRANSITIVE"}


def _body(number: int, version: int) -> dict[str, Any]:
    # In a hundred subjects 70 are Avro, ten of which refer to another subject; 20 are JSON Schema, ten Protobuf.
    kind = number % 10
    body: dict[str, Any] = {"id": number * VERSIONS + version, "version": version}
    if kind in (7, 8):
        return {**body, "schemaType": "JSON", "schema": json.dumps(_json_schema(number, version))}
    if kind == 6:
        return {**body, "schemaType": "PROTOBUF", "schema": _protobuf(number, version)}
    referring = kind == 9
    if referring:
        body["references"] = [{"name": "org.example.Event0", "subject": subjects(1)[0], "version": 1}]
    return {**body, "schemaType": "AVRO", "schema": json.dumps(_avro(number, version, referring))}


def _fields(version: int) -> list[str]:
    return [f"attribute_{number}" for number in range(7 + version)]


def _avro(number: int, version: int, referring: bool) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [
        {"name": name, "type": ["null", "string"], "default": None, "doc": f"The event's {name}, if it has one."}
        for name in _fields(version)
    ]
    if referring:
        fields.append({"name": "price", "type": "org.example.Event0"})
    return {"type": "record", "name": f"Event{number}", "namespace": "org.example", "fields": fields}


def _json_schema(number: int, version: int) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": f"The event's {name}."} for name in _fields(version)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Event {number}",
        "type": "object",
        "properties": properties,
    }


def _protobuf(number: int, version: int) -> str:
    fields = [f"  string {name} = {place};" for place, name in enumerate(_fields(version), 1)]
    return "\n".join(['syntax = "proto3";', "package org.example;", f"message Event{number} {{", *fields, "}", ""])
