# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apache Kafka: one node that is broker and controller, on plain listeners."""

from __future__ import annotations

import base64
import secrets
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from testbed.cache import cached
from testbed.component import LOOPBACK, Component, free_ports
from testbed.jars import fetch_jars, pinned
from testbed.toolchain import PINS, java, run

VERSION = "4.3.1"
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]

# A killed broker is let in again once its controller takes the dead one for gone: 9 s, if not told otherwise.
QUICK_TO_RESTART = {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 300}


def fetch() -> Path:
    """Folder of the broker's jars, filled when it is not there yet; a Java runtime is fetched too where none is."""
    java()
    return cached(f"kafka-{VERSION}", lambda scratch: fetch_jars(pinned("kafka.txt"), scratch))


def new_cluster_id() -> str:
    """A random cluster id: 16 bytes, URL-safe base64 without padding.

    The first byte is 1, since an id that begins with ``-`` would be taken for an option.
    """
    return base64.urlsafe_b64encode(b"\1" + secrets.token_bytes(15)).decode().rstrip("=")


class Listener(NamedTuple):
    """Where a broker listens, and as which port it tells clients so."""

    name: str
    port: int
    advertised: int
    protocol: str = "PLAINTEXT"


class Kafka(Component):
    """A broker. Topics are not created by themselves, and the log cleaner is at work all the while.

    Clients that find it at ``proxied_port`` are sent on to ``proxy_port``, where nobody listens: a proxy may.

    Args:
        port: Where it listens; a free port when not given.
        config: Properties of the broker besides the bed's own, or instead of them.
    """

    name = "kafka"
    node_id = 1

    def __init__(self, port: int | None = None, *, config: Mapping[str, object] | None = None) -> None:
        self._controller_port, self.proxied_port, self.proxy_port, own_port = free_ports(4)
        self._config = dict(config or {})
        super().__init__(port or own_port)

    @property
    def endpoint(self) -> str:
        """Bootstrap servers."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def proxy_endpoint(self) -> str:
        """Bootstrap servers of clients that go through a proxy."""
        return f"{LOOPBACK}:{self.proxy_port}"

    @property
    def client(self) -> dict[str, str]:
        """How librdkafka's clients connect, without lines of their own on the standard error."""
        return {"bootstrap.servers": self.endpoint, "log_level": "0"}

    @property
    def options(self) -> dict[str, object]:
        """The option ``kafka`` of the collection's modules."""
        return {"bootstrap_servers": [self.endpoint]}

    @property
    def data(self) -> Path:
        """Folder of the partitions' folders."""
        return self.home / "data"

    def ready(self) -> bool:
        try:
            return self.node_id in broker_ids(self.port)
        except OSError:
            return False

    def _listeners(self) -> list[Listener]:
        return [
            Listener("PLAINTEXT", self.port, self.port),
            Listener("PROXIED", self.proxied_port, self.proxy_port),
        ]

    def _place(self) -> dict[str, object]:
        """The part that this node has in its cluster."""
        controller = f"{LOOPBACK}:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": self.node_id,
            "controller.quorum.voters": f"{self.node_id}@{controller}",
            "listeners": f"{addresses(self._listeners())},CONTROLLER://{controller}",
        }

    def _properties(self) -> dict[str, object]:
        protocols = [f"{listener.name}:{listener.protocol}" for listener in self._listeners()]
        return {
            **self._place(),
            "advertised.listeners": addresses(self._listeners(), advertised=True),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
            "log.dirs": self.data,
            "num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 3,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 3,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
            "log.cleaner.dedupe.buffer.size": 2097152,
            "log.cleaner.backoff.ms": 200,
            "log.retention.ms": -1,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            **self._config,
        }

    def _prepare(self) -> None:
        lines = [f"{key}={value}\n" for key, value in self._properties().items()]
        self._property_file.write_text("".join(lines))
        run([*self._java("kafka.tools.StorageTool", "format", *self._format()), "-c", str(self._property_file)])

    def _format(self) -> list[str]:
        """Options of the tool that formats the data folder."""
        return ["-t", new_cluster_id()]

    @property
    def _property_file(self) -> Path:
        return self.home / "server.properties"

    def _command(self) -> list[str]:
        return self._java("kafka.Kafka", "server.properties")

    def _java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={PINS.with_name('log4j2.properties')}"
        return [java(), *JVM, logging, "-cp", f"{fetch()}/*", *arguments]


def addresses(listeners: list[Listener], *, advertised: bool = False) -> str:
    """Listeners as Kafka's properties have them."""
    ports = [(each.name, each.advertised if advertised else each.port) for each in listeners]
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports)


def broker_ids(port: int) -> set[int]:
    """Ids of the brokers that the one at ``port`` knows of; an `OSError` when it does not answer.

    Sends Metadata version 1 for no topics (Kafka protocol guide, "Metadata API").
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
    with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _receive(connection, 4))
        answer = _receive(connection, length)
    _correlation, brokers = struct.unpack_from(">ii", answer)
    at, found = 8, set()
    for _broker in range(brokers):  # node id, host, port, rack or none
        node_id, host = struct.unpack_from(">ih", answer, at)
        (rack,) = struct.unpack_from(">h", answer, at + 6 + host + 4)
        at += 6 + host + 4 + 2 + max(rack, 0)
        found.add(node_id)
    return found


def _receive(connection: socket.socket, size: int) -> bytes:
    answer = connection.recv(size, socket.MSG_WAITALL)
    if len(answer) < size:
        raise ConnectionError("connection closed before the answer")
    return answer
