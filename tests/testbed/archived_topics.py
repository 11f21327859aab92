# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points of topics to test with, written by the archive itself, as `topic_backup` does."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.bases import find_bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import CommitResult, capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import PartitionWriter, SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    FIRST,
    PartitionState,
    TopicState,
    lineage_name,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import Clock, SystemClock
from testbed.archives import BACKUP, tree

SCOPE = {"topics": ["*"], "exclude_topics": []}
SMALL = 500
"""Bytes of a piece that shares a file with others."""
LARGE = 70_000
"""Bytes of a piece that makes for a file of its own."""


def scan(first: int, after: int, **facts: Any) -> dict[str, Any]:
    """Return what a scan of some batches says that hold a record for each offset."""
    return {
        "first_offset": first,
        "next_offset": after,
        "records": after - first,
        "dense": True,
        "transactional": 0,
        "control": 0,
        "largest": 100,
        "min_timestamp": 1000 + first,
        "max_timestamp": 1000 + after,
        "log_append_time": 0,
        "last": None,
        "legacy": 0,
        "codecs": 1,
        **facts,
    }


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that stand for batches, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def append(writer: PartitionWriter, records: int, size: int, seed: int = 0, **facts: Any) -> bytes:
    """Append a piece of so many records and bytes to a partition, and return the bytes."""
    first = writer.next
    data = noise(size, seed * 1_000_003 + first)
    writer.write(data, scan(first, first + records, **facts), first, first + records)
    return data


@dataclass
class Log:
    """A partition of an imaginary cluster.

    Args:
        pieces: Its content: for each piece the number of records and of bytes; piece n begins where n-1 ends.
        start: Its log start offset.
        lineage: The lineage's name; None for the one of the topic's id.
    """

    pieces: list[tuple[int, int]] = field(default_factory=list)
    start: int = 0
    lineage: str | None = None

    @property
    def end(self) -> int:
        """The offset after its last record."""
        return sum(records for records, _size in self.pieces)

    def pieces_from(self, topic: str, partition: int, start: int) -> dict[tuple[int, int], bytes]:
        """Return the pieces that end after an offset: their bytes by their first offset and the one after the last."""
        found = {}
        first = 0
        for records, size in self.pieces:
            if first + records > start:
                seed = random.Random(f"{topic}/{partition}/{self.lineage}/{first}").getrandbits(60)
                found[first, first + records] = noise(size, seed)
            first += records
        return found

    def content(self, topic: str, partition: int) -> bytes:
        """Return all bytes of the pieces that are not wholly below its start."""
        return b"".join(self.pieces_from(topic, partition, self.start).values())


Logs = dict[tuple[str, int], Log]
"""An imaginary cluster: its partitions by topic and number."""


def topic_id(topic: str) -> str:
    """Return the id of an imaginary topic."""
    return random.Random(topic).randbytes(16).hex()


def back_up_topics(
    store: Store,
    logs: Mapping[tuple[str, int], Log],
    *,
    backup_id: str = BACKUP,
    scope: Mapping[str, Any] | None = None,
    complete: bool = True,
    clock: Clock | None = None,
    topics: Iterable[str] | None = None,
) -> CommitResult:
    """Write a restore point of the topics, as an increment of what the backup holds.

    Args:
        store: Where.
        logs: All partitions.
        backup_id: The backup.
        scope: What was asked for.
        complete: Whether all of it is in the point.
        clock: Tells the time.
        topics: The topics to back up; None for all.
    """
    names = sorted({topic for topic, _partition in logs} if topics is None else topics)
    partitions: dict[str, list[int]] = {}
    for topic, partition in sorted(logs):
        partitions.setdefault(topic, []).append(partition)
    with capture(store, backup_id, None, clock=clock or SystemClock()) as taken:
        bases = find_bases(store, backup_id, names)
        with SegmentWriter(store, backup_id) as writer:
            states = []
            for name in names:
                base = bases.get(name)
                known = {state.partition: state for state in base.state.partitions} if base else {}
                captured = (_capture(writer, name, of, logs[name, of], known.get(of)) for of in partitions[name])
                states.append(TopicState(name, topic_id(name), False, tuple(captured)))
            entries = writer.finish()
        TopicsPartWriter(taken.point, scope=SCOPE if scope is None else scope).finish(
            definitions=[ArchivedTopic(of.topic, of.topic_id, len(of.partitions), 1, {}) for of in states],
            states=states,
            entries=entries,
            bases=bases,
            summary={"topics": len(states)},
            complete=complete,
        )
    assert taken.result is not None
    return taken.result


def read_topics(reader: TopicsReader) -> dict[tuple[str, int], bytes]:
    """Return all bytes of each partition of a restore point that has some."""
    found: dict[tuple[str, int], bytes] = {}
    for entry in reader.segments():
        key = entry.facts["topic"], entry.facts["partition"]
        found[key] = found.get(key, b"") + reader.read(entry)
    return found


def orders(partitions: int = 3) -> Logs:
    """Return a topic whose partitions have a small piece each."""
    return {("orders", number): Log([(10, SMALL)]) for number in range(partitions)}


def grow(logs: Logs, size: int = SMALL) -> None:
    """Append a piece of ten records to every partition."""
    for log in logs.values():
        log.pieces.append((10, size))


def latest(store: Store) -> TopicsReader:
    """Return what reads the topics of the newest restore point."""
    return TopicsReader(store, find_point(store, BACKUP, LATEST))


def covered(reader: TopicsReader, topic: str, partition: int) -> list[tuple[int, int]]:
    """Return the offsets that each slice of a partition covers."""
    return [
        (entry.facts["start"], entry.facts["next"])
        for entry in reader.segments({topic})
        if entry.facts["partition"] == partition
    ]


def page_files(root: Path) -> set[str]:
    """Return the names of the index pages of topics in a store."""
    return {name for name in tree(root / BACKUP) if name.startswith("parts/topics/")}


def _capture(
    writer: SegmentWriter, topic: str, partition: int, log: Log, known: PartitionState | None
) -> PartitionState:
    lineage = log.lineage or lineage_name(topic_id(topic))
    start = known.next if known is not None and known.lineage == lineage else log.start
    start = max(start, log.start)
    pieces = log.pieces_from(topic, partition, start)
    if pieces:
        piece_writer = writer.partition(topic, partition, lineage, start)
        for (first, after), data in pieces.items():
            piece_writer.write(data, scan(first, after), max(first, start), after)
        piece_writer.close()
    return PartitionState(partition, lineage, FIRST, log.start, max(log.end, log.start), 0, None)
