# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the leaders of partitions anew while they are read, and whether they have the same logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._kafka.wire import Topic, Wire
from .partition_copy import PartitionCopy

PATIENCE = 60.0
"""Seconds for which a partition may give nothing before it counts as unavailable."""

GONE_PATIENCE = 5.0
"""The same for a topic that the cluster does not know any more: not all brokers hear of changes at once."""

HOPELESS = frozenset({"not_authorized"})
"""Codes of errors that no patience ends."""


def find_leaders(wire: Wire, copies: Sequence[PartitionCopy], now: float) -> None:
    """Find out how partitions can be read on that could not be read.

    Where that is known, a partition's ``trouble`` ends; where it is certain that it cannot be, or took too long, it has
    a ``problem``. Others keep their trouble.

    Args:
        wire: Asks the cluster.
        copies: The partitions; all of them have trouble.
        now: The time, by the clock that set ``stuck_since``.

    Raises:
        KafkaError: The cluster cannot be reached, or refuses us.
    """
    for copy in copies:
        too_long = copy.stuck_since is not None and now - copy.stuck_since > PATIENCE
        if too_long or (copy.trouble is not None and copy.trouble.code in HOPELESS):
            copy.problem = copy.trouble
    hoped = [copy for copy in copies if copy.problem is None]
    topics = wire.topics({copy.plan.topic for copy in hoped}) if hoped else {}
    led = {copy.key: copy for copy in hoped if _is_led(copy, topics[copy.plan.topic], now)}
    led = _with_history(wire, led)
    led = _trimmed(wire, led)
    for copy in led.values():
        partition = topics[copy.plan.topic].partitions[copy.plan.partition]
        copy.leader, copy.leader_epoch = partition.leader, partition.leader_epoch
        copy.trouble = None


def _is_led(copy: PartitionCopy, topic: Topic, now: float) -> bool:
    """Tell whether a partition has a leader, and still belongs to the same topic."""
    name = copy.plan.topic
    if topic.error is not None or copy.plan.partition not in topic.partitions:
        if copy.stuck_since is not None and now - copy.stuck_since > GONE_PATIENCE:
            copy.problem = _changed(copy, f"the topic {name!r} was deleted while it was read")
        return False
    if copy.plan.topic_id and topic.topic_id and topic.topic_id != copy.plan.topic_id:
        copy.problem = _changed(copy, f"the topic {name!r} was deleted and made again while it was read")
        return False
    return topic.partitions[copy.plan.partition].leader >= 0


def _with_history(wire: Wire, copies: Mapping[TopicPartition, PartitionCopy]) -> dict[TopicPartition, PartitionCopy]:
    """Return the partitions of which no new leader has cut off what was read from the one before it (KIP-101)."""
    epochs = {key: copy.history_epoch for key, copy in copies.items() if copy.history_epoch >= 0}
    ends = wire.epoch_ends(epochs) if epochs else {}
    good = {}
    for key, copy in copies.items():
        end = ends.get(key)
        if isinstance(end, KafkaError):
            copy.trouble = end
        elif end is not None and (end[0] < 0 or end[1] < copy.position):
            copy.problem = _changed(
                copy,
                f"what was read up to offset {copy.position} is not in the log of its new leader, which was elected "
                "although it lacked records",
            )
        else:
            good[key] = copy
    return good


def _trimmed(wire: Wire, copies: Mapping[TopicPartition, PartitionCopy]) -> dict[TopicPartition, PartitionCopy]:
    """Return the partitions that can be read on, those from their logs' starts where retention has trimmed them."""
    asked = [key for key, copy in copies.items() if copy.trouble and copy.trouble.code == "offset_out_of_range"]
    starts = wire.offsets("earliest", asked) if asked else {}
    good = {}
    for key, copy in copies.items():
        start = starts.get(key)
        if isinstance(start, KafkaError):
            copy.trouble = start
        elif start is not None and start <= copy.position:
            copy.problem = _changed(copy, f"its log ends before offset {copy.position}")
        else:
            if start is not None:
                copy.trim(start)
            good[key] = copy
    return good


def _changed(copy: PartitionCopy, what: str) -> KafkaError:
    topic, partition = copy.key
    return KafkaError(
        f"Topic {topic!r}, partition {partition}, cannot be read on: {what}. Run again.",
        code="changed_meanwhile",
        object_name=f"{topic}/{partition}",
    )
