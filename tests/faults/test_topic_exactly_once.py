# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else may come between a restore and the next run: late requests, other writers, new topics, newer backups."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.kafka_proxy import PRODUCE, Fault, KafkaProxy
from faults.topic_faults import COMPACTED, PLAIN, TOPICS, Victim, fill, grow, rarely

from testbed.kafka import Kafka
from testbed.reading import check_same
from testbed.records import Message, Place, send


@pytest.fixture(scope="module")
def broker() -> Iterator[Kafka]:
    """A broker with the topics, for this file alone."""
    with Kafka() as broker:
        fill(Place.of(broker))
        yield broker


@pytest.fixture
def victim(broker: Kafka, tmp_path: Path) -> Iterator[Victim]:
    with KafkaProxy(broker) as proxy:
        victim = Victim(broker, proxy, tmp_path / "store")
        victim.run("topic_backup").succeeded()
        yield victim


def kill_half_way(victim: Victim, nth: int = 20) -> None:
    outcome = victim.kill_at_request("topic_restore", Fault(PRODUCE, nth=nth))
    assert outcome.status == -signal.SIGKILL, outcome.text


@pytest.mark.parametrize("delay", [0.3, rarely(1.0), 2.5])
def test_requests_of_a_dead_run_come_late(victim: Victim, delay: float) -> None:
    """They are held up on their way, and come when the next run is at work, or over."""
    late = [victim.proxy.add(Fault(PRODUCE, nth=nth, delay=delay)) for nth in (11, 12, 13)]
    running = victim.start("topic_restore")
    while not any(fault.happened for fault in late):
        time.sleep(0.001)
    running.kill()
    assert running.wait().status == -signal.SIGKILL
    victim.proxy.clear()
    victim.run("topic_restore").succeeded()
    time.sleep(delay)
    victim.check_restore()


def test_somebody_else_writes_meanwhile(victim: Victim) -> None:
    name = victim.copies.name(PLAIN)

    def write() -> None:
        send(victim.broker.client, name, [Message(b"foreign", b"record")])

    failed = victim.run_while("topic_restore", Fault(PRODUCE, nth=20, after=write)).failed()
    assert failed["failure"]["code"] == "foreign_records"
    assert name in failed["msg"]
    again = victim.run("topic_restore").failed()
    assert name in again["msg"]
    victim.copies.topics.delete(name)
    victim.check_restore()


def test_somebody_else_writes_between_runs(victim: Victim) -> None:
    kill_half_way(victim)
    name = victim.copies.name(PLAIN)
    send(victim.broker.client, name, [Message(b"foreign", b"record", partition=at) for at in range(3)])
    assert name in victim.run("topic_restore").failed()["msg"]
    victim.copies.topics.delete(name)
    victim.check_restore()


def test_topics_are_deleted_between_runs(victim: Victim) -> None:
    kill_half_way(victim)
    victim.copies.topics.delete(victim.copies.name(PLAIN))
    victim.check_restore()
    victim.copies.topics.delete(victim.copies.name(COMPACTED))
    victim.check_restore()


def test_a_topic_is_made_again_by_somebody_between_runs(victim: Victim) -> None:
    kill_half_way(victim)
    victim.copies.topics.recreate(victim.copies.name(PLAIN))
    outcome = victim.run("topic_restore")
    if outcome.status:
        assert victim.copies.name(PLAIN) in outcome.failed()["msg"]
        victim.copies.topics.delete(victim.copies.name(PLAIN))
    victim.check_restore()


def test_a_newer_backup_is_made_between_runs(victim: Victim) -> None:
    """What was begun is ended as it was begun, and nothing of the newer backup gets in."""
    source = {topic: victim.copies.contents(topic) for topic in TOPICS}
    kill_half_way(victim)
    grow(victim.place, 50_000)
    victim.run("topic_backup").succeeded()
    victim.run("topic_restore").succeeded()
    for topic in TOPICS:
        check_same(source[topic], victim.copies.restored(topic))
    victim.begin()
    victim.check_restore()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_broker_has_forgotten_the_producer_of_a_dead_run(tmp_path: Path) -> None:
    forgetful = {"producer.id.expiration.ms": 1000, "producer.id.expiration.check.interval.ms": 200}
    with Kafka(config=forgetful) as broker, KafkaProxy(broker) as proxy:
        fill(Place.of(broker))
        victim = Victim(broker, proxy, tmp_path / "store")
        victim.run("topic_backup").succeeded()
        for nth in (3, 30, 60):
            victim.begin()
            kill_half_way(victim, nth)
            time.sleep(3)
            victim.check_restore()
