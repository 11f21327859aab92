# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from unit.schemas.building import state
from unit.schemas.planning import ARCHIVED, ASKED, FULL, HELD, SHIFTED, planned

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.render import rendered


def test_a_diff_shows_only_what_changes() -> None:
    archive = replace(ASKED, versions={**ASKED.versions, **state("!a 2 = 3", "c 1 = 4").versions})
    target = replace(HELD, versions={**HELD.versions, **state("c 1 = 4").versions})
    before, after = rendered(planned(archive, target))
    assert [name for name in before if before[name] is not None] == []
    assert {name: value for name, value in after.items() if name in ("a", "b", "c", "z")} == {
        "a": {"version 1": "id 1, AVRO", "version 2": "id 3, AVRO, soft-deleted"},
        "b": {"version 1": "id 2, AVRO"},
    }
    assert after["config of :.eu:"] == FULL
    assert "config of " not in after


def test_a_diff_of_a_purge_and_of_an_undeletion() -> None:
    before, after = rendered(planned(ARCHIVED, SHIFTED, strategy="overwrite", allow_purge=True))
    assert before == {"a": {"version 1": "id 1, AVRO", "version 2": "id 3, AVRO"}}
    assert after == {"a": {"version 1": "id 1, AVRO", "version 2": "id 2, AVRO", "version 4": "id 3, AVRO"}}
    before, after = rendered(planned(state("a 1 = 1"), state("!a 1 = 1"), strategy="overwrite"))
    assert (before, after) == ({"a": {"version 1": "id 1, AVRO, soft-deleted"}}, {"a": {"version 1": "id 1, AVRO"}})


def test_a_diff_is_bounded_and_shows_what_is_not_known_yet() -> None:
    archive = state(*(f"a{n:03} 1 = {n + 1}" for n in range(250)))
    before, after = rendered(planned(archive, ids="assign"))
    assert (before, len(after), after[max(after)]) == ({}, 101, "150 more subjects and settings")
    assert after["a000"] == {"version 1": "id unknown until applied, AVRO"}
