# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what topics a cluster has, and how much is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .._core.change import Report
from .._core.counting import counted
from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._core.selection import Selection
from .._core.settings import KafkaSettings
from .._kafka.admin import Admin
from .._kafka.wire import Partition, Topic, Wire
from .bounded import ROOM, cut, size_of
from .choose_topics import choose_topics

_LISTS = ("partitions", "topics")  # in the order in which they are cut

Found = dict[TopicPartition, "int | KafkaError"]


class Log(NamedTuple):
    """What is known of a partition's log.

    Args:
        low: The first offset there is.
        high: The high watermark.
        stable: The offset before which all transactions are decided.
        problem: Why nothing is known.
    """

    low: int | None
    high: int | None
    stable: int | None
    problem: str | None

    @property
    def records(self) -> int:
        """How many records it holds at most."""
        return self.high - self.low if self.high is not None and self.low is not None else 0


def describe_topics(settings: KafkaSettings, selection: Selection, *, gather: str) -> Report:
    """Describe the topics of a cluster.

    Args:
        settings: Which one.
        selection: Which of its topics are meant.
        gather: ``summary``, ``partitions`` or ``configs``: how much is told.

    Raises:
        NotFound: A topic that is named literally does not exist.
        KafkaError: The cluster cannot be reached, or refuses something.
    """
    with Wire(settings) as wire:
        everything = wire.topics()
        names = choose_topics(wire, selection, everything)
        topics = {name: everything[name] for name in names}
        logs = _read_logs(wire, topics)
        cluster = {"id": wire.cluster_id or None, "brokers": wire.brokers}
    described = [_describe_topic(topic, logs) for topic in topics.values()]
    if gather == "configs":
        configs = _read_configs(settings, names)
        described = [{**one, "configs": configs[one["topic"]]} for one in described]
    values: dict[str, Any] = {"cluster": cluster, "counts": _count(described), "topics": described}
    if gather == "partitions":
        values["partitions"] = [
            _describe_partition(name, number, partition, logs[name, number])
            for name, topic in topics.items()
            for number, partition in topic.partitions.items()
        ]
    return Report(values, _warnings(selection, list(everything), described))


def bounded(report: Report) -> Report:
    """Cut a report's lists until it is small enough to be a module's result, and tell how much is missing.

    Args:
        report: What `describe_topics` found; other values are left as they are.
    """
    lists = {name: report.values[name] for name in _LISTS if name in report.values}
    room = ROOM - sum(size_of(value) for name, value in report.values.items() if name in ("cluster", "counts"))
    kept = cut(lists, room)
    omitted = {name: len(lists[name]) - len(kept[name]) for name in lists}
    return Report({**report.values, **kept, "omitted": omitted}, report.warnings)


def _read_logs(wire: Wire, topics: Mapping[str, Topic]) -> dict[TopicPartition, Log]:
    led = [
        (name, number)
        for name, topic in topics.items()
        for number, partition in topic.partitions.items()
        if partition.leader >= 0
    ]
    lows, highs, stables = (wire.offsets(which, led) if led else {} for which in ("earliest", "latest", "stable"))
    return {
        (name, number): _log((name, number), partition, lows, highs, stables)
        for name, topic in topics.items()
        for number, partition in topic.partitions.items()
    }


def _log(key: TopicPartition, partition: Partition, lows: Found, highs: Found, stables: Found) -> Log:
    if partition.leader < 0:
        return Log(None, None, None, "It has no leader.")
    found = (lows[key], highs[key], stables[key])
    problem = next((offset.message for offset in found if isinstance(offset, KafkaError)), None)
    low, high, stable = (None if problem or isinstance(offset, KafkaError) else offset for offset in found)
    return Log(low, high, stable, problem)


def _describe_topic(topic: Topic, logs: Mapping[TopicPartition, Log]) -> dict[str, Any]:
    own = {number: logs[topic.name, number] for number in topic.partitions}
    return {
        "topic": topic.name,
        "topic_id": topic.topic_id or None,
        "internal": topic.internal,
        "partitions": len(own),
        "replication_factor": max((len(one.replicas) for one in topic.partitions.values()), default=0),
        "records": sum(log.records for log in own.values()),
        "unavailable": [number for number, log in own.items() if log.problem is not None],
    }


def _describe_partition(topic: str, number: int, partition: Partition, log: Log) -> dict[str, Any]:
    return {
        "topic": topic,
        "partition": number,
        "leader": partition.leader if partition.leader >= 0 else None,
        "replicas": list(partition.replicas),
        "in_sync": list(partition.isr),
        **log._asdict(),
        "records": log.records,
    }


def _count(described: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "topics": len(described),
        "partitions": sum(one["partitions"] for one in described),
        "records": sum(one["records"] for one in described),
        "unavailable": sum(len(one["unavailable"]) for one in described),
    }


def _read_configs(settings: KafkaSettings, names: list[str]) -> dict[str, dict[str, str]]:
    with Admin(settings) as admin:
        return {name: definition.configs for name, definition in admin.definitions(names).items()}


def _warnings(selection: Selection, names: list[str], described: list[dict[str, Any]]) -> tuple[str, ...]:
    idle = selection.idle_patterns(names)
    told = [f"No topic matches {', '.join(idle)}."] if idle else []
    dark = [one["topic"] for one in described if one["unavailable"]]
    if dark:
        shown = ", ".join(dark[:10]) + (", …" if len(dark) > 10 else "")
        told.append(f"Partitions of {counted(len(dark), 'topic')} are unavailable: {shown}.")
    return tuple(told)
