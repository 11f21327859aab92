# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results stay below 64 KiB, however long names are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from unit.operations.archived import Archive

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import FIRST, PartitionState
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.groups import Committed
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations import restore_report
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_partitions import ArchivedPartition
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_records import Lost
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.bounded import (
    ROOM,
    cut,
    difference,
    fitting,
    listed,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.describe_backups import that_fit
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.earlier_runs import Leftover
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.offset_map import plain_map
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.recover_settings import (
    CHANGED_SINCE,
    PUT_BACK,
    Recovery,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_groups import GroupsPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_plan import (
    FILL,
    Aim,
    SourceTopic,
    TargetTopic,
    TopicPlan,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import Setting

LIMIT = 64 * 1024
LONG = ["".join(chr(97 + (number + place) % 26) for place in range(240)) + f"-{number:04}" for number in range(200)]


def test_what_one_list_does_not_need_is_for_the_next() -> None:
    values = ["x" * 96] * 100  # of 100 bytes each
    assert {name: len(kept) for name, kept in cut({"a": values[:3], "b": values}, 4000).items()} == {"a": 3, "b": 37}
    assert {name: len(kept) for name, kept in cut({"a": values, "b": values[:3]}, 4000).items()} == {"a": 20, "b": 3}
    assert fitting(values, 99) == ([], 0)


def test_what_is_left_out_is_counted() -> None:
    assert listed({"a": (iter([1, 2]), 2), "b": (range(500), 500)})["b_omitted"] == 400
    told = listed({"a": (iter([1, 2]), 2), "b": (LONG, 500)}, room=1000)
    assert (told["a"], told["a_omitted"], len(told["b"]), told["b_omitted"]) == ([1, 2], 0, 3, 497)


def test_what_a_task_named_is_cut_by_its_length_alone() -> None:
    assert listed({"a": (["x"] * 500, 500)}, most=None) == {"a": ["x"] * 500, "a_omitted": 0}
    told = listed({"a": (LONG * 3, 600)}, most=None)
    assert len(json.dumps(told)) < LIMIT
    assert len(told["a"]) + told["a_omitted"] == 600


def test_a_difference_passes_over_what_is_too_long() -> None:
    shown = difference({"a": 1, "b": "x" * ROOM, "c": 2}, {"b": 3, "c": 4, "d": 5})
    assert (shown.before, shown.after) == ({"a": 1, "c": 2}, {"c": 4, "d": 5, "~ omitted": "1 more difference"})
    assert difference({"a": 1}, {}).after == {}


def plan(name: str) -> TopicPlan:
    state = PartitionState(0, "0" * 16, FIRST, 0, 100, 0, None)
    topic = SourceTopic(ArchivedTopic(name, "", 1, 1, {}), {0: ArchivedPartition(name, state, ())})
    return TopicPlan(topic, TargetTopic(f"{name}-new", cast(Any, object()), {}, None, {}), FILL, {0: Aim(0)})


def test_a_restores_result_and_difference_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_report, "describe_point", lambda _store, _point: {})
    journal = UndoJournal(Archive(tmp_path).store.storage, "cluster", SystemClock())
    plans = [plan(name) for name in LONG]
    offsets = {(name, 0): Committed(7, None, "") for name in LONG}
    groups = GroupsPlan(
        sets={name: dict(offsets) for name in LONG},
        unknown={"late": list(offsets)},
        kept=[(name, name, 0, 7, 8) for name in LONG],
        not_restored=tuple((name, "share") for name in LONG),
    )
    lost = [Lost(name, 0, 0, 10, "its content is not what was written") for name in LONG]
    maps = {(name, 0): plain_map(0, 100, 0) for name in LONG}
    source = cast(Any, type("Source", (), {"store": None, "point": None}))
    told = restore_report.values(source, plans, None, groups, lost, maps, journal)
    assert len(json.dumps(told)) < ROOM + 1024 < LIMIT
    for name, of in (("plan", told), ("damaged", told), ("offset_map", told), ("kept", told["groups"])):
        assert 0 < len(of[name]) < 100
        assert len(of[name]) + of[f"{name}_omitted"] == len(LONG)
    difference = restore_report.difference(plans[:2], cast(Any, None), groups, dict.fromkeys(LONG, offsets))
    assert len(json.dumps([difference.before, difference.after])) < LIMIT
    assert difference.after[f"group {LONG[0]}"]["~ omitted"] == "180 more offsets"
    assert list(difference.before[f"group {LONG[0]}"]) == list(difference.after[f"group {LONG[0]}"])[:-1]
    shown = len(difference.after) - 1
    assert difference.after["~ omitted"] == f"{2 + len(LONG) + 1 - shown} more differences"


def test_the_newest_restore_points_are_told() -> None:
    points = [{"restore_point": number, "missing": [LONG[number]] * 9} for number in range(100)]
    backups = [
        {"backup_id": name, "restore_points": held, "restore_points_omitted": 7}
        for name, held in (("dr", points[:3]), ("prod", points))
    ]
    told = that_fit(backups)
    assert len(json.dumps(told)) < ROOM
    dr, prod = told["backups"]
    assert (dr["restore_points"], dr["restore_points_omitted"]) == (points[:3], 7)
    assert prod["restore_points"] == points[prod["restore_points_omitted"] - 7 :]
    assert 10 < len(prod["restore_points"]) < 100
    told = that_fit([{"backup_id": name, "restore_points": [], "restore_points_omitted": 0} for name in LONG * 2])
    assert len(json.dumps(told)) < LIMIT
    assert len(told["backups"]) + told["backups_omitted"] == 400


def test_what_is_recovered_is_bounded() -> None:
    prior, now = Setting("READWRITE", is_set=True), Setting("READONLY", is_set=True)
    left = [Leftover("mode", name, prior, "IMPORT", None, incomplete=False, purged=False) for name in LONG]
    found = [(each, CHANGED_SINCE if place % 2 else PUT_BACK, now) for place, each in enumerate(left)]
    recovery = Recovery(cast(Any, None), (), tuple(found))
    report = recovery.preview()
    assert len(json.dumps([report.values, report.warnings])) < LIMIT
    for name in ("modes", "recovered"):
        assert 10 < len(report.values[name]) < len(LONG)
        assert len(report.values[name]) + report.values[f"{name}_omitted"] == len(LONG)
    assert len(report.warnings) == 11
    assert report.warnings[-1].startswith("90 more settings were changed since")
