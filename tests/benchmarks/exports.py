# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports, against the loop over curl and jq and against bare reads."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import bare, phases, workload
from benchmarks.bench_bed import THREADS, BenchBed, timed
from benchmarks.module_run import ModuleRun
from benchmarks.results import Result, compare

ROUNDS = 3
GOAL = 5.0
GOAL_OF_READS = 0.7
LOOP = Path(__file__).with_name("curl_loop.sh")
LONGEST_LOOP = 180.0
SHORTENED_LOOP = 60.0
PROBED_SUBJECTS = 15


@dataclass
class Loop:
    """The loop over curl and jq, run in shares of the subjects, one a round.

    Args:
        bed: What it reads.
        subjects: How many subjects it reads in all rounds together.
        missing: The tool that it cannot run without, if any.
        seconds: What each round took, for all subjects.
    """

    bed: BenchBed
    subjects: int = workload.SUBJECTS
    missing: str | None = None
    seconds: list[float] = field(default_factory=list)

    def prepare(self) -> None:
        """Look for its tools, and shorten it where all subjects would take too long."""
        self.missing = next((tool for tool in ("bash", "curl", "jq") if shutil.which(tool) is None), None)
        if self.missing is None:
            per_subject = self._run(0, PROBED_SUBJECTS) / PROBED_SUBJECTS
            if per_subject * workload.SUBJECTS > LONGEST_LOOP:
                self.subjects = max(PROBED_SUBJECTS, int(SHORTENED_LOOP / per_subject / ROUNDS)) * ROUNDS

    def run_share(self, number: int) -> None:
        """Run the loop over its share of a round."""
        if self.missing is None:
            begin, end = (self.subjects * place // ROUNDS for place in (number, number + 1))
            self.seconds.append(self._run(begin, end) / (end - begin) * workload.SUBJECTS)

    @property
    def told(self) -> str:
        """What it is, for people."""
        if self.missing is not None:
            return f"curl and jq loop: skipped, no {self.missing} here"
        whole = self.subjects == workload.SUBJECTS
        return "curl and jq loop" + ("" if whole else f" ({self.subjects} subjects, scaled)")

    def _run(self, begin: int, end: int) -> float:
        folder = self.bed.scratch / "loop"
        command = ["bash", str(LOOP), self.bed.source.endpoint, str(folder), str(begin), str(end)]
        seconds, _process = timed(lambda: subprocess.run(command, check=True))
        files = sum(1 for _file in folder.rglob("v*.json"))
        if files != (end - begin) * workload.VERSIONS:
            raise RuntimeError(f"the loop wrote {files} versions")
        shutil.rmtree(folder)
        return seconds


def bench(bed: BenchBed) -> list[Result]:
    """Export into a new store, and again, taking turns with the loop and with bare reads."""
    loop = Loop(bed)
    loop.prepare()
    paths = bare.version_paths(bed.registrations)
    reads: list[float] = []
    first: list[ModuleRun] = []
    again: list[ModuleRun] = []
    for number in range(ROUNDS):
        store = bed.new_store()
        loop.run_share(number)
        first.append(bed.export(store))
        reads.append(timed(lambda: bare.get(bed.source.endpoint, paths, THREADS))[0])
        again.append(bed.export(store))
        if again[-1].result["changed"]:
            raise RuntimeError("an unchanged registry was exported anew")
    return [_against_loop(first, loop), *_phases(first, reads), _second(again, first)]


def _against_loop(runs: list[ModuleRun], loop: Loop) -> Result:
    seconds = [run.seconds for run in runs]
    peak = max(run.peak_mb for run in runs)
    if loop.missing is not None:
        return Result("export", median(seconds), loop.told, goal=GOAL, peak_mb=peak)
    return compare("export", seconds, loop.told, loop.seconds, goal=GOAL, peak_mb=peak)


def _phases(runs: list[ModuleRun], reads: list[float]) -> list[Result]:
    divided = [phases.export_phases(run.calls) for run in runs]
    name = "versions, first pass"
    seconds = [phases.seconds(each[name]) for each in divided]
    first = compare(name, seconds, f"bare reads, {THREADS} threads", reads, goal=GOAL_OF_READS)
    return phases.shares("export", runs, divided, {name: first})


def _second(runs: list[ModuleRun], first: list[ModuleRun]) -> Result:
    return compare(
        "second export, nothing changed",
        [run.seconds for run in runs],
        "first export",
        [run.seconds for run in first],
        peak_mb=max(run.peak_mb for run in runs),
    )
