# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports that stop half-way: what is not complete stays closed to writers, and the message says how to go on."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from faults.import_checks import check_rerun
from faults.import_target import Course, Target, kill, prepare, take_course
from faults.makes import IDS, STATES
from faults.registry_proxy import SERVER_ERROR, Answer, Fault

from testbed.contents import set_mode
from testbed.modules import RunningModule


def terminate(running: RunningModule) -> None:
    os.kill(running.pid, signal.SIGTERM)


def interrupt(running: RunningModule) -> None:
    os.kill(running.pid, signal.SIGINT)


def check_message(failed: dict[str, Any]) -> None:
    """The message says what stays closed, and both ways to go on."""
    assert "these stay closed to writers" in failed["msg"]
    assert "Run the import again" in failed["msg"]
    assert "lifeboat.kafka.schema_registry_mode, state: recovered, on_failure: prior_modes" in failed["msg"]


def check_closed(target: Target, course: Course, state: str) -> None:
    """Nobody can register where something is missing; and nowhere, where the ids of a whole registry are."""
    held = target.holding()
    missing = course.missing(held)
    assert missing
    closed = missing if state == "part-filled" else [name for name in course.subjects if not name.startswith(":.")]
    assert [subject for subject in closed if not target.refuses(subject)] == []
    assert {held["modes"][scope] for scope in target.incomplete()} == {"READONLY"}
    pending = target.pending()
    for scope, mode in held["modes"].items():
        assert mode == course.before[scope] or ("mode", scope) in pending, scope


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("nth", [2, 9], ids=["early", "late"])
def test_what_is_not_complete_stays_closed(target: Target, state: str, nth: int) -> None:
    course = take_course(target, state)
    prepare(target, state)
    failed = target.import_failing(course.openings + nth, answer=SERVER_ERROR).failed()
    assert failed["failure"]["code"] == "registry_error"
    assert failed["failure"]["http_status"] == 500
    assert failed["failure"]["path"].startswith("/subjects/")
    check_message(failed)
    check_closed(target, course, state)
    assert target.recover().failed()["failure"]["code"] == "incomplete_import"
    check_rerun(target, course)


@pytest.mark.parametrize("state", ["empty", "part-filled"])
def test_a_schema_that_the_target_refuses_is_named(target: Target, state: str) -> None:
    course = take_course(target, state)
    prepare(target, state)
    refused = Answer(422, b'{"error_code":42201,"message":"Invalid schema: unknown type Customer"}')
    failed = target.import_failing(1, path="/subjects/orders-value/versions", answer=refused).failed()
    assert failed["failure"]["code"] == "registry_error"
    assert failed["failure"]["registry_code"] == 42201
    assert (failed["failure"]["subject"], failed["failure"]["version"]) == ("orders-value", 1)
    assert "'Invalid schema: unknown type Customer'. This was orders-value version 1 of the backup" in failed["msg"]
    check_message(failed)
    check_closed(target, course, state)
    check_rerun(target, course)


@pytest.mark.parametrize("state", STATES)
def test_prior_modes_are_put_back_when_asked_for(target: Target, state: str) -> None:
    course = take_course(target, state)
    prepare(target, state)
    failed = target.import_failing(course.openings + 4, answer=SERVER_ERROR, on_failure="prior_modes").failed()
    assert "stay closed" not in failed["msg"]
    assert failed["msg"].endswith("The modes are as they were before.")
    assert target.modes() == course.before
    assert target.pending() == {}
    assert target.incomplete() == set()
    check_rerun(target, course)


@pytest.mark.parametrize(("make", "ids"), IDS)
def test_what_a_failed_import_has_made_is_its_own_for_the_next_one(target: Target, ids: str) -> None:
    target.more = {"ids": ids, "on_failure": "prior_modes"}
    course = take_course(target, "empty")
    prepare(target, "empty")
    nth = next(number for number, write in enumerate(course.writes, 1) if write.method == "DELETE")
    # All but the soft deletes are made, and nothing is closed: live versions must not be taken for the target's own.
    target.import_failing(nth, answer=SERVER_ERROR).failed()
    check_rerun(target, course)


@pytest.mark.parametrize("state", ["closed", "part-filled"])
def test_a_mode_cannot_be_set(target: Target, state: str) -> None:
    course = take_course(target, state)
    prepare(target, state)
    held = target.holding()["versions"]
    failed = target.import_failing(2, answer=SERVER_ERROR).failed()
    assert failed["failure"]["path"].startswith("/mode/")
    assert failed["msg"].endswith("The modes are as they were before.")
    assert target.holding()["versions"] == held
    assert target.modes() == course.before
    assert target.journal() == []


@pytest.mark.parametrize("state", STATES)
def test_a_config_cannot_be_set(target: Target, state: str) -> None:
    course = take_course(target, state)
    prepare(target, state)
    nth = next(number for number, write in enumerate(course.writes, 1) if write.path.startswith("/config"))
    failed = target.import_failing(nth, answer=SERVER_ERROR).failed()
    check_message(failed)
    assert target.refuses("person")
    check_rerun(target, course)


@pytest.mark.parametrize("state", STATES)
def test_a_mode_cannot_be_put_back(target: Target, state: str) -> None:
    course = take_course(target, state)
    prepare(target, state)
    nth = len(course.writes) - 2
    failed = target.import_failing(nth, answer=SERVER_ERROR).failed()
    assert failed["failure"]["path"].startswith("/mode")
    assert "is not put back, and is in the journal" in failed["msg"]
    assert "state: recovered" in failed["msg"]
    pending = target.pending()
    assert pending
    recovered = target.recover().succeeded()
    assert {each["result"] for each in recovered["recovered"]} == {"put back"}
    assert {(each["found"], "now" in each) for each in recovered["recovered"]} == {("IMPORT", False)}
    assert target.modes() == course.before
    assert target.journal() == []


def test_a_mode_of_the_backup_cannot_be_set(target: Target) -> None:
    course = take_course(target, "empty")
    prepare(target, "empty")
    failed = target.import_failing(len(course.writes), answer=SERVER_ERROR).failed()
    assert failed["failure"]["path"] == "/mode/person"
    assert failed["msg"].endswith("The schemas are in. Run the import again for what is missing.")
    assert target.journal() == []
    check_rerun(target, course)


@pytest.mark.parametrize(("state", "act"), [("closed", terminate), ("part-filled", interrupt)])
def test_an_import_is_told_to_end(target: Target, state: str, act: Any) -> None:
    course = take_course(target, state)
    prepare(target, state)
    failed = target.import_while(course.openings + 4, act, after=True).failed()
    assert failed["failure"]["code"] == "interrupted"
    check_message(failed)
    check_closed(target, course, state)
    check_rerun(target, course)


@pytest.mark.parametrize(("state", "nth"), [("empty", 1), ("closed", 6), ("part-filled", 1), ("part-filled", 6)])
def test_a_registry_vanishes_and_comes_back(target: Target, state: str, nth: int) -> None:
    course = take_course(target, state)
    prepare(target, state)

    def vanish() -> None:
        target.proxy.add(Fault(drop=True, times=10_000))

    failed = target.wait_for_write(course.openings + nth, vanish).failed()
    assert failed["failure"]["code"] == "unreachable"
    assert "The import is not complete. These could not be closed, or opened again" in failed["msg"]
    assert "Run the import again" in failed["msg"]
    assert {target.modes()[scope] for scope in target.incomplete()} == {"IMPORT"}
    assert target.refuses("person")
    check_rerun(target, course)


def test_a_registry_is_lost_again_during_its_import(target: Target) -> None:
    course = take_course(target, "empty")
    prepare(target, "empty")
    target.more = {"registry": {**target.registry, "retries": 5, "retry_backoff": 0}}
    failed = target.wait_for_write(course.openings + 4, target.server.wipe).failed()
    assert failed["failure"]["http_status"] == 422
    check_message(failed)
    assert target.refuses("person")
    check_rerun(target, course)


@pytest.mark.parametrize("state", ["empty", "part-filled"])
def test_an_import_is_killed_while_it_closes_the_registry(target: Target, state: str) -> None:
    course = take_course(target, state)
    for nth in (1, 2):
        prepare(target, state)
        target.import_killed_while_closing(course.openings + 2, nth)
        check_rerun(target, course)


@pytest.mark.parametrize("state", ["closed", "part-filled"])
def test_the_run_that_completes_a_failed_one_is_killed(target: Target, state: str) -> None:
    course = take_course(target, state)
    for nth, after in ((1, False), (2, False), (2, True)):
        prepare(target, state)
        target.import_failing(course.openings + 2, answer=SERVER_ERROR).failed()
        target.import_while(nth, kill, after=after)
        check_rerun(target, course)


def test_a_failed_import_is_run_again_with_ids_of_the_targets_own(target: Target) -> None:
    course = take_course(target, "closed")
    prepare(target, "closed")
    target.import_failing(course.openings + 9, answer=SERVER_ERROR).failed()
    target.import_(ids="assign").succeeded()
    assert target.modes() == course.after["modes"]
    missing = {name.split(" version ")[0] for name in course.after["versions"]}
    assert missing == {name.split(" version ")[0] for name in target.holding()["versions"]}
    assert target.journal() == []


def test_skip_takes_up_what_it_began(target: Target) -> None:
    target.more = {"strategy": "skip"}
    course = take_course(target, "part-filled")
    prepare(target, "part-filled")
    nth = course.openings + 4
    target.import_failing(nth, answer=SERVER_ERROR).failed()
    check_rerun(target, course)


def test_only_one_import_at_a_time(target: Target) -> None:
    course = take_course(target, "empty")
    prepare(target, "empty")
    second: list[dict[str, Any]] = []

    def import_too() -> None:
        writes = len(target.proxy.writes())
        second.append(target.import_beside().failed())
        assert len(target.proxy.writes()) == writes

    target.wait_for_write(course.openings + 4, import_too).succeeded()
    assert second[0]["failure"]["code"] == "busy"
    assert "schema_registry_import by process" in second[0]["msg"]
    assert "Wait for it to end" in second[0]["msg"]
    assert target.holding() == course.after
    assert target.journal() == []


def test_a_recovery_waits_for_the_import_at_work(target: Target) -> None:
    course = take_course(target, "empty")
    prepare(target, "empty")
    second: list[dict[str, Any]] = []
    target.wait_for_write(
        course.openings + 4, lambda: second.append(target.recover_beside(on_failure="prior_modes").failed())
    ).succeeded()
    assert second[0]["failure"]["code"] == "busy"
    assert target.holding() == course.after


def test_a_mode_that_changed_since_the_import_was_planned_is_not_taken_for_what_was_there(target: Target) -> None:
    prepare(target, "part-filled")
    target.proxy.clear()
    target.proxy.add(
        Fault("GET", "/mode/person*", after=lambda _request: set_mode(target.server, "READONLY", "person"))
    )
    failed = target.import_beside().failed()
    assert failed["failure"] == {"code": "target_changed", "object": "person"}
    assert "The mode of person was not set when the import was planned, and is READONLY now" in failed["msg"]
    assert target.proxy.writes() == []
    assert target.journal() == []
