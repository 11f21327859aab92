# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test bed does with Kafka: records of every kind, logins, clusters whose brokers come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.reading import Contents, check_same, difference, digest_topic, read_topic
from testbed.records import Message, Place, Writer, numbered, open_transaction, send
from testbed.secure_kafka import ADMIN, PLAIN_USERS, SecureKafka
from testbed.topics import COMPACTED, LONGEST_NAME, ROLL_KEY, Topics, compact

CLIENT_NAMES = {
    "bootstrap_servers": "bootstrap.servers",
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "username": "sasl.username",
    "password": "sasl.password",
    "ca_cert": "ssl.ca.location",
    "client_cert": "ssl.certificate.location",
    "client_key": "ssl.key.location",
}


def client(options: Mapping[str, Any]) -> dict[str, Any]:
    """How librdkafka's clients connect with what is the modules' option."""
    named = {CLIENT_NAMES[name]: value for name, value in options.items() if name in CLIENT_NAMES}
    named |= {"bootstrap.servers": options["bootstrap_servers"][0], "log_level": 0}
    if oauth := options.get("oauth"):
        names = {"client.id": "client_id", "client.secret": "client_secret", "token.endpoint.url": "token_url"}
        named |= {f"sasl.oauthbearer.{theirs}": oauth[ours] for theirs, ours in names.items()}
        named["sasl.oauthbearer.method"] = "oidc"
    return named


def visible(options: Mapping[str, Any]) -> set[str]:
    """The topics that a user sees."""
    return set(AdminClient(client(options)).list_topics(timeout=20).topics)


def seen(options: Mapping[str, Any]) -> set[str]:
    """Which of this file's topics a user sees; other tests have theirs on the same broker."""
    return visible(options) & {"secret-orders", "secret-bills", "other"}


def refusal(options: Mapping[str, Any]) -> str:
    """Why a user is not let in."""
    problems: list[KafkaError] = []
    admin = AdminClient({**client(options), "error_cb": problems.append})
    while not problems:
        admin.poll(1)
    return str(problems[0])


def counts(contents: Contents) -> dict[int, int]:
    return {partition: len(records) for partition, records in contents.items()}


@pytest.fixture(scope="module")
def place(kafka: Kafka) -> Place:
    return Place.of(kafka)


def test_a_topic_has_the_longest_name(place: Place) -> None:
    topic = "n" * LONGEST_NAME
    place.topics.create(topic)
    with pytest.raises(KafkaException):
        place.topics.create(topic + "n")


def test_an_open_transaction_holds_committed_readers_back(place: Place) -> None:
    place.topics.create("bed-open")
    send(place.client, "bed-open", numbered(3))
    with open_transaction(place.client, "bed-open", numbered(5)):
        send(place.client, "bed-open", numbered(2))
        assert counts(read_topic(place.client, "bed-open")) == {0: 3}
        assert counts(read_topic(place.client, "bed-open", isolation="uncommitted")) == {0: 10}
    assert counts(read_topic(place.client, "bed-open")) == {0: 5}


def test_a_topic_is_compacted_when_it_is_told_to(place: Place) -> None:
    place.topics.create("bed-compact", 1, COMPACTED)
    for _turn in range(3):
        send(place.client, "bed-compact", numbered(30, keys=10))
    compact(place.topics, place.data, "bed-compact")
    keys = [record.key for record in read_topic(place.client, "bed-compact")[0]]
    assert sorted(key for key in keys if key != ROLL_KEY) == sorted({key for key in keys if key != ROLL_KEY})


def test_a_topic_is_recreated_with_its_configs(place: Place) -> None:
    place.topics.create("bed-again", 3, {"retention.ms": 4_000_000})
    send(place.client, "bed-again", numbered(6, partitions=3))
    place.topics.recreate("bed-again")
    assert place.topics.watermarks("bed-again") == {0: (0, 0), 1: (0, 0), 2: (0, 0)}
    assert place.topics.configs("bed-again") == {"retention.ms": "4000000"}
    place.topics.set("bed-again", retention_ms=None)
    assert place.topics.configs("bed-again") == {}


def test_differences_are_found(place: Place) -> None:
    place.topics.create("bed-one", 2)
    place.topics.create("bed-two", 2)
    messages = list(numbered(20, partitions=2))
    send(place.client, "bed-one", messages)
    send(place.client, "bed-two", messages)
    one, two = read_topic(place.client, "bed-one"), read_topic(place.client, "bed-two")
    check_same(one, two)
    digests = [digest_topic(place.client, topic) for topic in ("bed-one", "bed-two")]
    assert digests[0] == digests[1]
    assert digests[0][0][:3] == (10, 0, 9)

    changes: dict[str, Any] = {"key": None, "value": b"", "headers": (("a", None),), "timestamp": 1}
    for name, value in changes.items():
        other = {**two, 1: [*two[1][:4], two[1][4]._replace(**{name: value}), *two[1][5:]]}
        assert f"partition 1, record 4 (source offset 4, restored 4): {name} " in str(difference(one, other))
    assert "10 records became 11" in str(difference(one, {**two, 0: [*two[0], two[0][-1]]}))
    assert "10 records became 9" in str(difference(one, {**two, 0: two[0][:-1]}))
    shifted = [record._replace(offset=record.offset + 7) for record in two[0]]
    assert difference(one, {**two, 0: shifted}) is None
    shifted[5:] = [record._replace(offset=record.offset + 1) for record in shifted[5:]]
    assert difference(one, {**two, 0: shifted}) == "partition 0: a hole before restored offset 13"
    assert "partitions [0, 1], the restored topic [0]" in str(difference(one, {0: two[0]}))


def test_a_writer_writes_until_it_is_told_to_stop(place: Place) -> None:
    place.topics.create("bed-writer", 2)
    with Writer(place.client, "bed-writer", 2) as writer:
        while writer.written < 200:
            pass
    assert sum(counts(read_topic(place.client, "bed-writer")).values()) == writer.written


def test_a_killed_broker_comes_back_with_its_records() -> None:
    with Kafka(config=QUICK_TO_RESTART) as broker:
        Topics(broker.client).create("orders")
        send(broker.client, "orders", [Message(b"7", b"paid")])
        broker.kill()
        broker.restart()
        assert counts(read_topic(broker.client, "orders")) == {0: 1}


def test_users_log_in_and_see_what_they_may(secure_kafka: SecureKafka) -> None:
    broker = secure_kafka
    Topics(broker.client).create_many({"secret-orders": 1, "secret-bills": 1, "login-other": 1})
    broker.create_user("reader", "p:w,=;'")
    broker.create_user("old-reader", "1", ("SCRAM-SHA-256",))
    broker.allow(
        "reader",
        ("topic", "secret-*", "describe"),
        ("group", "*", "describe"),
        ("cluster", "kafka-cluster", "describe"),
    )
    broker.allow("old-reader", ("topic", "secret-orders", "describe"))
    name, password = next(iter(PLAIN_USERS.items()))
    broker.allow(name, ("topic", "*", "describe"))
    broker.forbid(broker.certificates.client_name)
    broker.allow(broker.certificates.client_name, ("topic", "login-other", "read"))
    assert seen(broker.login("reader", "p:w,=;'")) == {"secret-orders", "secret-bills"}
    assert seen(broker.login("reader", "p:w,=;'", tls=False)) == {"secret-orders", "secret-bills"}
    assert seen(broker.login("old-reader", "1", "SCRAM-SHA-256")) == {"secret-orders"}
    assert visible(broker.login(name, password, "PLAIN")) >= {"secret-orders", "login-other"}
    assert visible(broker.login(*ADMIN)) >= {"secret-orders", "login-other"}
    assert visible(broker.certified(broker.certificates.client)) == {"login-other"}
    assert visible(broker.uncertified()) >= {"secret-orders", "login-other"}
    broker.forbid("reader")
    assert visible(broker.login("reader", "p:w,=;'")) == set()
    assert "Authentication failed" in refusal(broker.login("reader", "other"))
    assert "bad certificate" in refusal(broker.demanding_certificates())


def test_tokens_log_in(token_kafka: SecureKafka) -> None:
    Topics(token_kafka.client).create("tokens")
    token_kafka.allow("alice", ("topic", "tokens", "describe"))
    assert "tokens" in visible(token_kafka.token("alice", "alice-secret"))
    assert visible(token_kafka.token("bob", "bob-secret")) == set()
    assert "_AUTHENTICATION" in refusal(token_kafka.token("bob", "alice-secret"))


def test_leaders_move_and_fail_over(kafka_cluster: KafkaCluster) -> None:
    cluster = kafka_cluster
    cluster.create_topic("led", [[1, 2], [2, 1]], {"unclean.leader.election.enable": "true"})
    cluster.move_leader("led", 0, 2)
    cluster.move_leader("led", 0, 1)
    send(cluster.client, "led", numbered(3))
    cluster.broker(2).kill()
    cluster.wait_for_leader("led", 1, 1)
    cluster.wait_for_isr("led", 0, {1})
    send(cluster.client, "led", numbered(5))
    cluster.broker(1).kill()
    cluster.broker(2).restart()
    cluster.wait_for_leader("led", 0, 2)  # which has not seen the five
    send(cluster.client, "led", numbered(1))
    cluster.broker(1).restart()
    cluster.wait_for_isr("led", 0, {1, 2})
    assert counts(read_topic(cluster.client, "led"))[0] == 4
