# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The works that a workload of topics is measured with: ours, and what they are measured against."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bare_topics, peer, phases
from benchmarks.bench_bed import timed
from benchmarks.topic_bed import TopicBed
from benchmarks.topic_workload import Workload


@dataclass(frozen=True)
class Taken:
    """What a work took.

    Args:
        seconds: Its time.
        work_seconds: Its time without that of the process's start and end; None where that is of no interest.
        peak_mb: The most memory that its process had, in MiB; None where that is of no interest.
        workers_mb: The most that one of its worker processes had, in MiB.
    """

    seconds: float
    work_seconds: float | None = None
    peak_mb: float | None = None
    workers_mb: float | None = None


class Contenders:
    """All works with one workload, whose topic is filled. What the last backup wrote stays until ``clear``."""

    def __init__(self, topics: TopicBed, workload: Workload) -> None:
        self.segments = topics.segments(workload.topic)
        self._topics = topics
        self._workload = workload
        self._scratch = topics.bed.scratch / workload.topic
        self._store = Path()
        self._restored = 0

    def back_up(self) -> Taken:
        """Back up into a new store."""
        self._store = self._topics.bed.new_store(self._empty("ours") / "store")
        run = self._topics.back_up(self._store, self._workload.topic)
        if run.result["topics"]["records"] != self._workload.records:
            raise RuntimeError(f"not all was backed up: {run.result}")
        return Taken(run.seconds, phases.seconds(run.calls), run.peak_mb, run.workers_mb)

    def back_up_again(self) -> Taken:
        """Back up where nothing is new."""
        run = self._topics.back_up(self._store, self._workload.topic)
        if run.result["changed"]:
            raise RuntimeError(f"something was new: {run.result}")
        return Taken(run.seconds, phases.seconds(run.calls), run.peak_mb, run.workers_mb)

    def restore(self) -> Taken:
        """Restore as a new topic."""
        target = self._new_target()
        run = self._topics.restore(self._store, self._workload.topic, target)
        self._topics.check(target, self._workload.records)
        return Taken(run.seconds, phases.seconds(run.calls), run.peak_mb, run.workers_mb)

    def copy(self) -> Taken:
        """Copy the broker's files."""
        folder = self._empty("copy")
        return Taken(timed(lambda: bare_topics.copy(self.segments, folder))[0])

    def consume(self) -> Taken:
        """Consume record by record."""
        finished, records = bare_topics.consume(self._topics.endpoint, self._workload.topic, self._empty("records"))
        if records != self._workload.records:
            raise RuntimeError(f"{records} records were consumed")
        return Taken(finished.seconds, peak_mb=finished.peak_mb)

    def engine_backs_up(self) -> Taken:
        """Back up with the other tool."""
        finished = peer.back_up(self._topics.endpoint, self._workload.topic, self._empty("engine"))
        return Taken(finished.seconds, peak_mb=finished.peak_mb)

    def engine_restores(self) -> Taken:
        """Restore with the other tool as a new topic."""
        target = self._new_target()
        folder = self._scratch / "engine"
        finished = peer.restore(self._topics.endpoint, self._workload.topic, folder, target)
        self._topics.check(target, self._workload.records)
        return Taken(finished.seconds, peak_mb=finished.peak_mb)

    def clear(self) -> None:
        """Remove what backups wrote."""
        shutil.rmtree(self._scratch)

    def _new_target(self) -> str:
        self._restored += 1
        return f"{self._workload.topic}-restored-{self._restored}"

    def _empty(self, name: str) -> Path:
        folder = self._scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def take_turns(works: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """Let works take turns, there and back. When one begins, nothing else waits to be written to disk.

    Returns:
        What each of them took, round by round.
    """
    found: dict[str, list[Taken]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works) if number % 2 == 0 else reversed(list(works)):
            os.sync()
            found[name].append(works[name]())
    return found
