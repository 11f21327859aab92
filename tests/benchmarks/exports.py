# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports, against the loop over curl and jq and against bare reads."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import bare, phases, workload
from benchmarks.bench_bed import THREADS, BenchBed, timed
from benchmarks.module_run import ModuleRun
from benchmarks.results import Result, compare
from registries.emulated import SeparateRegistry

ROUNDS = 3
GOAL = 6.0
GOAL_OF_LISTING = 50.0
GOAL_OF_READS = 0.7
FIRST_PASS = "versions, first pass"
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
    subjects: int = 0
    missing: str | None = None
    seconds: list[float] = field(default_factory=list)

    def prepare(self) -> None:
        """Look for its tools, and shorten it where all subjects would take too long."""
        self.subjects = self.bed.subjects
        self.missing = next((tool for tool in ("bash", "curl", "jq") if shutil.which(tool) is None), None)
        if self.missing is None:
            per_subject = self._run(0, PROBED_SUBJECTS) / PROBED_SUBJECTS
            if per_subject * self.bed.subjects > LONGEST_LOOP:
                self.subjects = max(PROBED_SUBJECTS, int(SHORTENED_LOOP / per_subject / ROUNDS)) * ROUNDS

    def run_share(self, number: int) -> None:
        """Run the loop over its share of a round."""
        if self.missing is None:
            begin, end = (self.subjects * place // ROUNDS for place in (number, number + 1))
            self.seconds.append(self._run(begin, end) / (end - begin) * self.bed.subjects)

    @property
    def told(self) -> str:
        """What it is, for people."""
        if self.missing is not None:
            return f"curl and jq loop: skipped, no {self.missing} here"
        whole = self.subjects == self.bed.subjects
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


@dataclass
class Taken:
    """What the works took that have taken turns.

    Args:
        loop: The loop over curl and jq.
        first: Exports into new stores.
        again: Exports of the same into these.
        reads: Bare reads.
    """

    loop: Loop
    first: list[ModuleRun]
    again: list[ModuleRun]
    reads: list[float]

    def against_loop(self, work: str, seconds: list[float], goal: float | None) -> Result:
        """Compare something with the loop."""
        peak = max(run.peak_mb for run in self.first)
        if self.loop.missing is not None:
            return Result(work, median(seconds), self.loop.told, goal=goal, peak_mb=peak)
        return compare(work, seconds, self.loop.told, self.loop.seconds, goal=goal, peak_mb=peak)

    def phases(self, work: str, told: str) -> list[Result]:
        """Compare the first pass with bare reads, and show the others."""
        divided = [phases.export_phases(run.calls) for run in self.first]
        first = compare(FIRST_PASS, self.first_pass(), told, self.reads, goal=GOAL_OF_READS)
        return phases.shares(work, self.first, divided, {FIRST_PASS: first})

    def first_pass(self) -> list[float]:
        """The seconds that the first pass over all versions took."""
        return [phases.seconds(phases.export_phases(run.calls)[FIRST_PASS]) for run in self.first]

    def second(self, work: str) -> Result:
        """Compare exports of what has not changed with first ones."""
        return compare(
            f"second {work}, nothing changed",
            [run.seconds for run in self.again],
            f"first {work}",
            [run.seconds for run in self.first],
            peak_mb=max(run.peak_mb for run in self.again),
        )


def bench(bed: BenchBed) -> list[Result]:
    """Export from a registry that tells one version a request, against the loop and bare reads."""
    paths = bare.version_paths(bed.registrations)
    taken = take_turns(bed, lambda: bare.get(bed.source.endpoint, paths, THREADS))
    return [
        taken.against_loop("export", [run.seconds for run in taken.first], GOAL),
        *taken.phases("export", f"bare reads, {THREADS} threads"),
        taken.second("export"),
    ]


def bench_bulk(bed: BenchBed) -> list[Result]:
    """Export from a registry that tells versions by pages, against the loop and bare pages."""
    bulk = bed.beside("bulk", SeparateRegistry)
    taken = take_turns(bulk, lambda: bare.pages(bulk.source.endpoint))
    return [
        taken.against_loop("bulk export", [run.seconds for run in taken.first], None),
        taken.against_loop("bulk export: versions, first pass", taken.first_pass(), GOAL_OF_LISTING),
        *taken.phases("bulk export", "bare pages"),
        taken.second("bulk export"),
    ]


def take_turns(bed: BenchBed, read: Callable[[], object]) -> Taken:
    """Export into a new store, and again, taking turns with the loop and with bare reads."""
    taken = Taken(Loop(bed), [], [], [])
    taken.loop.prepare()
    for number in range(ROUNDS):
        store = bed.new_store()
        taken.loop.run_share(number)
        taken.first.append(bed.export(store))
        taken.reads.append(timed(read)[0])
        taken.again.append(bed.export(store))
        if taken.again[-1].result["changed"]:
            raise RuntimeError("an unchanged registry was exported anew")
    return taken
