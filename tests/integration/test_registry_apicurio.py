# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Apicurio dialect on a real registry; what its capabilities claim is true of the server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.same_texts import WITHOUT_DOCS

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry import apicurio as dialect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import shows_type
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    GLOBAL_SCOPE,
    UNSET,
    Reference,
    SchemaContent,
    SchemaVersion,
    Setting,
    VersionKey,
)
from testbed.apicurio import COMPATIBLE, NATIVE, VERSION, Apicurio

JSON_SCHEMA = '{"$schema":"http://json-schema.org/draft-07/schema#","maximum":1.50,"title":"é"}'
NAMES = [
    "a/b", "a b", "100%", "a%2Fb", "plus+plus", "q?m=1&x", "hash#tag", "semi;colon", "at@x", "com,ma", "star*",
    '"quotes"', "back\\slash", "tab\tx", "\u00e9-nfc", "e\u0301-nfd", "日本", "😀", "<x>", ".", ":lead", "a:b",
    "x" * 512, "".join(chr(code) for code in (*range(32), *range(127, 160)) if code not in (10, 13, 133)),
]  # fmt: skip


def avro(name: str, **more: object) -> SchemaContent:
    record = {"type": "record", "name": name, "fields": [{"name": "a", "type": "int"}], **more}
    return SchemaContent("AVRO", json.dumps(record, separators=(",", ":")))


def holder(name: str, held: str, subject: str, version: int) -> SchemaContent:
    record = {"type": "record", "name": name, "fields": [{"name": "held", "type": held}]}
    return SchemaContent("AVRO", json.dumps(record, separators=(",", ":")), (Reference(held, subject, version),))


def speak(server: Apicurio, path: str = "", **options: object) -> Registry:
    # No retries, so that none hides a fault; a busy machine may keep a server from its answer for half a minute.
    family = {"url": [server.endpoint + path], "retries": 0, "timeout": 180, **options}
    return connect(RegistrySettings.from_options(family))


def register(registry: Registry, subject: str, *contents: SchemaContent) -> list[int]:
    """Register contents one after the other; return the ids."""
    return [registry.register(SchemaVersion(subject, 0, 0, content), with_id=False) for content in contents]


def make(server: Apicurio, name: str, content: str, *, group: str = "default", **more: Any) -> None:
    """Make an artifact, or another version of it, through the server's own interface."""
    kind, number, draft = more.get("kind", "AVRO"), more.get("version", "1"), more.get("draft", False)
    first = {
        "version": number,
        "isDraft": draft,
        "content": {"content": content, "contentType": "application/json"},
    }
    body = {"artifactId": name, "artifactType": kind, "firstVersion": first}
    server.call("POST", f"{NATIVE}/groups/{group}/artifacts?ifExists=CREATE_VERSION", body)


def state(registry: Registry) -> dict[VersionKey, bool]:
    return {key: listed.deleted for key, listed in registry.list_versions().versions.items()}


@pytest.fixture
def registry(apicurio: Apicurio) -> Registry:
    return speak(apicurio)


@contextmanager
def having(server: Apicurio, setting: str, value: str) -> Iterator[None]:
    """Change one of the server's own settings for a while."""
    path = f"{NATIVE}/admin/config/properties/apicurio.ccompat.{setting}"
    server.call("PUT", path, {"value": value})
    try:
        yield
    finally:
        server.call("DELETE", path)


@pytest.fixture
def legacy(apicurio: Apicurio) -> Iterator[Apicurio]:
    """The registry in the mode in which Confluent's clients get the other kind of ids."""
    with having(apicurio, "legacy-id-mode.enabled", "true"):
        yield apicurio


@pytest.fixture
def limited(apicurio: Apicurio) -> Iterator[Apicurio]:
    """The registry with a lower limit to how many artifacts it lists for Confluent's clients: 5 instead of 1,000."""
    with having(apicurio, "max-subjects", "5"):
        yield apicurio


@pytest.mark.parametrize("path", ["", "/", "/apis/ccompat/v7", "/apis/ccompat/v8/", "/apis/registry/v3"])
def test_is_recognised_by_any_of_its_urls(apicurio: Apicurio, path: str) -> None:
    registry = speak(apicurio, path)
    interface = "/apis/ccompat/v8" if "v8" in path else "/apis/ccompat/v7"
    url = apicurio.endpoint + interface
    assert registry.server() == {"implementation": "apicurio", "version": VERSION, "url": url, "group": "default"}
    assert registry.identity() == speak(apicurio).identity()
    assert registry.health().healthy
    assert registry.capabilities.writes
    listing = registry.list_versions()
    assert (listing.versions, listing.unaddressable, listing.left_out) == ({}, {}, ())


@pytest.mark.parametrize("interface", ["/apis/ccompat/v7", "/apis/ccompat/v8"])
def test_what_was_registered_is_listed_and_read(apicurio: Apicurio, interface: str) -> None:
    registry = speak(apicurio, interface)
    proto = SchemaContent("PROTOBUF", 'syntax = "proto3";\n// kept\nmessage M { string id = 1; }\n')
    contents = {
        "leaf": [avro("Leaf"), avro("Leaf", owner="two")],
        "user": [holder("User", "Leaf", "leaf", 1)],
        "json": [SchemaContent("JSON", JSON_SCHEMA)],
        "proto": [proto],
        "dead": [proto, replace(proto, text=proto.text.replace("id", "key"))],
    }
    ids = {subject: register(registry, subject, *versions) for subject, versions in contents.items()}
    assert ids["dead"][0] == ids["proto"][0]
    dead = [VersionKey("leaf", 2), VersionKey("dead", 1), VersionKey("dead", 2)]
    for key in dead:
        registry.soft_delete(key)
        registry.soft_delete(key)  # nothing happens
    wanted = [
        SchemaVersion(subject, number, ids[subject][number - 1], content, VersionKey(subject, number) in dead)
        for subject, versions in sorted(contents.items())
        for number, content in enumerate(versions, 1)
    ]
    listing = registry.list_versions()
    assert sorted(registry.read_versions(listing.versions.values()), key=lambda v: v.key) == wanted
    for version in wanted:
        assert registry.read_version(version.key, deleted=version.deleted) == version
        assert version.deleted is (registry.read_version(version.key) is None)
    assert registry.read_version(VersionKey("nobody", 1), deleted=True) is None


def test_ids_are_read_as_clients_get_them(legacy: Apicurio) -> None:
    registry = speak(legacy)
    ids = [
        *register(registry, "a", avro("A")),
        *register(registry, "b", avro("A")),
        *register(registry, "c", avro("A")),
    ]
    assert len(set(ids)) == 3
    registry.soft_delete(VersionKey("c", 1))
    read = registry.read_versions(registry.list_versions().versions.values())
    assert {version.subject: version.id for version in read} == dict(zip("abc", ids, strict=True))


def test_more_is_listed_than_the_interface_for_clients_lists(
    limited: Apicurio, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "PAGE", 3)
    for number in range(7):
        register(registry, f"s{number}", avro("S"))
    before = registry.client.requests.get("listing", 0)
    assert set(state(registry)) == {VersionKey(f"s{number}", 1) for number in range(7)}
    assert registry.client.requests["listing"] - before == 5  # three pages, an empty one, and the count of all
    assert len(limited.call("GET", f"{COMPATIBLE}/subjects")) == 5


def test_numbers_with_gaps_are_told(apicurio: Apicurio, registry: Registry) -> None:
    register(registry, "s", *(avro(f"S{number}") for number in range(4)))
    for permanent in ("", "?permanent=true"):
        apicurio.call("DELETE", f"{COMPATIBLE}/subjects/s/versions/2{permanent}")
    assert set(state(registry)) == {VersionKey("s", number) for number in (1, 3, 4)}


@pytest.mark.soak
def test_a_subject_may_have_more_versions_than_are_listed_for_clients(apicurio: Apicurio, registry: Registry) -> None:
    texts = [f'{{"type":"enum","name":"E","symbols":["S{number}"]}}' for number in range(505)]
    register(registry, "long", *(SchemaContent("AVRO", text) for text in texts))
    for permanent in ("", "?permanent=true"):
        apicurio.call("DELETE", f"{COMPATIBLE}/subjects/long/versions/2{permanent}")
    assert set(state(registry)) == {VersionKey("long", number) for number in range(1, 506) if number != 2}
    assert len(apicurio.call("GET", f"{COMPATIBLE}/subjects/long/versions")) == 500


def test_what_has_no_place_in_the_model_is_told(apicurio: Apicurio, registry: Registry) -> None:
    apicurio.call("POST", f"{NATIVE}/groups", {"groupId": "g2"})
    make(apicurio, "other", '"long"', group="g2")
    make(apicurio, "api", '{"openapi":"3.0.2","info":{"title":"x","version":"1"},"paths":{}}', kind="OPENAPI")
    make(apicurio, "draft", '"long"', draft=True)
    make(apicurio, "named", '"long"', version="1.0.0")
    make(apicurio, "year", '"long"', version="2026")
    make(apicurio, ":.eu:orders", '"long"')
    make(apicurio, "..", '"long"')
    register(registry, "fine", avro("Fine"))
    listing = registry.list_versions()
    assert set(listing.versions) == {VersionKey("fine", 1)}
    assert {name for _context, name in listing.unaddressable} == {"named", "year", ":.eu:orders", ".."}
    assert listing.left_out == ("1 drafts", "1 versions of type OPENAPI", "1 versions outside the group default")
    for name in ("..", ":.eu:orders"):
        with pytest.raises(RegistryError) as caught:
            registry.read_version(VersionKey(name, 1))
        assert caught.value.code == "unaddressable_name"

    other = speak(apicurio, headers={"X-Registry-GroupId": "g2"})
    assert set(state(other)) == {VersionKey("other", 1)}
    other.set_config("other", {"compatibilityLevel": "FULL"})
    assert other.get_config("other").value == {"compatibilityLevel": "FULL"}
    assert other.identity() != registry.identity()


def test_a_version_is_never_read_for_another(apicurio: Apicurio, registry: Registry) -> None:
    make(apicurio, "s", '"long"', version="x")
    make(apicurio, "s", '"int"')
    apicurio.call("DELETE", f"{NATIVE}/groups/default/artifacts/s/versions/x")
    (listed,) = registry.list_versions().versions.values()
    for deleted in (False, True):  # what is named 1 is the second version
        with pytest.raises(RegistryError, match="names of their own") as caught:
            registry.read_versions([replace(listed, deleted=deleted)])
        assert caught.value.code == "unaddressable_name"
        apicurio.call("PUT", f"{NATIVE}/groups/default/artifacts/s/versions/1/state", {"state": "DISABLED"})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_survives(apicurio_server: Apicurio, name: str) -> None:
    registry = speak(apicurio_server)
    register(registry, name, SchemaContent("AVRO", '"string"'))
    registry.set_config(name, {"compatibilityLevel": "FULL"})
    version = registry.read_version(VersionKey(name, 1))
    assert version is not None
    assert version.subject == name
    assert registry.get_config(name).value == {"compatibilityLevel": "FULL"}
    assert VersionKey(name, 1) in registry.list_versions().versions
    registry.soft_delete(version.key)
    assert registry.read_version(version.key, deleted=True) == replace(version, deleted=True)


def test_a_longer_name_is_refused(apicurio_server: Apicurio) -> None:
    longest = dialect.ApicurioRegistry.declared.longest_name
    assert longest == 512
    path = f"{COMPATIBLE}/subjects/{'é' * (longest + 1)}/versions"
    with pytest.raises(urllib.error.HTTPError, match="400"):
        apicurio_server.call("POST", urllib.parse.quote(path), {"schema": '"string"'})


@pytest.mark.parametrize("character", sorted(dialect.ApicurioRegistry.declared.forbidden_characters))
def test_what_ends_a_line_is_in_no_name(apicurio_server: Apicurio, character: str) -> None:
    path = f"{COMPATIBLE}/subjects/{urllib.parse.quote(f'a{character}b')}/versions"
    with pytest.raises(urllib.error.HTTPError, match="400"):
        apicurio_server.call("POST", path, {"schema": '"string"'})
    with pytest.raises(RegistryError) as caught:
        register(speak(apicurio_server), f"a{character}b", SchemaContent("AVRO", '"string"'))
    assert caught.value.code == "unaddressable_name"


def test_configs_are_told_from_unset(registry: Registry) -> None:
    register(registry, "s", avro("S"))
    for scope in ("s", "nobody", GLOBAL_SCOPE):
        assert registry.get_config(scope) == UNSET
        for level in ("FULL_TRANSITIVE", "NONE"):
            registry.set_config(scope, {"compatibilityLevel": level})
            assert registry.get_config(scope) == Setting({"compatibilityLevel": level}, is_set=True)
        registry.delete_config(scope)
        registry.delete_config(scope)  # nothing happens
        assert registry.get_config(scope) == UNSET
    registry.set_config(GLOBAL_SCOPE, {"compatibilityLevel": "FULL"})
    assert registry.get_config("s") == UNSET
    assert register(registry, "t", avro("S"))
    assert registry.get_config("t") == UNSET


def test_a_config_waits_for_its_subject(registry: Registry) -> None:
    registry.set_config("s", {"compatibilityLevel": "FULL"})
    register(registry, "s", SchemaContent("PROTOBUF", 'syntax = "proto3"; message M { }'))
    assert registry.get_config("s") == Setting({"compatibilityLevel": "FULL"}, is_set=True)
    read = registry.read_version(VersionKey("s", 1))
    assert read is not None
    assert read.content.schema_type == "PROTOBUF"


def test_modes_are_kept_and_close_nothing(apicurio: Apicurio, registry: Registry) -> None:
    for scope in ("s", GLOBAL_SCOPE):
        assert registry.get_mode(scope) == Setting("READWRITE", is_set=None)
        for mode in ("READONLY", "IMPORT"):
            registry.set_mode(scope, mode)
            assert registry.get_mode(scope) == Setting(mode, is_set=True)
            body = {"schema": avro(mode).text, "id": 7777, "version": 50}
            assert apicurio.call("POST", f"{COMPATIBLE}/subjects/s/versions", body)["id"] != 7777
        registry.delete_mode(scope)
        assert registry.get_mode(scope) == Setting("READWRITE", is_set=None)
    assert set(state(registry)) == {VersionKey("s", 1), VersionKey("s", 2)}
    assert registry.capabilities.ids_at_once
    assert registry.capabilities.modes == {"READWRITE"}


@pytest.mark.parametrize(("one", "other", "same"), WITHOUT_DOCS)
def test_what_it_takes_for_the_same_content(registry: Registry, one: str, other: str, same: bool) -> None:
    ids = register(registry, "s", SchemaContent("AVRO", one), SchemaContent("AVRO", other))
    assert (len(set(ids)) == 1) is same
    assert len(state(registry)) == (1 if same else 2)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("AVRO", '"string"'),
        ("AVRO", "string"),
        ("JSON", JSON_SCHEMA),
        ("JSON", '{"properties":{}}'),
        ("JSON", '{"$schema":"https://json-schema.org/draft/2020-12/schema"}'),
        ("JSON", '{"type":"object"}'),
        ("JSON", '{"allOf":[{"properties":{}}]}'),
        ("JSON", "true"),
        ("PROTOBUF", 'syntax = "proto3"; message M { }'),
    ],
)
def test_it_takes_only_what_shows_its_type(registry: Registry, kind: str, text: str) -> None:
    content = SchemaContent(kind, text)
    if shows_type(content):
        assert register(registry, "s", content)
    else:
        with pytest.raises(RegistryError) as caught:
            register(registry, "s", content)
        assert caught.value.failure()["registry_code"] == 42201


def test_metadata_and_rules_are_dropped(registry: Registry) -> None:
    rich = replace(avro("Rich"), metadata={"properties": {"owner": "ann"}}, rule_set={"domainRules": []})
    register(registry, "s", rich)
    read = registry.read_version(VersionKey("s", 1))
    assert read is not None
    assert read.content == avro("Rich")


def test_the_same_content_again_takes_a_soft_delete_in_between(registry: Registry) -> None:
    first, again = register(registry, "s", avro("S"), avro("S"))
    assert first == again
    registry.soft_delete(VersionKey("s", 1))
    assert register(registry, "s", avro("S")) == [first]
    assert state(registry) == {VersionKey("s", 1): True, VersionKey("s", 2): False}
    assert register(registry, "t", replace(avro("S"), text=avro("S").text + " ")) != [first]


def test_a_reference_needs_a_number_and_keeps_what_it_leads_to(registry: Registry) -> None:
    register(registry, "leaf", avro("Leaf"))
    with pytest.raises(RegistryError, match="Unresolved reference"):
        register(registry, "user", holder("User", "Leaf", "leaf", -1))
    register(registry, "user", holder("User", "Leaf", "leaf", 1))
    with pytest.raises(RegistryError) as caught:
        registry.soft_delete(VersionKey("leaf", 1))
    assert caught.value.failure()["registry_code"] == 42206
    registry.soft_delete(VersionKey("user", 1))
    registry.soft_delete(VersionKey("leaf", 1))
    assert set(state(registry).values()) == {True}
    read = registry.read_version(VersionKey("user", 1), deleted=True)
    assert read is not None
    assert read.content == holder("User", "Leaf", "leaf", 1)


def test_a_purged_subject_is_gone_with_its_config(registry: Registry) -> None:
    register(registry, "s", avro("S"))
    registry.set_config("s", {"compatibilityLevel": "FULL"})
    registry.purge_subject("s")
    registry.purge_subject("s")  # nothing happens
    assert state(registry) == {}
    assert registry.get_config("s") == UNSET
