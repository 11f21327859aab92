# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Confluent dialect on answers that a real Confluent Schema Registry 8.3.1 gave."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.listing import ListedVersion
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    UNSET,
    Reference,
    SchemaContent,
    SchemaVersion,
    Setting,
    VersionKey,
)


def test_knows_itself(confluent):
    assert confluent.server()["version"] == "8.3.1"
    assert confluent.identity() == "confluent:iX5gYSoASs-6PhbvjXgIww/schema-registry-28081"
    assert confluent.health().healthy


def test_lists_everything_in_few_requests(confluent, replay):
    listing = confluent.list_versions()
    assert len(listing.versions) == 100
    assert sum(version.deleted for version in listing.versions.values()) == 9
    assert len({key.subject for key in listing.versions}) == 79
    assert listing.contexts == (".", ".a.b-c_d", ".ctx-imp", ".ctx1", ".ctx2", ".lkc-1", ".nocolon")
    assert listing.unaddressable == {}
    assert confluent.client.requests == {"contexts": 1, "detection": 1, "listing": 2, "subjects": 1}


@pytest.mark.parametrize("largest_page", [7, 50, 100])
def test_pages_as_large_as_the_server_likes(confluent, replay, largest_page):
    replay.largest_page = largest_page
    assert len(confluent.list_versions().versions) == 100


def test_a_server_without_pages_is_not_asked_forever(confluent, replay, monkeypatch):
    monkeypatch.setattr(replay, "_page", lambda _target: httpx.Response(200, json=[{"subject": "a", "version": 1}]))
    with pytest.raises(RegistryError, match=r"offset=1&.*Check registry\.implementation"):
        confluent.list_versions()


def test_a_listing_is_whole(confluent):
    listing = confluent.list_versions()
    version = listing.versions[VersionKey("orders-value", 5)]
    sent = len(confluent.client.requests)
    assert confluent.read_versions([version]) == [version.told]
    assert len(confluent.client.requests) == sent
    assert confluent.read_version(version.key) == version.told
    assert version.told.guid
    assert version.told.created_ms


@pytest.mark.parametrize(
    "subject", [".", "..", "a/b/c", "100%", "%2F", "semi;colon", "plus+plus", "with space", "é-combining"]
)
def test_reads_strange_names(confluent, replay, subject):
    version = confluent.read_version(VersionKey(subject, 1))
    assert version is not None
    assert version.subject == subject
    assert replay.targets[-1].isascii()


@pytest.mark.parametrize("subject", ["back\\slash", "new\nline", "", "\ud800"])
def test_refuses_names_that_no_path_can_carry(confluent, replay, subject):
    asked = len(replay.targets)
    with pytest.raises(RegistryError) as caught:
        confluent.read_version(VersionKey(subject, 1))
    assert caught.value.code == "unaddressable_name"
    assert len(replay.targets) == asked


def test_reads_a_soft_deleted_version_when_asked_to(confluent):
    key = VersionKey("orders-value", 4)
    assert confluent.read_version(key) is None
    deleted = confluent.read_version(key, deleted=True)
    assert deleted is not None
    assert deleted.deleted


def test_does_not_read_an_aliased_subject_for_another(confluent):
    with pytest.raises(RegistryError, match="orders-value") as caught:
        confluent.read_version(VersionKey("cfg-alias", 1))
    assert caught.value.code == "aliased_subject"


def test_does_not_take_another_version_for_the_listed_one(confluent, replay):
    found = replay.answers["", "subjects", ":.ctx1:orders-value", "versions", "1", ""]
    replay.answers["", "subjects", "odd", "versions", "1", "deleted=true"] = {
        **found,
        "body": json.dumps({**json.loads(found["body"]), "subject": "odd", "version": 2}),
    }
    with pytest.raises(RegistryError, match="odd version 1") as caught:
        confluent.read_versions([ListedVersion(VersionKey("odd", 1), deleted=False)])
    assert caught.value.code == "unaddressable_name"


def test_does_not_take_another_contexts_subject_for_an_unqualified_one(confluent, replay):
    found = replay.answers["", "subjects", ":.ctx1:orders-value", "versions", "1", ""]
    replay.answers["", "subjects", "nosuch", "versions", "1", ""] = {
        **found,
        "body": json.dumps({**json.loads(found["body"]), "subject": ":.ctx1:nosuch"}),
    }
    assert confluent.read_version(VersionKey("nosuch", 1)) is None


def test_tells_of_aliases_that_have_no_versions(confluent, replay):
    bulk = replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"]
    items = json.loads(bulk["body"])
    items[0]["aliases"], items[-1]["aliases"] = ["with-versions", "cfg-alias"], ["cfg-alias", items[0]["subject"]]
    items.append({**items[0], "subject": "with-versions"})
    replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"] = {**bulk, "body": json.dumps(items)}
    assert confluent.list_versions().without_versions == ("cfg-alias",)
    assert all("aliases=true" in target for target in replay.targets if target.startswith("/schemas?"))


def test_a_context_without_a_record_of_its_own_is_known_by_its_subjects(confluent, replay):
    listed = replay.answers["", "contexts", ""]
    replay.answers["", "contexts", ""] = {**listed, "body": '["."]'}
    assert {".", ".ctx1", ".lkc-1"} < set(confluent.list_versions().contexts)


def test_lists_one_by_one_what_the_pages_leave_out(confluent, replay):
    bulk = replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"]
    items = [item for item in json.loads(bulk["body"]) if item["subject"] != "orders-value"]
    replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"] = {**bulk, "body": json.dumps(items)}
    listing = confluent.list_versions()
    found = {key.version: listed.deleted for key, listed in listing.versions.items() if key.subject == "orders-value"}
    assert found == {1: False, 3: False, 4: True, 5: False}
    read = confluent.read_versions([listing.versions[VersionKey("orders-value", 4)]])
    assert [version.deleted for version in read] == [True]


def test_an_old_server_does_not_say_which_are_deleted(confluent, replay):
    class Old(type(replay)):
        """Without the flag in its items."""

        def _page(self, target):
            answer = super()._page(target)
            items = [{key: value for key, value in item.items() if key != "deleted"} for item in answer.json()]
            return type(answer)(200, json=items)

    replay.__class__ = Old
    listing = confluent.list_versions()
    assert sum(version.deleted for version in listing.versions.values()) == 9
    assert listing.versions[VersionKey("orders-value", 4)].told.deleted


GLOBAL_CONFIG = {
    "normalize": True,
    "compatibilityLevel": "FORWARD",
    "defaultMetadata": {"properties": {"global": "yes"}},
}


@pytest.mark.parametrize(
    ("scope", "config"),
    [
        ("", Setting(GLOBAL_CONFIG, True)),
        (":.__GLOBAL:", Setting({"compatibilityLevel": "BACKWARD"}, None)),
        (":.ctx1:", Setting({"compatibilityLevel": "NONE"}, True)),
        (":.ctx2:", UNSET),
        ("orders-value", Setting({"compatibilityLevel": "FULL_TRANSITIVE"}, True)),
        ("semi;colon", UNSET),
    ],
)
def test_tells_a_set_config_from_an_unset_one(confluent, scope, config):
    assert confluent.get_config(scope) == config


@pytest.mark.parametrize(
    ("scope", "mode"),
    [
        ("", Setting("READWRITE", None)),
        (":.__GLOBAL:", Setting("READWRITE", None)),
        (":.ctx-imp:", Setting("IMPORT", True)),
        (":.ctx1:", UNSET),
        ("users-value", Setting("READONLY", True)),
        ("orders-value", UNSET),
    ],
)
def test_tells_a_set_mode_from_an_unset_one(confluent, scope, mode):
    assert confluent.get_mode(scope) == mode


def test_reads_settings_together(confluent):
    scopes = confluent.setting_scopes([".", ".ctx1"])
    assert scopes == ("", ":.__GLOBAL:", ":.ctx1:")
    settings = confluent.read_settings([*scopes, "users-value", "not\naddressable"])
    assert list(settings) == [*scopes, "users-value"]
    assert settings["users-value"].mode == Setting("READONLY", True)
    assert settings["users-value"].config.value == {"normalize": True, "compatibilityLevel": "NONE"}


def test_finds_the_highest_id_of_a_context(confluent):
    assert confluent.highest_id(".", 4) > 1000
    assert confluent.highest_id(".ctx1", 1) == 5
    assert confluent.highest_id(".", 999999) is None


def test_registers_with_id_and_version(confluent, replay):
    content = SchemaContent(
        "JSON", "{}", (Reference("r", "other", 2),), {"properties": {"a": "b"}}, {"domainRules": [1]}
    )
    assert confluent.register(SchemaVersion(":.ctx1:x", 3, 7, content), with_id=True) == 7
    assert replay.writes == [
        (
            "POST",
            "/subjects/:.ctx1:x/versions",
            {
                "schema": "{}",
                "schemaType": "JSON",
                "references": [{"name": "r", "subject": "other", "version": 2}],
                "metadata": {"properties": {"a": "b"}},
                "ruleSet": {"domainRules": [1]},
                "id": 7,
                "version": 3,
            },
        )
    ]


def test_sends_what_is_empty_and_leaves_out_what_is_not_there(confluent, replay):
    nothing = SchemaContent("AVRO", '"int"', metadata={}, rule_set={})
    for content in (nothing, replace(nothing, metadata=None, rule_set=None)):
        confluent.register(SchemaVersion("x", 2, 7, content), with_id=False)
    assert [body for _method, _path, body in replay.writes] == [
        {"schema": '"int"', "schemaType": "AVRO", "metadata": {}, "ruleSet": {}},
        {"schema": '"int"', "schemaType": "AVRO"},
    ]


def test_replaces_a_config_by_a_server_that_merges(confluent, replay):
    confluent.set_config("users-value", {"compatibilityLevel": "FULL"})
    confluent.set_config("orders-value", {"compatibilityLevel": "NONE", "normalize": True})
    assert replay.writes == [
        ("PUT", "/config/users-value", {"compatibility": "FULL", "normalize": None}),
        ("DELETE", "/config/users-value", None),  # since it answers normalize still
        ("PUT", "/config/users-value", {"compatibility": "FULL"}),
        ("PUT", "/config/orders-value", {"compatibility": "NONE", "normalize": True}),
    ]


def test_sets_modes_with_and_without_force(confluent, replay):
    confluent.set_mode("", "IMPORT")
    confluent.set_mode("a b", "IMPORT", force=True)
    confluent.delete_mode(":.ctx1:")
    assert [(method, path) for method, path, _body in replay.writes] == [
        ("PUT", "/mode"),
        ("PUT", "/mode/a%20b?force=true"),
        ("DELETE", "/mode/:.ctx1:"),
    ]


def test_the_community_edition_drops_rule_sets(confluent, replay):
    assert not confluent.capabilities.import_keeps_rule_sets
    assert not confluent.capabilities.register_keeps_rule_sets
    assert "defaultMetadata" in confluent.capabilities.config_fields
    assert "defaultRuleSet" not in confluent.capabilities.config_fields
    assert "/exporters" in replay.targets


def test_editions_with_exporters_keep_rule_sets(confluent, replay):
    replay.answers["", "exporters", ""] = {"status": 200, "body": "[]", "content_type": "application/json"}
    assert confluent.capabilities.import_keeps_rule_sets
    assert confluent.capabilities.register_keeps_rule_sets
    assert confluent.capabilities.config_fields is None


VERSION = '"subject":"a","version":1,"id":1,"schema":"s"'


@pytest.mark.parametrize(
    "body",
    [
        '[{"subject":"a"}]',
        '[{"version":1}]',
        '["a"]',
        '{"a":1}',
        f'[{{{VERSION},"references":5}}]',
        f'[{{{VERSION},"references":[5]}}]',
        f'[{{{VERSION},"metadata":["a"]}}]',
        f'[{{{VERSION},"ruleSet":true}}]',
        f'[{{{VERSION},"schemaType":{{}}}}]',
        f'[{{{VERSION},"aliases":5}}]',
    ],
)
def test_an_answer_of_another_shape_is_an_error(confluent, replay, body):
    bulk = replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"]
    if body.startswith("{"):
        replay.answers["", "subjects", "deleted=true"] = {**bulk, "body": body}
    else:
        replay.answers["", "schemas", "subjectPrefix=:*:&deleted=true"] = {**bulk, "body": body}
    with pytest.raises(RegistryError) as caught:
        confluent.list_versions()
    assert caught.value.code == "not_a_registry"


@pytest.mark.parametrize(
    ("version", "kept"), [("8.3.1", False), ("8.0.0-ccs", False), ("7.9.2-ccs", True), (None, True)]
)
def test_releases_that_store_the_number_of_the_latest_version(confluent, version, kept):
    confluent.version = version
    assert confluent.capabilities.floating_references is kept
