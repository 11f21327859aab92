# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead runs are told from living ones, and leases go by that."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import commit as commits
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import liveness
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture, commit
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.lease import Lease
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.liveness import (
    Heartbeat,
    ProcessIdentity,
    is_dead,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point import (
    OpenPoint,
    abort,
    check_free,
    open_point,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.writer import PartWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Busy, Damaged, StoreError
from testbed.archives import BACKUP, SCOPE, StillClock, back_up, subjects, tree

REGISTRY = "schema-registry"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_living_process_is_not_gone(child: subprocess.Popen[bytes]) -> None:
    assert not ProcessIdentity.current().is_gone()
    assert not ProcessIdentity.of(child.pid).is_gone()


def test_an_ended_process_is_gone_even_before_its_parent_has_noticed(child: subprocess.Popen[bytes]) -> None:
    identity = ProcessIdentity.of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identity.is_gone()
    child.wait()
    assert identity.is_gone()


def test_a_number_that_was_given_to_another_process_is_not_the_old_one() -> None:
    identity = ProcessIdentity.current()
    assert identity.start_time is not None
    assert dataclasses.replace(identity, start_time=identity.start_time - 1).is_gone()


@pytest.mark.parametrize("unknown", ["boot_id", "pid_namespace", "start_time"])
def test_what_cannot_be_told_is_not_gone(child: subprocess.Popen[bytes], unknown: str) -> None:
    identity = ProcessIdentity.of(child.pid)
    child.kill()
    child.wait()
    assert not dataclasses.replace(identity, **{unknown: None}).is_gone()


@pytest.mark.parametrize("elsewhere", [{"boot_id": "another"}, {"pid_namespace": "pid:[1]"}])
def test_processes_of_other_machines_and_containers_are_not_judged(
    child: subprocess.Popen[bytes], elsewhere: dict[str, str]
) -> None:
    identity = dataclasses.replace(ProcessIdentity.of(child.pid), **elsewhere)
    child.kill()
    child.wait()
    assert not identity.is_gone()


def test_a_hidden_process_is_not_gone(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def hide(_path: Path) -> bytes:
        raise FileNotFoundError

    identity = ProcessIdentity.of(child.pid)
    monkeypatch.setattr(liveness.Path, "read_bytes", hide)
    assert not identity.is_gone()


def test_death_by_time(clock: StillClock) -> None:
    start = clock.now()
    for owner in (None, ProcessIdentity.current()):
        clock.time = start
        clock.advance(900)
        assert not is_dead(owner, start, 900, clock)
        clock.advance(1)
        assert is_dead(owner, start, 900, clock)


def test_a_sign_of_life_far_in_the_future_tells_nothing(store: Store, clock: StillClock) -> None:
    later = clock.now() + timedelta(seconds=900)
    assert not is_dead(None, later, 900, clock)
    assert is_dead(None, later + timedelta(seconds=1), 900, clock)
    clock.advance(1000)
    open_point(store, BACKUP, owner=None, clock=clock)
    clock.advance(-1000)
    open_point(store, BACKUP, owner=None, clock=clock)


def test_a_run_that_was_taken_for_dead_is_told_by_whom(store: Store, clock: StillClock) -> None:
    others = []

    def be_taken_for_dead() -> None:
        with capture(store, BACKUP, None, clock=clock), store.storage.new_file(f"{BACKUP}/file") as file:
            clock.advance(901)
            others.append(open_point(store, BACKUP, owner=ProcessIdentity.current(), clock=clock))
            file.write(b"something")
            file.commit()

    with pytest.raises(Busy, match=rf"taken for dead .* by {re.escape(str(ProcessIdentity.current()))}") as told:
        be_taken_for_dead()
    (other,) = others
    assert isinstance(told.value.__cause__, StoreError)
    assert other.id in told.value.message
    other.refresh()


def test_the_second_run_is_told_who_has_the_lease(store: Store, clock: StillClock) -> None:
    owner = ProcessIdentity.current()
    opened = open_point(store, BACKUP, owner=owner, clock=clock)
    clock.advance(60)
    for attempt in (
        lambda: open_point(store, BACKUP, owner=None, clock=clock),
        lambda: check_free(store, BACKUP, clock=clock),
        lambda: abort(store, BACKUP, None, clock=clock),
        lambda: back_up(store, {"orders": "1"}, clock=clock),
    ):
        with pytest.raises(Busy) as caught:
            attempt()
        message = caught.value.message
        assert f"process {owner.pid} on {owner.hostname}" in message
        assert "since 2026-01-31T12:00:00.000Z" in message
        assert f"state: aborted, restore_point: {opened.id}" in message
        assert caught.value.facts["owner"] == owner.document()
    open_point(store, "another", owner=None, clock=clock)


def test_the_lease_of_a_dead_process_is_taken_over_at_once(
    store: Store, clock: StillClock, tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    first = open_point(store, BACKUP, owner=ProcessIdentity.of(child.pid), clock=clock)
    PartWriter(first, REGISTRY, scope=SCOPE).finish(summary={})
    (tmp_path / BACKUP / REGISTRY).mkdir()
    (tmp_path / BACKUP / REGISTRY / ".tmp-dead-1").touch()
    child.kill()
    child.wait()
    second = open_point(store, BACKUP, owner=None, clock=clock)
    assert second.id != first.id
    assert second.sequence == first.sequence == 1
    assert sorted(path for path in tree(tmp_path / BACKUP) if not path.startswith("parts/")) == ["open/lease.json"]


def test_a_run_that_was_taken_for_dead_commits_nothing(store: Store, clock: StillClock) -> None:
    first = open_point(store, BACKUP, owner=None, clock=clock)
    PartWriter(first, REGISTRY, scope=SCOPE).finish(summary={})
    clock.advance(901)
    second = open_point(store, BACKUP, owner=None, clock=clock)
    for attempt in (first.refresh, lambda: commit(first), lambda: PartWriter(first, "x", scope={}).finish(summary={})):
        with pytest.raises(Busy, match="taken for dead"):
            attempt()
    first.close()
    second.refresh()


def test_signs_of_life_keep_a_lease(store: Store, clock: StillClock) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=clock)
    for _minute in range(30):
        clock.advance(60)
        opened.refresh()
    with pytest.raises(Busy):
        open_point(store, BACKUP, owner=None, clock=clock)
    open_point(store, "short", owner=None, clock=clock)
    clock.advance(11)
    open_point(store, "short", owner=None, clock=clock, lease_timeout=10)


def test_a_living_run_is_given_up_by_its_id(store: Store, clock: StillClock) -> None:
    opened = open_point(store, BACKUP, owner=ProcessIdentity.current(), clock=clock)
    assert abort(store, BACKUP, opened.id, clock=clock) == opened.id
    with pytest.raises(Busy, match="given up"):
        opened.refresh()
    open_point(store, BACKUP, owner=None, clock=clock)


def test_what_a_dead_run_left_is_given_up_without_its_id(store: Store, clock: StillClock) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=clock)
    clock.advance(901)
    assert abort(store, BACKUP, None, clock=clock) == opened.id
    assert Lease.read(store, BACKUP) is None


def test_a_number_that_was_taken_meanwhile_is_not_taken_again(
    store: Store, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Lease.take
    raced = []

    def be_late(lease: Lease, *where: object) -> bool:
        if not raced:
            raced.append(True)
            back_up(store, {"orders": "1"}, clock=clock)
        return take(lease, *where)

    monkeypatch.setattr(Lease, "take", be_late)
    assert open_point(store, BACKUP, owner=None, clock=clock).sequence == 2


def test_a_lease_that_was_edited_is_named(store: Store, clock: StillClock, tmp_path: Path) -> None:
    open_point(store, BACKUP, owner=None, clock=clock)
    (tmp_path / BACKUP / "open" / "lease.json").write_bytes(b"{}")
    with pytest.raises(Damaged, match=r"lease\.json"):
        open_point(store, BACKUP, owner=None, clock=clock)


def test_a_heart_beats_while_its_context_lasts() -> None:
    twice = threading.Event()
    beats = []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 1:
            raise StoreError("not now")
        twice.set()

    with Heartbeat(beat, interval=0.001):
        assert twice.wait(30)
    assert "lifeboat-heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_a_capture_gives_signs_of_life(store: Store, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    refreshed = threading.Event()
    refresh = OpenPoint.refresh
    monkeypatch.setattr(commits, "Heartbeat", functools.partial(Heartbeat, interval=0.001))

    def note(opened: OpenPoint) -> None:
        refresh(opened)
        refreshed.set()

    monkeypatch.setattr(OpenPoint, "refresh", note)
    with capture(store, BACKUP, None, clock=clock) as taken:
        writer = PartWriter(taken.point, REGISTRY, scope=SCOPE)
        writer.add_files(subjects({"orders": "1"}))
        clock.advance(300)
        while (lease := Lease.read(store, BACKUP)) is None or lease.refreshed_at != clock.now():
            refreshed.clear()
            assert refreshed.wait(30)
        writer.finish(summary={})
