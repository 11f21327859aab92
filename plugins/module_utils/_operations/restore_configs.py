# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target topic's configs: what is held while it is restored to, what holds in the end, and what that does. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from .._core.errors import Refused
from .archived_partitions import ArchivedPartition

_FOR_EVER = str(2**63 - 1)
_HELD = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
    "compression.type": "producer",
}
_TIME_LIMITS = ("message.timestamp.before.max.ms", "message.timestamp.after.max.ms")
_OLD_TIME_LIMITS = ("message.timestamp.difference.max.ms",)  # before Kafka 3.6

# These name brokers of the source.
_NOT_CARRIED = frozenset({"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"})

# How a broker's configs name what a topic's own override, where it is not "log." in front.
_BROKERS_NAMES = {"max.message.bytes": "message.max.bytes", "min.insync.replicas": "min.insync.replicas"}
_NUMBER = re.compile("-?[0-9]+")
_RETENTION = (("log.retention.ms", 1), ("log.retention.minutes", 60_000), ("log.retention.hours", 3_600_000))


def held_configs(known: Collection[str]) -> dict[str, str]:
    """Return what a topic must have while it is restored to, so that it takes all records as they are and keeps them.

    Args:
        known: Names of configs that the cluster knows, of topics or of brokers; empty where that is not known.
    """
    old = any(name.endswith(_OLD_TIME_LIMITS) for name in known) and not any(
        name.endswith(_TIME_LIMITS) for name in known
    )
    return _HELD | dict.fromkeys(_OLD_TIME_LIMITS if old else _TIME_LIMITS, _FOR_EVER)


def wanted_configs(archived: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, str]:
    """Return what a topic that is created has of its own in the end.

    Args:
        archived: What it had at the source.
        overrides: What it gets instead, as YAML has it; None leaves a config to the cluster.
    """
    wanted = {**{name: value for name, value in archived.items() if name not in _NOT_CARRIED}, **overrides}
    return {name: _text(value) for name, value in sorted(wanted.items()) if value is not None}


class Standing(NamedTuple):
    """What will hold for a topic in the end.

    Args:
        own: Its own configs then.
        effective: All configs that hold for it now; empty for a topic that is not there yet.
        held: Those that are held, or are about to be.
        broker: Those of a broker; empty where they may not be read.
    """

    own: Mapping[str, str | None]
    effective: Mapping[str, str]
    held: Collection[str]
    broker: Mapping[str, str]

    def value(self, name: str) -> str | None:
        """Return a config's value, or None where it is not known."""
        own = self.own.get(name)
        if own is not None:
            return own
        if name not in self.held and name in self.effective:
            return self.effective[name]
        if name == "retention.ms":
            return self._retention()
        return self.broker.get(_BROKERS_NAMES.get(name, f"log.{name}")) or None

    def number(self, name: str) -> int | None:
        """Return a config's value as a number, or None where it is not known, or is none."""
        value = self.value(name)
        return int(value) if value is not None and _NUMBER.fullmatch(value) else None

    def _retention(self) -> str | None:
        for name, unit in _RETENTION:
            if value := self.broker.get(name):
                return str(int(value) * unit)
        return None


def check_limits(
    topic: str, standing: Standing, replicas: int, partitions: Sequence[ArchivedPartition], *, is_new: bool
) -> None:
    """Make sure that a topic takes what is to be sent.

    Args:
        topic: Its name at the target.
        standing: What will hold for it.
        replicas: How many replicas it has, or -1 for as many as the cluster gives it.
        partitions: What is to be sent.
        is_new: Whether it is created, so that its configs can be chosen.

    Raises:
        Refused: It does not; the message says which config or option it takes.
    """
    largest = max((partition.largest for partition in partitions), default=0)
    limit = standing.number("max.message.bytes")
    if limit is not None and largest > limit:
        raise Refused(
            f"Topic {topic!r} takes batches of up to {limit} bytes, and the restore point holds one of {largest}. "
            + _set("max.message.bytes", str(largest), is_new),
            code="too_large",
            object_name=topic,
        )
    least = standing.number("min.insync.replicas")
    if least is not None and 0 < replicas < least:
        raise Refused(
            f"Topic {topic!r} has {replicas} replicas, and takes nothing with fewer than {least} in sync "
            "(min.insync.replicas). " + _set("min.insync.replicas", str(replicas), is_new),
            code="not_enough_replicas",
            object_name=topic,
        )


def doomed(standing: Standing, partitions: Sequence[ArchivedPartition], now: datetime) -> tuple[int, str] | None:
    """Tell how many records a topic's final retention deletes as soon as it holds, at least, and why.

    Returns:
        The number and the config, or None where nothing is known to be deleted.
    """
    if "delete" not in (standing.value("cleanup.policy") or "delete"):
        return None
    by_time = by_size = 0
    time, size = standing.number("retention.ms"), standing.number("retention.bytes")
    oldest = now.timestamp() * 1000 - (time or 0)
    for partition in partitions:
        if time is not None and time >= 0:
            by_time += sum(piece.records for piece in partition.slices if 0 <= piece.max_timestamp < oldest)
        surplus = partition.bytes - size if size is not None and size >= 0 else 0
        for piece in partition.slices:
            surplus -= piece.length
            if surplus < 0:
                break
            by_size += piece.records
    if by_time >= by_size:
        return (by_time, f"retention.ms={time}") if by_time else None
    return by_size, f"retention.bytes={size}"


def _text(value: Any) -> str:
    # YAML reads true and 1000 as what they look like; Kafka's configs are text.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _set(name: str, value: str, is_new: bool) -> str:
    if is_new:
        return f"Set another with config_overrides: {{{name}: {value}}}."
    return f"Set {name} of the topic to {value} or another that fits, and run again."
