# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks say of a measurement, and that what they observe is there."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from benchmarks import results
from benchmarks.observed_module import OBSERVED, Observer
from benchmarks.results import Limits, Result, compare, table

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible import run
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations import (
    export_registry,
    import_registry,
    verify_backup,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry


def test_every_observed_call_is_there() -> None:
    assert [name for name in OBSERVED if not callable(getattr(Registry, name, None))] == []
    assert callable(export_registry.connect)
    assert callable(import_registry.connect)
    assert callable(verify_backup.verify_backup)
    assert callable(run.reporting)


def test_all_that_a_module_does_after_its_start_is_one_note() -> None:
    observer = Observer()
    with observer._noting_all("work", contextlib.nullcontext)("given") as given:
        assert given == "given"
        assert observer.notes == []
    (note,) = observer.notes
    assert note["name"] == "work"
    assert note["begin"] <= note["end"]


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    result = compare("export", [1.0, 4.0, 2.0], "loop", [6.0, 8.0, 20.0], goal=5)
    assert (result.seconds, result.baseline_seconds, result.ratio) == (2.0, 8.0, 6.0)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Result("backup", 2.0, limits=Limits(seconds=2)), "2 s, met"),
        (Result("backup", 2.01, limits=Limits(seconds=2)), "2 s, MISSED"),
        (
            Result("backup", 2.0, "cp", 0.9, 1 / 1.2, 1.8, 151.0, 80.0, limits=Limits(peak_mb=150, workers_mb=80)),
            "0.833x, met; 150 MiB, MISSED; 80 MiB a worker, met",
        ),
        (Result("backup", 2.0, limits=Limits(workers_mb=80)), "80 MiB a worker, MISSED"),
    ],
)
def test_the_table_tells_whether_limits_are_kept(result: Result, said: str) -> None:
    assert table([result]).splitlines()[-1].endswith(f"  {said}")


@pytest.mark.parametrize(("ratio", "said"), [(5.0, "5x, met"), (4.99, "5x, MISSED"), (None, "5x, not measured")])
def test_the_table_tells_whether_a_goal_is_met(ratio: float | None, said: str) -> None:
    lines = table([Result("export", 2.0, "loop", ratio, 5.0)]).splitlines()
    assert lines[-1].endswith(said)


def test_the_report_has_the_same_fields_in_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "build" / "bench.json"
    monkeypatch.setattr(results, "REPORT", report)
    export = Result("export", 2.0, "loop", 5.12345, 5.0, 10.0, 93.5, limits=Limits(seconds=15.0))
    results.write([export, Result("  export: modes", 1.0)])
    whole, share = json.loads(report.read_text())
    assert whole == {
        "work": "export",
        "baseline": "loop",
        "ratio": 5.123,
        "goal": 5.0,
        "seconds": 2.0,
        "baseline_seconds": 10.0,
        "peak_mb": 93.5,
        "workers_mb": None,
        "baseline_mb": None,
        "limits": {"seconds": 15.0},
    }
    assert share == dict.fromkeys(whole) | {"work": "export: modes", "seconds": 1.0, "limits": {}}
