# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions and configs of topics: read, created and changed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from .._core.errors import KafkaError
from .cluster import ClusterAdmin
from .confluent import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    TopicCollection,
)
from .errors import LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION
from .groups import GroupAdmin
from .session import Fault, settled
from .shares import in_shares

_NO_ID = bytes(16)
_RECORDS_AT_ONCE = 2000
"""How many records a controller is to write at a time: it refuses a request of which it would write more than 10,000
(KAFKA-14996), and brokers take a while to begin so many partitions, before they hear of what comes next."""


class TopicDefinition(NamedTuple):
    """What a topic is made with.

    Args:
        name: Its name.
        topic_id: 32 hexadecimal digits, or empty where brokers have no ids (before Kafka 2.8).
        partitions: How many it has.
        replication_factor: How many brokers hold each of them, as the first one has it.
        configs: Those set for this topic alone.
        effective: All that hold for it.
    """

    name: str
    topic_id: str
    partitions: int
    replication_factor: int
    configs: dict[str, str]
    effective: dict[str, str]


class WantedTopic(NamedTuple):
    """A topic to create.

    Args:
        name: Its name.
        partitions: How many it gets.
        replication_factor: How many brokers hold each of them; -1 for the cluster's default.
        configs: Those set for this topic alone.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


class Admin(ClusterAdmin, GroupAdmin):
    """Asks and changes a cluster; see `Session` for how it is made and ended."""

    def definitions(self, names: Iterable[str]) -> dict[str, TopicDefinition]:
        """Read what topics are made with.

        Args:
            names: Topics that exist.

        Raises:
            KafkaError: One of them cannot be read: ``unknown_topic``, ``not_authorized``, …
        """
        wanted = list(names)
        shapes = settled(
            self._each(
                wanted,
                self._ask_for_partitions,
                lambda _name, described: described,
                doing=lambda name: f"Reading the partitions of topic {name!r}",
                needs="Describe on the topic",
            )
        )
        entries = settled(
            self._each(
                wanted,
                self._ask_for_configs,
                lambda _name, found: found,
                doing=lambda name: f"Reading the configs of topic {name!r}",
                needs="DescribeConfigs on the topic",
            )
        )
        return {name: _definition(shapes[name], entries[name]) for name in wanted}

    def create(
        self, name: str, partitions: int, replication_factor: int, configs: Mapping[str, str], *, try_only: bool = False
    ) -> None:
        """Create a topic, and wait until the brokers know of it.

        Args:
            name: Its name.
            partitions: How many it gets.
            replication_factor: How many brokers hold each of them; -1 for the cluster's default.
            configs: Those set for this topic alone.
            try_only: Only ask whether the cluster would.

        Raises:
            KafkaError: ``not_enough_brokers``, ``already_exists``, ``policy_violation``, ``not_authorized``, …
        """
        settled(self.create_all([WantedTopic(name, partitions, replication_factor, configs)], try_only=try_only))

    def create_all(self, topics: Iterable[WantedTopic], *, try_only: bool = False) -> dict[str, KafkaError | None]:
        """Create many topics, as `create` does one.

        Returns:
            For each topic None, or why there is none.
        """
        found: dict[str, KafkaError | None] = {}
        for share in in_shares(topics, _records, _RECORDS_AT_ONCE):
            found |= self._create({topic.name: topic for topic in share}, try_only)
        return found

    def _create(self, wanted: Mapping[str, WantedTopic], try_only: bool) -> dict[str, KafkaError | None]:
        def start(names: Sequence[str]) -> dict[str, Future[None]]:
            new = [
                NewTopic(name, topic.partitions, topic.replication_factor, config=dict(topic.configs))
                for name in names
                for topic in (wanted[name],)
            ]
            begun = self._client.create_topics(
                new, operation_timeout=self.timeout, request_timeout=self.timeout, validate_only=try_only
            )
            return dict(begun)

        found = self._each(
            wanted,
            start,
            lambda _name, _nothing: None,
            doing=lambda name: f"Creating topic {name!r}",
            needs="Create on the topic or on the cluster",
        )
        return found if try_only else found | self._until_led([name for name, problem in found.items() if not problem])

    def set_configs(self, topic: str, configs: Mapping[str, str | None]) -> None:
        """Set or remove some of a topic's own configs, leave the others, and wait until a broker tells them so.

        Args:
            topic: Its name.
            configs: The values; None removes the topic's own, so that the cluster's holds.

        Raises:
            KafkaError: ``unknown_topic``, ``invalid_config``, ``policy_violation``, ``not_authorized``, …
        """
        settled(self.set_all_configs({topic: configs}))

    def set_all_configs(self, configs: Mapping[str, Mapping[str, str | None]]) -> dict[str, KafkaError | None]:
        """Set configs of many topics, as `set_configs` does those of one.

        Args:
            configs: For each topic, what is set or removed.

        Returns:
            For each topic None, or why its configs are as they were.
        """
        found: dict[str, KafkaError | None] = {}
        changed = [name for name, changes in configs.items() if changes]
        for share in in_shares(changed, lambda name: len(configs[name]), _RECORDS_AT_ONCE):
            found |= self._set_configs({name: configs[name] for name in share})
        return found

    def _set_configs(self, configs: Mapping[str, Mapping[str, str | None]]) -> dict[str, KafkaError | None]:
        def start(names: Sequence[str]) -> dict[str, Future[None]]:
            resources = {
                ConfigResource(
                    ConfigResource.Type.TOPIC,
                    name,
                    incremental_configs=[_change(key, value) for key, value in configs[name].items()],
                ): name
                for name in names
            }
            begun = self._client.incremental_alter_configs(list(resources), request_timeout=self.timeout)
            return {resources[resource]: future for resource, future in begun.items()}

        found = self._each(
            configs,
            start,
            lambda _name, _nothing: None,
            doing=lambda name: f"Setting the configs of topic {name!r}",
            needs="AlterConfigs on the topic",
        )
        self._until_told({name: configs[name] for name, problem in found.items() if not problem})
        return found

    def _until_led(self, names: Sequence[str]) -> dict[str, KafkaError | None]:
        """Wait until new topics can be used: until then, brokers say that there are none."""
        return self._each(
            names,
            self._ask_for_partitions,
            _all_led,
            doing=lambda name: f"Waiting for the brokers to know of the new topic {name!r}",
            needs="Describe on the topic",
            until_known=True,
        )

    def _until_told(self, configs: Mapping[str, Mapping[str, str | None]]) -> None:
        """Wait until configs that were set are told as they were set, since brokers hear of them a moment later."""

        def read(name: str, entries: Mapping[str, Any]) -> None:
            own = _own(entries)
            if not all(_alike(value, own.get(key)) for key, value in configs[name].items()):
                raise Fault(UNKNOWN_TOPIC_OR_PARTITION)

        self._each(
            configs,
            self._ask_for_configs,
            read,
            doing=lambda name: f"Waiting for the configs of topic {name!r}",
            until_known=True,
        )

    def _ask_for_partitions(self, names: Sequence[str]) -> dict[str, Future[Any]]:
        begun = self._client.describe_topics(TopicCollection(list(names)), request_timeout=self.timeout)
        return dict(begun)

    def _ask_for_configs(self, names: Sequence[str]) -> dict[str, Future[Any]]:
        resources = {ConfigResource(ConfigResource.Type.TOPIC, name): name for name in names}
        begun = self._client.describe_configs(list(resources), request_timeout=self.timeout)
        return {resources[resource]: future for resource, future in begun.items()}


def _records(topic: WantedTopic) -> int:
    return 1 + topic.partitions + len(topic.configs)


def _definition(shape: Any, entries: Mapping[str, Any]) -> TopicDefinition:
    topic_id = base64.urlsafe_b64decode(f"{shape.topic_id}==")
    return TopicDefinition(
        name=shape.name,
        topic_id="" if topic_id == _NO_ID else topic_id.hex(),
        partitions=len(shape.partitions),
        replication_factor=len(shape.partitions[0].replicas) if shape.partitions else 0,
        configs=_own(entries),
        effective={key: entry.value or "" for key, entry in sorted(entries.items())},
    )


def _own(entries: Mapping[str, Any]) -> dict[str, str]:
    source = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {key: entry.value for key, entry in sorted(entries.items()) if entry.source == source}


def _alike(one: str | None, other: str | None) -> bool:
    """Whether two values are the same to a broker, which tells what it has understood: ``007`` as ``7``."""
    if one is None or other is None:
        return one is other
    try:
        return float(one) == float(other)
    except ValueError:
        return [part.strip().lower() for part in one.split(",")] == [part.strip().lower() for part in other.split(",")]


def _all_led(_name: str, shape: Any) -> None:
    if not all(partition.leader for partition in shape.partitions):
        raise Fault(LEADER_NOT_AVAILABLE)


def _change(name: str, value: str | None) -> Any:
    operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    return ConfigEntry(name, value, incremental_operation=operation)
