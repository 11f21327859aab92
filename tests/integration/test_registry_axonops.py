# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AxonOps dialect on a real registry; what its capabilities claim is true of the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    GLOBAL_SCOPE,
    UNSET,
    Reference,
    SchemaContent,
    SchemaVersion,
    Setting,
    VersionKey,
)
from testbed.axonops import AxonOpsRegistry
from testbed.component import UnavailableError
from testbed.postgresql import PostgreSQL

PROTO = 'syntax = "proto3";\npackage shop;\n\n// an order\nmessage Order { string id = 1; }\n'
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}
NAMES = [
    "a b", "100%", "a%2Fb", "%41", "plus+plus", "q?m=1&x", "hash#tag", "semi;colon", "eq=s", "dollar$", "at@x",
    "com,ma", "star*", "quo'te", '"quotes"', "par(en)", "ex!cl", "til~de", "bra[ck]", "cur{ly}", "pi|pe",
    "back\\slash", "tab\tx",
    "new\nline", "\u00e9-nfc", "e\u0301-nfd", "日本", "😀", "<x>", ".", "..", ":lead", "a:b", ":", "trailing ",
    "".join(map(chr, (*range(1, 32), *range(127, 160)))),
]  # fmt: skip


def avro(name: str, **more: object) -> SchemaContent:
    record = {"type": "record", "name": name, "fields": [{"name": "a", "type": "int"}], **more}
    return SchemaContent("AVRO", json.dumps(record))


def speak(server: AxonOpsRegistry, **options: object) -> Registry:
    # No retries, so that none hides a fault; a busy machine may keep a server from its answer for half a minute.
    family = {"url": [server.endpoint], "retries": 0, "timeout": 180, **options}
    return connect(RegistrySettings.from_options(family))


@pytest.fixture(params=["memory", "postgresql", "mariadb"])
def registry(request: pytest.FixtureRequest, registry_factory: Callable[..., AxonOpsRegistry]) -> Registry:
    """An empty registry on each kind of storage."""
    return speak(registry_factory(storage=request.param))


def test_is_recognised_and_healthy(registry: Registry) -> None:
    assert registry.server()["implementation"] == "axonops"
    assert registry.server()["version"] == "v0.2.1"
    assert registry.health().healthy
    assert registry.identity() == registry.client.url
    assert registry.capabilities.writes


def test_a_registry_without_its_database_is_not_healthy() -> None:
    with ExitStack() as stack:
        try:
            database = stack.enter_context(PostgreSQL())
        except UnavailableError as error:
            pytest.skip(str(error))
        registry = speak(stack.enter_context(AxonOpsRegistry(database=database)))
        database.kill()
        health = registry.health()
    assert not health.healthy
    assert health.detail == "HTTP 503: storage backend unavailable"


def test_an_empty_registry_lists_nothing(registry: Registry) -> None:
    listing = registry.list_versions()
    assert (listing.contexts, listing.versions, listing.unaddressable) == ((".",), {}, {})


def test_what_was_registered_is_listed_and_read(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    registry.set_mode(":.eu:", "IMPORT")
    leaf = SchemaVersion("leaf", 2, 100, avro("Leaf"))
    user_text = json.dumps({"type": "record", "name": "U", "fields": [{"name": "l", "type": "Leaf"}]})
    user = SchemaVersion("user", 7, 90, SchemaContent("AVRO", user_text, (Reference("Leaf", "leaf", 2),)))
    order = SchemaVersion(":.eu:order", 1, 100, SchemaContent("PROTOBUF", PROTO))
    person = SchemaVersion(":.eu:person", 3, 5, SchemaContent("JSON", '{"type": "object",  "title": "é"}'))
    dead = SchemaVersion(":.eu:person", 1, 4, SchemaContent("JSON", '{"type":"string"}'), deleted=True)
    versions = [leaf, user, order, person, dead]
    for version in versions:
        assert registry.register(version, with_id=True) == version.id
    registry.soft_delete(dead.key)
    registry.soft_delete(dead.key)  # nothing happens

    listing = registry.list_versions()
    assert listing.contexts == (".", ".eu")
    assert {key: listed.deleted for key, listed in listing.versions.items()} == {v.key: v.deleted for v in versions}
    read = registry.read_versions(listing.versions[version.key] for version in versions)
    assert read == versions
    assert registry.read_version(dead.key) is None
    assert registry.read_version(dead.key, deleted=True) == dead
    assert registry.highest_id(".", 90) == 100


def test_a_listing_takes_two_requests_a_context(registry: Registry) -> None:
    for number in range(20):
        registry.register(SchemaVersion(f"s{number}", 1, 0, avro(f"S{number}")), with_id=False)
    before = registry.client.requests.get("listing", 0)
    listing = registry.list_versions()
    assert registry.client.requests["listing"] - before == 2
    assert len(registry.read_versions(listing.versions.values())) == registry.client.requests["version"] == 20


def test_a_subject_of_which_nothing_is_left_is_not_listed(registry: Registry) -> None:
    registry.register(SchemaVersion("gone", 1, 0, avro("Gone")), with_id=False)
    registry.register(SchemaVersion("stays", 1, 0, avro("Stays")), with_id=False)
    registry.purge_subject("gone")
    registry.purge_subject("gone")  # nothing happens
    assert list(registry.list_versions().versions) == [VersionKey("stays", 1)]


def test_metadata_and_rules_are_kept_and_not_inherited(registry: Registry) -> None:
    rich = replace(avro("Rich"), metadata={"properties": {"owner": "ann"}, "tags": {"a": ["PII"]}}, rule_set=RULES)
    plain = avro("Rich", fields=[])
    registry.set_config("s", {"compatibilityLevel": "NONE"})
    registry.register(SchemaVersion("s", 1, 0, rich), with_id=False)
    registry.register(SchemaVersion("s", 2, 0, replace(plain, metadata={}, rule_set={})), with_id=False)
    first, second = (registry.read_version(VersionKey("s", number)) for number in (1, 2))
    assert first is not None
    assert first.content == rich
    assert second is not None
    assert second.content == plain


@pytest.mark.parametrize("name", NAMES)
def test_every_name_but_those_with_a_slash_survives(shared: Registry, name: str) -> None:
    for subject in (name, f":.names:{name}"):
        shared.register(SchemaVersion(subject, 1, 0, SchemaContent("AVRO", '"string"')), with_id=False)
        shared.set_config(subject, {"compatibilityLevel": "FULL"})
        version = shared.read_version(VersionKey(subject, 1))
        assert version is not None
        assert version.subject == subject
        assert shared.get_config(subject).value == {"compatibilityLevel": "FULL"}
        assert VersionKey(subject, 1) in shared.list_versions().versions


@pytest.fixture(scope="module")
def shared() -> Iterator[Registry]:
    """One registry for all tests that do not mind each other."""
    with AxonOpsRegistry() as server:
        yield speak(server)


def test_a_name_with_a_slash_is_refused_and_never_misread(registry: Registry) -> None:
    body = {"id": 1, "version": 1, "schemaType": "AVRO", "schema": '"int"'}
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    strange = [{**body, "subject": "a/b"}, {**body, "id": 2, "schema": '"long"', "subject": ":.eu:hidden"}]
    registry.client.send("POST", "/import/schemas", "setup", body={"schemas": strange})
    registry.register(SchemaVersion("fine", 1, 3, SchemaContent("AVRO", '"bytes"')), with_id=True)
    listing = registry.list_versions()
    assert list(listing.versions) == [VersionKey("fine", 1)]
    assert set(listing.unaddressable) == {(".", "a/b"), (".", ":.eu:hidden")}
    with pytest.raises(RegistryError) as caught:
        registry.read_version(VersionKey("a/b", 1))
    assert caught.value.code == "unaddressable_name"


def test_an_aliased_subject_is_not_read_for_another(registry: Registry) -> None:
    registry.register(SchemaVersion("target", 1, 0, avro("Target")), with_id=False)
    registry.register(SchemaVersion("old-name", 1, 0, avro("Own")), with_id=False)
    registry.set_config("old-name", {"compatibilityLevel": "BACKWARD", "alias": "target"})
    with pytest.raises(RegistryError, match="alias") as caught:
        registry.read_versions(registry.list_versions().versions.values())
    assert caught.value.failure()["object"] == "old-name"


def test_configs_are_replaced_whole_and_told_from_unset(registry: Registry) -> None:
    everything = {
        "compatibilityLevel": "FORWARD",
        "alias": "x",
        "normalize": False,
        "validateFields": True,
        "compatibilityGroup": "g",
        "defaultMetadata": {"properties": {"a": "b"}},
        "overrideRuleSet": RULES,
    }
    assert registry.get_config("s") == UNSET
    for scope in ("s", ":.eu:", ":.eu:s", GLOBAL_SCOPE):
        registry.set_config(scope, everything)
        assert registry.get_config(scope) == Setting(everything, is_set=True)
        registry.set_config(scope, {"compatibilityLevel": "NONE"})
        assert registry.get_config(scope) == Setting({"compatibilityLevel": "NONE"}, is_set=True)
        registry.delete_config(scope)
        registry.delete_config(scope)  # nothing happens
    assert registry.get_config("s") == UNSET
    # the registry's and a context's answer with the server's default, set to it or not
    for scope in (":.eu:", GLOBAL_SCOPE):
        assert registry.get_config(scope) == Setting({"compatibilityLevel": "BACKWARD"}, is_set=None)
    with pytest.raises(RegistryError, match="compatibilityLevel"):
        registry.set_config("s", {"normalize": True})


def test_a_config_keeps_the_same_fields_on_every_storage(registry: Registry) -> None:
    metadata = {"properties": {"a": "b"}}
    everything = {
        "alias": "t",
        "compatibilityGroup": "g",
        "compatibilityLevel": "FULL",
        "defaultMetadata": metadata,
        "defaultRuleSet": RULES,
        "normalize": True,
        "overrideMetadata": metadata,
        "overrideRuleSet": RULES,
        "validateFields": True,
    }
    assert registry.capabilities.config_fields == everything.keys()
    registry.set_config("s", everything)
    assert registry.get_config("s") == Setting(everything, is_set=True)


def test_modes_are_told_from_unset(registry: Registry) -> None:
    assert registry.get_mode("s") == UNSET
    for scope in ("s", ":.eu:", ":.eu:s", GLOBAL_SCOPE):
        registry.set_mode(scope, "READONLY")
        assert registry.get_mode(scope) == Setting("READONLY", is_set=True)
        registry.delete_mode(scope)
        registry.delete_mode(scope)  # nothing happens
    assert registry.get_mode("s") == UNSET
    for scope in (":.eu:", GLOBAL_SCOPE):
        assert registry.get_mode(scope) == Setting("READWRITE", is_set=None)
    registry.set_mode(":.eu:", "READONLY")
    scopes = registry.setting_scopes([".", ".eu"])
    assert set(registry.read_settings([*scopes, "s"])) == {"", ":.eu:", ":.__GLOBAL:", "s"}


def test_import_needs_force_where_schemas_are(registry: Registry) -> None:
    registry.register(SchemaVersion("s", 1, 0, avro("S")), with_id=False)
    for scope in ("s", GLOBAL_SCOPE):
        with pytest.raises(RegistryError) as caught:
            registry.set_mode(scope, "IMPORT")
        assert caught.value.failure()["registry_code"] == 42205
        registry.set_mode(scope, "IMPORT", force=True)
        assert registry.get_mode(scope).value == "IMPORT"


def test_import_drops_metadata_and_rules(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    rich = replace(avro("Rich"), metadata={"properties": {"owner": "ann"}}, rule_set=RULES)
    registry.register(SchemaVersion("s", 1, 1, rich), with_id=True)
    read = registry.read_version(VersionKey("s", 1))
    assert read is not None
    assert (read.content.metadata is not None) == registry.capabilities.import_keeps_metadata
    assert (read.content.rule_set is not None) == registry.capabilities.import_keeps_rule_sets


def test_the_same_content_again_takes_a_soft_delete_in_between(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    registry.register(SchemaVersion("s", 1, 1, avro("Same")), with_id=True)
    assert registry.register(SchemaVersion("s", 2, 2, avro("Same", doc="other")), with_id=True) == 1
    assert registry.read_version(VersionKey("s", 2)) is None
    registry.soft_delete(VersionKey("s", 1))
    assert registry.register(SchemaVersion("s", 2, 1, avro("Same")), with_id=True) == 1
    assert registry.read_version(VersionKey("s", 2)) is not None


def test_a_soft_deleted_version_cannot_be_imported_again(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    version = SchemaVersion("s", 1, 1, avro("S"))
    registry.register(version, with_id=True)
    registry.soft_delete(version.key)
    with pytest.raises(RegistryError):
        registry.register(version, with_id=True)
    assert registry.read_version(version.key) is None


def test_an_id_in_use_is_refused_and_a_version_in_use_is_kept(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    registry.register(SchemaVersion("s", 1, 1, avro("One")), with_id=True)
    with pytest.raises(RegistryError, match="Overwrite") as caught:
        registry.register(SchemaVersion("t", 1, 1, avro("Two")), with_id=True)
    assert caught.value.failure()["registry_code"] == 42205
    assert registry.register(SchemaVersion("s", 1, 2, avro("Two")), with_id=True) == 1


def test_a_reference_to_a_soft_deleted_version_is_refused(registry: Registry) -> None:
    registry.set_mode(GLOBAL_SCOPE, "IMPORT")
    leaf = SchemaVersion("leaf", 1, 1, avro("Leaf"))
    text = json.dumps({"type": "record", "name": "U", "fields": [{"name": "l", "type": "Leaf"}]})
    user = SchemaVersion("user", 1, 2, SchemaContent("AVRO", text, (Reference("Leaf", "leaf", 1),)))
    registry.register(leaf, with_id=True)
    registry.soft_delete(leaf.key)
    with pytest.raises(RegistryError) as caught:
        registry.register(user, with_id=True)
    assert caught.value.failure()["registry_code"] == 42201


def test_a_referenced_version_cannot_be_deleted(registry: Registry) -> None:
    leaf = SchemaVersion("leaf", 1, 1, avro("Leaf"))
    text = json.dumps({"type": "record", "name": "U", "fields": [{"name": "l", "type": "Leaf"}]})
    registry.register(leaf, with_id=False)
    registry.register(
        SchemaVersion("user", 1, 2, SchemaContent("AVRO", text, (Reference("Leaf", "leaf", 1),))), with_id=False
    )
    for delete in (lambda: registry.soft_delete(leaf.key), lambda: registry.purge_subject("leaf")):
        with pytest.raises(RegistryError) as caught:
            delete()
        assert caught.value.failure()["registry_code"] == 42206


def test_speaking_plainly_reads_the_same_one_by_one(registry_factory: Callable[..., AxonOpsRegistry]) -> None:
    server = registry_factory()
    special, plain = speak(server), speak(server, implementation="confluent")
    for number in range(3):
        special.register(SchemaVersion(f"s{number}", 1, 0, avro(f"S{number}")), with_id=False)
    special.soft_delete(VersionKey("s1", 1))
    wanted = special.read_versions(special.list_versions().versions.values())
    read = plain.read_versions(plain.list_versions().versions.values())
    assert [(v.key, v.id, v.deleted, v.content.text) for v in read] == sorted(
        (v.key, v.id, v.deleted, v.content.text) for v in wanted
    )
