# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's time went into, from the calls of the registry that were noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from benchmarks.module_run import ModuleRun
from benchmarks.results import Result

Calls = list[dict[str, Any]]


def export_phases(calls: Calls) -> dict[str, Calls]:
    """Divide the calls of an export: each pass reads versions, then configs and modes."""
    settings = [place for place, call in enumerate(calls) if call["name"] == "read settings"]
    first, second = settings[0], settings[1]
    return {
        "versions, first pass": calls[:first],
        "configs and modes, first pass": [calls[first]],
        "versions, second pass": calls[first + 1 : second],
        "configs and modes, second pass": [calls[second]],
    }


def import_phases(calls: Calls) -> dict[str, Calls]:
    """Divide the calls of an import: it reads the target, opens it, writes, reads again, and closes it."""
    names = [call["name"] for call in calls]
    first = names.index("register")
    last = len(names) - 1 - names[::-1].index("register")
    again = names.index("read versions", last)
    end = names.index("write settings", again)
    return {
        "probes and reading the target": calls[:first],
        "POSTs": calls[first : last + 1],
        "configs": calls[last + 1 : again],
        "reading again": calls[again:end],
        "modes": calls[end:],
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


def shares(
    work: str, runs: Sequence[ModuleRun], divided: Sequence[Mapping[str, Calls]], compared: Mapping[str, Result]
) -> list[Result]:
    """A line for each phase, and one for the rest of the process's time: start, documents, hashes, files.

    Args:
        work: What was done.
        runs: The rounds.
        divided: The phases of each.
        compared: Phases that are measured against something, whose figures are there already.
    """
    found = []
    for phase, calls in divided[0].items():
        result = compared.get(phase) or Result("", median(seconds(each[phase]) for each in divided))
        found.append(replace(result, work=f"  {work}: {phase} ({requests(calls)})"))
    rest = [
        run.seconds - sum(seconds(calls) for calls in phases.values())
        for run, phases in zip(runs, divided, strict=True)
    ]
    return [*found, Result(f"  {work}: all else", median(rest))]
