# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores of topics: against copying the broker's files, consuming record by record, and another tool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks import peer
from benchmarks.bench_bed import BenchBed
from benchmarks.contenders import Contenders, Taken, take_turns
from benchmarks.results import Limits, Result, compare
from benchmarks.topic_bed import TopicBed
from benchmarks.topic_workload import JSON, LARGE, SMALL, Workload

from testbed.component import ComponentError

ROUNDS = 3
MEMORY = Limits(peak_mb=150, workers_mb=80)
OURS, ENGINE, COPY, CONSUMER = "ours", peer.ENGINE, "cp, SHA-256, sync", "record by record into a file"


@dataclass(frozen=True)
class Goals:
    """How many times as fast a work should be as what it is measured against."""

    copy: float | None = None
    engine: float | None = None
    restore: float | None = None


GOALS = {JSON: Goals(copy=1 / 1.2, engine=4, restore=5), LARGE: Goals(), SMALL: Goals()}


def bench(bed: BenchBed) -> list[Result]:
    """Back each workload up and restore it."""
    lacking = lacking_engine()
    found = []
    with TopicBed(bed) as topics:
        for workload, goals in GOALS.items():
            topics.fill(workload)
            contenders = Contenders(topics, workload)
            found += backups(contenders, workload, goals, lacking)
            found += restores(contenders, workload, goals, lacking)
            contenders.clear()
    return found


def backups(contenders: Contenders, workload: Workload, goals: Goals, lacking: str | None) -> list[Result]:
    """Back a workload up in turns with what that is measured against; the slowest of it but once."""
    works = {OURS: contenders.back_up, COPY: contenders.copy}
    if lacking is None:
        works[ENGINE] = contenders.engine_backs_up
    found = take_turns(works, ROUNDS) | take_turns({CONSUMER: contenders.consume}, 1)
    ours = found[OURS]
    size = sum(path.stat().st_size for path in contenders.segments) / 1e6
    first = against(f"topic_backup: {workload.said} ({size:.0f} MB)", ours, COPY, found[COPY], goals.copy)
    return [
        replace(first, limits=MEMORY),
        compare(
            "  topic_backup: without the process's start",
            [taken.work_seconds for taken in ours if taken.work_seconds is not None],
            COPY,
            [taken.seconds for taken in found[COPY]],
        ),
        against_engine("  topic_backup", ours, found.get(ENGINE), goals.engine, lacking),
        against("  topic_backup", ours, CONSUMER, found[CONSUMER] * ROUNDS),
        Result("  topic_backup: once more, with nothing new", contenders.back_up_again().seconds),
    ]


def restores(contenders: Contenders, workload: Workload, goals: Goals, lacking: str | None) -> list[Result]:
    """Restore what was backed up last, in turns with the engine."""
    works = {OURS: contenders.restore}
    if lacking is None:
        works[ENGINE] = contenders.engine_restores
    found = take_turns(works, ROUNDS)
    said = f"topic_restore: {workload.said}"
    return [replace(against_engine(said, found[OURS], found.get(ENGINE), goals.restore, lacking), limits=MEMORY)]


def lacking_engine() -> str | None:
    """Why the engine cannot be measured, or None when it can."""
    try:
        peer.program()
    except ComponentError as error:
        return str(error).partition("\n")[0]
    return None


def against_engine(
    work: str, ours: Sequence[Taken], theirs: Sequence[Taken] | None, goal: float | None, lacking: str | None
) -> Result:
    """Compare with the engine, or say why that is not possible."""
    if theirs is not None:
        return against(work, ours, ENGINE, theirs, goal)
    alone = against(work, ours, "", ours)
    return Result(work, alone.seconds, f"{ENGINE}: {lacking}", None, goal, None, alone.peak_mb, alone.workers_mb)


def against(
    work: str, ours: Sequence[Taken], baseline: str, theirs: Sequence[Taken], goal: float | None = None
) -> Result:
    """Compare what took turns."""
    result = compare(work, [t.seconds for t in ours], baseline, [t.seconds for t in theirs], goal=goal)
    return replace(
        result,
        peak_mb=most(taken.peak_mb for taken in ours),
        workers_mb=most(taken.workers_mb for taken in ours),
        baseline_mb=most(taken.peak_mb for taken in theirs),
    )


def most(values: Iterable[float | None]) -> float | None:
    """The largest of the values that are known."""
    return max((value for value in values if value is not None), default=None)
