# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's documents that tell which offset at a target each offset at the source has become.

A restored topic has one document, beside that of its restore. Consumers that keep their own offsets can be told by it
where to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._core.errors import NotFound
from .._core.fields import Fields
from .._storage.port import Storage
from .documents import OFFSET_MAP, encode, read, whole_number
from .layout import encode_segment, target_folder
from .restores import RestoreSource, read_source, source_document


class MappedRun(NamedTuple):
    """Source offsets that were restored, and what they have become.

    Args:
        source: The first one.
        target: What it has become.
        span: How many there are.
        records: How many of them had records: all, or it is not told which of them had.
    """

    source: int
    target: int
    span: int
    records: int


@dataclass(frozen=True)
class MappedPartition:
    """The map of a partition.

    Args:
        runs: In the order of offsets; what lies between them has no records.
        end: The target's offset after the last restored record.
    """

    runs: tuple[MappedRun, ...]
    end: int


@dataclass(frozen=True)
class MappedTopic:
    """The map of a topic.

    Args:
        topic: Its name at the target.
        topic_id: Its id there; empty where the cluster has none.
        source: What was restored.
        partitions: By number.
    """

    topic: str
    topic_id: str
    source: RestoreSource
    partitions: Mapping[int, MappedPartition]

    def encode(self, target: str) -> bytes:
        """Return the document's bytes."""
        return encode(
            OFFSET_MAP,
            {
                "target": target,
                "topic": self.topic,
                "topic_id": self.topic_id,
                "source": source_document(self.source),
                "partitions": [
                    {"partition": number, "end": of.end, "runs": [list(run) for run in of.runs]}
                    for number, of in sorted(self.partitions.items())
                ],
            },
        )


def offset_map_folder(target: str) -> str:
    """Return the folder of the maps into a target."""
    return f"{target_folder(target)}/offset-maps"


def save_offset_maps(storage: Storage, target: str, topics: Iterable[MappedTopic]) -> None:
    """Write the maps of topics, in the place of earlier ones, at the cost of few flushes.

    Raises:
        StoreError: The journal cannot be written to.
    """
    storage.replace_many((_path(target, topic.topic), topic.encode(target)) for topic in topics)


def find_offset_map(storage: Storage, target: str, topic: str) -> MappedTopic | None:
    """Return the map of a topic at a target, or None.

    Raises:
        Damaged, UnsupportedFormat: The document cannot be read by this release.
    """
    try:
        fields = read(storage, _path(target, topic), OFFSET_MAP)
    except NotFound:
        return None
    if (fields.required("target", str), fields.required("topic", str)) != (target, topic):
        raise fields.damaged(f"it must be that of topic {topic!r} at {target!r}")
    found = MappedTopic(
        topic,
        fields.required("topic_id", str),
        read_source(fields.object("source")),
        dict(_partition(partition) for partition in fields.objects("partitions")),
    )
    fields.finish()
    return found


def _path(target: str, topic: str) -> str:
    return f"{offset_map_folder(target)}/{encode_segment(topic)}.json"


def _partition(fields: Fields) -> tuple[int, MappedPartition]:
    number = whole_number(fields, "partition")
    runs = fields.list_of("runs", _run, "four whole numbers")
    partition = MappedPartition(tuple(runs), whole_number(fields, "end"))
    fields.finish()
    return number, partition


def _run(value: Any) -> MappedRun | None:
    match value:
        case [int(source), int(target), int(span), int(records)] if min(source, target) >= 0 < records <= span:
            return MappedRun(source, target, span, records)
    return None
