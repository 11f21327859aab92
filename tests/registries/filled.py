# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of Redpanda with something of everything, and what emulated registries hold."""

from __future__ import annotations

import json
from typing import Any

from registries.karapace import Karapace
from registries.redpanda import Redpanda
from registries.redpanda_state import State
from registries.serving import Request


def record(name: str, *fields: str, **types: str) -> str:
    """Return an Avro record with fields of integers without defaults, and of other types."""
    listed = [{"name": field, "type": "int"} for field in fields]
    listed += [{"name": field, "type": kind} for field, kind in types.items()]
    return json.dumps({"type": "record", "name": name, "fields": listed})


LEAF = {"name": "Leaf", "subject": "leaf", "version": 2}
VERSIONS: list[tuple[str, int, int, dict[str, Any]]] = [
    ("leaf", 2, 40, {"schema": record("Leaf", "x")}),
    ("user", 1, 7, {"schema": record("User", leaf="Leaf"), "references": [LEAF]}),
    # Each of these lacks a field of the one before: a server that compares them refuses the second.
    ("orders/value", 1, 10, {"schema": record("Order", "a")}),
    ("orders/value", 3, 12, {"schema": record("Order", "b")}),
    ("orders/value", 8, 11, {"schema": record("Order", "c")}),
    ("payments", 1, 10, {"schema": record("Order", "a")}),  # the same content, and so the same id
    ("proto", 5, 90, {"schema": 'syntax = "proto3";\nmessage M { int32 a = 1; }\n', "schemaType": "PROTOBUF"}),
    ("json", 1, 91, {"schema": '{"$schema": "http://json-schema.org/draft-07/schema#"}', "schemaType": "JSON"}),
    ("gone", 4, 60, {"schema": record("Gone", "a")}),
]
DELETED = [("orders/value", 3), ("gone", 4)]
CONFIGS = {"": "FULL", "orders/value": "NONE", "user": "FORWARD_TRANSITIVE"}
MODES = {"payments": "READONLY"}


def ask(make: Redpanda, method: str, path: str, body: Any = None) -> None:
    """Ask something of a registry that it must not refuse."""
    answer = make.answer(Request(method, path, {}, b"" if body is None else json.dumps(body).encode()))
    assert answer.status == 200, answer.value


def filled(*, has_import: bool) -> Redpanda:
    """Return a registry with gaps in its numbers, ids in no order, and something that is deleted."""
    make = Redpanda(has_import=has_import)
    ask(make, "PUT", "/config", {"compatibility": "NONE"})
    if has_import:
        ask(make, "PUT", "/mode", {"mode": "IMPORT"})
    given: set[int] = set()
    for subject, number, schema_id, body in VERSIONS:
        # Before 25.3 an id is only taken once; without one, the same content gets the same id.
        wanted = {"id": schema_id} if has_import or schema_id not in given else {}
        given.add(schema_id)
        ask(make, "POST", f"/subjects/{quoted(subject)}/versions", {**body, **wanted, "version": number})
    for subject, number in DELETED:
        ask(make, "DELETE", f"/subjects/{quoted(subject)}/versions/{number}")
    if has_import:
        ask(make, "PUT", "/mode", {"mode": "READWRITE"})
    for scope, level in CONFIGS.items():
        ask(make, "PUT", f"/config/{quoted(scope)}".rstrip("/"), {"compatibility": level})
    for scope, mode in MODES.items():
        ask(make, "PUT", f"/mode/{quoted(scope)}", {"mode": mode})
    return make


def quoted(name: str) -> str:
    """Return a name as it stands in a path."""
    return name.replace("/", "%2F")


def held(make: Karapace | Redpanda) -> dict[str, Any]:
    """Return all that an emulated registry holds."""
    state = make.state
    return {
        "versions": {
            (name, number): (version.id, version.content, version.deleted)
            for name, subject in state.subjects.items()
            for number, version in subject.versions.items()
        },
        "levels": {
            "": state.level,
            **{name: subject.level for name, subject in state.subjects.items() if subject.level},
        },
        "modes": {"": state.mode, **state.modes} if isinstance(state, State) else {},
    }
