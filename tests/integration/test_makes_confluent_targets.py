# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What imports into Confluent registries do with what is there already: on the emulated one, held to recordings.

The numbers of surprises are those of ``tests/fixtures/registries/confluent/README.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.confluent_recorded import texts
from registries.serving import RegistryServer, Request

from testbed.contents import avro
from testbed.modules import Outcome, run_module

FIRST, SECOND, THIRD = avro("Order", "a"), avro("Order", "a", "b"), avro("Order", "a", "b", "c")
FOREIGN = avro("Foreign", "x")

Run = Callable[..., Outcome]


def ask(server: RegistryServer, method: str, path: str, body: Any = None) -> Any:
    """Ask a registry without being counted, and return the answer."""
    sent = b"" if body is None else json.dumps(body).encode()
    answer = server.make.answer(Request(method, path, {}, sent))
    assert answer.status == 200, answer
    return json.loads(answer.body)


def register(server: RegistryServer, subject: str, *bodies: dict[str, Any]) -> None:
    for body in bodies:
        ask(server, "POST", f"/subjects/{subject}/versions", body)


def place(server: RegistryServer, subject: str, schema_id: int, version: int, body: dict[str, Any]) -> None:
    """Register a version under an id and a number of one's own."""
    ask(server, "PUT", f"/mode/{subject}?force=true", {"mode": "IMPORT"})
    ask(server, "POST", f"/subjects/{subject}/versions", {**body, "id": schema_id, "version": version})
    ask(server, "DELETE", f"/mode/{subject}")


@pytest.fixture
def source() -> Iterator[RegistryServer]:
    with RegistryServer(Confluent(clusters=("kafka", "source"))) as server:
        yield server


@pytest.fixture
def target() -> Iterator[RegistryServer]:
    with RegistryServer(Confluent(clusters=("kafka", "target"))) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a module with a store of the test's own."""
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()

    def with_store(name: str, server: RegistryServer, **options: Any) -> Outcome:
        return run_module(name, registry={"url": server.endpoint}, store=store, backup_id="prod", **options)

    return with_store


def copied(source: RegistryServer, target: RegistryServer, run: Run, **options: Any) -> dict[str, Any]:
    """Export a registry and import it into another, with success."""
    run("schema_registry_export", source).succeeded()
    return run("schema_registry_import", target, **options).succeeded()


@pytest.mark.parametrize("subject", ["orders", ":.eu:orders"])
def test_what_a_target_has_soft_deleted_stays(
    source: RegistryServer, target: RegistryServer, run: Run, subject: str
) -> None:
    """Surprise 1: entering the mode IMPORT erases soft-deleted versions, and the global mode those of all contexts."""
    place(source, subject, 70, 1, FIRST)
    for gone in ("gone", ":.eu:gone"):
        register(target, gone, FOREIGN)
        ask(target, "DELETE", f"/subjects/{gone}")
    copied(source, target, run)
    assert ask(target, "GET", "/subjects") == [subject]
    assert ask(target, "GET", "/subjects?deletedOnly=true") == [":.eu:gone", "gone"]


def test_a_target_that_normalises_gets_texts_as_they_were(
    source: RegistryServer, target: RegistryServer, run: Run
) -> None:
    """Surprises 2 and 9: a config with ``normalize`` rewrites texts even in the mode IMPORT, and configs are merged."""
    unsorted = {"schemaType": "JSON", "schema": '{"type":"object","additionalProperties":false}'}
    register(source, "orders", unsorted)
    ask(source, "PUT", "/config/orders", {"compatibility": "FULL", "alias": "bills"})
    config = {"compatibility": "NONE", "normalize": True, "defaultMetadata": {"properties": {"by": "target"}}}
    ask(target, "PUT", "/config", config)
    ask(target, "PUT", "/config/orders", {"normalize": True, "compatibilityGroup": "g"})
    copied(source, target, run, strategy="overwrite")
    [held] = ask(target, "GET", "/schemas")
    assert held["schema"] == unsorted["schema"]
    assert "metadata" not in held
    assert ask(target, "GET", "/config/orders") == {"alias": "bills", "compatibilityLevel": "FULL"}


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize(("subject", "schema_id"), [("orders", 9), ("foreign", 1)], ids=["same version", "same id"])
def test_another_schema_in_its_place_is_a_conflict_before_any_write(
    source: RegistryServer, target: RegistryServer, run: Run, subject: str, schema_id: int, deleted: bool
) -> None:
    """Surprise 3: IMPORT puts a version in the place of another; an id counts even where it is soft-deleted."""
    register(source, "orders", FIRST)
    place(target, subject, schema_id, 1, FOREIGN)
    if deleted:
        ask(target, "DELETE", f"/subjects/{subject}/versions/1")
    run("schema_registry_export", source).succeeded()
    failure = run("schema_registry_import", target).failed()["failure"]
    assert failure["code"] == "import_conflict"
    assert target.writes() == []


def test_ids_and_numbers_at_the_edges_are_kept(source: RegistryServer, target: RegistryServer, run: Run) -> None:
    """Surprise 4: the largest id is taken, too, and the one after it is negative."""
    place(source, "orders", 0, 3, FIRST)
    place(source, "orders", 2**31 - 2, 2**31 - 2, SECOND)
    copied(source, target, run)
    told = [(item["id"], item["version"]) for item in ask(target, "GET", "/schemas")]
    assert told == [(0, 3), (2**31 - 2, 2**31 - 2)]

    place(source, "bills", 2**31 - 1, 1, THIRD)
    run("schema_registry_export", source).succeeded()
    written = len(target.writes())
    [conflict] = run("schema_registry_import", target).failed()["failure"]["conflicts"]
    assert (conflict["subject"], conflict["kind"]) == ("bills", "id_out_of_range")
    assert len(target.writes()) == written


def test_a_text_that_the_target_writes_in_its_own_form_is_the_same(
    source: RegistryServer, target: RegistryServer, run: Run
) -> None:
    """Surprise 19: all texts that a real one was seen to store in another form."""
    target.make = Confluent(texts=texts(), clusters=("kafka", "target"))
    rewritten = {
        f"s{n}": (*sent, stored) for n, (sent, stored) in enumerate(texts().stored.items()) if sent[1] != stored
    }
    for subject, (kind, text, _stored) in rewritten.items():
        register(source, subject, {"schemaType": kind, "schema": text})
    copied(source, target, run)
    held = {item["subject"]: item["schema"] for item in ask(target, "GET", "/schemas")}
    assert held == {subject: stored for subject, (_kind, _text, stored) in rewritten.items()}
    assert not run("schema_registry_import", target).succeeded()["changed"]


def test_a_soft_deleted_version_is_brought_to_life_and_a_live_one_is_deleted(
    source: RegistryServer, target: RegistryServer, run: Run
) -> None:
    """Surprises 4 and 18: registering again brings back to life, and erases lower soft-deleted ones of the same id."""
    for version, schema_id in ((2, 7), (3, 8), (5, 7)):
        place(source, "orders", schema_id, version, FIRST if schema_id == 7 else SECOND)
    for version, schema_id in ((3, 8), (5, 7)):
        place(target, "orders", schema_id, version, FIRST if schema_id == 7 else SECOND)
    ask(source, "DELETE", "/subjects/orders/versions/2")
    ask(target, "DELETE", "/subjects/orders/versions/3")
    copied(source, target, run, strategy="overwrite")
    assert ask(target, "GET", "/subjects/orders/versions?deletedAsNegative=true") == [-2, 3, 5]
    assert [ask(target, "GET", f"/subjects/orders/versions/{v}?deleted=true")["id"] for v in (2, 3, 5)] == [7, 8, 7]


def test_the_number_in_metadata_is_the_registrys_own_where_it_assigns_ids(
    source: RegistryServer, target: RegistryServer, run: Run
) -> None:
    """Surprise 20: ``confluent:version`` is corrected when a version is registered without a number."""
    numbered = {"properties": {"confluent:version": "4", "owner": "a"}}
    place(source, "orders", 7, 4, {**FIRST, "metadata": numbered})
    place(source, "bills", 8, 4, {**SECOND, "metadata": {"properties": {"confluent:version": "4"}}})
    copied(source, target, run, ids="assign")
    told = {item["subject"]: (item["version"], item.get("metadata")) for item in ask(target, "GET", "/schemas")}
    assert told == {"bills": (1, None), "orders": (1, {"properties": {"owner": "a"}})}
    assert not run("schema_registry_import", target, ids="assign").succeeded()["changed"]
    assert not run("schema_registry_import", source, ids="assign").succeeded()["changed"]


def test_more_versions_than_a_page_holds(source: RegistryServer, target: RegistryServer, run: Run) -> None:
    """Surprise 6: a page has 1000 versions, whatever the limit."""
    for number in range(1015):
        register(source, f":.bulk:s{number:04}", FIRST)
    made = copied(source, target, run)
    assert made["plan"]["actions"]["register"] == 1015
    assert len(ask(target, "GET", "/subjects?subjectPrefix=:.bulk:")) == 1015


@pytest.mark.parametrize("scope", ["", "/:.eu:", "/:.eu:orders"])
def test_a_target_that_is_closed_is_closed_again(
    source: RegistryServer, target: RegistryServer, run: Run, scope: str
) -> None:
    """Surprise 23: READONLY blocks registering, deleting and configs, for a subject, a context or all."""
    register(source, ":.eu:orders", FIRST, SECOND)
    register(source, "bills", FIRST)
    ask(source, "DELETE", "/subjects/:.eu:orders/versions/1")
    ask(source, "PUT", "/config/:.eu:orders", {"compatibility": "FULL"})
    ask(target, "PUT", f"/mode{scope}", {"mode": "READONLY"})
    copied(source, target, run)
    assert ask(target, "GET", f"/mode{scope}") == {"mode": "READONLY"}
    assert ask(target, "GET", "/subjects/:.eu:orders/versions?deletedAsNegative=true") == [-1, 2]
    assert ask(target, "GET", "/config/:.eu:orders") == {"compatibilityLevel": "FULL"}


def test_what_is_sensitive_is_said_to_lie_in_clear(source: RegistryServer, run: Run) -> None:
    """Surprise 22."""
    register(source, "orders", {**FIRST, "metadata": {"properties": {"owner": "a"}, "sensitive": ["owner"]}})
    made = run("schema_registry_export", source).succeeded()
    assert made["schemas"]["sensitive"] == 1
    assert ["in clear" in warning for warning in made["warnings"]] == [True]
