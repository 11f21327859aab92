# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics that change while they are backed up: written, compacted, recreated, led by another broker."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from faults.kafka_proxy import FETCH, PRODUCE, Fault, KafkaProxy

from testbed.copies import Copies, latest
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.reading import Contents, difference
from testbed.records import Message, Place, Writer, numbered, send
from testbed.topics import COMPACTED, ROLL_KEY, Topics, compact

SIZE = 200_000


@pytest.fixture
def copies(kafka: Kafka, proxy: KafkaProxy, tmp_path: Path) -> Copies:
    return Copies(kafka, tmp_path / "store", prefix=f"{tmp_path.name}-", kafka=proxy.options)


@pytest.fixture
def place(kafka: Kafka) -> Place:
    return Place.of(kafka)


def large(count: int, *, partitions: int = 2, first: int = 0, keys: int = 0) -> Iterator[Message]:
    """Records so large that a backup of some hundred of them takes several requests."""
    for number in range(first, first + count):
        chance = random.Random(number)
        key = b"%d" % (number % keys if keys else number)
        yield Message(key, chance.randbytes(SIZE), partition=number % partitions)


def begins(whole: Contents, part: Contents) -> bool:
    """Whether a topic's partitions hold the beginning of another's."""
    begun = {partition: records[: len(part.get(partition, ()))] for partition, records in whole.items()}
    return difference(begun, part) is None


def test_a_topic_is_written_all_the_while(copies: Copies, place: Place) -> None:
    place.topics.create("busy", 3)
    send(place.client, "busy", numbered(300, partitions=3))
    with Writer(place.client, "busy", 3, pause=0.002) as writer:
        for turn in range(3):
            before, written = copies.contents("busy"), writer.written
            copies.back_up("busy")
            copies.prefix = f"busy-{turn}-"
            copies.restore("busy")
            assert writer.written > written
            copies.check_prefix("busy", before)
    copies.back_up("busy")
    copies.prefix = "busy-end-"
    copies.restore("busy")
    copies.check("busy")


def test_a_topic_is_compacted_during_the_copy(copies: Copies, place: Place, proxy: KafkaProxy) -> None:
    """Keys whose old value went after it was passed, and whose new one came behind the first mark, are not lost."""
    keys = 60
    place.topics.create("shrinks", 2, COMPACTED)
    send(place.client, "shrinks", large(300, keys=keys))
    before = copies.contents("shrinks")

    def change() -> None:
        send(place.client, "shrinks", numbered(2 * keys, partitions=2, keys=0, first=0))
        compact(place.topics, place.data, "shrinks")

    fault = proxy.add(Fault(FETCH, after=change))
    copies.back_up("shrinks")
    assert fault.happened == 1
    assert proxy.count(FETCH) > 1
    copies.restore("shrinks")
    restored = copies.restored("shrinks")
    assert set(latest(before)) <= set(latest(restored))
    assert latest(restored) == latest(copies.contents("shrinks"))


def test_a_compacted_topic_is_written_and_compacted_all_the_while(copies: Copies, place: Place) -> None:
    place.topics.create("churns", 2, {**COMPACTED, "segment.ms": 100, "delete.retention.ms": 3_600_000})
    send(place.client, "churns", numbered(1000, partitions=2, keys=300))
    with Writer(place.client, "churns", 2, pause=0, keys=300):
        for turn in range(3):
            before = latest(copies.contents("churns"))
            copies.back_up("churns")
            copies.prefix = f"churns-{turn}-"
            copies.restore("churns")
            assert set(before) - {(0, ROLL_KEY), (1, ROLL_KEY)} <= set(latest(copies.restored("churns")))
    copies.back_up("churns")
    copies.prefix = "churns-end-"
    copies.restore("churns")
    assert latest(copies.restored("churns")) == latest(copies.contents("churns"))


def test_a_topic_is_recreated_during_the_copy(copies: Copies, place: Place, proxy: KafkaProxy) -> None:
    place.topics.create("swapped", 2)
    send(place.client, "swapped", large(200))
    old = copies.contents("swapped")

    def change() -> None:
        place.topics.recreate("swapped")
        send(place.client, "swapped", large(400, first=10_000))

    fault = proxy.add(Fault(FETCH, after=change))
    outcome = copies.start_backup("swapped").wait()
    assert fault.happened == 1
    new = copies.contents("swapped")
    if outcome.status:
        outcome.failed()
    else:
        copies.prefix = "swapped-meanwhile-"
        copies.restore("swapped")
        restored = copies.restored("swapped")
        assert any(begins(whole, restored) and restored[0] and restored[1] for whole in (old, new))
    copies.back_up("swapped")
    copies.prefix = "swapped-end-"
    copies.restore("swapped")
    copies.check("swapped", new)


@pytest.fixture
def proxies(kafka_cluster: KafkaCluster) -> Iterator[list[KafkaProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(KafkaProxy(broker)) for broker in kafka_cluster.brokers]


@pytest.fixture
def cluster_copies(kafka_cluster: KafkaCluster, proxies: list[KafkaProxy], tmp_path: Path) -> Copies:
    servers = {"bootstrap_servers": [proxy.endpoint for proxy in proxies]}
    return Copies(kafka_cluster, tmp_path / "store", prefix=f"{tmp_path.name}-", kafka=servers)


def test_leaders_move_during_backup_and_restore(
    kafka_cluster: KafkaCluster, proxies: list[KafkaProxy], cluster_copies: Copies
) -> None:
    copies = cluster_copies
    kafka_cluster.create_topic("travels", [[1, 2], [2, 1], [1, 2]])
    send(kafka_cluster.client, "travels", large(300, partitions=3))
    moves = [
        proxies[0].add(Fault(FETCH, after=lambda: kafka_cluster.move_leader("travels", 0, 2))),
        proxies[1].add(Fault(FETCH, nth=2, after=lambda: kafka_cluster.move_leader("travels", 1, 1))),
    ]
    copies.back_up("travels")
    assert [move.happened for move in moves] == [1, 1]

    def swap() -> None:
        leader = kafka_cluster.partition(copies.name("travels"), 0).leader
        kafka_cluster.move_leader(copies.name("travels"), 0, 3 - leader)

    swaps = [proxy.add(Fault(PRODUCE, nth=2, after=swap)) for proxy in proxies]
    copies.restore("travels", replication_factor=2)
    assert sum(each.happened for each in swaps) >= 1
    copies.check("travels")
    send(kafka_cluster.client, "travels", large(30, partitions=3, first=500))
    again = copies.back_up("travels")
    assert again["topics"]["new_lineages"] == []
    assert again["topics"]["records"] == 30


def test_a_broker_dies_and_another_leads(
    kafka_cluster: KafkaCluster, proxies: list[KafkaProxy], cluster_copies: Copies
) -> None:
    copies = cluster_copies
    kafka_cluster.create_topic("survives", [[1, 2], [2, 1]])
    send(kafka_cluster.client, "survives", large(200))
    fault = proxies[1].add(Fault(FETCH, nth=2, after=kafka_cluster.broker(2).kill))
    copies.back_up("survives")
    assert fault.happened == 1
    kafka_cluster.broker(2).restart()
    kafka_cluster.wait_for_brokers()
    copies.restore("survives", replication_factor=2)
    copies.check("survives")


def test_an_unclean_election_begins_anew(
    kafka_cluster: KafkaCluster, proxies: list[KafkaProxy], cluster_copies: Copies
) -> None:
    """The other broker leads without the last records; what is written afterwards has their offsets again."""
    assert proxies
    copies, first, second = cluster_copies, kafka_cluster.broker(1), kafka_cluster.broker(2)
    kafka_cluster.create_topic("diverges", [[1, 2], [1, 2]], {"unclean.leader.election.enable": "true"})
    send(kafka_cluster.client, "diverges", numbered(40, partitions=2))
    second.kill()
    for partition in (0, 1):
        kafka_cluster.wait_for_isr("diverges", partition, {1})
    send(kafka_cluster.client, "diverges", numbered(20, first=40))  # to partition 0 alone
    copies.back_up("diverges", kafka=first.options)
    first.kill()
    second.restart()
    kafka_cluster.wait_for_leader("diverges", 0, 2)
    send(kafka_cluster.client, "diverges", numbered(60, partitions=2, first=100))
    first.restart()
    for partition in (0, 1):
        kafka_cluster.wait_for_isr("diverges", partition, {1, 2})
    kafka_cluster.wait_for_brokers()
    told = copies.back_up("diverges")["topics"]["new_lineages"]
    assert [(each["partition"], each["began"]) for each in told] == [(0, "unclean_election")]
    copies.restore("diverges", replication_factor=2)
    copies.check("diverges")


def small_partitions(copies: Copies, topics: int, partitions: int) -> None:
    """Back up and restore a great many partitions with a few records each, and then what is new in some of them."""
    names = [f"small-{number}" for number in range(topics)]
    copies.topics.create_many(dict.fromkeys(names, partitions))
    for name in names:
        send(copies.source.client, name, numbered(3 * partitions, partitions=partitions), linger_ms=50)
    first = copies.back_up(*names)
    assert first["topics"]["partitions"] == topics * partitions
    files = sum(path.is_file() for path in copies.store.rglob("*"))
    assert files < 40 + topics * partitions / 20
    send(copies.source.client, names[0], numbered(partitions // 2, partitions=partitions, first=10_000))
    second = copies.back_up(*names)
    assert second["topics"]["records"] == partitions // 2
    assert sum(path.is_file() for path in copies.store.rglob("*")) - files < 20
    assert not copies.back_up(*names)["changed"]
    copies.restore(*names)
    for name in names:
        copies.check(name)


def test_hundreds_of_small_partitions(kafka: Kafka, tmp_path: Path) -> None:
    small_partitions(Copies(kafka, tmp_path / "store"), 10, 40)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_thousands_of_small_partitions(tmp_path: Path) -> None:
    with Kafka() as broker:
        small_partitions(Copies(broker, tmp_path / "store"), 40, 100)
        assert len(Topics(broker.client).names()) > 80
