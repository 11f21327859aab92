# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark found, as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

REPORT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


@dataclass(frozen=True)
class Limits:
    """The most that a work should need.

    Args:
        seconds: How long it may take.
        peak_mb: How much memory its process may have, in MiB.
        workers_mb: How much each of its worker processes may have, in MiB.
    """

    seconds: float | None = None
    peak_mb: float | None = None
    workers_mb: float | None = None


@dataclass(frozen=True)
class Result:
    """One line.

    Args:
        work: What was done.
        baseline: What it is measured against, or why it is not; None for a share of a work that is shown for itself.
        ratio: How many times as fast as the baseline.
        goal: What the ratio should reach.
        seconds: How long the work took.
        baseline_seconds: How long the baseline took.
        peak_mb: The most memory that the work's process had, in MiB.
        workers_mb: The most memory that one of its worker processes had, in MiB.
        baseline_mb: The most memory that the baseline's process had, in MiB.
        limits: What the work should keep to.
    """

    work: str
    seconds: float
    baseline: str | None = None
    ratio: float | None = None
    goal: float | None = None
    baseline_seconds: float | None = None
    peak_mb: float | None = None
    workers_mb: float | None = None
    baseline_mb: float | None = None
    limits: Limits = Limits()

    def missed(self) -> list[str]:
        """The limits that were not kept, by name."""
        return [name for name, limit in asdict(self.limits).items() if not _kept(getattr(self, name), limit)]


def compare(
    work: str,
    seconds: Sequence[float],
    baseline: str,
    baseline_seconds: Sequence[float],
    *,
    goal: float | None = None,
    peak_mb: float | None = None,
) -> Result:
    """Compare work and baseline that took turns: the ratio is the median of the rounds' ratios."""
    ratios = [theirs / ours for ours, theirs in zip(seconds, baseline_seconds, strict=True)]
    return Result(work, median(seconds), baseline, median(ratios), goal, median(baseline_seconds), peak_mb)


def table(results: Sequence[Result]) -> str:
    """The table for people."""
    width = max(len(result.work) for result in results)
    other = max((len(result.baseline or "") for result in results), default=0)
    head = (
        f"{'work':<{width}} {'seconds':>8} {'MiB':>5} {'worker':>6}  {'baseline':<{other}} {'seconds':>8} {'MiB':>5}"
        f" {'ratio':>7}  goal"
    )
    lines = [head, "-" * len(head)]
    for result in results:
        lines.append(
            f"{result.work:<{width}} {_number(result.seconds, 2):>8} {_number(result.peak_mb, 0):>5}"
            f" {_number(result.workers_mb, 0):>6}  {result.baseline or '':<{other}}"
            f" {_number(result.baseline_seconds, 2):>8} {_number(result.baseline_mb, 0):>5}"
            f" {_number(result.ratio, 2, 'x'):>7}  {_goals(result)}"
        )
    return "\n".join(line.rstrip() for line in lines)


def write(results: Sequence[Result]) -> None:
    """Write the same as JSON."""
    rows = [{name: _plain(value) for name, value in asdict(result).items()} for result in results]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(rows, indent=2) + "\n")


def _goals(result: Result) -> str:
    goals = [] if result.goal is None else [_goal(f"{result.goal:.3g}x", result.ratio, result.goal)]
    for name, limit, unit in (
        ("seconds", result.limits.seconds, "s"),
        ("peak_mb", result.limits.peak_mb, "MiB"),
        ("workers_mb", result.limits.workers_mb, "MiB a worker"),
    ):
        if limit is not None:
            missed = "MISSED" if name in result.missed() else "met"
            goals.append(f"{limit:g} {unit}, {missed}")
    return "; ".join(goals)


def _goal(said: str, ratio: float | None, goal: float) -> str:
    if ratio is None:
        return f"{said}, not measured"
    return f"{said}, {'met' if ratio >= goal else 'MISSED'}"


def _kept(value: float | None, limit: float | None) -> bool:
    return limit is None or (value is not None and value <= limit)


def _number(value: float | None, places: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{places}f}{unit}"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: limit for name, limit in value.items() if limit is not None}
    return value.strip() if isinstance(value, str) else value
