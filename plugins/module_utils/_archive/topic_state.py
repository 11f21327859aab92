# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore point says of a topic: which lineage of each partition it holds, from where to where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._core.fields import Fields
from .documents import TOPIC_STATE, decode, encode, whole_number

FIRST = "first"
RECREATED = "recreated"
UNCLEAN_ELECTION = "unclean_election"
GAP = "gap"
PURGED_TOMBSTONES = "purged_tombstones"

BEGINNINGS = (FIRST, RECREATED, UNCLEAN_ELECTION, GAP, PURGED_TOMBSTONES)
"""Why a lineage began."""

_LINEAGE = re.compile(r"([0-9a-f]{16})(?:-([1-9][0-9]*))?")
_NO_TOPIC_ID = "0" * 16


class LastBatch(NamedTuple):
    """The last batch that is archived of a partition: what a later run compares with the broker.

    Args:
        base_offset: Its first offset.
        crc: Its checksum, as its producer or the broker made it.
        leader_epoch: The leader epoch that it was written in; -1 where it has none.
    """

    base_offset: int
    crc: int
    leader_epoch: int


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What a restore point holds of a partition.

    Args:
        partition: Its number.
        lineage: The name of its lineage, of `lineage_name`.
        began: Why the lineage began, one of `BEGINNINGS`.
        start: The log start offset when the mark was set: a restore begins there.
        next: The mark: the first offset that the restore point does not hold.
        leader_epoch: The leader epoch at the mark; -1 where it is not known.
        last: The last batch before the mark; None where there is none.
        unavailable: Whether it could not be read, so that this is what an earlier restore point has of it.
    """

    partition: int
    lineage: str
    began: str
    start: int
    next: int
    leader_epoch: int
    last: LastBatch | None
    unavailable: bool = False


@dataclass(frozen=True)
class TopicState:
    """What a restore point holds of a topic.

    Args:
        topic: Its name.
        topic_id: Its id as 32 hexadecimal digits; empty where the cluster has none.
        compacted: Whether it was compacted, so that it has no other points in time than its restore points.
        partitions: By ascending number.
    """

    topic: str
    topic_id: str
    compacted: bool
    partitions: tuple[PartitionState, ...]

    @classmethod
    def decode(cls, content: bytes, document: str) -> TopicState:
        """Read what `encode` wrote.

        Args:
            content: The document's bytes.
            document: Where it lies, for errors.

        Raises:
            Damaged, UnsupportedFormat: It is something else.
        """
        fields = decode(content, TOPIC_STATE, document)
        state = cls(
            topic=fields.required("topic", str),
            topic_id=fields.required("topic_id", str),
            compacted=fields.required("compacted", bool),
            partitions=tuple(_partition(partition) for partition in fields.objects("partitions")),
        )
        fields.finish()
        numbers = [partition.partition for partition in state.partitions]
        if numbers != sorted(set(numbers)):
            raise fields.damaged("partitions must have ascending numbers")
        return state

    def encode(self) -> bytes:
        """Return the document's bytes."""
        return encode(
            TOPIC_STATE,
            {
                "topic": self.topic,
                "topic_id": self.topic_id,
                "compacted": self.compacted,
                "partitions": [_document(partition) for partition in self.partitions],
            },
        )


def lineage_name(topic_id: str, taken: Iterable[str] = ()) -> str:
    """Return the name of a new lineage.

    Args:
        topic_id: The topic's id as hexadecimal digits; empty where the cluster has none.
        taken: The lineages that the partition has had.

    Returns:
        The first 16 digits of the id (zeros where there is none) and, from the second lineage of that topic on,
        ``-2``, ``-3``, …
    """
    stem = topic_id[:16] or _NO_TOPIC_ID
    numbers = [int(found[2] or 1) for name in taken if (found := _LINEAGE.fullmatch(name)) and found[1] == stem]
    return f"{stem}-{max(numbers) + 1}" if numbers else stem


def _partition(fields: Fields) -> PartitionState:
    state = PartitionState(
        partition=whole_number(fields, "partition"),
        lineage=fields.required("lineage", str),
        began=fields.required("began", str),
        start=whole_number(fields, "start"),
        next=whole_number(fields, "next"),
        leader_epoch=whole_number(fields, "leader_epoch", -1),
        last=last_batch(fields),
        unavailable=fields.required("unavailable", bool),
    )
    fields.finish()
    if not _LINEAGE.fullmatch(state.lineage) or state.began not in BEGINNINGS or state.next < state.start:
        raise fields.damaged(f"partition {state.partition} has a lineage, a beginning or offsets that cannot be")
    return state


def last_batch(fields: Fields) -> LastBatch | None:
    """Return the field ``last``: a batch, or None for null.

    Raises:
        Damaged: It is something else.
    """
    found = fields.optional("last", dict)
    if found is None:
        return None
    batch = Fields(fields.document, found, "last")
    last = LastBatch(
        whole_number(batch, "base_offset"), whole_number(batch, "crc"), whole_number(batch, "leader_epoch", -1)
    )
    batch.finish()
    return last


def _document(state: PartitionState) -> dict[str, Any]:
    return {
        "partition": state.partition,
        "lineage": state.lineage,
        "began": state.began,
        "start": state.start,
        "next": state.next,
        "leader_epoch": state.leader_epoch,
        "last": None if state.last is None else state.last._asdict(),
        "unavailable": state.unavailable,
    }
