# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes too long for every run: ten times the data, which must need no more memory, and 10,000 partitions."""

from __future__ import annotations

from benchmarks.bench_bed import BenchBed
from benchmarks.contenders import Contenders
from benchmarks.partitions import CHANGED_SECONDS, TOPICS, Partitions, lines
from benchmarks.results import Result
from benchmarks.topic_bed import TopicBed
from benchmarks.topic_workload import JSON
from benchmarks.topics import MEMORY

FACTOR = 10


def bench(bed: BenchBed) -> list[Result]:
    """Measure both, each on a broker of its own."""
    return [*_data(bed), *_partitions(bed)]


def _data(bed: BenchBed) -> list[Result]:
    found = []
    for workload in (JSON, JSON.times(FACTOR)):
        with TopicBed(bed) as topics:
            topics.fill(workload)
            contenders = Contenders(topics, workload)
            for name, work in (("topic_backup", contenders.back_up), ("topic_restore", contenders.restore)):
                taken = work()
                said = f"{name}: {workload.records / 1e6:.0f} M JSON records"
                memory = {"peak_mb": taken.peak_mb, "workers_mb": taken.workers_mb}
                found.append(Result(said, taken.seconds, limits=MEMORY, **memory))
            contenders.clear()
    return found


def _partitions(bed: BenchBed) -> list[Result]:
    with TopicBed(bed) as topics:
        partitions = Partitions(topics, 10_000 // TOPICS)
        partitions.change()
        run = partitions.back_up(changed=True)
    return lines(f"topic_backup: 1 KB new in each of {partitions.said}", [run], CHANGED_SECONDS)
