# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch: record batches as they lie in the broker's log (protocol guide, Fetch; KIP-516 for topic ids)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from .._core.errors import KafkaError
from .connection import Connection, Request
from .errors import partition_error
from .kafka_python import FetchRequest
from .primitives import Cursor

API_KEY = 1

EMPTY_ANSWERS = 3
"""After so many in a row it counts that a broker gives nothing, each at a time when it had nothing else to give."""

DAMAGED_ANSWERS = 3
"""After so many in a row it counts that batches are damaged: not on their way, but where they lie."""

_BY_ID = 13  # from this version on, topics are named by their ids alone
_HIGHEST = 17
_FLEXIBLE = 12
_PARTITION_4 = Struct(">ihqq")
_PARTITION_5 = Struct(">ihqqq")
_ABORTED = 16  # bytes of one aborted transaction


class Want(NamedTuple):
    """What is wanted of one partition.

    Args:
        topic: Its name.
        topic_id: 32 hexadecimal digits, or empty to ask by name.
        partition: Its number.
        offset: The first offset wanted; the answer begins with the batch that holds it.
        max_bytes: How much, but for the first batch of an answer, which comes whole.
        leader_epoch: The leadership under which the offset is known; -1 to leave it open.
    """

    topic: str
    topic_id: str
    partition: int
    offset: int
    max_bytes: int
    leader_epoch: int = -1


class Fetched(NamedTuple):
    """What came of one partition.

    Args:
        topic: Its name.
        partition: Its number.
        error: What went wrong, or None.
        code: The protocol's error code, or 0.
        high_watermark: Offset up to which all replicas have the log.
        last_stable: Offset up to which all transactions are decided.
        log_start: The first offset there is.
        records: Whole batches, of which the last may be cut off. Its memory is used again once no view of it is alive,
            and not before.
    """

    topic: str
    partition: int
    error: KafkaError | None
    code: int
    high_watermark: int
    last_stable: int
    log_start: int
    records: memoryview


class FetchAnswer(NamedTuple):
    """A decoded answer: the partitions by topic (name, or id from version 13 on) and number."""

    throttle_time_ms: int
    error_code: int
    partitions: dict[tuple[str, int], tuple[int, int, int, int, memoryview]]

    @property
    def is_held_back(self) -> bool:
        """Whether a quota is exceeded: such an answer (KIP-219) has no partitions, and tells nothing of them."""
        return self.throttle_time_ms > 0 and not self.partitions


def fetch_request(
    connection: Connection, wants: Sequence[Want], *, max_bytes: int, max_wait: float, min_bytes: int, committed: bool
) -> Request:
    """Ask one broker for many partitions, outside of any fetch session."""
    by_id = all(want.topic_id for want in wants)
    version = connection.version(API_KEY, 4, _HIGHEST if by_id else _BY_ID - 1)
    topics: dict[str, Any] = {}
    for want in wants:
        topic = topics.get(want.topic)
        if topic is None:
            topic_id = UUID(want.topic_id) if version >= _BY_ID else None
            topic = topics[want.topic] = FetchRequest.FetchTopic(topic=want.topic, topic_id=topic_id, partitions=[])
        topic.partitions.append(
            FetchRequest.FetchTopic.FetchPartition(
                partition=want.partition,
                current_leader_epoch=want.leader_epoch,
                fetch_offset=want.offset,
                partition_max_bytes=want.max_bytes,
            )
        )
    message = FetchRequest(
        max_wait_ms=round(max_wait * 1000),
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        isolation_level=int(committed),
        topics=list(topics.values()),
        forgotten_topics_data=[],
    )
    return Request(
        API_KEY,
        version,
        version >= _FLEXIBLE,
        [message.encode(version=version)],
        lambda data, at: decode_fetch(data, at, version),
    )


def decode_fetch(data: memoryview, at: int, version: int) -> FetchAnswer:
    """Read an answer in place: the records are views of ``data``.

    Args:
        data: The whole answer.
        at: Where its body begins.
        version: The request's version, 4 to 17.
    """
    cursor = Cursor(data, at, flexible=version >= _FLEXIBLE)
    throttle = cursor.int32()
    error_code = 0
    if version >= 7:
        error_code, _session = cursor.fixed(_ERROR_AND_SESSION)
    partitions = {}
    for _topic in range(cursor.count()):
        topic = cursor.uuid() if version >= _BY_ID else cursor.text() or ""
        for _partition in range(cursor.count()):
            number, *rest = _decode_partition(cursor, version)
            partitions[topic, number] = tuple(rest)
        cursor.end_structure()
    return FetchAnswer(throttle, error_code, partitions)  # type: ignore[arg-type]


_ERROR_AND_SESSION = Struct(">hi")


def _decode_partition(cursor: Cursor, version: int) -> tuple[int, int, int, int, int, memoryview]:
    if version >= 5:
        number, code, high_watermark, last_stable, log_start = cursor.fixed(_PARTITION_5)
    else:
        number, code, high_watermark, last_stable = cursor.fixed(_PARTITION_4)
        log_start = -1
    for _transaction in range(cursor.count()):
        cursor.skip(_ABORTED)
        cursor.end_structure()
    if version >= 11:
        cursor.skip(4)  # the replica that the broker would prefer us to read from
    records = cursor.piece()
    cursor.end_structure()
    return number, code, high_watermark, last_stable, log_start, memoryview(b"") if records is None else records


def fetched(wants: Sequence[Want], answer: FetchAnswer) -> list[Fetched]:
    """Put an answer into the order of what was wanted.

    Raises:
        KafkaError: The broker left a partition out.
    """
    results = []
    for want in wants:
        found = answer.partitions.get((want.topic_id, want.partition))
        if found is None:
            found = answer.partitions.get((want.topic, want.partition))
        if found is None:
            raise KafkaError(
                f"Reading topic {want.topic!r}, partition {want.partition}, failed: the broker's answer leaves it out.",
                object_name=f"{want.topic}/{want.partition}",
            )
        code, high_watermark, last_stable, log_start, records = found
        error = partition_error("Reading", code, want.topic, want.partition) if code else None
        results.append(
            Fetched(want.topic, want.partition, error, code, high_watermark, last_stable, log_start, records)
        )
    return results


def held_back(node: int, wants: Sequence[Want], seconds: float) -> KafkaError:
    """Return the error for a broker that a quota keeps from giving anything for so long."""
    topics = ", ".join(sorted({repr(want.topic) for want in wants})[:3])
    return KafkaError(
        f"Reading from broker {node} (topics such as {topics}) failed: a quota of the cluster has held it back for "
        f"{seconds:g} seconds. Raise consumer_byte_rate or request_percentage of this user or client.",
        code="throttled",
        object_name=str(node),
    )
