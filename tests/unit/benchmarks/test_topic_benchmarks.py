# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How topics are measured: what takes turns, what is compared, which memory is noted."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from pathlib import Path

import pytest
from benchmarks import bare_topics, processes, topics
from benchmarks.contenders import Taken, take_turns
from benchmarks.module_run import ENVIRONMENT, ModuleRun
from benchmarks.partitions import lines
from benchmarks.results import table
from benchmarks.topic_workload import JSON, LARGE, SMALL, VALUES, Workload

OURS = [Taken(2.0, 1.0, 100.0, 70.0), Taken(4.0, 3.0, 110.0, 60.0), Taken(3.0, 2.0, 90.0, 75.0)]
THEIRS = [Taken(10.0, peak_mb=900.0), Taken(10.0, peak_mb=1000.0), Taken(10.0, peak_mb=800.0)]


def test_works_take_turns_there_and_back() -> None:
    order: list[str] = []

    def work(name: str) -> Taken:
        order.append(name)
        return Taken(float(len(order)))

    found = take_turns({name: (lambda name=name: work(name)) for name in "abc"}, 3)
    assert "".join(order) == "abccbaabc"
    assert [taken.seconds for taken in found["a"]] == [1.0, 6.0, 7.0]


def test_a_comparison_tells_the_most_memory_of_both() -> None:
    result = topics.against("topic_backup", OURS, "other", THEIRS, 4)
    assert (result.seconds, result.ratio) == (3.0, pytest.approx(10 / 3))
    assert (result.peak_mb, result.workers_mb, result.baseline_mb) == (110.0, 75.0, 1000.0)


def test_an_engine_that_is_not_there_is_said_with_the_reason() -> None:
    result = topics.against_engine("topic_backup", OURS, None, 4, "there is no cargo here")
    assert (result.ratio, result.goal, result.seconds, result.peak_mb) == (None, 4, 3.0, 110.0)
    assert f"  {topics.ENGINE}: there is no cargo here  " in table([result])
    assert table([result]).endswith("4x, not measured")


def test_small_partitions_are_held_to_time_and_memory() -> None:
    runs = [ModuleRun(seconds, 1.0, 90.0, 81.0, [], {}) for seconds in (1.0, 3.0, 2.5)]
    whole, work = lines("nothing new", runs, 2)
    assert (whole.seconds, whole.missed(), work.seconds) == (2.5, ["seconds", "workers_mb"], 1.0)


@pytest.mark.parametrize(("workload", "size"), [(JSON, 190), (LARGE, 1024), (SMALL, 100)])
def test_records_are_unique_and_as_large_as_is_said(workload: Workload, size: int) -> None:
    values = [*VALUES[workload.kind](random.Random(0), 500), *VALUES[workload.kind](random.Random(1), 500)]
    assert len(set(values)) == 1000
    assert sum(map(len, values)) / 1000 == pytest.approx(size, rel=0.03)
    assert str(size) in workload.said.replace("1 KiB", "1024")


def test_ten_times_the_records_lie_in_another_topic() -> None:
    assert JSON.times(10).records == 50_000_000
    assert JSON.times(10).topic != JSON.topic
    assert JSON.times(10).said == f"10 x {JSON.said}"


def test_a_copy_is_hashed(tmp_path: Path) -> None:
    source, target = tmp_path / "from" / "00.log", tmp_path / "to"
    source.parent.mkdir()
    target.mkdir()
    source.write_bytes(b"batches")
    assert bare_topics.copy([source], target) == [hashlib.sha256(b"batches").hexdigest()]
    assert [path.read_bytes() for path in target.rglob("*.log")] == [b"batches"]


def test_a_program_is_measured(tmp_path: Path) -> None:
    script = "import sys, time; kept = b'x' * (200 << 20); time.sleep(0.5); print(len(kept))"
    finished = processes.run([sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path)
    assert finished.output == f"{200 << 20}\n"
    assert 200 < finished.peak_mb < 300
    assert finished.seconds >= 0.5
    assert finished.processor_seconds > 0


def test_a_program_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="sh ended with status 3: no luck"):
        processes.run(["/bin/sh", "-c", "echo no luck >&2; exit 3"], env={}, cwd=tmp_path)


def test_the_peak_of_every_forked_process_is_noted(tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from benchmarks.observed_module import note_workers, peak_memory
note_workers(Path({str(tmp_path / "notes")!r}))
for size in (100, 200):
    pid = os.fork()
    if pid == 0:
        kept = b"x" * (size << 20)
        os._exit(0)
    os.waitpid(pid, 0)
print(peak_memory())
"""
    finished = processes.run([sys.executable, "-c", script], env=ENVIRONMENT, cwd=tmp_path)
    small, large = map(float, (tmp_path / "notes").read_text().split())
    assert (100 < small < 150, 200 < large < 250) == (True, True), (small, large)
    assert float(finished.output) < 50
