# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and restores of topics that are killed: nothing looks whole that is not, and the next run goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.kafka_proxy import FETCH, PRODUCE, Fault, KafkaProxy
from faults.topic_faults import Victim, children, fill, grow, is_running, rarely, wait_until

from testbed.copies import Copies
from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.modules import run_module, start_module
from testbed.records import Place, numbered, send


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """A broker with the topics, for this file alone."""
    with Kafka(config=QUICK_TO_RESTART) as broker:
        fill(Place.of(broker))
        yield broker


@pytest.fixture
def victim(broker: Kafka, tmp_path: Path) -> Iterator[Victim]:
    with KafkaProxy(broker) as proxy:
        yield Victim(broker, proxy, tmp_path / "store")


@pytest.mark.parametrize("nth", [rarely(1), 3])
def test_a_backup_is_killed_at_a_fetch(victim: Victim, nth: int) -> None:
    outcome = victim.kill_at_request("topic_backup", Fault(FETCH, nth=nth))
    assert outcome.status == -signal.SIGKILL, outcome.text
    assert not list(victim.copies.store.glob("*/restore-points/*.json"))
    victim.check_backup()


def test_an_increment_is_killed(victim: Victim) -> None:
    victim.run("topic_backup").succeeded()
    points = set(victim.copies.store.glob("*/restore-points/*.json"))
    grow(victim.place, 10_000)
    outcome = victim.kill_at_request("topic_backup", Fault(FETCH))
    assert outcome.status == -signal.SIGKILL, outcome.text
    assert set(victim.copies.store.glob("*/restore-points/*.json")) == points
    victim.check_backup()


@pytest.mark.parametrize("step", [rarely(1), rarely(2), 4, rarely(8), 12, rarely(17), rarely(25)])
def test_a_backup_dies_at_a_step(victim: Victim, step: int) -> None:
    """The module itself, or a worker: whoever comes first to so many changes of the store."""
    outcome = victim.die_at_step("topic_backup", step)
    if outcome.status != -signal.SIGKILL:
        assert outcome.failed()["failure"]["code"] == "worker_died"
    victim.check_backup()


def test_a_backup_goes_on_from_what_a_killed_one_has_archived(broker: Kafka, tmp_path: Path) -> None:
    """Ten partitions, of which a worker makes some durable before the others."""
    copies = Copies(broker, tmp_path / "store")
    copies.topics.create("large", 10)
    send(broker.client, "large", numbered(4000, partitions=10, size=100_000), compression_type="none")
    options = copies.backup_options("large", max_bytes_per_second=150_000_000, parallel=1)
    running = start_module("topic_backup", **options)
    wait_until(lambda: unfinished(copies.store), "nothing was noted")
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait().status == -signal.SIGKILL
    planned = run_module("topic_backup", check=True, **options).succeeded()["topics"]
    told = run_module("topic_backup", **options).succeeded()["topics"]
    assert planned["offsets_resumed"] == told["offsets_resumed"] >= 2400
    assert told["records"] == told["offsets"] == 4000 - told["offsets_resumed"]
    assert unfinished(copies.store) == []
    copies.verify_store()
    copies.check_archived("large")
    copies.topics.delete("large")


def unfinished(store: Path) -> list[Path]:
    """What runs that did not finish have noted."""
    return list(store.glob("*/unfinished/*.json"))


@pytest.mark.parametrize("nth", [rarely(1), 2, rarely(15), 40, rarely(70)])
def test_a_restore_is_killed_at_a_write(victim: Victim, nth: int) -> None:
    victim.run("topic_backup").succeeded()
    outcome = victim.kill_at_request("topic_restore", Fault(PRODUCE, nth=nth))
    assert outcome.status == -signal.SIGKILL, outcome.text
    victim.check_restore()


def test_a_restore_is_killed_before_and_after_its_writes(victim: Victim) -> None:
    """At any request but a write: topics just created, producer just known, configs just set."""
    victim.run("topic_backup").succeeded()
    for nth in (9, 19):
        victim.begin()
        victim.kill_at_request("topic_restore", Fault(nth=nth))
        victim.check_restore()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_restore_is_killed_at_each_of_its_first_and_last_requests(victim: Victim) -> None:
    victim.run("topic_backup").succeeded()
    killed = 0
    for nth in [*range(1, 30), *range(30, 300, 9)]:
        victim.begin()
        killed += victim.kill_at_request("topic_restore", Fault(nth=nth)).status == -signal.SIGKILL
        victim.check_restore()
        victim.tidy_up()
    assert killed > 30


def test_a_restore_is_killed_again_and_again(victim: Victim) -> None:
    victim.run("topic_backup").succeeded()
    for nth in (3, 5, 2, 4):
        outcome = victim.kill_at_request("topic_restore", Fault(PRODUCE, nth=nth))
        assert outcome.status == -signal.SIGKILL, outcome.text
    victim.check_restore()


@pytest.mark.parametrize("step", [rarely(1), 2, rarely(3), rarely(4), 5, rarely(7), rarely(9)])
def test_a_restore_dies_at_a_step_of_its_journal(victim: Victim, step: int) -> None:
    victim.run("topic_backup").succeeded()
    outcome = victim.die_at_step("topic_restore", step)
    if outcome.status != -signal.SIGKILL:
        assert outcome.failed()["failure"]["code"] == "worker_died"
    victim.check_restore()


@pytest.mark.parametrize(("module", "api"), [("topic_backup", FETCH), ("topic_restore", PRODUCE)])
def test_a_worker_is_killed(victim: Victim, module: str, api: int) -> None:
    if module == "topic_restore":
        victim.run("topic_backup").succeeded()
    killed: list[int] = []

    def kill() -> None:
        workers = children(running.pid)
        if workers and not killed:
            killed.append(min(workers))
            os.kill(killed[0], signal.SIGKILL)

    victim.proxy.add(Fault(api, times=10_000, delay=0.05, after=kill))
    running = victim.start(module)
    failure = running.wait().failed()["failure"]
    assert killed
    assert failure["code"] == "worker_died"
    assert not list(victim.copies.store.glob("*/restore-points/*.json")) or module == "topic_restore"
    victim.proxy.clear()
    victim.check_restore() if module == "topic_restore" else victim.check_backup()


@pytest.mark.parametrize(
    ("module", "api", "number"),
    [
        ("topic_backup", FETCH, signal.SIGINT),
        rarely("topic_backup", FETCH, signal.SIGKILL),
        rarely("topic_backup", FETCH, signal.SIGTERM),
        rarely("topic_restore", PRODUCE, signal.SIGINT),
        ("topic_restore", PRODUCE, signal.SIGKILL),
        rarely("topic_restore", PRODUCE, signal.SIGTERM),
    ],
)
def test_workers_end_with_their_module(victim: Victim, module: str, api: int, number: signal.Signals) -> None:
    if module == "topic_restore":
        victim.run("topic_backup").succeeded()
    workers: set[int] = set()

    def end() -> None:
        if not workers:
            workers.update(children(running.pid))
            os.kill(running.pid, number)

    victim.proxy.add(Fault(api, times=10_000, delay=0.05, after=end))
    running = victim.start(module)
    outcome = running.wait()
    assert outcome.status != 0
    assert workers
    wait_until(lambda: not any(map(is_running, workers)), f"the end of {workers}")
    victim.proxy.clear()
    victim.check_restore() if module == "topic_restore" else victim.check_backup()
