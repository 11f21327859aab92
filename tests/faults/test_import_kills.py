# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports that are killed before or after any of their writes: nothing is open, and the next run goes on."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable
from typing import Any

import pytest
from faults.import_checks import check_closed, check_journal, check_recovery, check_rerun
from faults.import_target import Course, Target, kill, prepare, take_course
from faults.makes import CONFLICT, MAKES, State

Point = tuple[int, bool]
"""At which write, from 1, and whether after the registry has carried it out."""

ALL = [(make, state) for make, known in MAKES.items() for state in known.states]
EVERY_STATE = pytest.mark.parametrize(("make", "state"), ALL)
QUICK_STATES = pytest.mark.parametrize(("make", "state"), [pair for pair in ALL if pair[1] not in MAKES[pair[0]].soak])


def kill_import(target: Target, point: Point) -> None:
    nth, after = point
    outcome = target.import_while(nth, kill, after=after)
    assert outcome.status == -signal.SIGKILL, f"{point}: {outcome.text}"


def some(course: Course, count: int) -> list[Point]:
    """Some points, spread over all phases: before and after their first and last writes."""
    points = [(nth, after) for nth in course.turns for after in (False, True)]
    step = (len(points) - 1) / (count - 1)
    return [points[round(number * step)] for number in range(count)]


def every(course: Course) -> list[Point]:
    """All points."""
    return [(nth, after) for nth in range(1, len(course.writes) + 1) for after in (False, True)]


def kill_and_rerun(target: Target, state: str | State, course: Course, points: Iterable[Point]) -> None:
    for point in points:
        print(f"killed {'after' if point[1] else 'before'} write {point[0]}: {course.writes[point[0] - 1]}")
        prepare(target, state)
        kill_import(target, point)
        held = target.holding()
        check_journal(target, course, held)
        check_closed(target, course, held)
        check_rerun(target, course)


def kill_and_recover(target: Target, state: str | State, course: Course, points: Iterable[Point]) -> None:
    for point in points:
        print(f"killed {'after' if point[1] else 'before'} write {point[0]}: {course.writes[point[0] - 1]}")
        prepare(target, state)
        kill_import(target, point)
        held = target.holding()
        check_recovery(target, course, half_way=check_closed(target, course, held))


@QUICK_STATES
def test_a_killed_import_is_completed_by_the_next_one(target: Target, state: str) -> None:
    course = take_course(target, state)
    kill_and_rerun(target, state, course, some(course, 4 if state == "empty" else 3))


@QUICK_STATES
def test_modes_are_put_back_after_a_kill(target: Target, state: str) -> None:
    course = take_course(target, state)
    kill_and_recover(target, state, course, some(course, 2))


def test_the_run_that_completes_a_killed_one_is_killed_too(target: Target) -> None:
    course = take_course(target, "closed")
    for first, second in ((9, 3), (23, 2)):
        prepare(target, "closed")
        kill_import(target, (first, True))
        kill_import(target, (second, True))
        held = target.holding()
        check_journal(target, course, held)
        check_rerun(target, course)


def test_a_purge_is_killed(target: Target) -> None:
    target.more = {"strategy": "overwrite", "allow_purge": True}
    course = take_course(target, CONFLICT)
    assert course.after["configs"]["event"] == {"compatibilityLevel": "FULL", "normalize": True}
    assert course.after["modes"]["event"] == "READONLY"
    purge = next(number for number, write in enumerate(course.writes, 1) if "permanent=true" in write.path)
    kill_and_rerun(target, CONFLICT, course, [(purge, True), (purge + 1, True), (purge + 3, True)])

    prepare(target, CONFLICT)
    kill_import(target, (purge, False))
    target.import_().succeeded()
    held = target.holding()
    assert held["versions"].pop("event version 7")["deleted"]  # the purge, no longer needed, was not begun again
    del held["ids"]["event version 7"]
    assert held == course.after

    prepare(target, CONFLICT)
    kill_import(target, (purge, True))
    target.recover(on_failure="prior_modes").succeeded()
    held = target.holding()
    assert held["modes"] == course.before
    assert target.server.call("GET", "/config/event") == course.after["configs"]["event"]


def test_a_kill_leaves_no_config_to_be_put_back_where_none_is_taken_any_more(target: Target) -> None:
    state = "part-filled with new ids"
    course = take_course(target, state)
    closing = max(nth for nth, write in enumerate(course.writes, 1) if write.path.startswith("/mode/payments-value"))
    assert course.after["modes"]["payments-value"] == "READONLY"
    kill_and_recover(target, state, course, [(closing, True)])


def test_a_recovery_is_killed(target: Target) -> None:
    course = take_course(target, "part-filled")
    prepare(target, "part-filled")
    kill_import(target, (course.openings + 3, True))
    outcome = target.recover_while(3, kill, after=True, on_failure="prior_modes")
    assert outcome.status == -signal.SIGKILL, outcome.text
    target.recover(on_failure="prior_modes").succeeded()
    assert target.modes() == course.before
    assert target.journal() == []


def test_a_mode_that_somebody_changed_after_a_kill_is_kept(target: Target) -> None:
    course = take_course(target, "part-filled")
    prepare(target, "part-filled")
    kill_import(target, (course.openings + 3, True))
    target.server.call("PUT", "/mode/event", {"mode": "READWRITE"})

    told = target.import_()
    told.succeeded()
    assert "IMPORT" in told.text
    assert "somebody has changed it since" in told.text
    assert target.modes() == {**course.after["modes"], "event": "READWRITE"}
    assert target.journal() == []


def test_a_recovery_keeps_a_mode_that_somebody_changed(target: Target) -> None:
    course = take_course(target, "part-filled")
    prepare(target, "part-filled")
    kill_import(target, (course.openings + 3, True))
    target.server.call("PUT", "/mode/event", {"mode": "READWRITE"})

    told = target.recover(on_failure="prior_modes").succeeded()
    assert [each["result"] for each in told["recovered"] if each["scope"] == "event"] == [
        "left, since somebody has changed it meanwhile"
    ]
    assert target.modes() == {**course.before, "event": "READWRITE"}
    assert target.journal() == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
@EVERY_STATE
@pytest.mark.parametrize("follow_up", [kill_and_rerun, kill_and_recover])
def test_imports_are_killed_everywhere(target: Target, state: str, follow_up: Any) -> None:
    course = take_course(target, state)
    follow_up(target, state, course, every(course))


@pytest.mark.soak
@pytest.mark.timeout(1800)
@EVERY_STATE
def test_imports_are_killed_again_and_again(target: Target, state: str) -> None:
    course = take_course(target, state)
    for seed in range(20):
        chance = random.Random(seed)
        print(f"seed {seed}")
        prepare(target, state)
        for _time in range(chance.randint(2, 5)):
            target.import_while(chance.randint(1, len(course.writes)), kill, after=chance.random() < 0.5)
            check_journal(target, course, target.holding())
        check_rerun(target, course)
