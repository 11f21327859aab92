# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a module is: from what it tells, through the file, to lines for people."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.progress_file import (
    Event,
    Note,
    ProgressFile,
    ProgressReader,
    Status,
    reporting,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.progress_lines import Lines, describe
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.progress_watch import Watch
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption

KNOWN = 1_000_000


class Told:
    """A progress file with a clock that is set by hand, and what was told to it."""

    def __init__(self, path: Path) -> None:
        self.time = 100.0
        self._path = path
        self.file = ProgressFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), clock=lambda: self.time)

    @property
    def events(self) -> list[Event]:
        return ProgressReader(str(self._path)).read()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "progress")


def reading(done: int, seconds: float, *, total: int | None = KNOWN, phase: str = "reading") -> Status:
    return Status(phase, "bytes", total, done, 0, seconds)


def test_a_phase_is_told_from_its_beginning_some_times_a_second(told: Told) -> None:
    told.file.start("reading", KNOWN)
    for _step in range(1000):
        told.time += 0.001
        told.file.advance(1)
    assert [event.done for event in told.events if isinstance(event, Status)] == [0, 250, 500, 750, 1000]
    assert told.events[1] == Status("reading", "bytes", KNOWN, 250, 0, 0.25)


def test_the_end_of_a_phase_is_told_before_the_next_one(told: Told) -> None:
    told.file.start("reading", 3, "files")
    told.file.advance(3)
    told.file.start("writing", None)
    told.file.advance(5, 50)
    told.file.settle()
    told.file.settle()
    assert told.events == [
        Status("reading", "files", 3, 0, 0, 0.0),
        Status("reading", "files", 3, 3, 0, 0.0),
        Status("writing", "bytes", None, 0, 0, 0.0),
        Status("writing", "bytes", None, 5, 50, 0.0),
    ]


def test_a_note_is_told_at_once(told: Told) -> None:
    told.file.note('waits for "broker 1"')
    assert told.events == [Note('waits for "broker 1"')]


def test_several_threads_tell_whole_lines(told: Told) -> None:
    def tell() -> None:
        for _step in range(200):
            told.file.advance(1)
            told.file.note("x" * 500)

    told.file.start("reading", 800)
    threads = [threading.Thread(target=tell) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.file.settle()
    assert sum(event == Note("x" * 500) for event in told.events) == 800
    assert told.events[-1] == Status("reading", "bytes", 800, 800, 0, 0.0)


def test_a_full_disk_does_not_stop_the_work() -> None:
    file = ProgressFile(os.open("/dev/full", os.O_WRONLY))
    file.start("reading", KNOWN)
    file.advance(1)
    file.note("goes on")
    file.settle()


def test_without_a_file_nobody_is_told() -> None:
    with reporting(None) as progress:
        progress.start("reading", None)
        progress.advance(1)
        progress.note("goes on")


def test_what_is_not_told_yet_is_told_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    path.write_text('{"note": "of another module"}\n')
    with reporting(str(path)) as progress:
        progress.start("reading", 9)
        progress.advance(8)
    events = ProgressReader(str(path)).read()
    assert [events[0], events[-1]] == [Note("of another module"), reading(8, events[-1].seconds, total=9)]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidOption, match=r"Cannot append to the progress file .*/nowhere/progress: No such file"),
        reporting(str(tmp_path / "nowhere" / "progress")),
    ):
        pass


def test_a_line_that_is_not_whole_is_read_when_it_is(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    reader = ProgressReader(str(path))
    assert reader.read() == []
    path.write_text('{"note": "one"}\n{"no')
    assert reader.read() == [Note("one")]
    assert reader.read() == []
    path.write_text('{"note": "one"}\n{"note": "two"}\nnonsense\n[1]\n{"phase": "x"}\n{"note": "three"}\n')
    assert reader.read() == [Note("two"), Note("three")]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status("x", "bytes", 10_100_000_000, 3_200_000_000, 0, 8), "3.2 GB of 10.1 GB (31 %), 400 MB/s, 17 s left"),
        (Status("x", "bytes", 1_000_000, 1_000_000, 0, 4), "1.0 MB (100 %), 250 kB/s, took 4 s"),
        (Status("x", "bytes", None, 999, 0, 300), "999 B, 3 B/s, 5 min so far"),
        (Status("x", "bytes", 2_000, 0, 0, 5), "0 B of 2.0 kB (0 %)"),
        (Status("x", "bytes", 10**12, 10**8, 0, 10), "100 MB of 1.0 TB (0 %), 10.0 MB/s, 27 h 46 min left"),
        (Status("x", "topics", 10_000, 1_500, 0, 3), "1,500 of 10,000 topics (15 %), 500 topics/s, 17 s left"),
        (Status("x", "offsets", 800, 200, 10**6, 2), "200 of 800 offsets (25 %), 1.0 MB, 500 kB/s, 6 s left"),
        (Status("x", "offsets", 800, 800, 10**6, 4), "800 offsets (100 %), 1.0 MB, 250 kB/s, took 4 s"),
        (Status("x", "bytes", 0, 0, 0, 0), "0 B (100 %), took 0 s"),
        (Status("x", "bytes", 10, 12, 0, 1), "12 B (100 %), 12 B/s, took 1 s"),
    ],
)
def test_a_status_is_described(status: Status, said: str) -> None:
    assert describe(status).startswith(said)


def test_a_line_comes_for_every_tenth() -> None:
    lines = Lines("prod", patience=30, now=0)
    shown = [line for share in range(101) for line in lines.take([reading(share * KNOWN // 100, share)], share)]
    assert len(shown) == 10
    assert shown[0] == "[prod] reading: 100 kB of 1.0 MB (10 %), 10.0 kB/s, 90 s left"
    assert shown[-1] == "[prod] reading: 1.0 MB (100 %), 10.0 kB/s, took 2 min"


def test_lines_do_not_follow_each_other_at_once() -> None:
    lines = Lines("prod", patience=30, now=0)
    shown = [line for tenth in range(1, 100) for line in lines.take([reading(tenth * 10_000, tenth / 50)], tenth / 50)]
    assert [line.partition("(")[2].partition(")")[0] for line in shown] == ["50 %"]


def test_a_phase_of_a_moment_has_no_line() -> None:
    lines = Lines("prod", patience=30, now=0)
    events = [reading(0, 0), reading(KNOWN, 0.9), reading(0, 0, phase="writing"), reading(KNOWN, 0.5, phase="writing")]
    assert [*lines.take(events, 1.4), *lines.end(1.5)] == []


def test_the_end_of_a_longer_phase_is_said_once() -> None:
    lines = Lines("prod", patience=30, now=0)
    ended = ["[prod] reading: 1.0 MB (100 %), 200 kB/s, took 5 s"]
    assert list(lines.take([reading(0, 0)], 0)) == []
    assert list(lines.take([reading(KNOWN, 5)], 5)) == ended
    assert [*lines.take([reading(0, 0, phase="writing")], 6), *lines.end(6)] == []
    assert list(lines.take([reading(KNOWN, 0.5, phase="writing"), reading(0, 0)], 6.5)) == []
    assert [*lines.take([reading(KNOWN, 5)], 6.6), *lines.end(6.6)] == ended


def test_the_same_phase_may_come_again() -> None:
    lines = Lines("prod", patience=30, now=0)
    first = list(lines.take([reading(900_000, 2)], 2))
    again = list(lines.take([reading(0, 0), reading(200_000, 2)], 4))
    assert [line.partition("(")[2][:4] for line in first + again] == ["90 %", "20 %"]


def test_a_line_comes_after_a_while_anyway() -> None:
    lines = Lines("prod", patience=30, now=0)
    assert list(lines.take([reading(1, 1)], 1)) == []
    assert list(lines.take([reading(2, 29)], 29)) == []
    assert list(lines.take([reading(3, 30)], 30)) == ["[prod] reading: 3 B of 1.0 MB (0 %), 0 B/s, 2777 h 46 min left"]
    assert list(lines.take([], 59)) == []
    assert next(lines.take([], 61)).endswith(", nothing new for 31 s")


def test_nothing_is_said_of_a_module_that_tells_nothing() -> None:
    lines = Lines("prod", patience=30, now=0)
    assert [*lines.take([], 100), *lines.end(200)] == []


def test_a_note_is_shown_at_once() -> None:
    lines = Lines("prod", patience=30, now=0)
    assert list(lines.take([Note("waits"), Note("goes on")], 0)) == ["[prod] waits", "[prod] goes on"]


def test_a_watch_shows_while_the_work_goes_on_and_all_that_is_left_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    shown: list[str] = []
    seen = threading.Event()

    def show(line: str) -> None:
        shown.append(line)
        seen.set()

    with reporting(str(path)) as progress, Watch(str(path), "prod", 30, show):
        progress.note("first")
        assert seen.wait(60)
        progress.note("last")
    assert shown == ["[prod] first", "[prod] last"]
