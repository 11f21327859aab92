# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's time went into, from the calls of the registry that were noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench_bed import ModuleRun
from results import Result

Calls = list[dict[str, Any]]


def export_phases(calls: Calls) -> dict[str, Calls]:
    """Divide the calls of an export: each pass reads versions, then configs and modes."""
    settings = [place for place, call in enumerate(calls) if call["call"] == "read_settings"]
    first, second = settings[0], settings[1]
    return {
        "versions, first pass": calls[:first],
        "configs and modes, first pass": [calls[first]],
        "versions, second pass": calls[first + 1 : second],
        "configs and modes, second pass": [calls[second]],
    }


def import_phases(calls: Calls) -> dict[str, Calls]:
    """Divide the calls of an import: it reads the target, writes, and reads again."""
    writes = [place for place, call in enumerate(calls) if call["call"] == "register"]
    first, last = writes[0], writes[-1]
    return {
        "probes and reading the target": calls[:first],
        "POSTs": calls[first : last + 1],
        "configs, modes and reading again": calls[last + 1 :],
    }


def seconds(calls: Calls) -> float:
    """From the beginning of the first call to the end of the last one."""
    return float(calls[-1]["end"] - calls[0]["begin"])


def requests(calls: Calls) -> str:
    """How many requests, by kind."""
    counts: Counter[str] = Counter()
    for call in calls:
        counts.update(call["requests"])
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def shares(work: str, runs: Sequence[ModuleRun], divided: Sequence[dict[str, Calls]]) -> list[Result]:
    """A line for each phase, and one for the rest of the process's time: start, documents, hashes, files."""
    found = [
        Result(f"  {work}, {phase} ({requests(calls)})", median(seconds(each[phase]) for each in divided))
        for phase, calls in divided[0].items()
    ]
    rest = [
        run.seconds - sum(seconds(calls) for calls in phases.values())
        for run, phases in zip(runs, divided, strict=True)
    ]
    return [*found, Result(f"  {work}, everything else", median(rest))]
