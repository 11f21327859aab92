# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a wire begins and ends, and what it does when brokers come and go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from testbed.component import LOOPBACK, free_ports
from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.records import numbered, send
from testbed.topics import Topics, wait_for

MIB = 1 << 20


def connect(broker, **options):
    return Wire(KafkaSettings.from_options(broker.options), **options)


def fetch(wire, node, topic, partition, offset=0):
    asked = [Want(topic, wire.topics([topic])[topic].topic_id, partition, offset, MIB)]
    [found] = wire.run(wire.fetch(node, asked, max_bytes=MIB, max_wait=0, min_bytes=0, isolation="uncommitted"))
    return found


def is_stopped(pid):
    """Whether all threads of a process stand still."""
    states = (path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat"))
    return all(state == "T" for state in states)


def a_batch(wire, topic):
    """The first batch of a topic, as a client may send it, for that topic's partition 0."""
    records = fetch(wire, wire.leader(topic, 0), topic, 0).records
    data = bytearray(records[: next(batches(records)).size])
    data[12:16] = b"\xff" * 4
    return [(topic, wire.topics([topic])[topic].topic_id, 0, data)]


@pytest.fixture(scope="module")
def own_broker():
    """A broker that only these tests stop and start."""
    with Kafka(config=QUICK_TO_RESTART) as broker:
        Topics(broker.client).create("orders", 1)
        send(broker.client, "orders", numbered(10))
        yield broker


def test_nobody_at_the_port_is_said_soon():
    (port,) = free_ports(1)
    with pytest.raises(
        KafkaError, match=rf"{LOOPBACK}:{port}: .*Connection refused.*kafka\.bootstrap_servers"
    ) as caught:
        Wire(KafkaSettings((f"{LOOPBACK}:{port}",)))
    assert caught.value.code == "unreachable"


def test_all_servers_that_were_tried_are_named():
    ports = free_ports(2)
    with pytest.raises(KafkaError, match=rf"{ports[0]}.*{ports[1]}") as caught:
        Wire(KafkaSettings(tuple(f"{LOOPBACK}:{port}" for port in ports)))
    assert caught.value.code == "unreachable"


def test_one_server_that_answers_is_enough(kafka):
    (port,) = free_ports(1)
    with Wire(KafkaSettings((f"{LOOPBACK}:{port}", kafka.endpoint))) as wire:
        assert wire.brokers == [1]


def test_a_broker_that_is_not_where_it_says_is_named_with_what_it_says(kafka):
    """Who comes to this port is sent on to another one, where nobody listens."""
    with Wire(KafkaSettings((f"{LOOPBACK}:{kafka.proxied_port}",))) as wire:
        with pytest.raises(KafkaError, match=rf"{LOOPBACK}:{kafka.proxy_port}: .*advertised\.listeners") as caught:
            wire.topics()
        assert caught.value.code == "unreachable"


@contextmanager
def impostor(answer):
    """A server that is not Kafka: it answers whatever it is asked, and keeps the connection."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve():
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                connection.recv(1000)
                connection.sendall(answer)
                taken.append(connection)

        taken = []
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"{LOOPBACK}:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def test_a_server_that_is_not_kafka_is_called_so():
    with impostor(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server, pytest.raises(KafkaError) as caught:
        Wire(KafkaSettings((server,)))
    assert caught.value.code == "unreachable"
    assert "not Kafka's protocol" in str(caught.value)
    assert "kafka.security_protocol" in str(caught.value)


def test_a_server_that_says_nothing_times_out():
    with impostor(b"") as server, pytest.raises(KafkaError) as caught:
        Wire(KafkaSettings((server,)), timeout=0.3)
    assert caught.value.code == "timed_out"


def test_a_broker_that_stands_still_times_out_and_is_asked_again(own_broker):
    with connect(own_broker, timeout=0.5) as wire:
        os.kill(own_broker.pid, signal.SIGSTOP)
        try:
            with pytest.raises(KafkaError) as caught:
                wire.offsets("latest", [("orders", 0)])
            assert caught.value.code == "timed_out"
        finally:
            os.kill(own_broker.pid, signal.SIGCONT)
    with connect(own_broker) as wire:
        assert isinstance(wire.offsets("latest", [("orders", 0)])["orders", 0], int)


def test_reading_goes_on_when_a_broker_comes_back(own_broker):
    with connect(own_broker) as wire:
        before = bytes(fetch(wire, 1, "orders", 0).records)
        own_broker.kill()
        own_broker.restart()
        assert bytes(fetch(wire, 1, "orders", 0).records)[: len(before)] == before
        assert wire.headers({("orders", 0): 0})["orders", 0] == before[:61]


def test_reading_waits_for_a_broker_that_is_just_starting(own_broker):
    with connect(own_broker) as wire:
        own_broker.kill()
        starting = threading.Thread(target=own_broker.restart)
        starting.start()
        try:
            assert isinstance(wire.offsets("latest", [("orders", 0)])["orders", 0], int)
        finally:
            starting.join()


def test_what_a_broken_connection_carried_is_raised_and_not_sent_again(own_broker):
    with connect(own_broker) as wire:
        [before] = wire.offsets("latest", [("orders", 0)]).values()
        batch = a_batch(wire, "orders")
        os.kill(own_broker.pid, signal.SIGSTOP)  # so that all requests are under way or waiting when it dies
        wait_for(lambda: is_stopped(own_broker.pid), "the broker to stop")

        async def send_and_kill():
            results = [wire.produce(1, batch, timeout=10) for _number in range(8)]
            return await wire.gather(*map(caught, results), kill())

        async def caught(request):
            try:
                return await request
            except KafkaError as error:
                return error

        async def kill():
            await wire.sleep(0.1)
            own_broker.kill()

        *errors, _killed = wire.run(send_and_kill())
        assert [error.code for error in errors] == ["unreachable"] * 8
        own_broker.restart()
        assert wire.offsets("latest", [("orders", 0)]) == {("orders", 0): before}
        [done] = wire.run(wire.produce(1, batch, timeout=10))
        assert (done.code, done.base_offset) == (0, before)


@pytest.fixture
def two_brokers(kafka_cluster: KafkaCluster):
    kafka_cluster.wait_for_brokers()
    return kafka_cluster


def test_a_leader_that_moves_is_followed_and_its_epoch_ends_there(two_brokers):
    two_brokers.create_topic("wire-moving", [[1, 2]])
    send(two_brokers.client, "wire-moving", numbered(10))
    with connect(two_brokers) as wire:
        assert wire.offsets("latest", [("wire-moving", 0)]) == {("wire-moving", 0): 10}
        first = wire.topics(["wire-moving"])["wire-moving"].partitions[0]
        two_brokers.move_leader("wire-moving", 0, 2)
        send(two_brokers.client, "wire-moving", numbered(5, first=10))
        assert wire.leader("wire-moving", 0) == 1  # as it was when last asked
        assert wire.offsets("latest", [("wire-moving", 0)]) == {("wire-moving", 0): 15}
        assert wire.leader("wire-moving", 0) == 2
        now = wire.topics(["wire-moving"])["wire-moving"].partitions[0]
        assert now.leader_epoch > first.leader_epoch
        assert wire.epoch_ends({("wire-moving", 0): first.leader_epoch})["wire-moving", 0] == (first.leader_epoch, 10)
        assert wire.epoch_ends({("wire-moving", 0): now.leader_epoch})["wire-moving", 0] == (now.leader_epoch, 15)
        asked = Want("wire-moving", wire.topics(["wire-moving"])["wire-moving"].topic_id, 0, 0, MIB, first.leader_epoch)
        [fenced] = wire.run(wire.fetch(2, [asked], max_bytes=MIB, max_wait=0, min_bytes=0, isolation="uncommitted"))
        assert fenced.error.facts["kafka_error"] == "FENCED_LEADER_EPOCH"


def test_a_broker_that_dies_is_followed_by_the_next_leader(two_brokers):
    two_brokers.create_topic("wire-dying", [[1, 2], [2, 1]])
    send(two_brokers.client, "wire-dying", numbered(20, partitions=2))
    partitions = [("wire-dying", 0), ("wire-dying", 1)]
    with connect(two_brokers, timeout=60) as wire:
        assert wire.offsets("latest", partitions) == dict.fromkeys(partitions, 10)
        two_brokers.broker(1).kill()
        try:
            assert wire.offsets("latest", partitions) == dict.fromkeys(partitions, 10)
            assert [wire.leader(*partition) for partition in partitions] == [2, 2]
            with pytest.raises(KafkaError) as caught:
                fetch(wire, 1, "wire-dying", 0)
            assert caught.value.code == "unreachable"
            assert wire.brokers == [2]
        finally:
            two_brokers.broker(1).restart()
            two_brokers.wait_for_isr("wire-dying", 0, {1, 2})
            two_brokers.wait_for_isr("wire-dying", 1, {1, 2})


def test_a_partition_without_a_leader_is_a_value(two_brokers):
    two_brokers.create_topic("wire-leaderless", [[1], [2]])
    send(two_brokers.client, "wire-leaderless", numbered(20, partitions=2))
    two_brokers.broker(1).kill()
    try:
        two_brokers.wait_for_leader("wire-leaderless", 0, -1)
        with connect(two_brokers) as wire:
            found = wire.offsets("latest", [("wire-leaderless", 0), ("wire-leaderless", 1)])
            assert found["wire-leaderless", 1] == 10
            assert (found["wire-leaderless", 0].code, wire.leader("wire-leaderless", 0)) == ("no_leader", -1)
            with pytest.raises(KafkaError) as caught:
                fetch(wire, -1, "wire-leaderless", 0)
            assert caught.value.code == "no_leader"
    finally:
        two_brokers.broker(1).restart()
        two_brokers.wait_for_leader("wire-leaderless", 0, 1)


def test_a_forked_process_has_a_wire_of_its_own(kafka):
    topics = Topics(kafka.client)
    topics.create("wire-forked", 1)
    send(kafka.client, "wire-forked", numbered(10))
    expected = {("wire-forked", 0): 10}
    with connect(kafka) as parents:
        assert parents.offsets("latest", expected) == expected
        child = os.fork()
        if not child:
            code = 1
            try:
                parents.close()  # as a `with` around the fork would: must not end the parent's connections
                with connect(kafka) as own:
                    code = 0 if own.offsets("latest", expected) == expected else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert parents.offsets("latest", expected) == expected


PROGRAM = """
import logging, os, sys
logging.basicConfig(level=logging.DEBUG)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
def descriptors():
    return len(os.listdir("/proc/self/fd"))
before = descriptors()
with Wire(KafkaSettings((sys.argv[1],))) as wire:
    wire.topics()
    wants = [Want("nothing", "", 0, 0, 1)]
    wire.run(wire.fetch(1, wants, max_bytes=1, max_wait=0, min_bytes=0, isolation="committed"))
    waiting = wire.fetch(1, wants, max_bytes=1, max_wait=30, min_bytes=1, isolation="committed")
    wire._loop.call_soon(waiting)
    wire.topics()
for server in sys.argv[2:]:
    try:
        Wire(KafkaSettings((server,)))
    except KafkaError as error:
        print(error.code)
print(descriptors() - before)
"""


def test_nothing_is_printed_or_left_behind(kafka, tmp_path):
    (port,) = free_ports(1)
    program = [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", PROGRAM]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*program, kafka.endpoint, f"{LOOPBACK}:{port}"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    assert (done.stderr, done.stdout) == ("", "unreachable\n0\n")


def test_ctrl_c_ends_whatever_is_under_way(kafka):
    with connect(kafka) as wire:

        async def interrupted():
            os.kill(os.getpid(), signal.SIGINT)
            await wire.sleep(3600)

        with pytest.raises(KeyboardInterrupt):
            wire.run(interrupted())
