# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offsets of groups, read and set on real brokers, also while their coordinators are not ready."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.group_offsets import (
    Committed,
    read_committed,
    set_committed,
)
from testbed.groups import PROTOCOLS, commit, member, undecided
from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.topics import Topics

SECONDS = 60

_names = (f"committed-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def settings(kafka: Kafka) -> KafkaSettings:
    return KafkaSettings.from_options(kafka.options)


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = next(_names)
    Topics(kafka.client).create(name, 2)
    return name


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Kafka]:
    """A broker that only these tests stop, start and empty."""
    with Kafka(config=QUICK_TO_RESTART) as broker:
        yield broker


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
def test_offsets_are_read_as_consumers_commit_them_and_set_as_they_were_read(
    kafka: Kafka, settings: KafkaSettings, topic: str, protocol: str | None
) -> None:
    commit(kafka.client, topic, {(topic, 0): 7}, protocol=protocol, leader_epoch=0)
    commit(kafka.client, topic, {(topic, 1): 0}, protocol=protocol)
    offsets = {(topic, 0): Committed(7, 0), (topic, 1): Committed(0)}
    assert read_committed(settings, SECONDS, [topic]) == {topic: offsets}
    assert set_committed(settings, SECONDS, {topic: {(topic, 1): Committed(9, None, "ü")}}) == {topic: None}
    assert read_committed(settings, SECONDS, [topic]) == {topic: offsets | {(topic, 1): Committed(9, None, "ü")}}


def test_a_consumer_goes_on_where_it_is_set(kafka: Kafka, settings: KafkaSettings, topic: str) -> None:
    set_committed(settings, SECONDS, {topic: {(topic, 0): Committed(3, 0)}})
    consumer = Consumer({**kafka.client, "group.id": topic})
    [found] = consumer.committed([TopicPartition(topic, 0)], SECONDS)
    consumer.close()
    assert found.offset == 3


def test_metadata_come_back_to_the_letter(settings: KafkaSettings, topic: str) -> None:
    for words in ("", "plain", "ends with NUL\0", "»ü« 🛟"):
        set_committed(settings, SECONDS, {topic: {(topic, 0): Committed(1, None, words)}})
        assert read_committed(settings, SECONDS, [topic]) == {topic: {(topic, 0): Committed(1, None, words)}}


def test_many_groups_are_read_and_set_at_once(settings: KafkaSettings, topic: str) -> None:
    wanted = {f"{topic}-{number}": {(topic, 0): Committed(number), (topic, 1): Committed(1)} for number in range(500)}
    assert set_committed(settings, SECONDS, wanted) == dict.fromkeys(wanted)
    assert read_committed(settings, SECONDS, [*wanted, "nobody"]) == {**wanted, "nobody": {}}


def test_a_group_may_have_more_to_commit_than_fits_a_batch(kafka: Kafka, settings: KafkaSettings, topic: str) -> None:
    Topics(kafka.client).create(f"{topic}-wide", 300)
    offsets = {(f"{topic}-wide", number): Committed(number, None, "x" * 4000) for number in range(300)}
    assert set_committed(settings, SECONDS, {topic: offsets}) == {topic: None}
    assert read_committed(settings, SECONDS, [topic]) == {topic: offsets}


def test_offsets_of_an_open_transaction_are_waited_for(kafka: Kafka, settings: KafkaSettings, topic: str) -> None:
    commit(kafka.client, topic, {(topic, 0): 1, (topic, 1): 1})
    with undecided(kafka.client, topic, {(topic, 0): 9}) as producer:
        found = read_committed(settings, 1, [topic, "nobody"])
        assert found["nobody"] == {}
        refused = found[topic]
        assert isinstance(refused, KafkaError)
        assert (refused.code, refused.object_name) == ("unstable_offsets", topic)
        assert f"topic {topic!r}, partition 0" in refused.message
        producer.commit_transaction()
    assert read_committed(settings, SECONDS, [topic]) == {topic: {(topic, 0): Committed(9), (topic, 1): Committed(1)}}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_group_does_not_stand_in_the_way_of_others(
    kafka: Kafka, settings: KafkaSettings, topic: str, protocol: str
) -> None:
    with member(kafka.client, topic, topic, protocol):
        found = set_committed(
            settings,
            SECONDS,
            {
                topic: {(topic, 0): Committed(1)},
                f"{topic}-x": {("nothing", 3): Committed(1), (topic, 0): Committed(2)},
                f"{topic}-y": {(topic, 0): Committed(3)},
            },
        )
    assert {group: error and error.code for group, error in found.items()} == {
        topic: "has_members",
        f"{topic}-x": "unknown_topic",
        f"{topic}-y": None,
    }
    assert "(topic 'nothing', partition 3)" in str(found[f"{topic}-x"])
    assert read_committed(settings, SECONDS, [f"{topic}-y"]) == {f"{topic}-y": {(topic, 0): Committed(3)}}


@pytest.mark.parametrize("_time", range(5))
def test_a_coordinator_that_was_never_asked_before_gets_ready(own_broker: Kafka, _time: int) -> None:
    """confluent-kafka 2.16 ends the process in nearly every such case."""
    own_broker.wipe()
    settings = KafkaSettings.from_options(own_broker.options)
    assert read_committed(settings, SECONDS, ["billing", "shipping"]) == {"billing": {}, "shipping": {}}


def test_offsets_can_be_set_where_there_never_was_a_coordinator(own_broker: Kafka) -> None:
    own_broker.wipe()
    Topics(own_broker.client).create("orders", 1)
    settings = KafkaSettings.from_options(own_broker.options)
    offsets = {"billing": {("orders", 0): Committed(5)}, "shipping": {("orders", 0): Committed(6)}}
    assert set_committed(settings, SECONDS, offsets) == dict.fromkeys(offsets)
    assert read_committed(settings, SECONDS, offsets) == offsets


def test_a_coordinator_that_loads_is_not_taken_for_an_empty_one(own_broker: Kafka) -> None:
    own_broker.wipe()
    Topics(own_broker.client).create("orders", 1)
    settings = KafkaSettings.from_options(own_broker.options)
    offsets = {f"group-{number}": {("orders", 0): Committed(number)} for number in range(200)}
    set_committed(settings, SECONDS, offsets)
    for _time in range(2):
        own_broker.kill()
        own_broker.restart()
        assert read_committed(settings, SECONDS, offsets) == offsets


def test_groups_are_asked_at_their_own_coordinators(kafka_cluster: KafkaCluster) -> None:
    topic = next(_names)
    kafka_cluster.create_topic(topic, [[1]])
    settings = KafkaSettings.from_options(kafka_cluster.options)
    offsets = {f"{topic}-{number}": {(topic, 0): Committed(number)} for number in range(40)}
    assert set_committed(settings, SECONDS, offsets) == dict.fromkeys(offsets)
    assert read_committed(settings, SECONDS, offsets) == offsets
    led = {int(path.name.rpartition("-")[2]) for path in kafka_cluster.broker(1).data.glob("__consumer_offsets-*")}
    assert led, "broker 1 coordinates nothing"
    assert len(led) < 3, "broker 2 coordinates nothing"
