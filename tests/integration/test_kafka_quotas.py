# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of a real broker (KIP-219): what they hold back comes later, and all of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.quotas import set_quota
from testbed.records import Message, send
from testbed.topics import Topics

RECORDS = 4000
VALUE_BYTES = 1000

SetQuota = Callable[[str, float], None]


@pytest.fixture
def quota(kafka: Kafka) -> Iterator[SetQuota]:
    """Sets a quota of all clients; it ends with the test."""
    used: set[str] = set()

    def change(name: str, value: float) -> None:
        used.add(name)
        set_quota(kafka, name, value)

    yield change
    for name in used:
        set_quota(kafka, name, None)


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """A topic with more than the broker gives out, or takes, before it begins to hold back."""
    name = f"quota-{os.urandom(4).hex()}"
    Topics(kafka.client).create(name, 2)
    send(kafka.client, name, [Message(b"k%d" % n, os.urandom(VALUE_BYTES), partition=n % 2) for n in range(RECORDS)])
    return name


def test_a_backup_waits_for_a_consumer_quota(kafka: Kafka, quota: SetQuota, topic: str, tmp_path: Path) -> None:
    copies = Copies(kafka, tmp_path / "store")
    quota("consumer_byte_rate", 300_000)
    done = copies.back_up(topic)
    assert done["topics"]["records"] == RECORDS
    quota("consumer_byte_rate", 1e9)
    copies.check_archived(topic)


def test_a_restore_and_a_verification_wait_for_a_consumer_quota(
    kafka: Kafka, quota: SetQuota, topic: str, tmp_path: Path
) -> None:
    copies = Copies(kafka, tmp_path / "store")
    copies.back_up(topic)
    quota("consumer_byte_rate", 400_000)
    copies.restore(topic)
    copies.verify(topic)
    quota("consumer_byte_rate", 1e9)
    copies.check(topic)


def test_a_restore_waits_for_a_producer_quota(kafka: Kafka, quota: SetQuota, topic: str, tmp_path: Path) -> None:
    copies = Copies(kafka, tmp_path / "store")
    copies.back_up(topic)
    quota("producer_byte_rate", 300_000)
    copies.restore(topic)
    copies.check(topic)


def test_what_is_under_way_behind_a_quota_does_not_time_out(kafka: Kafka, quota: SetQuota, topic: str) -> None:
    quota("producer_byte_rate", 50_000)
    value = os.urandom(800_000)
    with Wire(KafkaSettings.from_options(kafka.options), timeout=1) as wire:
        begun = time.monotonic()
        batch = bytearray(build([Record(0, 1000, None, value, ())], codec=0))
        sent = [wire.produce(kafka.node_id, [(topic, "", number, batch)], timeout=1) for number in (0, 1)]
        answers = wire.run(wire.gather(*sent))
        assert [answer.error for (answer,) in answers] == [None, None]
        assert time.monotonic() - begun > 2, "the quota did not hold it back"


def test_all_of_it_waits_for_a_request_quota(kafka: Kafka, quota: SetQuota, topic: str, tmp_path: Path) -> None:
    copies = Copies(kafka, tmp_path / "store")
    quota("request_percentage", 0.5)
    copies.back_up(topic)
    copies.restore(topic)
    copies.verify(topic)
    quota("request_percentage", 1000)
    copies.check(topic)
