# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brokers that go and come back, connections that break, answers that are lost, while topics are copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.kafka_proxy import CREATE_TOPICS, FETCH, INIT_PRODUCER_ID, METADATA, PRODUCE, Fault, KafkaProxy
from faults.topic_faults import Victim, fill, rarely

from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.modules import Outcome
from testbed.records import Place


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


def ended_well(outcome: Outcome) -> bool:
    """Whether a run went through; otherwise it must have told why in one message."""
    if outcome.status == 0:
        outcome.succeeded()
        return True
    outcome.failed()
    return False


@pytest.mark.parametrize(
    "what",
    [rarely({"cut": 0}), rarely({"cut": 20}), {"cut": 40_000}, rarely({"drop": True}), {"times": 4, "cut": 100}],
    ids=str,
)
def test_connections_break_during_a_backup(victim: Victim, what: dict[str, Any]) -> None:
    fault = Fault(FETCH, **what)
    assert ended_well(victim.run_while("topic_backup", fault)), "a broken connection is made again"
    assert fault.happened == what.get("times", 1)
    victim.check_backup()


@pytest.mark.parametrize(
    "what",
    [
        {"nth": 3, "cut": 0},
        rarely({"nth": 1, "cut": 0}),
        rarely({"nth": 2, "cut": 7}),
        rarely({"nth": 4, "drop": True}),
        {"nth": 2, "times": 9, "cut": 0},
    ],
    ids=str,
)
def test_writes_or_their_answers_are_lost(victim: Victim, what: dict[str, Any]) -> None:
    victim.run("topic_backup").succeeded()
    fault = Fault(PRODUCE, **what)
    assert ended_well(victim.run_while("topic_restore", fault)), "a broken connection is made again"
    assert fault.happened == what.get("times", 1)
    victim.check_restore()


@pytest.mark.parametrize("api", [rarely(METADATA), CREATE_TOPICS, rarely(INIT_PRODUCER_ID)])
def test_other_answers_of_a_restore_are_lost(victim: Victim, api: int) -> None:
    victim.run("topic_backup").succeeded()
    fault = Fault(api, cut=0)
    went_through = ended_well(victim.run_while("topic_restore", fault))
    assert went_through or api == CREATE_TOPICS, "a broken connection is made again"
    assert fault.happened == 1
    victim.check_restore()


@pytest.mark.parametrize(
    ("module", "api", "how"),
    [
        ("topic_backup", FETCH, "restart"),
        rarely("topic_backup", FETCH, "kill"),
        rarely("topic_restore", PRODUCE, "restart"),
        ("topic_restore", PRODUCE, "kill"),
    ],
)
def test_the_broker_goes_and_comes_back(victim: Victim, module: str, api: int, how: str) -> None:
    if module == "topic_restore":
        victim.run("topic_backup").succeeded()

    def go_and_come_back() -> None:
        if how == "kill":
            victim.broker.kill()
        victim.broker.restart()

    fault = Fault(api, nth=2, after=go_and_come_back)
    ended_well(victim.run_while(module, fault))
    assert fault.happened == 1
    victim.check_restore() if module == "topic_restore" else victim.check_backup()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("module", "api"), [("topic_backup", FETCH), ("topic_restore", PRODUCE)])
def test_the_broker_does_not_come_back(victim: Victim, module: str, api: int) -> None:
    if module == "topic_restore":
        victim.run("topic_backup").succeeded()
    fault = Fault(api, nth=2, after=victim.broker.kill)
    try:
        outcome = victim.run_while(module, fault)
    finally:
        victim.broker.restart()
    assert victim.proxy.endpoint in outcome.failed()["msg"]
    victim.check_restore() if module == "topic_restore" else victim.check_backup()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("module", "api"), [("topic_backup", FETCH), ("topic_restore", PRODUCE)])
def test_an_answer_never_comes(victim: Victim, module: str, api: int) -> None:
    if module == "topic_restore":
        victim.run("topic_backup").succeeded()
    fault = Fault(api, nth=2, swallow=True)
    ended_well(victim.run_while(module, fault))
    assert fault.happened == 1
    victim.check_restore() if module == "topic_restore" else victim.check_backup()
