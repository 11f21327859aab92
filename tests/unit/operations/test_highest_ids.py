# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The highest ids of a registry: what it tells, what its versions show, and what its topic knows of purged ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from unit.schemas.building import version

from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.read_highest_ids import highest_ids

VERSIONS = [version("a 1 = 4"), version("b 1 = 2"), version(":.eu:a 1 = 7")]
IN_LOG = {".": 9, ".eu": 6, ".gone": 3}


def told(versions: list[Any], log: dict[str, int] | None, *, contexts: bool = True, **options: Any) -> dict[str, int]:
    """Return what is found out of a registry that itself tells of the default context alone."""
    registry: Any = SimpleNamespace(
        declared=SimpleNamespace(contexts=contexts),
        highest_id=lambda context, known: known + 1 if context == "." else None,
    )
    topic: Any = None if log is None else SimpleNamespace(log=SimpleNamespace(highest_ids=log))
    return highest_ids(registry, versions, topic, **options)


def test_without_a_topic_versions_and_the_registry_tell() -> None:
    assert told(VERSIONS, None, all_contexts=True) == {".": 5, ".eu": 7}
    assert told([], None, all_contexts=True) == {}


def test_the_topic_tells_of_what_is_purged() -> None:
    assert told(VERSIONS, IN_LOG, all_contexts=True) == {".": 9, ".eu": 7, ".gone": 3}
    assert told([], IN_LOG, all_contexts=True) == IN_LOG


def test_of_a_part_only_its_own_contexts_are_told() -> None:
    assert told(VERSIONS[:2], IN_LOG) == {".": 9}


@pytest.mark.parametrize(("versions", "found"), [([], {".": 9}), (VERSIONS[2:], {".": 9, ".eu": 9})])
def test_without_contexts_ids_are_given_once_for_all_names(versions: list[Any], found: dict[str, int]) -> None:
    assert told(versions, IN_LOG, contexts=False, all_contexts=True) == found
