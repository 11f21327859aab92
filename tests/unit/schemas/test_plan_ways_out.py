# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refused import says once what helps, and each of these ways leads to a plan."""

from __future__ import annotations

from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS
from unit.schemas.planning import ARCHIVED, METADATA, SHIFTED, planned, refused

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, ScopeSettings, Setting

IN_ROLES = "The roles have these options with restore_ before their names."
ASSIGN: dict[str, Any] = {"ids": "assign"}
CONTEXT: dict[str, Any] = {"context_mapping": {".": ".other"}}
SKIP: dict[str, Any] = {"strategy": "skip"}
RENAME: dict[str, Any] = {"subject_mapping": {"a": "b"}}
PURGE: dict[str, Any] = {"strategy": "overwrite", "allow_purge": True}

ID, VERSION = (state("a 1 = 1", "c 1 = 3"), state("z 1 = 1 other")), (state("a 1 = 1"), state("a 1 = 2 t1"))


@pytest.mark.parametrize(
    ("archive", "target", "ways"),
    [
        (*ID, [ASSIGN, CONTEXT, SKIP]),
        (*VERSION, [ASSIGN, CONTEXT, SKIP]),
        (state("a 1 = 1"), state("a 1 = 2 other"), [ASSIGN, CONTEXT, RENAME, SKIP]),
        (ARCHIVED, SHIFTED, [ASSIGN, CONTEXT, PURGE, SKIP]),
    ],
)
def test_what_a_refusal_names_leads_to_a_plan(
    archive: RegistryState, target: RegistryState, ways: list[dict[str, Any]]
) -> None:
    message = refused(archive, target).message
    named = message.partition(" Ways out: ")[2]
    assert named.endswith(f"; exclude_subjects leaves whole subjects out. {IN_ROLES}")
    for way in ways:
        for option, value in way.items():
            assert (f"{option}: {str(value).lower()}" if option not in {**CONTEXT, **RENAME} else option) in named
        planned(archive, target, **way)


def test_the_ways_out_of_many_conflicts_are_told_once() -> None:
    archive = state(*(f"a{n} 1 = {n}" for n in range(1, 9)))
    message = refused(archive, state(*(f"z{n} 1 = {n} other{n}" for n in range(1, 9)))).message
    assert message.count("the target has other content under the id") == 8
    assert message.count("ids: assign") == message.count(IN_ROLES) == 1
    assert "strategy: overwrite" not in message


def test_a_loss_is_told_for_modules_and_roles() -> None:
    archive = state(version("a 1 = 1", metadata=METADATA))
    assert refused(archive, capabilities=AXONOPS).message.endswith(f"add metadata to accept_losses. {IN_ROLES}")


def test_where_no_option_helps_none_is_named() -> None:
    target = state()
    target.settings[""] = ScopeSettings(mode=Setting("READONLY_OVERRIDE", True))
    message = refused(state("a 1 = 1"), target).message
    assert "READONLY_OVERRIDE closes" in message
    assert IN_ROLES not in message
    assert "Ways out" not in message
