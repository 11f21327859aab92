# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy that the faults of topics need: what it does to librdkafka's clients."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from faults.kafka_proxy import FETCH, PRODUCE, Fault, KafkaProxy

from testbed.kafka import Kafka
from testbed.reading import check_same, read_topic
from testbed.records import numbered, send
from testbed.topics import Topics


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = f"proxied-{uuid.uuid4()}"
    Topics(kafka.client).create(name)
    return name


def through(proxy: KafkaProxy) -> dict[str, str]:
    return {"bootstrap.servers": proxy.endpoint, "log_level": "0", "socket.timeout.ms": "1000"}


@pytest.mark.parametrize("what", [{"drop": True}, {"cut": 0}, {"cut": 7}, {"swallow": True}], ids=str)
def test_a_write_is_lost_or_its_answer_is(kafka: Kafka, proxy: KafkaProxy, topic: str, what: dict[str, Any]) -> None:
    fault = proxy.add(Fault(PRODUCE, **what))
    send(through(proxy), topic, numbered(5), enable_idempotence="true", request_timeout_ms=1000)
    assert fault.happened == 1
    assert proxy.count(PRODUCE) > 1
    assert len(read_topic(kafka.client, topic)[0]) == 5


def test_an_answer_is_cut_off(kafka: Kafka, proxy: KafkaProxy, topic: str) -> None:
    send(kafka.client, topic, numbered(500))
    called: list[bool] = []
    faults = [proxy.add(Fault(FETCH, cut=200, after=lambda: called.append(True))), proxy.add(Fault(FETCH, delay=0.2))]
    check_same(read_topic(kafka.client, topic), read_topic(through(proxy), topic))
    assert [fault.happened for fault in faults] == [1, 1]
    assert called == [True]


def test_all_connections_are_cut(kafka: Kafka, proxy: KafkaProxy, topic: str) -> None:
    send(kafka.client, topic, numbered(500))
    proxy.add(Fault(FETCH, after=proxy.cut_all))
    assert len(read_topic(through(proxy), topic)[0]) == 500
    proxy.clear()
    assert proxy.count(FETCH) == 0
