# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips of Redpanda's registry, before 25.3 and from then on, emulated as its source has it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
from registries.redpanda import Redpanda
from registries.serving import RegistryServer, Request

from testbed.modules import run_module

BOTH = pytest.mark.parametrize("has_import", [False, True], ids=["before 25.3", "from 25.3"])


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
    ("json", 1, 91, {"schema": '{"type": "object"}', "schemaType": "JSON"}),
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


def held(server: RegistryServer) -> dict[str, Any]:
    """Return all that an emulated registry holds."""
    state = server.make.state
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
        "modes": {"": state.mode, **state.modes},
    }


@pytest.fixture
def serve() -> Any:
    """Serve registries until the test ends."""
    with ExitStack() as stack:
        yield lambda make: stack.enter_context(RegistryServer(make))


@BOTH
def test_it_is_recognised_and_says_in_which_mode_it_takes_ids(serve, run_in_store, has_import):
    told = run_module("schema_registry_info", registry={"url": serve(Redpanda(has_import=has_import)).endpoint})
    registry = told.succeeded()["registry"]
    assert registry["implementation"] == "redpanda"
    assert registry["healthy"]
    assert registry["capabilities"]["ids_in"] == ("IMPORT" if has_import else "READWRITE")


@BOTH
@pytest.mark.parametrize("from_import", [False, True], ids=["of before", "of later"])
def test_a_registry_comes_back_to_the_number_and_a_second_import_changes_nothing(
    serve, run_in_store, has_import, from_import
):
    source, target = serve(filled(has_import=from_import)), serve(Redpanda(has_import=has_import))
    run_in_store("schema_registry_export", source).succeeded()
    assert run_in_store("schema_registry_import", target).succeeded()["changed"]
    assert held(target) == held(source)
    writes = len(target.writes())
    assert not run_in_store("schema_registry_import", target).succeeded()["changed"]
    assert len(target.writes()) == writes


@BOTH
def test_what_others_registered_stays_and_what_is_missing_is_added(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    ask(target.make, "POST", "/subjects/theirs/versions", {"schema": record("Theirs", "a")})
    run_in_store("schema_registry_export", source).succeeded()
    run_in_store("schema_registry_import", target).succeeded()
    after, wanted = held(target)["versions"], held(source)["versions"]
    assert after.pop(("theirs", 1))[0] == 1
    assert after == wanted
    assert held(target)["modes"] == held(source)["modes"]


@BOTH
def test_an_id_that_is_taken_stops_an_import_before_it_writes(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    ask(target.make, "PUT", "/config", {"compatibility": "NONE"})
    for number in range(1, 8):
        ask(target.make, "POST", "/subjects/theirs/versions", {"schema": record("Theirs", f"f{number}")})
    before = held(target)
    run_in_store("schema_registry_export", source).succeeded()
    failed = run_in_store("schema_registry_import", target).failed()
    assert "user" in failed["msg"]
    assert target.writes() == []
    assert held(target) == before


@BOTH
def test_ids_can_be_assigned(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    run_in_store("schema_registry_export", source).succeeded()
    run_in_store("schema_registry_import", target, ids="assign").succeeded()
    there = {(name, content.text, gone) for (name, _n), (_i, content, gone) in held(target)["versions"].items()}
    assert there == {(name, content.text, gone) for (name, _n), (_i, content, gone) in held(source)["versions"].items()}
    assert not run_in_store("schema_registry_import", target, ids="assign").succeeded()["changed"]
