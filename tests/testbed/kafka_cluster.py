# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apache Kafka with several brokers, each of which may be stopped, killed and restarted while the others go on.

with KafkaCluster(2) as cluster:
    cluster.create_topic("orders", [[1, 2], [2, 1]])     # replicas of each partition, the preferred leader first
    cluster.broker(1).kill()
    cluster.wait_for_leader("orders", 0, 2)
    cluster.broker(1).restart()
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Self

from confluent_kafka import ElectionType, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, PartitionMetadata

from testbed.component import LOOPBACK, ComponentError, free_ports, is_free
from testbed.kafka import QUICK_TO_RESTART, Kafka, addresses, broker_ids, new_cluster_id

CONTROLLER_ID = 100
WAIT_SECONDS = 60


class _Node(Kafka):
    """A node of a cluster of several."""

    def __init__(self, node_id: int, cluster_id: str, controller_port: int, config: Mapping[str, object]) -> None:
        super().__init__(config=config)
        self.node_id = node_id
        self._cluster_id = cluster_id
        self._controller_port = controller_port

    def _format(self) -> list[str]:
        return ["-t", self._cluster_id]

    @property
    def _quorum(self) -> dict[str, object]:
        return {
            "node.id": self.node_id,
            "controller.quorum.voters": f"{CONTROLLER_ID}@{LOOPBACK}:{self._controller_port}",
            **QUICK_TO_RESTART,
        }


class Broker(_Node):
    """A broker that is no controller."""

    def _place(self) -> dict[str, object]:
        return {**self._quorum, "process.roles": "broker", "listeners": addresses(self._listeners())}


class Controller(_Node):
    """The controller of a cluster, which stays while brokers come and go."""

    name = "kafka-controller"

    def __init__(self, cluster_id: str, config: Mapping[str, object]) -> None:
        (port,) = free_ports(1)
        super().__init__(CONTROLLER_ID, cluster_id, port, config)

    def ready(self) -> bool:
        return not is_free(self._controller_port)

    @property
    def controller_port(self) -> int:
        """Where it listens."""
        return self._controller_port

    def _properties(self) -> dict[str, object]:
        foreign = ("advertised.listeners", "inter.broker.listener.name")
        return {key: value for key, value in super()._properties().items() if key not in foreign}

    def _place(self) -> dict[str, object]:
        listeners = f"CONTROLLER://{LOOPBACK}:{self._controller_port}"
        return {**self._quorum, "process.roles": "controller", "listeners": listeners}


class KafkaCluster:
    """Brokers with the ids 1, 2, … and one controller; a context manager.

    Args:
        size: How many brokers.
        config: Properties of all nodes besides the bed's own, or instead of them.
    """

    def __init__(self, size: int, *, config: Mapping[str, object] | None = None) -> None:
        cluster_id = new_cluster_id()
        self.controller = Controller(cluster_id, config or {})
        port = self.controller.controller_port
        self.brokers = [Broker(node_id, cluster_id, port, config or {}) for node_id in range(1, size + 1)]
        self._stack = ExitStack()

    def broker(self, node_id: int) -> Broker:
        """The broker of that id."""
        return self.brokers[node_id - 1]

    @property
    def endpoint(self) -> str:
        """Bootstrap servers: all of them."""
        return ",".join(broker.endpoint for broker in self.brokers)

    @property
    def client(self) -> dict[str, str]:
        """How librdkafka's clients connect, without lines of their own on the standard error."""
        return {"bootstrap.servers": self.endpoint, "log_level": "0"}

    @property
    def options(self) -> dict[str, object]:
        """The option ``kafka`` of the collection's modules."""
        return {"bootstrap_servers": self.endpoint.split(",")}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.controller)
            with ThreadPoolExecutor(len(self.brokers)) as pool:
                starting = [pool.submit(stack.enter_context, broker) for broker in self.brokers]
            for each in starting:
                each.result()
            self.wait_for_brokers()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait_for_brokers(self) -> None:
        """Wait until all brokers know of all others."""
        expected = {broker.node_id for broker in self.brokers}
        _wait(lambda: all(broker_ids(broker.port) == expected for broker in self.brokers), f"all of {expected}")

    @cached_property
    def admin(self) -> AdminClient:
        """An administrator's client."""
        return AdminClient(self.client)

    def create_topic(
        self, topic: str, replicas: Sequence[Sequence[int]], configs: Mapping[str, object] | None = None
    ) -> None:
        """Create a topic and wait until it has its leaders.

        Args:
            topic: Its name.
            replicas: For each partition the ids of its brokers, the preferred leader first.
            configs: Its configs.
        """
        named = {name: str(value) for name, value in (configs or {}).items()}
        assigned = [list(each) for each in replicas]
        new = NewTopic(topic, len(assigned), replica_assignment=assigned, config=named)
        self.admin.create_topics([new])[topic].result(timeout=WAIT_SECONDS)
        for partition, (leader, *_followers) in enumerate(replicas):
            self.wait_for_leader(topic, partition, leader)

    def partition(self, topic: str, partition: int) -> PartitionMetadata:
        """The leader, replicas and replicas in sync of a partition now."""
        return self.admin.list_topics(topic, timeout=WAIT_SECONDS).topics[topic].partitions[partition]

    def wait_for_leader(self, topic: str, partition: int, leader: int) -> None:
        """Wait until a partition has that leader; -1 for none."""
        what = f"leader {leader} of {topic} {partition}"
        _wait(lambda: topic in self._topics() and self.partition(topic, partition).leader == leader, what)

    def wait_for_isr(self, topic: str, partition: int, brokers: set[int]) -> None:
        """Wait until just these brokers are in sync."""
        _wait(lambda: set(self.partition(topic, partition).isrs) == brokers, f"{topic} {partition} in sync {brokers}")

    def move_leader(self, topic: str, partition: int, leader: int) -> None:
        """Make one of the replicas the preferred leader and elect it, while all are alive."""
        # Only this takes the other client, which takes long to load and which no fixture is to load for all tests.
        from kafka import TopicPartition as Partition
        from kafka.admin import KafkaAdminClient

        others = [each for each in self.partition(topic, partition).replicas if each != leader]
        wanted = [leader, *others]
        client = KafkaAdminClient(bootstrap_servers=self.endpoint.split(","))
        try:
            client.alter_partition_reassignments({Partition(topic, partition): wanted})
        finally:
            client.close()
        _wait(lambda: list(self.partition(topic, partition).replicas) == wanted, f"replicas {wanted} of {topic}")
        self.elect(topic, partition, ElectionType.PREFERRED)
        self.wait_for_leader(topic, partition, leader)

    def elect(self, topic: str, partition: int, kind: ElectionType) -> None:
        """Hold an election; that it was not needed is no error."""
        elected = self.admin.elect_leaders(kind, [TopicPartition(topic, partition)]).result(timeout=WAIT_SECONDS)
        for error in elected.values():
            if error is not None and error.code() != KafkaError.ELECTION_NOT_NEEDED:
                raise KafkaException(error)

    def _topics(self) -> set[str]:
        return set(self.admin.list_topics(timeout=WAIT_SECONDS).topics)


def _wait(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except (OSError, KafkaException):  # a broker that is just starting
            pass
        time.sleep(0.05)
    raise ComponentError(f"waited {WAIT_SECONDS} s in vain for {what}")
