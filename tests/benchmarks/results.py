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

REPORT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


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
    """

    work: str
    seconds: float
    baseline: str | None = None
    ratio: float | None = None
    goal: float | None = None
    baseline_seconds: float | None = None
    peak_mb: float | None = None


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
    head = f"{'work':<{width}} {'seconds':>8} {'MiB':>5}  {'baseline':<{other}} {'seconds':>8} {'ratio':>7}  goal"
    lines = [head, "-" * len(head)]
    for result in results:
        lines.append(
            f"{result.work:<{width}} {_number(result.seconds, 2):>8} {_number(result.peak_mb, 0):>5}"
            f"  {result.baseline or '':<{other}} {_number(result.baseline_seconds, 2):>8}"
            f" {_number(result.ratio, 2, 'x'):>7}  {_goal(result)}"
        )
    return "\n".join(line.rstrip() for line in lines)


def write(results: Sequence[Result]) -> None:
    """Write the same as JSON."""
    order = ("work", "baseline", "ratio", "goal", "seconds", "baseline_seconds", "peak_mb")
    rows = [{name: _plain(asdict(result)[name]) for name in order} for result in results]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(rows, indent=2) + "\n")


def _goal(result: Result) -> str:
    if result.goal is None:
        return ""
    if result.ratio is None:
        return f"{result.goal:g}x, not measured"
    return f"{result.goal:g}x, {'met' if result.ratio >= result.goal else 'MISSED'}"


def _number(value: float | None, places: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{places}f}{unit}"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    return value.strip() if isinstance(value, str) else value
