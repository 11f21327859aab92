# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore point holds of the partitions that are to be read, by its index alone."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .._archive.coverage import Coverage, Gap
from .._archive.parts import Entry
from .._archive.points import RestorePoint
from .._archive.slices import SEGMENT
from .._archive.topic_state import PartitionState, TopicState
from .._archive.topics_part import TopicsReader
from .._core.errors import Damaged
from .._core.kafka_names import TopicPartition


class Slice(NamedTuple):
    """What the index says of a run of whole batches, as far as a restore needs it; there may be very many of these.

    Args:
        file: Where it lies, relative to the backup's folder.
        at: Where it begins there, in bytes.
        length: How many bytes it has.
        sha256: Their hash.
        start: The first offset that it covers.
        next: The first offset that it does not cover.
        records: How many records it holds, those of aborted transactions too.
        is_plain: Whether each offset has a record, of no transaction.
        has_transactions: Whether it holds records or markers of transactions.
        has_markers: Whether it holds markers, which tell how transactions ended.
        largest: How many bytes its largest batch has.
        max_timestamp: The latest time of a record, in milliseconds; -1 where there is none.
    """

    file: str
    at: int
    length: int
    sha256: str
    start: int
    next: int
    records: int
    is_plain: bool
    has_transactions: bool
    has_markers: bool
    largest: int
    max_timestamp: int


@dataclass(frozen=True)
class ArchivedPartition:
    """What a restore point holds of a partition.

    Args:
        topic: Its topic's name in the archive.
        state: From where to where, and of which lineage.
        slices: Where that lies, in the order of offsets and without gaps.
    """

    topic: str
    state: PartitionState
    slices: tuple[Slice, ...]

    @property
    def key(self) -> TopicPartition:
        """Its topic's name in the archive, and its number."""
        return self.topic, self.state.partition

    @cached_property
    def records(self) -> int:
        """How many records there are, those of aborted transactions and below the start too."""
        return sum(piece.records for piece in self.slices)

    @cached_property
    def bytes(self) -> int:
        """How many bytes that is."""
        return sum(piece.length for piece in self.slices)

    @cached_property
    def largest(self) -> int:
        """How many bytes the largest batch has."""
        return max((piece.largest for piece in self.slices), default=0)

    @cached_property
    def has_transactions(self) -> bool:
        """Whether there are records or markers of transactions."""
        return any(piece.has_transactions for piece in self.slices)

    @cached_property
    def is_plain(self) -> bool:
        """Whether each offset has a record, of no transaction: then the index tells all offsets."""
        return all(piece.is_plain for piece in self.slices)

    def held_bytes(self, piece_bytes: int) -> int:
        """Return how many bytes of it are in memory at most while it is gone through.

        Args:
            piece_bytes: How much is read at once, unless a single batch has more.
        """
        longest = max((piece.length for piece in self.slices), default=0)
        return min(longest, max(piece_bytes, self.largest)) + self.largest

    def entry(self, piece: Slice) -> Entry:
        """Return a slice's index entry, with the facts that errors need."""
        facts = {
            "kind": SEGMENT,
            "topic": self.topic,
            "partition": self.state.partition,
            "start": piece.start,
            "next": piece.next,
        }
        return Entry(piece.file, piece.at, piece.length, piece.sha256, facts)


def read_states(reader: TopicsReader, topics: Collection[str]) -> dict[str, TopicState]:
    """Return what a restore point says of some topics, by name.

    Raises:
        Damaged, UnsupportedFormat: It cannot be read.
    """
    return {state.topic: state for state in reader.states() if state.topic in topics}


def read_partitions(
    reader: TopicsReader, point: RestorePoint, states: Mapping[str, TopicState], numbers: Collection[int] | None
) -> dict[TopicPartition, ArchivedPartition]:
    """Read of the index what it says of some topics' partitions.

    Args:
        reader: Reads the restore point.
        point: The same, for errors.
        states: What it says of the topics, of `read_states`.
        numbers: Which partitions; None for all.

    Raises:
        Damaged, UnsupportedFormat: The index cannot be read, or does not cover what it must.
    """
    coverage = Coverage(states.values())
    slices: dict[TopicPartition, list[Slice]] = {}
    for entry in reader.segments(states):
        if gap := coverage.add(entry.facts):
            raise _uncovered(point, gap)
        if numbers is None or entry.facts["partition"] in numbers:
            key = sys.intern(entry.facts["topic"]), entry.facts["partition"]
            slices.setdefault(key, []).append(as_slice(entry))
    for gap in coverage.missing():
        raise _uncovered(point, gap)
    return {
        (topic, partition.partition): ArchivedPartition(
            topic, partition, tuple(slices.get((topic, partition.partition), ()))
        )
        for topic, state in states.items()
        for partition in _wanted(state.partitions, numbers)
    }


def _wanted(states: Iterable[PartitionState], numbers: Collection[int] | None) -> Iterable[PartitionState]:
    return (state for state in states if numbers is None or state.partition in numbers)


def as_slice(entry: Entry) -> Slice:
    """Keep of a slice's index entry what a restore needs."""
    facts: Mapping[str, Any] = entry.facts
    has_transactions = bool(facts["transactional"] or facts["control"])
    return Slice(
        file=sys.intern(entry.file),
        at=entry.at,
        length=entry.length,
        sha256=entry.sha256,
        start=facts["start"],
        next=facts["next"],
        records=facts["records"],
        is_plain=facts["dense"] and not has_transactions,
        has_transactions=has_transactions,
        has_markers=bool(facts["control"]),
        largest=facts["largest"],
        max_timestamp=facts["max_timestamp"],
    )


def _uncovered(point: RestorePoint, gap: Gap) -> Damaged:
    return Damaged(
        f"Restore point {point.sequence} of the backup {point.backup_id!r} is damaged: its index does not tell where "
        f"partition {gap.partition} of topic {gap.topic!r} lies from offset {gap.at} on ({gap.reason}).",
        object_name=f"{gap.topic}/{gap.partition}",
        topic=gap.topic,
        partition=gap.partition,
    )
