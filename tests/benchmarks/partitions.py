# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small partitions: backups with nothing new in them, and with a little new in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.bench_bed import BenchBed
from benchmarks.module_run import ModuleRun
from benchmarks.results import Result
from benchmarks.topic_bed import TopicBed
from benchmarks.topics import MEMORY

ROUNDS = 3
TOPICS = 100
AT_ONCE = 5  # topics that a broker has to make before it tells of the first of them
SIZE = 1000  # bytes of a record
UNCHANGED_SECONDS = 2
CHANGED_SECONDS = 30


class Partitions:
    """Topics of so many partitions each, and a store that holds a backup of them."""

    def __init__(self, topics: TopicBed, each: int) -> None:
        self.said = f"{TOPICS * each:,} partitions"
        self._topics = topics
        self._partitions = {f"bench-many-{number:03}": each for number in range(TOPICS)}
        print(f"Making {self.said} ...", flush=True)
        for first in range(0, TOPICS, AT_ONCE):
            topics.topics.create_many(dict(list(self._partitions.items())[first : first + AT_ONCE]))
        self.change()
        self._store: Path = topics.bed.new_store()
        self.back_up(changed=True)

    def change(self) -> None:
        """Produce a record into every partition."""
        self._topics.spread(self._partitions, SIZE)

    def back_up(self, *, changed: bool) -> ModuleRun:
        """Back all up, which is to find something new or not."""
        run = self._topics.back_up(self._store, *self._partitions)
        if run.result["changed"] != changed:
            raise RuntimeError(f"what is new was not seen: {run.result}")
        return run


def bench(bed: BenchBed) -> list[Result]:
    """Back up 1,000 partitions in which nothing is new."""
    with TopicBed(bed) as topics:
        partitions = Partitions(topics, 1000 // TOPICS)
        runs = [partitions.back_up(changed=False) for _round in range(ROUNDS)]
    return lines(f"topic_backup: nothing new in {partitions.said}", runs, UNCHANGED_SECONDS)


def lines(work: str, runs: Sequence[ModuleRun], most_seconds: float) -> list[Result]:
    """A line for the time, and one for that of the processors, whose work it is that matters."""
    whole = Result(
        work,
        median(run.seconds for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        workers_mb=max(run.workers_mb for run in runs),
        limits=replace(MEMORY, seconds=most_seconds),
    )
    return [whole, Result("  processors' time in all", median(run.processor_seconds for run in runs))]
