# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a topic, read record by record with librdkafka's consumer; and whether two topics hold the same.

source = read_topic(kafka.client, "orders")
... back up, restore ...
check_same(source, read_topic(kafka.client, "restored"))
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, Message, TopicPartition

SILENT_SECONDS = 60


class Record(NamedTuple):
    """A record as a consumer sees it; ``log_append_time`` says who set the timestamp (milliseconds)."""

    offset: int
    log_append_time: bool
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


Contents = dict[int, list[Record]]
"""The records of each partition, in the order of their offsets."""


class Digest(NamedTuple):
    """What is in a partition, when it is too much to keep: a hash over all but the offsets."""

    records: int
    first: int
    last: int
    sha256: str


def read_topic(client: Mapping[str, str], topic: str, *, isolation: str = "committed") -> Contents:
    """Read a topic from its first record to its end.

    Args:
        client: How librdkafka's clients connect.
        topic: Its name.
        isolation: ``committed`` or ``uncommitted``: whether records of aborted and open transactions are left out.
    """
    return read_topics(client, [topic], isolation=isolation)[topic]


def read_topics(
    client: Mapping[str, str], topics: Iterable[str], *, isolation: str = "committed"
) -> dict[str, Contents]:
    """Read several topics; see `read_topic`."""
    with _consumer(client, isolation) as consumer:
        partitions = _partitions(consumer, topics)
        contents: dict[str, Contents] = {topic: {} for topic, _partition in partitions}
        for topic, partition in partitions:
            contents[topic][partition] = []
        for message in _messages(consumer, partitions):
            contents[message.topic()][message.partition()].append(_record(message))
    return contents


def digest_topic(client: Mapping[str, str], topic: str, *, isolation: str = "committed") -> dict[int, Digest]:
    """Read a topic and keep only a digest of each partition; see `read_topic`."""
    with _consumer(client, isolation) as consumer:
        partitions = _partitions(consumer, [topic])
        hashes = {partition: hashlib.sha256() for _topic, partition in partitions}
        counts = dict.fromkeys(hashes, 0)
        ends: dict[int, tuple[int, int]] = dict.fromkeys(hashes, (-1, -1))
        for message in _messages(consumer, partitions):
            partition, record = message.partition(), _record(message)
            hashes[partition].update(_canonical(record))
            ends[partition] = (ends[partition][0] if counts[partition] else record.offset, record.offset)
            counts[partition] += 1
    return {
        partition: Digest(counts[partition], *ends[partition], each.hexdigest()) for partition, each in hashes.items()
    }


def cut(contents: Contents, marks: Mapping[int, int]) -> Contents:
    """The records below a mark in each partition; a partition without a mark is left out."""
    return {
        partition: [record for record in records if record.offset < marks[partition]]
        for partition, records in contents.items()
        if partition in marks
    }


def check_same(source: Contents, restored: Contents, *, consecutive: bool = True) -> None:
    """Fail unless a restored topic holds just the records of the source, in their order, and say where it does not.

    Offsets may be shifted. Where the source's broker set the timestamps, the restored records have these, but as set by
    a producer.

    Args:
        source: What was backed up.
        restored: What came back.
        consecutive: Whether the restored offsets must also follow each other without holes.
    """
    problem = difference(source, restored, consecutive=consecutive)
    assert problem is None, problem


def difference(source: Contents, restored: Contents, *, consecutive: bool = True) -> str | None:
    """The first thing in which `check_same` finds two topics different, as a sentence."""
    if set(source) != set(restored):
        return f"the source has partitions {sorted(source)}, the restored topic {sorted(restored)}"
    for partition, records in source.items():
        for number, (mine, other) in enumerate(zip(records, restored[partition], strict=False)):
            where = f"partition {partition}, record {number} (source offset {mine.offset}, restored {other.offset})"
            for field in ("timestamp", "key", "value", "headers"):
                if getattr(mine, field) != getattr(other, field):
                    return f"{where}: {field} {_short(getattr(mine, field))} became {_short(getattr(other, field))}"
            if other.log_append_time and not mine.log_append_time:
                return f"{where}: the timestamp became one of the broker's"
        count, back = len(records), len(restored[partition])
        if count != back:
            extra = restored[partition][count] if back > count else records[back]
            return f"partition {partition}: {count} records became {back}; the first too many or missing: {extra}"
        offsets = [record.offset for record in restored[partition]]
        if consecutive and offsets and offsets != list(range(offsets[0], offsets[0] + back)):
            hole = next(each for at, each in enumerate(offsets) if each != offsets[0] + at)
            return f"partition {partition}: a hole before restored offset {hole}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def _canonical(record: Record) -> bytes:
    """The bytes that a digest covers: each field with its length before it, -1 for none."""
    fields = [record.key, record.value]
    for name, value in record.headers:
        fields += [name.encode(), value]
    parts = [struct.pack(">qi", record.timestamp, len(record.headers))]
    for field in fields:
        parts += [struct.pack(">i", -1 if field is None else len(field)), field or b""]
    return b"".join(parts)


def _record(message: Message) -> Record:
    kind, timestamp = message.timestamp()
    return Record(
        message.offset(),
        kind == TIMESTAMP_LOG_APPEND_TIME,
        timestamp,
        message.key(),
        message.value(),
        tuple(message.headers() or ()),
    )


@contextmanager
def _consumer(client: Mapping[str, str], isolation: str) -> Iterator[Consumer]:
    settings: dict[str, Any] = {
        **client,
        "group.id": "reading",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "check.crcs": True,
        "isolation.level": f"read_{isolation}",
        "fetch.wait.max.ms": 100,
    }
    consumer = Consumer(settings)
    try:
        yield consumer
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topics: Iterable[str]) -> list[tuple[str, int]]:
    wanted = list(topics)
    known = consumer.list_topics(timeout=SILENT_SECONDS).topics
    missing = [topic for topic in wanted if topic not in known]
    assert not missing, f"no such topics: {missing}"
    return [(topic, partition) for topic in wanted for partition in sorted(known[topic].partitions)]


def _messages(consumer: Consumer, partitions: list[tuple[str, int]]) -> Iterator[Message]:
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in partitions])
    left = set(partitions)
    heard = time.monotonic()
    while left:
        messages = consumer.consume(1, timeout=1)
        if messages:
            messages += consumer.consume(1000, timeout=0)
            heard = time.monotonic()
        assert time.monotonic() - heard < SILENT_SECONDS, f"nothing more came of {sorted(left)}"
        for message in messages:
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
            elif not error.retriable():
                raise AssertionError(f"{message.topic()} {message.partition()}: {error}")
