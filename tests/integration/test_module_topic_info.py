# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option family kafka, as modules take it, and the module topic_info."""

from __future__ import annotations

import json
from typing import Any

import pytest

from testbed.groups import commit
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.modules import Outcome, run_module
from testbed.records import Message, numbered, open_transaction, send
from testbed.secure_kafka import SecureKafka
from testbed.topics import Topics

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
CLOSED = "127.0.0.1:9"


def info(family: dict[str, Any] | None, **options: Any) -> Outcome:
    return run_module("topic_info", **({} if family is None else {"kafka": family}), **options)


@pytest.fixture(scope="module")
def topics(kafka: Kafka) -> Topics:
    """The topics of a broker: info-orders with records, info-state, info-empty, and a registry's."""
    topics = Topics(kafka.client)
    topics.create("info-orders", 3)
    topics.create("info-state", 1, {"cleanup.policy": "compact", "retention.ms": -1})
    topics.create("info-empty", 2)
    topics.create("_schemas", 1)
    send(kafka.client, "info-orders", numbered(90, partitions=3))
    send(kafka.client, "info-state", numbered(4))
    topics.trim("info-orders", {1: 7})
    return topics


@pytest.mark.usefixtures("topics")
def test_topics_are_told(kafka: Kafka) -> None:
    told = info(kafka.options, topics=["info-*"], check=True).succeeded()
    assert told["cluster"]["brokers"] == [1]
    assert len(told["cluster"]["id"]) == 22
    assert told["counts"] == {"topics": 3, "partitions": 6, "records": 87, "unavailable": 0}
    ids = {one.pop("topic_id") for one in told["topics"]}
    assert {len(bytes.fromhex(topic_id)) for topic_id in ids} == {16}
    assert len(ids) == 3
    same = {"internal": False, "replication_factor": 1, "unavailable": []}
    assert told["topics"] == [
        {"topic": "info-empty", "partitions": 2, "records": 0, **same},
        {"topic": "info-orders", "partitions": 3, "records": 83, **same},
        {"topic": "info-state", "partitions": 1, "records": 4, **same},
    ]
    assert told["omitted"] == {"topics": 0}
    assert not {"partitions", "query_result"} & set(told)
    assert not told["changed"]


def test_more_is_told_when_asked(kafka: Kafka, topics: Topics) -> None:
    with open_transaction(kafka.client, "info-state", [Message(b"k", b"v")]):
        told = info(kafka.options, topics=["info-orders", "info-state"], gather="partitions").succeeded()
    same = {"leader": 1, "replicas": [1], "in_sync": [1], "problem": None}
    assert told["partitions"] == [
        {"topic": "info-orders", "partition": 0, "low": 0, "high": 30, "stable": 30, "records": 30, **same},
        {"topic": "info-orders", "partition": 1, "low": 7, "high": 30, "stable": 30, "records": 23, **same},
        {"topic": "info-orders", "partition": 2, "low": 0, "high": 30, "stable": 30, "records": 30, **same},
        {"topic": "info-state", "partition": 0, "low": 0, "high": 5, "stable": 4, "records": 5, **same},
    ]
    assert told["omitted"] == {"partitions": 0, "topics": 0}

    told = info(kafka.options, topics=["info-*"], gather="configs", query="topics[?configs].topic").succeeded()
    assert {one["topic"]: one["configs"] for one in told["topics"]} == {
        name: topics.configs(name) for name in ("info-empty", "info-orders", "info-state")
    }
    assert told["query_result"] == ["info-state"]
    assert "partitions" not in told


@pytest.mark.usefixtures("topics")
def test_topics_are_chosen(kafka: Kafka) -> None:
    commit(kafka.client, "info", {("info-state", 0): 1})  # which makes __consumer_offsets

    def chosen(*names: str, **options: Any) -> list[str]:
        told = info(kafka.options, topics=names, query="topics[].topic", **options).succeeded()
        return list(told["query_result"])

    everything = chosen("*")
    assert set(everything) >= {"info-empty", "info-orders", "info-state"}
    assert [name for name in everything if name.startswith("_")] == []
    assert chosen("_schemas", "__consumer_offsets") == ["__consumer_offsets", "_schemas"]
    assert "_schemas" in chosen("_*")
    assert chosen("~info-(empty|state)", exclude_topics=["*-state"]) == ["info-empty"]

    told = info(kafka.options, topics=["info-none*", "~x.*", "info-state"]).succeeded()
    assert told["warnings"] == ["No topic matches info-none*, ~x.*."]
    failed = info(kafka.options, topics=["info-state", "nowhere"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": "nowhere"}
    assert failed["msg"].startswith("No such topic: nowhere.")
    (internal,) = info(kafka.options, topics=["__consumer_offsets"]).succeeded()["topics"]
    assert internal["internal"]


def test_a_long_result_is_cut_and_a_query_sees_all(kafka: Kafka, topics: Topics) -> None:
    names = [f"info-many-{number:03}-{'x' * 200}" for number in range(300)]
    topics.create_many(dict.fromkeys(names, 1))
    outcome = info(kafka.options, topics=["info-many-*"], gather="partitions", query="length(partitions)")
    told = outcome.succeeded()
    assert len(json.dumps({name: told[name] for name in ("cluster", "counts", "topics", "partitions")})) <= 64 * 1024
    assert told["counts"] == {"topics": 300, "partitions": 300, "records": 0, "unavailable": 0}
    assert told["query_result"] == 300
    for what in ("topics", "partitions"):
        kept = [one["topic"] for one in told[what]]
        assert kept == names[: len(kept)]
        assert told["omitted"][what] == 300 - len(kept) > 0
        assert len(kept) > 50


def test_partitions_without_a_leader_are_told(kafka_cluster: KafkaCluster) -> None:
    kafka_cluster.create_topic("info-dark", [[1], [2]])
    kafka_cluster.broker(2).kill()
    try:
        kafka_cluster.wait_for_leader("info-dark", 1, -1)
        told = info(kafka_cluster.options, topics=["info-dark"], gather="partitions").succeeded()
    finally:
        kafka_cluster.broker(2).restart()
        kafka_cluster.wait_for_brokers()
    (topic,) = told["topics"]
    assert (topic["unavailable"], topic["replication_factor"]) == ([1], 1)
    assert told["counts"]["unavailable"] == 1
    dark = {one["partition"]: one for one in told["partitions"]}[1]
    assert (dark["leader"], dark["low"], dark["high"], dark["stable"]) == (None, None, None, None)
    assert dark["problem"] == "It has no leader."
    assert told["warnings"] == ["Partitions of 1 topic are unavailable: info-dark."]


def test_a_topic_that_may_not_be_seen_is_named(secure_kafka: SecureKafka) -> None:
    Topics(secure_kafka.client).create_many({"info-open": 1, "info-hidden": 1})
    secure_kafka.create_user("onlooker", "onlooker-pw")
    secure_kafka.allow("onlooker", ("topic", "info-open", "describe"))
    family = secure_kafka.login("onlooker", "onlooker-pw")
    assert [one["topic"] for one in info(family, topics=["info-*"]).succeeded()["topics"]] == ["info-open"]
    failed = info(family, topics=["info-*", "info-hidden"]).failed()
    assert failed["failure"] == {
        "code": "not_authorized",
        "object": "info-hidden",
        "kafka_error": "TOPIC_AUTHORIZATION_FAILED",
    }
    assert "needs Describe on the topic" in failed["msg"]
    failed = info(family, topics=["info-open"], gather="configs").failed()
    assert failed["failure"]["code"] == "not_authorized"
    assert "Reading the configs of topic 'info-open'" in failed["msg"]
    assert "needs DescribeConfigs on the topic" in failed["msg"]


@pytest.mark.parametrize(
    ("family", "named"),
    [
        ({"bootstrap_servers": []}, "kafka.bootstrap_servers"),
        ({"bootstrap_servers": "kafka-1"}, "kafka.bootstrap_servers"),
        ({"bootstrap_servers": "me:hunter2@kafka-1:9092"}, "kafka.bootstrap_servers"),
        ({"security_protocol": "SASL_SSL"}, "kafka.sasl_mechanism"),
        ({"username": "me", "password": "hunter2"}, "kafka.username"),
        ({"security_protocol": "SSL", "ca_cert": "/nowhere.pem"}, "kafka.ca_cert"),
        ({"security_protocol": "SSL", "client_cert": "/nowhere.pem"}, "kafka.client_cert"),
        ({"client_options": {"sasl.password": "hunter2"}}, "kafka.client_options"),
        ({"client_options": {"linger.ms": 5}}, "kafka.client_options"),
        ({"client_options": {"socket.send.buffer.bytes": "much"}}, "kafka.client_options"),
    ],
)
def test_a_family_that_cannot_be_used_is_refused(family: dict[str, Any], named: str) -> None:
    failed = info({"bootstrap_servers": CLOSED, **family}).failed()
    assert failed["failure"] == {"code": "invalid_option", "object": named}
    assert named in failed["msg"]
    assert "hunter2" not in failed["msg"]


def test_the_family_may_come_from_the_environment(secure_kafka: SecureKafka) -> None:
    family = secure_kafka.login("plain-user", "plain-pw", "PLAIN")
    environment = {f"LIFEBOAT_KAFKA_{name.upper()}": str(value) for name, value in family.items()}
    environment["LIFEBOAT_KAFKA_BOOTSTRAP_SERVERS"] = ",".join(family["bootstrap_servers"])
    told = info(None, environment=environment).succeeded()
    assert told["cluster"]["brokers"] == [1]
    failed = info(None, environment=environment | {"LIFEBOAT_KAFKA_PASSWORD": "wr0ng"}).failed()
    assert failed["failure"]["code"] == "authentication_failed"
    assert "wr0ng" not in json.dumps(failed)
    assert info(None).failed()["failure"] == {"code": "invalid_option", "object": "kafka"}


def test_a_password_that_is_a_topics_name_is_masked(secure_kafka: SecureKafka) -> None:
    Topics(secure_kafka.client).create("info-secret")
    secure_kafka.create_user("masked", "info-secret")
    secure_kafka.allow("masked", ("topic", "info-*", "describe"))
    told = info(secure_kafka.login("masked", "info-secret"), topics=["info-secret"])
    (topic,) = told.succeeded()["topics"]
    assert topic["topic"] == MASK
    assert "info-secret" not in told.text
