# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What topics of real registries tell, held to what these registries answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import TopicDeletes
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    GLOBAL_SCOPE,
    OVERALL_SCOPE,
    UNSET,
    ScopeSettings,
    VersionKey,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.topic_log import TopicLog

RECORDED = Path(__file__).parents[2] / "fixtures" / "registries"
ALL_OF_IT = "/schemas?subjectPrefix=:*:&deleted=true"
DELETES = {"confluent": TopicDeletes.NULL, "karapace": TopicDeletes.NULL_OR_EMPTY}


def lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED / name, "rt") as recorded:
        yield from map(json.loads, recorded)


def log_of(make: str, topic: str = "schemas-topic") -> TopicLog:
    log = TopicLog(DELETES[make])
    for record in lines(f"{make}/{topic}.jsonl.gz"):
        log.take(*(None if record[side] is None else record[side].encode() for side in ("key", "value")))
    return log


def answers(make: str, what: str) -> Mapping[str, Any]:
    """What a registry answered for the configs or modes of subjects and contexts themselves."""
    found = {}
    for one in lines(f"{make}/rest.jsonl.gz"):
        start, path = f"/{what}/", one["path"]
        if path.startswith(start) and "?" not in path and one["status"] == 200:
            found[unquote(path.removeprefix(start))] = json.loads(one["body"])
    return {scope: told for scope, told in found.items() if scope}


@pytest.mark.parametrize("topic", ["schemas-topic", "schemas-topic-compacted"])
def test_what_is_set_in_a_confluent_registry(topic: str) -> None:
    log = log_of("confluent", topic)
    told = answers("confluent", "config")
    assert len(told) > 10
    for scope, held in log.configs.items():
        if scope in told:
            assert told[scope] in (held, {**held, "compatibilityLevel": "BACKWARD"}), scope
    modes = answers("confluent", "mode")
    assert len(modes) > 5
    for scope, held_mode in log.modes.items():
        assert modes.get(scope, {"mode": held_mode}) == {"mode": held_mode}, scope
    # the same scopes were also asked for by other spellings of their names, all of which begin so
    assert all(scope.startswith(":.") for scope in {*told, *modes} - {*log.configs, *log.modes})


def test_what_no_request_shows_of_a_confluent_registry() -> None:
    log = log_of("confluent")
    assert log.configs["cfg-alias"] == {"alias": "orders-value"}
    assert log.configs["empty-config"] == {}
    assert log.configs["ghost-config"] == {"compatibilityLevel": "NONE"}
    assert log.modes["ghost-mode"] == "READONLY_OVERRIDE"
    assert "del-config" not in log.configs
    assert log.settings("mode-del") == ScopeSettings(UNSET, UNSET)
    assert log.modes[GLOBAL_SCOPE] == "READWRITE"
    assert OVERALL_SCOPE not in {*log.configs, *log.modes}
    assert log.configs[""]["compatibilityLevel"] == "FORWARD"
    assert ".ctx-empty" in log.contexts
    assert log.left_out == ("3 associations of subjects with topics",)
    assert log.passed_over == 0


def test_compaction_takes_away_nothing_but_what_was_purged() -> None:
    whole, compacted = log_of("confluent"), log_of("confluent", "schemas-topic-compacted")
    assert (whole.configs, whole.modes, whole.contexts) == (compacted.configs, compacted.modes, compacted.contexts)
    assert {**compacted.highest_ids, ".ctx-del": 1} == whole.highest_ids
    assert compacted.versions.items() < whole.versions.items()


def test_a_karapace_deletes_with_no_bytes() -> None:
    log = log_of("karapace")
    assert {s: c["compatibilityLevel"] for s, c in log.configs.items() if s} == {
        scope: told["compatibilityLevel"] for scope, told in answers("karapace", "config").items()
    }
    assert "del-config" not in log.configs
    assert log.modes == {}
    assert log.passed_over == 0


@pytest.mark.parametrize(
    "value",
    [b"", b"not JSON", b'{"compatibilityLevel":', b"[]", b"\xff", b'{"subject":"a","compatibilityLevel":"SIDEWAYS"}'],
)
def test_what_cannot_be_understood_leaves_what_was_before(value: bytes) -> None:
    log = TopicLog(TopicDeletes.NULL)
    key = b'{"keytype":"CONFIG","subject":"a","magic":0}'
    log.take(key, b'{"subject":"a","compatibilityLevel":"FULL"}')
    log.take(key, value)
    assert log.configs == {"a": {"compatibilityLevel": "FULL"}}
    assert log.passed_over == 1


@pytest.mark.parametrize("key", [None, b"", b"{}", b"[]", b"not JSON", b'{"keytype":"CONFIG","subject":7}'])
def test_a_key_that_cannot_be_understood_is_passed_over(key: bytes | None) -> None:
    log = TopicLog(TopicDeletes.NULL)
    log.take(key, b'{"compatibilityLevel":"FULL"}')
    assert (log.configs, log.passed_over) == ({}, 1)


def test_both_ways_to_write_the_key_of_the_registry_itself_mean_the_same() -> None:
    log = TopicLog(TopicDeletes.NULL)
    log.take(b'{"keytype":"MODE","subject":null,"magic":0}', b'{"mode":"READONLY"}')
    log.take(b'{"keytype":"MODE","magic":0}', None)
    assert log.modes == {}


def test_a_json_null_deletes() -> None:
    log = TopicLog(TopicDeletes.NULL)
    log.take(b'{"keytype":"MODE","subject":"a","magic":0}', b'{"mode":"READONLY"}')
    log.take(b'{"keytype":"MODE","subject":"a","magic":0}', b"null")
    assert log.modes == {}


def test_ids_of_purged_versions_still_count() -> None:
    log = TopicLog(TopicDeletes.NULL)
    key = b'{"keytype":"SCHEMA","subject":":.eu:a","version":3,"magic":1}'
    log.take(key, b'{"subject":":.eu:a","version":3,"id":41,"schema":"\\"int\\"","deleted":false}')
    log.take(key, None)
    assert log.highest_ids == {".eu": 41}
    assert log.versions == {VersionKey(":.eu:a", 3): 41}
    assert log.contexts == {"."}


@pytest.mark.parametrize(
    ("cleared", "left"),
    [
        ({"subject": "a"}, {("a", 2), ("b", 1), (":.eu:c", 1)}),
        ({"subject": ":.eu:"}, {("a", 1), ("a", 2), ("b", 1)}),
        ({}, {("a", 2)}),
        ({"subject": ":.__GLOBAL:"}, {("a", 2)}),
    ],
)
def test_what_is_cleared_away_is_no_longer_held(cleared: dict[str, str], left: set[tuple[str, int]]) -> None:
    """A registry that reads such a record drops what is soft-deleted, also where no record tells of each version."""
    log = TopicLog(TopicDeletes.NULL)

    def take(kind: str, more: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        log.take(json.dumps({"keytype": kind, **more}).encode(), json.dumps(value).encode())

    for subject, version, deleted in (("a", 1, True), ("a", 2, False), ("b", 1, False), (":.eu:c", 1, True)):
        told = {"subject": subject, "version": version}
        take("SCHEMA", told, {**told, "id": version, "deleted": deleted})
    take("DELETE_SUBJECT", {"subject": "b"}, {"subject": "b", "version": 1})
    take("CLEAR_SUBJECT", cleared, cleared)
    assert log.held == {VersionKey(*one) for one in left}
    assert log.passed_over == 0


def test_a_topic_holds_what_its_registry_lists() -> None:
    listed = next(json.loads(one["body"]) for one in lines("confluent/rest.jsonl.gz") if one["path"] == ALL_OF_IT)
    assert log_of("confluent").held == {VersionKey(one["subject"], one["version"]) for one in listed}
