# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports that are killed, or fail, among the encryption keys: all stays closed, and the next run goes on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from faults.import_target import BACKUP, Course, Target, kill, prepare, take_course
from faults.makes import fill_source
from faults.registry_proxy import SERVER_ERROR, Fault

from testbed.axonops import AxonOpsRegistry
from testbed.keys import ROOT, fill_keys, keys_held
from testbed.modules import run_module

MAKES = ["axonops", "confluent"]


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one backup that has keys, which tests copy."""
    store = tmp_path_factory.mktemp("backup-with-keys") / "store"
    options = {"store": {"path": str(store)}}
    run_module("backup_store", **options).succeeded()
    with AxonOpsRegistry() as server:
        fill_source(server)
        fill_keys(server)
        registry = {"url": server.endpoint}
        run_module("schema_registry_export", registry=registry, backup_id=BACKUP, **options).succeeded()
    return store


def key_writes(course: Course) -> list[int]:
    """The numbers, from 1, of the writes to keys: 3 KEKs, 6 DEKs, 1 soft delete of each kind."""
    found = [number for number, write in enumerate(course.writes, 1) if write.path.startswith(ROOT)]
    assert len(found) == 11
    return found


@pytest.mark.parametrize("make", MAKES)
def test_a_killed_run_is_completed_by_the_next_one(target: Target) -> None:
    course = take_course(target, "empty")
    wanted = keys_held(target.server)
    writes = key_writes(course)
    # Between KEKs, between KEKs and DEKs, among the DEKs, between DEKs and soft deletes, and after the last one.
    for place, after in ((0, True), (2, True), (5, False), (8, True), (9, True), (10, True)):
        prepare(target, "empty")
        outcome = target.import_while(writes[place], kill, after=after)
        assert outcome.status == -signal.SIGKILL, outcome.text
        assert (keys_held(target.server) == wanted) == (place == 10)
        # All schemas are in; yet keys are missing, or nothing has been compared.
        assert target.refuses("orders-value")
        assert target.incomplete()
        completed = target.import_().succeeded()
        assert completed["plan"]["exact"]
        assert keys_held(target.server) == wanted
        assert target.holding() == course.after
        assert target.journal() == []
        assert not target.import_().succeeded()["changed"]
        assert target.proxy.writes() == []


@pytest.mark.parametrize("make", MAKES)
def test_a_run_that_fails_among_the_keys_leaves_all_closed(target: Target) -> None:
    course = take_course(target, "empty")
    wanted = keys_held(target.server)
    prepare(target, "empty")
    failed = target.import_failing(5, answer=SERVER_ERROR, path=f"{ROOT}*").failed()
    assert "This was the data encryption key of" in failed["msg"]
    assert "stay closed to writers" in failed["msg"]
    assert target.refuses("orders-value")
    assert target.import_().succeeded()["changed"]
    assert keys_held(target.server) == wanted
    assert target.holding() == course.after
    assert target.journal() == []


def test_a_key_whose_answer_is_lost_is_not_taken_for_anothers(target: Target) -> None:
    take_course(target, "empty")
    wanted = keys_held(target.server)
    prepare(target, "empty")
    target.proxy.clear()
    family = {**target.registry, "retries": 2, "retry_backoff": 0}
    for nth in (1, 5):  # a KEK's and a DEK's
        target.proxy.add(Fault("POST", f"{ROOT}*", nth=nth, cut=0))
    target.import_beside(registry=family).succeeded()
    assert keys_held(target.server) == wanted
