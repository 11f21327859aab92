# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports that also read the topic of a registry: an emulated registry, and its recorded topic on a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.confluent_recorded import FOLDER, recorded_state
from registries.emulated import EmulatedRegistry
from registries.recorded_topic import write_recorded
from registries.recordings import read_lines
from registries.serving import Answer, RegistryServer, Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import SCHEMA_REGISTRY
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store, storage_of
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import StoreSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.read_archive import read_archive
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    UNSET,
    RegistryState,
    ScopeSettings,
    Setting,
)
from testbed.apicurio import COMPATIBLE, Apicurio
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, register
from testbed.kafka import Kafka
from testbed.modules import Outcome, run_module
from testbed.records import Message, send
from testbed.topics import Topics

HIGHEST = 1206
"""The highest id that the recorded registry gave in its default context."""


@pytest.fixture(scope="module")
def server() -> Iterator[RegistryServer]:
    """A registry in the recorded state, which tests only read."""
    with RegistryServer(recorded_state()) as serving:
        yield serving


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """A broker of one's own, on which nobody else has a topic of the usual name."""
    with Kafka() as broker:
        yield broker


def export(server: RegistryServer | AxonOpsRegistry, store: Path, **options: Any) -> Outcome:
    return with_store("export", server, store, **options)


def restore(server: EmulatedRegistry, store: Path, **options: Any) -> Outcome:
    return with_store("import", server, store, **options)


def with_store(name: str, server: RegistryServer | AxonOpsRegistry, store: Path, **options: Any) -> Outcome:
    common = {"store": {"path": str(store)}, "backup_id": "prod", "registry": {"url": server.endpoint}}
    return run_module(f"schema_registry_{name}", **{**common, **options})


def delete_all(kafka: Kafka, topic: str) -> None:
    """Delete for good, in its topic, all that the recorded registry held."""
    keys = {line["key"] for line in read_lines(FOLDER / "schemas-topic.jsonl.gz") if line["value"] is not None}
    send(kafka.client, topic, [Message(key.encode(), None) for key in sorted(keys)])


def archived(store: Path) -> RegistryState:
    opened = Store.open(storage_of(StoreSettings(path=str(store))))
    point = find_point(opened, "prod", "latest", [SCHEMA_REGISTRY])
    return read_archive(opened, point, Selection(), on_damage="fail").state


def test_the_topic_tells_what_no_request_does(server: RegistryServer, kafka: Kafka, store: Path) -> None:
    write_recorded(kafka, "_schemas")
    without = export(server, store).succeeded()
    assert without["schemas"]["unknown_settings"] > 0
    known = archived(store)
    assert "ghost-config" not in known.settings

    told = export(server, store, kafka=kafka.options).succeeded()
    assert told["changed"]
    assert told["schemas"]["unknown_settings"] == 0
    unplaced = "Not in the restore point, since it has no place there: 3 associations of subjects with topics."
    assert unplaced in told["warnings"]
    assert told["schemas"]["settled"]
    state = archived(store)
    assert {key: version.id for key, version in state.versions.items()} == {
        key: version.id for key, version in known.versions.items()
    }
    assert state.settings["ghost-config"].config == Setting({"compatibilityLevel": "NONE"}, is_set=True)
    assert state.settings["cfg-alias"].config == Setting({"alias": "orders-value"}, is_set=True)
    assert state.settings["cfg-alias2"].config.value["alias"] == "cfg-alias"
    assert state.settings["ghost-mode"].mode == Setting("READONLY_OVERRIDE", is_set=True)
    assert state.settings[":.__GLOBAL:"] == ScopeSettings(UNSET, UNSET)
    assert state.settings[""].config.is_set
    assert ".ctx-empty" in state.contexts

    requests = len(server.requests)
    assert not export(server, store, kafka=kafka.options).succeeded()["changed"]
    asked = server.requests[requests:]
    listings = [one for one in asked if one.path == "/schemas"]
    assert len(listings) == 2  # a page and the empty one behind it: nothing came to the topic, so it is read once
    assert not [one for one in asked if one.path.startswith(("/config", "/mode"))]


def kept_ids(server: EmulatedRegistry, context: str = "") -> Any:
    """Return the ids of a context that are only kept from being given again."""
    return server.call("GET", f"/subjects/{context}lifeboat.kafka.highest-id/versions?deletedOnly=true")


def test_ids_of_a_context_without_versions_are_not_given_again(
    server: RegistryServer, kafka: Kafka, store: Path
) -> None:
    """The recorded registry gave the id 1 in a context that it then removed with all its versions."""
    write_recorded(kafka, "_schemas_of_all")
    export(server, store, kafka=kafka.options, schemas_topic="_schemas_of_all").succeeded()
    assert archived(store).highest_ids[".ctx-del"] == 1
    with EmulatedRegistry(Confluent) as target:
        made = restore(target, store, accept_losses=["rules", "configs"]).succeeded()
        assert [note for note in made["warnings"] if "ids up to 1 in the context .ctx-del, of which all" in note]
        assert kept_ids(target, ":.ctx-del:") == [1]
        assert register(target, ":.ctx-del:new", avro("New")) == [2]


def test_ids_of_a_registry_that_was_emptied_are_not_given_again(kafka: Kafka, store: Path) -> None:
    """The topic of an empty registry, after all that the recorded one held was deleted for good."""
    topic = "_schemas_emptied"
    write_recorded(kafka, topic)
    delete_all(kafka, topic)
    with EmulatedRegistry(Confluent) as empty, EmulatedRegistry(Confluent) as target:
        export(empty, store, kafka=kafka.options, schemas_topic=topic).succeeded()
        state = archived(store)
        assert (state.versions, state.highest_ids["."]) == ({}, HIGHEST)
        restore(target, store, keep_highest_id=False).succeeded()
        assert target.call("GET", "/subjects?deleted=true") == []
        restore(target, store).succeeded()
        assert kept_ids(target) == [HIGHEST]
        assert not restore(target, store).succeeded()["changed"]
        assert register(target, "new", avro("New")) == [HIGHEST + 1]


class Hiding:
    """A registry that lacks the secret of the sensitive metadata of one version: this is missing in all lists."""

    def __init__(self) -> None:
        self._whole = recorded_state()

    def answer(self, request: Request) -> Answer:
        answer = self._whole.answer(request)
        if "meta-sensitive" in request.segments:
            return Answer(200, []) if request.path.endswith("/versions") else Answer(500, {"error_code": 50001})
        if request.path == "/subjects":
            return replace(answer, value=[name for name in answer.value if name != "meta-sensitive"])
        if request.path == "/schemas":
            return replace(answer, value=[item for item in answer.value if item["subject"] != "meta-sensitive"])
        return answer


def test_a_version_that_its_registry_hides_is_counted(kafka: Kafka, store: Path) -> None:
    """Surprise 22: without the secret of its metadata, the version is in no list."""
    write_recorded(kafka, "_schemas_of_hiding")
    with RegistryServer(Hiding()) as hiding:
        told = export(hiding, store, kafka=kafka.options, schemas_topic="_schemas_of_hiding").succeeded()
    assert (told["schemas"]["versions"], told["schemas"]["unseen_versions"]) == (99, 1)
    assert [warning for warning in told["warnings"] if "did not show 1 version that its topic holds" in warning]


def test_what_keeps_an_id_comes_into_a_registry_that_is_filled_at_once(
    kafka: Kafka, store: Path, new_apicurio: Apicurio
) -> None:
    """Contexts of which only ids are known are among what it cannot hold."""
    topic = "_schemas_for_apicurio"
    write_recorded(kafka, topic)
    delete_all(kafka, topic)
    with EmulatedRegistry(Confluent) as empty:
        export(empty, store, kafka=kafka.options, schemas_topic=topic).succeeded()
    [loss] = restore(new_apicurio, store).failed()["failure"]["losses"]
    assert (loss["kind"], loss["count"], loss["subjects"][1]) == ("contexts", 7, ":.ctx-del:")
    restore(new_apicurio, store, accept_losses=["contexts"]).succeeded()
    assert not restore(new_apicurio, store, accept_losses=["contexts"]).succeeded()["changed"]
    given = new_apicurio.call("POST", f"{COMPATIBLE}/subjects/new/versions", avro("New"))["id"]
    assert given > HIGHEST


def test_only_the_settings_of_chosen_subjects_come_along(server: RegistryServer, kafka: Kafka, store: Path) -> None:
    write_recorded(kafka, "_schemas_of_some")
    more = {"subjects": ["orders-*", "ghost-c*"], "schemas_topic": "_schemas_of_some"}
    export(server, store, kafka=kafka.options, **more).succeeded()
    settings = archived(store).settings
    assert {"orders-value", "ghost-config"} <= settings.keys()
    assert not {"ghost-mode", "cfg-alias"} & settings.keys()


def test_the_topic_of_another_registry_is_refused(server: RegistryServer, kafka: Kafka, store: Path) -> None:
    write_recorded(kafka, "_schemas_cut", first=10)
    failure = export(server, store, kafka=kafka.options, schemas_topic="_schemas_cut").failed()
    assert failure["failure"]["code"] == "foreign_topic"
    assert "orders-value version 1" in failure["msg"]
    assert not (store / "prod" / "restore-points").exists()


def test_what_is_no_registrys_topic_is_refused(server: RegistryServer, kafka: Kafka, store: Path) -> None:
    Topics(kafka.client).create("two", 2)
    assert "2 partitions" in export(server, store, kafka=kafka.options, schemas_topic="two").failed()["msg"]
    assert "No such topic: none" in export(server, store, kafka=kafka.options, schemas_topic="none").failed()["msg"]
    assert "needs kafka" in export(server, store, schemas_topic="_schemas").failed()["msg"]


def test_a_registry_without_a_topic_refuses_one(registry: AxonOpsRegistry, kafka: Kafka, store: Path) -> None:
    assert "in no topic" in export(registry, store, kafka=kafka.options).failed()["msg"]
