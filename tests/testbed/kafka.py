# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apache Kafka: one node that is broker and controller, on a plain listener."""

from __future__ import annotations

import base64
import secrets
import socket
import struct
from pathlib import Path

from testbed.cache import cached
from testbed.component import LOOPBACK, Component, free_ports
from testbed.jars import fetch_jars, pinned
from testbed.toolchain import PINS, java, run

VERSION = "4.3.1"
JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]


def fetch() -> Path:
    """Folder of the broker's jars, filled when it is not there yet; a Java runtime is fetched too where none is."""
    java()
    return cached(f"kafka-{VERSION}", lambda scratch: fetch_jars(pinned("kafka.txt"), scratch))


def new_cluster_id() -> str:
    """A random cluster id: 16 bytes, URL-safe base64 without padding.

    The first byte is 1, since an id that begins with ``-`` would be taken for an option.
    """
    return base64.urlsafe_b64encode(b"\1" + secrets.token_bytes(15)).decode().rstrip("=")


class Kafka(Component):
    """A broker. Topics are not created by themselves."""

    name = "kafka"

    def __init__(self, port: int | None = None) -> None:
        self._controller_port, own_port = free_ports(2)
        super().__init__(port or own_port)

    @property
    def endpoint(self) -> str:
        """Bootstrap servers."""
        return f"{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        try:
            return count_brokers(self.port) > 0
        except OSError:
            return False

    def _properties(self) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.endpoint},CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.endpoint}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.home / "data",
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
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
        }

    def _prepare(self) -> None:
        lines = [f"{key}={value}\n" for key, value in self._properties().items()]
        (self.home / "server.properties").write_text("".join(lines))
        storage_tool = self._java("kafka.tools.StorageTool", "format", "-t", new_cluster_id())
        run([*storage_tool, "-c", str(self.home / "server.properties")])

    def _command(self) -> list[str]:
        return self._java("kafka.Kafka", "server.properties")

    def _java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={PINS.with_name('log4j2.properties')}"
        return [java(), *JVM, logging, "-cp", f"{fetch()}/*", *arguments]


def count_brokers(port: int) -> int:
    """How many brokers the one at ``port`` knows of; an `OSError` when it does not answer.

    Sends Metadata version 1 for no topics (Kafka protocol guide, "Metadata API").
    """
    request = struct.pack(">hhihi", 3, 1, 0, -1, 0)
    with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(12, socket.MSG_WAITALL)
    if len(answer) < 12:
        raise ConnectionError("connection closed before the answer")
    _length, _correlation, brokers = struct.unpack(">iii", answer)
    return int(brokers)
