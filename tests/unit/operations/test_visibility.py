# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What points to versions that a registry did not show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.read_registry import Scope
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.visibility import Visibility, visibility
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    SchemaContent,
    SchemaVersion,
    VersionKey,
)

USER = {"username": "ann", "password": "hunter2"}
WHOLE = Scope(Selection(), "all", soft_deleted=True, references=True)


IDS = {"a": 1, "b": 2, "c": 2, ":.eu:x": 1}
VERSIONS = {
    VersionKey(name, 1): SchemaVersion(name, 1, number, SchemaContent("AVRO", '"int"')) for name, number in IDS.items()
}
STATE = RegistryState(versions=VERSIONS, highest_ids={".": 4, ".eu": 4})
ALL_SEEN = RegistryState(versions=VERSIONS, highest_ids={".": 2, ".eu": 1})


def seen(
    state: RegistryState,
    *,
    scope: Scope = WHOLE,
    hides: bool = True,
    topic: set[VersionKey] | None = None,
    **options: Any,
) -> Visibility:
    settings = RegistrySettings.from_options({"url": ["http://registry.example.org"], **options})
    registry: Any = SimpleNamespace(
        client=SimpleNamespace(settings=settings), implementation="karapace", hides_in_silence=hides
    )
    log: Any = None if topic is None else SimpleNamespace(log=SimpleNamespace(held=topic))
    return visibility(registry, state, scope, log)


def test_ids_that_no_version_has_are_counted_in_each_context() -> None:
    found = seen(STATE, **USER)
    assert found.values() == {"read_as": "user ann", "unseen_ids": 5, "unseen_versions": None}
    (note,) = found.notes()
    assert "read as user ann, and karapace leaves out" in note
    assert "5 ids up to the highest (contexts: ., .eu)" in note


@pytest.mark.parametrize(
    "options",
    [
        {"hides": False, **USER},
        {},
        {"topic": set(VERSIONS), **USER},
        {"scope": Scope(Selection(("a",)), "all", soft_deleted=True, references=True), **USER},
        {"scope": Scope(Selection(), "latest", soft_deleted=True, references=True), **USER},
    ],
    ids=["hides nothing", "anonymous", "the topic has no more", "some subjects", "some versions"],
)
def test_nothing_is_said_where_nothing_points_to_hidden_versions(options: dict[str, Any]) -> None:
    assert list(seen(STATE, **options).notes()) == []


def test_nothing_is_said_when_all_ids_were_seen() -> None:
    found = seen(ALL_SEEN, **USER)
    assert found.values()["unseen_ids"] == 0
    assert list(found.notes()) == []


def test_versions_that_only_the_topic_has_are_said_whatever_the_make() -> None:
    more = {*VERSIONS, VersionKey("hidden", 1), VersionKey("hidden", 2)}
    found = seen(STATE, hides=False, topic=more, **USER)
    assert found.values()["unseen_versions"] == 2
    (note,) = found.notes()
    assert "did not show 2 versions that its topic holds: it was read as user ann" in note


def test_a_part_is_not_counted() -> None:
    scope = Scope(Selection(("a",)), "all", soft_deleted=True, references=True)
    found = seen(STATE, scope=scope, topic=set(), **USER)
    assert found.values() == {"read_as": "user ann", "unseen_ids": None, "unseen_versions": None}
