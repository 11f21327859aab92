# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills registries, and tells all that they hold, over their REST interface and without the collection's code."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from testbed.axonops import AxonOpsRegistry

Body = dict[str, Any]

PROTO = 'syntax = "proto3";\n// kept\nmessage Event { string a = 1; }\n'
PERSON = {"schemaType": "JSON", "schema": '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Person"}'}


def avro(name: str, *fields: str, **more: Any) -> Body:
    """Return the body of a registration: a record with fields of text, all with a default; and more."""
    told = [{"name": field, "type": "string", "default": ""} for field in fields]
    return {"schema": json.dumps({"type": "record", "name": name, "fields": told}), **more}


def holder(name: str, held: str, subject: str, version: int = 1) -> Body:
    """Return the body of a registration: a record with a field of a type that another subject has."""
    record = {"type": "record", "name": name, "fields": [{"name": "held", "type": held}]}
    return {
        "schema": json.dumps(record),
        "references": [{"name": held, "subject": subject, "version": version}],
    }


def register(server: AxonOpsRegistry, subject: str, *bodies: Body) -> list[int]:
    """Register versions of a subject, in their order, and return their ids."""
    return [server.call("POST", f"/subjects/{segment(subject)}/versions", body)["id"] for body in bodies]


def place(server: AxonOpsRegistry, subject: str, schema_id: int, version: int, body: Body) -> None:
    """Register a version with an id and a number of one's own; the registry must be open for that."""
    given = register(server, subject, {**body, "id": schema_id, "version": version})
    assert given == [schema_id], given


def set_mode(server: AxonOpsRegistry, mode: str, scope: str = "") -> None:
    """Set a mode, whatever the scope holds."""
    server.call("PUT", f"/mode{_below(scope)}?force=true", {"mode": mode})


def set_config(server: AxonOpsRegistry, scope: str = "", **config: Any) -> None:
    """Set a config."""
    server.call("PUT", f"/config{_below(scope)}", config)


def delete(server: AxonOpsRegistry, subject: str, version: int | None = None, *, permanent: bool = False) -> None:
    """Soft-delete a version, or a subject; with ``permanent`` for good."""
    path = f"/subjects/{segment(subject)}" + ("" if version is None else f"/versions/{version}")
    server.call("DELETE", path)
    if permanent:
        server.call("DELETE", f"{path}?permanent=true")


def fill(server: AxonOpsRegistry) -> None:
    """Register something of everything: types, references two deep, a gap, soft deletes, settings, a context."""
    _fill_avro(server)
    register(server, "person", {"schemaType": "JSON", "schema": '{"type": "object",  "title": "Person"}'})
    register(
        server, "event", {"schemaType": "PROTOBUF", "schema": 'syntax = "proto3";\nmessage Event { string a = 1; }\n'}
    )
    register(server, "gone", avro("Gone"))
    delete(server, "gone")
    register(server, ":.eu:orders-value", avro("EuOrder", "vat"))
    set_config(server, compatibility="FORWARD")
    set_config(server, "payments-value", compatibility="NONE", normalize=True)
    set_config(server, ":.eu:orders-value", compatibility="FULL")
    set_mode(server, "READONLY", "person")


def fill_plain(server: Any) -> None:
    """The same without contexts, modes and settings that few registries have; with odd names."""
    _fill_avro(server)
    register(server, "person", PERSON)
    register(server, "event", {"schemaType": "PROTOBUF", "schema": PROTO})
    register(server, "gone", avro("Gone", "a"), {"schemaType": "AVRO", **avro("Gone", "b")})
    delete(server, "gone")
    for name in ("a/b", "100% é", "..."):
        register(server, name, avro("Odd", "x"))
    set_config(server, compatibility="FORWARD")
    set_config(server, "payments-value", compatibility="NONE")


def _fill_avro(server: Any) -> None:
    register(server, "address", avro("Address", "street"), avro("Address", "street", "town"))
    register(server, "customer", holder("Customer", "Address", "address", 2))
    register(server, "orders-value", holder("Order", "Customer", "customer"))
    register(server, "payments-value", *(avro("Payment", *"abcd"[:count]) for count in range(1, 5)))
    delete(server, "payments-value", 2, permanent=True)
    delete(server, "payments-value", 1)


def holding(server: AxonOpsRegistry, more: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Return all that a registry holds: what each version is, and what each scope has set of its own.

    Args:
        server: The registry.
        more: Scopes without versions that are asked too.
    """
    contexts = server.call("GET", "/contexts") or ["."]
    versions = {}
    for context in contexts:
        below = "" if context == "." else f"/contexts/{context}"
        live = {_key(item) for item in server.call("GET", f"{below}/schemas") or []}
        for item in server.call("GET", f"{below}/schemas?deleted=true") or []:
            subject = _qualified(context, item["subject"])
            versions[subject, item["version"]] = _version(server, subject, item["version"], _key(item) not in live)
    scopes = {
        "",
        *more,
        *(subject for subject, _version in versions),
        *(f":{name}:" for name in contexts if name != "."),
    }
    return {
        "versions": {
            f"{subject} version {version}": versions[subject, version] for subject, version in sorted(versions)
        },
        "configs": _settings(server, "config", scopes),
        "modes": _settings(server, "mode", scopes),
    }


def _qualified(context: str, subject: str) -> str:
    """Some registries tell a subject's context with its name, some do not."""
    return subject if context == "." or subject.startswith(":.") else f":{context}:{subject}"


def _version(server: AxonOpsRegistry, subject: str, version: int, deleted: bool) -> Body:
    told = server.call("GET", f"/subjects/{segment(subject)}/versions/{version}?deleted=true")
    metadata = told.get("metadata") or {}
    properties = {k: v for k, v in (metadata.get("properties") or {}).items() if k != "confluent:version"}
    facts = {name: told[name] for name in ("id", "schemaType", "schema", "references", "ruleSet") if told.get(name)}
    metadata = {name: value for name, value in {**metadata, "properties": properties}.items() if value}
    return facts | ({"metadata": metadata} if metadata else {}) | ({"deleted": True} if deleted else {})


def _settings(server: AxonOpsRegistry, what: str, scopes: set[str]) -> dict[str, Any]:
    found = {}
    for scope in sorted(scopes):
        try:
            found[scope] = server.call("GET", f"/{what}{_below(scope)}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
    return found


def _key(item: Mapping[str, Any]) -> tuple[str, int]:
    return item["subject"], item["version"]


def _below(scope: str) -> str:
    return f"/{segment(scope)}" if scope else ""


def segment(name: str) -> str:
    """Return a name as it stands in a path."""
    return quote(name, safe=":")
