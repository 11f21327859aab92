# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patience with a target's partitions that cannot be written to or read for a while: leaders move, brokers restart."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol, TypeVar

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._kafka.nodes import PASSING
from .._kafka.wire import Topic, Wire
from .leaders import GONE_PATIENCE, HOPELESS, PATIENCE

PAUSE = 0.2
"""Seconds before the first look for a new leader."""

_LONGEST_PAUSE = 5.0
_GONE = frozenset({"UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID"})  # what the cluster says of a topic
_TRIMMED = "offset_out_of_range"


class Stuck(Protocol):
    """A partition that is worked on.

    Attributes:
        leader: The broker that leads it; -1 for none.
        trouble: Why it cannot be gone on with at the moment; None while all is well.
        stuck_since: When it was last gone on with, by this module's clock; None while all is well.
    """

    leader: int
    trouble: KafkaError | None
    stuck_since: float | None

    @property
    def key(self) -> TopicPartition:
        """The topic that is worked on, and the partition's number."""

    @property
    def topic_id(self) -> str:
        """The topic's id; may be empty."""


S = TypeVar("S", bound=Stuck)


class Patience:
    """Sets partitions aside, and tells when it is time to look after them."""

    def __init__(self) -> None:
        self._look_at = float("inf")

    @property
    def is_over(self) -> bool:
        """Whether it is time to look after those that were set aside."""
        return time.monotonic() >= self._look_at

    def set_aside(self, partition: Stuck, trouble: KafkaError) -> None:
        """Set a partition aside.

        Raises:
            KafkaError: The trouble, when it has lasted too long or will not pass.
        """
        now = time.monotonic()
        partition.trouble = trouble
        partition.stuck_since = partition.stuck_since or now
        patience = GONE_PATIENCE if trouble.code == _TRIMMED else PATIENCE
        if now - partition.stuck_since > patience or trouble.code in HOPELESS:
            raise trouble
        # What takes long is looked at less often, since all others wait for it.
        pause = min(max((now - partition.stuck_since) / 4, PAUSE), _LONGEST_PAUSE)
        self._look_at = min(self._look_at, now + pause)

    def look(self, wire: Wire, partitions: Iterable[S]) -> list[S]:
        """Look who leads those that were set aside.

        Returns:
            Those that have a leader now; they still have their trouble. The others are set aside again.

        Raises:
            KafkaError: A topic was deleted or made anew, trouble has lasted too long, or the cluster refuses us.
        """
        aside = [partition for partition in partitions if partition.trouble is not None]
        self._look_at = float("inf")
        topics: dict[str, Topic] = {}
        try:
            topics = wire.topics({partition.key[0] for partition in aside}) if aside else {}
        except KafkaError as error:
            if error.code not in PASSING:
                raise
        led = []
        for partition in aside:
            topic, number = partition.key
            partition.leader = wire.leader(topic, number)
            if topic in topics:
                _check_there(partition, topics[topic])
            if topic in topics and partition.leader >= 0:
                _check_identity(partition, topics[topic])
                led.append(partition)
            elif partition.trouble is not None:
                self.set_aside(partition, partition.trouble)
        return led


def no_leader(topic: str, partition: int) -> KafkaError:
    """Return what is wrong with a partition that no broker leads."""
    return KafkaError(
        f"No broker leads partition {partition} of topic {topic!r}. See that the brokers that hold it run.",
        code="no_leader",
        object_name=f"{topic}/{partition}",
    )


def _check_there(partition: Stuck, topic: Topic) -> None:
    is_gone = topic.error in _GONE
    if is_gone and partition.stuck_since is not None and time.monotonic() - partition.stuck_since > GONE_PATIENCE:
        raise KafkaError(
            f"Topic {topic.name!r} was deleted in the middle of the run. See who deletes it, and run again.",
            code="changed_meanwhile",
            object_name=topic.name,
        )


def _check_identity(partition: Stuck, topic: Topic) -> None:
    if partition.topic_id and topic.topic_id and partition.topic_id != topic.topic_id:
        raise KafkaError(
            f"Topic {topic.name!r} was deleted and made again in the middle of the run. Run again.",
            code="changed_meanwhile",
            object_name=topic.name,
        )
