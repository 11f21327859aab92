# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which offset at the target each offset at the source has become. Pure.

Restored records follow each other without holes, so a run of source offsets that all have records is arithmetic. Each
hole (compaction, markers and records of transactions) begins another run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .._archive.offset_maps import MappedRun
from .._core.kafka_names import TopicPartition

MOST_RUNS = 1000
"""How many runs a partition's map has at most."""


class Translation(NamedTuple):
    """What an offset has become.

    Args:
        offset: The target's offset of the first record that is not before the source's offset.
        is_exact: Whether that is certain. Otherwise the offset is a lower one: nothing is passed over, but records may
            be read twice.
    """

    offset: int
    is_exact: bool = True


@dataclass(frozen=True)
class PartitionMap:
    """The map of one partition.

    Args:
        runs: In the order of offsets.
        end: The target's offset after the last restored record.
        known: Source offsets that were looked up while the records passed by, and what they have become.
    """

    runs: tuple[MappedRun, ...]
    end: int
    known: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether every offset can be translated exactly."""
        return all(run.span == run.records for run in self.runs)

    def translate(self, offset: int) -> Translation:
        """Translate an offset of the source; one beyond the end becomes the end."""
        if offset in self.known:
            return Translation(self.known[offset])
        place = bisect_right(self.runs, offset, key=lambda run: run.source) - 1
        if place < 0:
            return Translation(self.runs[0].target if self.runs else self.end)
        run = self.runs[place]
        behind = run.source + run.span - offset
        if behind <= 0:
            return Translation(run.target + run.records)
        # Each offset that is behind may have a record, so at least these many have not been reached.
        return Translation(run.target + max(0, run.records - behind), run.span == run.records or offset == run.source)


def plain_map(first: int, end: int, start: int) -> PartitionMap:
    """Return the map of a partition in which each offset has a record.

    Args:
        first: The first offset at the source.
        end: The source's offset after the last one.
        start: The target's offset of the first record.
    """
    count = end - first
    return PartitionMap((MappedRun(first, start, count, count),) if count else (), start + count)


@dataclass(frozen=True)
class OffsetMap:
    """The map of a restore.

    Args:
        partitions: By the topic's name at the source, and the number.
    """

    partitions: Mapping[TopicPartition, PartitionMap]

    def translate(self, topic: str, partition: int, offset: int) -> Translation | None:
        """Translate an offset of the source; None where the partition was not restored."""
        found = self.partitions.get((topic, partition))
        return None if found is None else found.translate(offset)


class MapMaker:
    """Makes a partition's map while its records pass by.

    Args:
        start: The target's offset of the first record.
        asked: Source offsets that are to be translated exactly in any case.
        most: How many runs are kept; when there are more, neighbours are put together.
    """

    def __init__(self, start: int, asked: Iterable[int] = (), *, most: int = MOST_RUNS) -> None:
        self._target = start
        self._most = most
        self._runs: list[MappedRun] = []
        self._asked = sorted(set(asked), reverse=True)
        self._known: dict[int, int] = {}

    def add(self, offsets: Sequence[int]) -> None:
        """Take records, given their source offsets in ascending order: at least one."""
        while self._asked and self._asked[-1] <= offsets[-1]:
            asked = self._asked.pop()
            self._known[asked] = self._target + bisect_left(offsets, asked)
        if isinstance(offsets, range):
            self._add_run(offsets[0], len(offsets))
        else:
            first = last = offsets[0]
            for offset in offsets[1:]:
                if offset != last + 1:
                    self._add_run(first, last + 1 - first)
                    first = offset
                last = offset
            self._add_run(first, last + 1 - first)

    def finish(self) -> PartitionMap:
        """Return the map."""
        known = self._known | dict.fromkeys(self._asked, self._target)
        return PartitionMap(tuple(self._runs), self._target, known)

    def _add_run(self, source: int, count: int) -> None:
        last = self._runs[-1] if self._runs else None
        if last is not None and last.span == last.records and last.source + last.span == source:
            self._runs[-1] = MappedRun(last.source, last.target, last.span + count, last.records + count)
        else:
            self._runs.append(MappedRun(source, self._target, count, count))
            if len(self._runs) > self._most:
                self._runs = _halved(self._runs)
        self._target += count


def _halved(runs: Sequence[MappedRun]) -> list[MappedRun]:
    """Put each run and the next one together."""
    found = [
        MappedRun(one.source, one.target, other.source + other.span - one.source, one.records + other.records)
        for one, other in zip(runs[::2], runs[1::2], strict=False)
    ]
    return found + ([runs[-1]] if len(runs) % 2 else [])
