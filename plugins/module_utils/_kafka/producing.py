# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Produce: record batches as they are (protocol guide, Produce; KIP-98, and KIP-516 for topic ids)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple

from .._core.errors import KafkaError
from .connection import Connection, Request
from .errors import partition_error
from .primitives import Cursor, length, text

API_KEY = 0
_BY_ID = 13  # from this version on, topics are named by their ids alone
_HIGHEST = 13
_FLEXIBLE = 9
_ALL_IN_SYNC = -1
_ACKS_AND_TIMEOUT = Struct(">hi")
_NO_TRANSACTION = {True: b"\0", False: b"\xff\xff"}
_INDEX = Struct(">i")
_PARTITION_2 = Struct(">ihqq")
_PARTITION_5 = Struct(">ihqqq")
_END = {True: b"\0", False: b""}  # no tagged fields

#: A topic's name, its id (32 hexadecimal digits, or empty to go by name), a partition, and one batch for it.
Batch = tuple[str, str, int, Any]


class Produced(NamedTuple):
    """What became of one batch.

    Args:
        topic: The topic's name.
        partition: The partition's number.
        code: The protocol's error code, or 0.
        error: What went wrong, or None.
        base_offset: The offset that the batch's first record got; -1 after an error.
        log_start: The first offset there is; -1 where the broker does not say.
    """

    topic: str
    partition: int
    code: int
    error: KafkaError | None
    base_offset: int
    log_start: int


class ProduceAnswer(NamedTuple):
    """A decoded answer: the partitions by topic (name, or id from version 13 on) and number."""

    throttle_time_ms: int
    partitions: dict[tuple[str, int], tuple[int, int, int, str | None]]


def produce_request(connection: Connection, batches: Sequence[Batch], *, timeout: float) -> Request:
    """Send batches to one broker, at most one for each partition, all in-sync replicas to have them."""
    by_id = all(topic_id for _topic, topic_id, _partition, _data in batches)
    version = connection.version(API_KEY, 3, _HIGHEST if by_id else _BY_ID - 1)
    flexible = version >= _FLEXIBLE
    topics: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for topic, topic_id, partition, data in batches:
        topics.setdefault((topic, topic_id), []).append((partition, data))
    end = _END[flexible]
    body: list[Any] = [
        _NO_TRANSACTION[flexible],
        _ACKS_AND_TIMEOUT.pack(_ALL_IN_SYNC, round(timeout * 1000)),
        length(len(topics), flexible=flexible),
    ]
    for (topic, topic_id), partitions in topics.items():
        body.append(bytes.fromhex(topic_id) if version >= _BY_ID else text(topic, flexible=flexible))
        body.append(length(len(partitions), flexible=flexible))
        for partition, data in partitions:
            body += (_INDEX.pack(partition), length(len(data), flexible=flexible), data, end)
        body.append(end)
    body.append(end)
    return Request(API_KEY, version, flexible, body, lambda data, at: decode_produce(data, at, version))


def decode_produce(data: memoryview, at: int, version: int) -> ProduceAnswer:
    """Read an answer.

    Args:
        data: The whole answer.
        at: Where its body begins.
        version: The request's version, 3 to 13.
    """
    cursor = Cursor(data, at, flexible=version >= _FLEXIBLE)
    partitions = {}
    for _topic in range(cursor.count()):
        topic = cursor.uuid() if version >= _BY_ID else cursor.text() or ""
        for _partition in range(cursor.count()):
            number, code, base_offset, log_start, said = _decode_partition(cursor, version)
            partitions[topic, number] = (code, base_offset, log_start, said)
        cursor.end_structure()
    return ProduceAnswer(cursor.int32(), partitions)


def _decode_partition(cursor: Cursor, version: int) -> tuple[int, int, int, int, str | None]:
    log_start = -1
    if version >= 5:
        number, code, base_offset, _append_time, log_start = cursor.fixed(_PARTITION_5)
    else:
        number, code, base_offset, _append_time = cursor.fixed(_PARTITION_2)
    said: list[str | None] = []
    if version >= 8:
        for _record in range(cursor.count()):
            cursor.skip(4)
            said.append(cursor.text())
            cursor.end_structure()
        said.append(cursor.text())
    cursor.end_structure()
    return number, code, base_offset, log_start, next(filter(None, reversed(said)), None)


def produced(batches: Sequence[Batch], answer: ProduceAnswer) -> list[Produced]:
    """Put an answer into the order of what was sent.

    Raises:
        KafkaError: The broker left a partition out.
    """
    results = []
    for topic, topic_id, partition, _data in batches:
        found = answer.partitions.get((topic_id, partition)) or answer.partitions.get((topic, partition))
        if found is None:
            raise KafkaError(
                f"Writing to topic {topic!r}, partition {partition}, failed: the broker's answer leaves it out.",
                object_name=f"{topic}/{partition}",
            )
        code, base_offset, log_start, said = found
        error = partition_error("Writing to", code, topic, partition, said) if code else None
        results.append(Produced(topic, partition, code, error, base_offset, log_start))
    return results
