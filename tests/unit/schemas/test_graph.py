# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.graph import (
    CycleError,
    closure,
    dependency_order,
    missing_references,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    Reference,
    SchemaContent,
    SchemaVersion,
    VersionKey,
)

Versions = dict[VersionKey, SchemaVersion]


def versions(*entries: str) -> Versions:
    """Make versions from lines such as ``a 1``, ``!a 2`` (soft-deleted) and ``b 1 > a 1, a -1``."""
    made: Versions = {}
    for entry in entries:
        name, _arrow, wanted = entry.partition(" > ")
        subject, number = name.removeprefix("!").rsplit(" ", 1)
        pairs = [part.rsplit(" ", 1) for part in wanted.split(", ")] if wanted else []
        references = tuple(Reference(f"r{i}", target, int(version)) for i, (target, version) in enumerate(pairs))
        content = SchemaContent("AVRO", f'"{name}"', references)
        version = SchemaVersion(subject, int(number), len(made) + 1, content, deleted=name.startswith("!"))
        made[version.key] = version
    return made


def shown(keys: list[VersionKey] | set[VersionKey]) -> list[str]:
    listed = sorted(keys) if isinstance(keys, set) else keys
    return [f"{key.subject} {key.version}" for key in listed]


def test_ties_are_broken_by_subject_then_by_number() -> None:
    assert shown(dependency_order(versions("b 1", "a 10", "a 9", "c 1"))) == ["a 9", "a 10", "b 1", "c 1"]


def test_what_is_referred_to_comes_first() -> None:
    order = dependency_order(versions("a 1 > c 1", "b 1", "c 1 > d 2", "d 2", "d 1 > a 1"))
    assert shown(order) == ["b 1", "d 2", "c 1", "a 1", "d 1"]


def test_latest_is_the_highest_live_version() -> None:
    assert shown(dependency_order(versions("a 1 > z -1", "z 1", "z 2", "!z 3"))) == ["z 1", "z 2", "a 1", "z 3"]


def test_latest_of_the_own_subject_is_the_one_before() -> None:
    assert shown(dependency_order(versions("a 1", "a 3 > a -1", "a 2"))) == ["a 1", "a 2", "a 3"]


def test_soft_deleted_versions_can_be_referred_to_by_number() -> None:
    found = versions("a 1 > z 1", "!z 1")
    assert missing_references(found) == []
    assert shown(dependency_order(found)) == ["z 1", "a 1"]


def test_latest_of_a_subject_without_live_versions_is_missing() -> None:
    [missing] = missing_references(versions("a 1 > z -1", "!z 1"))
    assert (missing.referrer, missing.target) == (VersionKey("a", 1), VersionKey("z", -1))


def test_missing_references_of_some_versions() -> None:
    found = versions("a 1 > y 1, z 1", "b 1 > z 2", "z 1")
    assert [str(m.target) for m in missing_references(found)] == ["y version 1", "z version 2"]
    assert [str(m.target) for m in missing_references(found, [VersionKey("b", 1)])] == ["z version 2"]


def test_unqualified_references_stay_in_their_context() -> None:
    found = versions(":.eu:a 1 > z 1, :.:q 1, :.us:z 1", ":.eu:z 1", "q 1", ":.us:z 1", "z 1")
    assert shown(closure([VersionKey(":.eu:a", 1)], found)) == [":.eu:a 1", ":.eu:z 1", ":.us:z 1", "q 1"]


def test_sequential_subjects_are_ascending() -> None:
    found = versions("a 1 > b 1", "a 2", "b 1")
    assert shown(dependency_order(found)) == ["a 2", "b 1", "a 1"]
    assert shown(dependency_order(found, sequential_subjects=True)) == ["b 1", "a 1", "a 2"]


@pytest.mark.parametrize(
    ("entries", "path"),
    [
        (["a 1 > b 2", "b 2 > a 1"], "a v1 -> b v2 -> a v1"),
        (["a 1 > a 1"], "a v1 -> a v1"),
        (["a 1 > d 1", "d 1 > c 1", "c 1 > b 1", "b 1 > d 1"], "b v1 -> d v1 -> c v1 -> b v1"),
    ],
)
def test_a_circle_is_an_error_with_its_path(entries: list[str], path: str) -> None:
    with pytest.raises(CycleError, match=path) as caught:
        dependency_order(versions(*entries, "x 1"))
    assert caught.value.failure()["path"] == path
    assert caught.value.failure()["code"] == "reference_cycle"


def test_closure_of_a_circle_ends() -> None:
    found = versions("a 1 > b 1", "b 1 > a 1", "c 1 > a 1")
    assert shown(closure([VersionKey("a", 1)], found)) == ["a 1", "b 1"]


def test_chains_of_thousands() -> None:
    length = 20_000
    found = versions("s 1", *(f"s {n} > s {n - 1}" for n in range(2, length + 1)))
    assert shown(dependency_order(found)) == [f"s {n}" for n in range(1, length + 1)]
    assert len(closure([VersionKey("s", length)], found)) == length
    circle = versions(*(f"s {n} > s {n - 1 or length}" for n in range(1, length + 1)))
    with pytest.raises(CycleError) as caught:
        dependency_order(circle)
    assert len(caught.value.path) == length + 1
