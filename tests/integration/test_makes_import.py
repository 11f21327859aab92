# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports that depend on what Confluent's registry does: from an emulated one, into emulated ones and real ones."""

from __future__ import annotations

import copy
import json
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry
from registries.serving import Answer, Request

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, holder, place, register, set_config, set_mode
from testbed.modules import Outcome, run_module

Run = Callable[..., Outcome]
KEPT = "lifeboat.kafka.highest-id"


class Emulated(EmulatedRegistry):
    """An emulated Confluent Schema Registry.

    Args:
        name: Tells it from others.
    """

    def __init__(self, name: str) -> None:
        super().__init__(lambda: Confluent(edition="enterprise", clusters=("kafka", name)))

    def walk(self) -> dict[str, Any]:
        """Return all that it tells of its versions, by subject and number, without times."""
        found = {}
        for item in self.call("GET", "/schemas?subjectPrefix=:*:&deleted=true"):
            found[f"{item['subject']} {item['version']}"] = {k: v for k, v in item.items() if k != "ts"}
        return found


@pytest.fixture
def source() -> Iterator[Emulated]:
    """An empty registry to export from."""
    with Emulated("source") as server:
        yield server


@pytest.fixture
def target() -> Iterator[Emulated]:
    """An empty registry to import into."""
    with Emulated("target") as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Exports into and imports from an empty store."""
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()

    def with_store(name: str, server: EmulatedRegistry | AxonOpsRegistry, **options: Any) -> Outcome:
        common = {"store": store, "backup_id": "prod", "registry": {"url": server.endpoint}}
        return run_module(f"schema_registry_{name}", **{**common, **options})

    return with_store


# The highest id


def fill_and_delete(server: Emulated) -> None:
    """Give ids up to 4 in the default context and to 3 in another, the last of them to what is gone."""
    register(server, "orders", avro("Order"), avro("Order", "a"))
    register(server, ":.eu:orders", avro("EuOrder"))
    for context in ("", ":.eu:"):
        register(server, f"{context}gone", avro("Gone"), avro("Gone", "a"))
        delete(server, f"{context}gone")
        server.call("DELETE", f"/subjects/{context}gone?permanent=true")


def test_ids_of_what_is_gone_are_not_given_again(source: Emulated, target: Emulated, run: Run) -> None:
    fill_and_delete(source)
    run("export", source).succeeded()
    checked = run("import", target, check=True).succeeded()
    assert target.writes() == []
    made = run("import", target).succeeded()
    assert made["plan"] == checked["plan"]
    assert (made["plan"]["classes"], made["plan"]["actions"]["register"]) == ({"new": 3}, 5)
    assert sum(KEPT in warning and "keep_highest_id: false" in warning for warning in made["warnings"]) == 2
    assert not run("import", target).succeeded()["changed"]
    assert target.call("GET", f"/subjects/{KEPT}/versions?deletedOnly=true") == [4]
    assert target.call("GET", f"/subjects/:.eu:{KEPT}/versions?deletedOnly=true") == [3]
    assert KEPT not in target.call("GET", "/subjects")

    # a later backup of it holds that as any version, and brings it into a third registry
    run("export", target, backup_id="dr").succeeded()
    with Emulated("third") as third:
        again = run("import", third, backup_id="dr").succeeded()
        assert again["plan"]["classes"] == {"new": 5}
        assert not [warning for warning in again.get("warnings", ()) if KEPT in warning]
        assert third.walk() == target.walk()
    assert register(target, "new", avro("New")) == register(source, "new", avro("New")) == [5]
    assert register(target, ":.eu:new", avro("New")) == register(source, ":.eu:new", avro("New")) == [4]


def test_keeping_them_can_be_left_out_and_is_for_whole_contexts(source: Emulated, target: Emulated, run: Run) -> None:
    fill_and_delete(source)
    run("export", source).succeeded()
    run("import", target, subjects=["orders", ":.eu:*"], keep_highest_id=False).succeeded()
    assert set(target.walk()) == {"orders 1", "orders 2", ":.eu:orders 1"}
    run("import", target, subjects=["orders", ":.eu:*"]).succeeded()
    assert target.call("GET", f"/subjects/:.eu:{KEPT}/versions?deletedOnly=true") == [3]
    run("export", source, subjects=["orders"], backup_id="part").succeeded()
    with Emulated("third") as third:
        run("import", third, backup_id="part").succeeded()
        assert set(third.walk()) == {"orders 1", "orders 2"}


@pytest.mark.parametrize("storage", ["memory", "postgresql"])
def test_a_real_registry_does_not_give_them_again(
    source: Emulated, run: Run, registry_factory: Callable[..., AxonOpsRegistry], storage: str
) -> None:
    fill_and_delete(source)
    run("export", source).succeeded()
    target = registry_factory(storage=storage)
    run("import", target).succeeded()
    assert not run("import", target).succeeded()["changed"]
    assert register(target, "new", avro("New")) == [5]
    assert register(target, ":.eu:new", avro("New")) == [4]


# Names


def test_a_context_is_promoted(source: Emulated, target: Emulated, run: Run) -> None:
    register(source, ":.staging:test.address", avro("Address"))
    register(source, ":.staging:test.customer", holder("Customer", "Address", "test.address"))
    register(source, ":.staging:draft-order", holder("Order", "Customer", ":.staging:test.customer"))
    register(source, "elsewhere", avro("Elsewhere"))
    set_config(source, ":.staging:", compatibility="FULL")
    set_config(source, ":.staging:test.customer", compatibility="NONE", alias=":.staging:test.address")
    set_mode(source, "READONLY", ":.staging:")
    run("export", source).succeeded()
    options = {
        "subjects": [":.staging:*"],
        "subject_mapping": {
            ":.staging:test.*": ":.staging:prod.*",
            r"~:\.staging:(\w+)-(?P<x>\w+)": r":.staging:\g<x>-\1",
        },
        "context_mapping": {".staging": "."},
    }
    run("import", target, **options).succeeded()
    walked = target.walk()
    assert {name: [r["subject"] for r in told.get("references") or []] for name, told in walked.items()} == {
        "prod.address 1": [],
        "prod.customer 1": ["prod.address"],
        "order-draft 1": ["prod.customer"],
    }
    assert [told["id"] for told in walked.values()] == [3, 1, 2]
    assert target.call("GET", "/config")["compatibilityLevel"] == "FULL"
    assert target.call("GET", "/config/prod.customer")["alias"] == "prod.address"
    assert target.call("GET", "/mode") == {"mode": "READONLY"}
    assert not run("import", target, **options).succeeded()["changed"]


def test_contexts_are_kept_apart_or_refused(source: Emulated, target: Emulated, run: Run) -> None:
    register(source, "a", avro("A"), avro("A", "b"))
    register(source, ":.eu:b", avro("B"), avro("B", "b"))
    run("export", source).succeeded()
    failed = run("import", target, context_mapping={".eu": "."}).failed()
    assert "where 2 ids would stand for more than one content: 1, 2" in failed["msg"]
    assert failed["failure"] == {"code": "invalid_option", "object": "context_mapping"}
    failed = run("import", target, context_mapping={".eu": "."}, subject_mapping={":.eu:b": "a"}).failed()
    assert "bring several subjects to the name a: :.eu:b, a" in failed["msg"]
    made = run("import", target, context_mapping={".": ".de", ".eu": "."}, subject_mapping={"x*": "y*"}).succeeded()
    assert {name: told["id"] for name, told in target.walk().items()} == {
        ":.de:a 1": 1,
        ":.de:a 2": 2,
        "b 1": 1,
        "b 2": 2,
    }
    assert [w for w in made["warnings"] if "x*" in w] == [
        "subject_mapping has x*, which fits none of the selected subjects."
    ]

    with Emulated("third") as third:
        register(third, "mine", avro("Mine"))
        assigned = run("import", third, context_mapping={".eu": "."}, ids="assign").succeeded()
        pairs = {(pair["context"], pair["old"]): pair["new"] for pair in assigned["id_map"]}
        for name, told in source.walk().items():
            context, subject = (".eu", name[5:]) if name.startswith(":.eu:") else (".", name)
            assert third.walk()[subject]["id"] == pairs[context, told["id"]]
        written = json.loads(Path(assigned["id_map_file"]).read_text(encoding="utf-8"))["ids"]
        assert {(context, int(old)): new for context, ids in written.items() for old, new in ids.items()} == pairs


# Part-filled registries


def test_soft_deleted_versions_of_the_target_outlive_an_import(source: Emulated, target: Emulated, run: Run) -> None:
    register(source, "a", avro("A"))
    register(source, "b", avro("B"))
    run("export", source).succeeded()
    set_mode(target, "IMPORT")
    place(target, "old", 100, 3, avro("Old"))
    place(target, "a", 101, 7, avro("A", "other"))
    set_mode(target, "READWRITE")
    delete(target, "old")
    delete(target, "a")
    before = target.walk()
    run("import", target).succeeded()
    after = target.walk()
    assert {name: after.pop(name) for name in before} == before
    assert after == source.walk()
    assert not any(
        "/mode/a" in r.target and b"IMPORT" in r.body and "force=true" not in r.target for r in target.writes()
    )
    assert {scope: target.make.settings.modes.get(scope) for scope in ("a", "b")} == {"a": None, "b": None}


def test_a_live_version_may_refer_to_a_soft_deleted_one(source: Emulated, target: Emulated, run: Run) -> None:
    register(source, "leaf", avro("Leaf"))
    register(source, "user", holder("User", "Leaf", "leaf"))
    delete(source, "user")
    delete(source, "leaf")
    register(source, "user", holder("User", "Leaf", "leaf"))
    assert {name: bool(told.get("deleted")) for name, told in source.walk().items()} == {
        "leaf 1": True,
        "user 2": False,
    }
    run("export", source).succeeded()
    run("import", target).succeeded()
    assert target.walk() == source.walk()
    assert not run("import", target).succeeded()["changed"]


@pytest.mark.parametrize("filled", [False, True])
def test_a_config_that_rewrites_texts_is_switched_off_meanwhile(
    source: Emulated, target: Emulated, run: Run, filled: bool
) -> None:
    text = '{"type":"object","title":"T","properties":{"b":{"type":"string"},"a":{"type":"string"}}}'
    register(source, "t", {"schemaType": "JSON", "schema": text})
    if filled:
        set_mode(target, "IMPORT")
        place(target, "mine", 900, 1, avro("Mine"))
        set_mode(target, "READWRITE")
    set_config(target, compatibility="FULL", normalize=True)
    set_config(target, "t", validateFields=True)
    settings = target.make.settings
    before = copy.deepcopy((settings.configs, settings.modes))
    run("export", source).succeeded()
    run("import", target).succeeded()
    assert target.walk()["t 1"] == source.walk()["t 1"]
    # Also a level that the registry tells where none is set must not have become one.
    assert (settings.configs, settings.modes) == before
    assert not run("import", target).succeeded()["changed"]


class Refusing:
    """A registry that does not take one subject, until it is told to.

    Args:
        make: The registry.
        subject: The subject.
    """

    def __init__(self, make: Confluent, subject: str) -> None:
        self._make, self._subject, self.refuses = make, subject, True

    def answer(self, request: Request) -> Answer:
        """Carry a request out, or refuse it."""
        if self.refuses and request.method == "POST" and request.path.startswith(f"/subjects/{self._subject}/"):
            return Answer(422, {"error_code": 42201, "message": "Invalid schema"})
        return self._make.answer(request)


def test_a_config_that_was_switched_off_is_back_when_an_import_stops(
    source: Emulated, target: Emulated, run: Run
) -> None:
    fill_and_delete(source)
    register(source, "t", avro("T"))
    set_config(target, compatibility="FULL", normalize=True)
    held = target.make.settings
    before = copy.deepcopy((held.configs, held.modes))
    run("export", source).succeeded()
    target.make = Refusing(target.make, "t")
    failed = run("import", target).failed()
    assert "these stay closed to writers: (global), :.eu:." in failed["msg"]
    # the other context has all its schemas, but could still give the ids of what is gone
    assert (held.configs, held.modes) == (before[0], {"": "READONLY", ":.eu:": "READONLY"})
    target.make.refuses = False
    run("import", target).succeeded()
    assert (held.configs, held.modes) == before
    assert not run("import", target).succeeded()["changed"]


# Aliases


def test_names_that_aliases_lead_to_come_along(source: Emulated, target: Emulated, run: Run) -> None:
    """Also in a circle, and without versions; what only leads to such a name is listed nowhere (surprise 12)."""
    register(source, "orders", avro("Order"))
    leads = {"front": "orders", "orders": "left", "left": "right", "right": "left", "behind": "front"}
    for name, alias in leads.items():
        set_config(source, name, alias=alias)
    set_config(source, "right", aliasForDeks=":.eu:keys")
    set_config(source, ":.eu:keys", compatibility="FULL")
    set_mode(source, "READONLY", "left")
    run("export", source).succeeded()
    run("import", target).succeeded()
    for name in ("front", "orders", "left", "right", ":.eu:keys"):
        assert target.call("GET", f"/config/{name}") == source.call("GET", f"/config/{name}")
    assert target.call("GET", "/mode/left") == {"mode": "READONLY"}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        target.call("GET", "/config/behind")
    run("export", source, subjects=["orders", "le*"], backup_id="part").succeeded()
    with Emulated("third") as third:
        run("import", third, backup_id="part").succeeded()
        assert third.call("GET", "/config/left") == source.call("GET", "/config/left")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            third.call("GET", "/config/right")
