# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of every kind, in topics of a real broker.

place = Place.of(kafka)
make(place, "headers", "orders")          # one of KINDS
send(kafka.client, "orders", [Message(b"key", b"value", partition=1)])
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, Producer

from testbed.kafka import Kafka
from testbed.topics import COMPACTED, Topics, compact

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BEGAN = 1_760_000_000_000
"""Milliseconds; the timestamp of the first record of a kind."""

LARGE = 5_000_000
WAIT_SECONDS = 60

Headers = list[tuple[str, bytes | None]]


class Message(NamedTuple):
    """A record to produce; without a timestamp it is now."""

    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012  never changed
    timestamp: int | None = None
    partition: int = 0


def send(client: Mapping[str, str], topic: str, messages: Iterable[Message], **config: object) -> None:
    """Produce records and wait until all are stored; ``config`` is the producer's own, with ``_`` for dots."""
    producer = Producer(_settings(client, config))
    _produce(producer, topic, messages)


def send_in_transactions(client: Mapping[str, str], topic: str, *steps: tuple[str, Iterable[Message]]) -> None:
    """Produce records in a transaction for each step, which is ``commit`` or ``abort`` and what is produced before."""
    producer = Producer(_settings(client, {"transactional_id": f"{topic}-{random.getrandbits(64):x}"}))
    producer.init_transactions(WAIT_SECONDS)
    for end, messages in steps:
        producer.begin_transaction()
        _produce(producer, topic, messages)
        {"commit": producer.commit_transaction, "abort": producer.abort_transaction}[end](WAIT_SECONDS)


@contextmanager
def open_transaction(client: Mapping[str, str], topic: str, messages: Iterable[Message]) -> Iterator[Producer]:
    """Hold a transaction open that has written records; it is aborted at the end unless the caller has committed it."""
    settings = {"transactional_id": f"{topic}-{random.getrandbits(64):x}", "transaction_timeout_ms": 600_000}
    producer = Producer(_settings(client, settings))
    producer.init_transactions(WAIT_SECONDS)
    producer.begin_transaction()
    _produce(producer, topic, messages)
    try:
        yield producer
    finally:
        with suppress(KafkaException):  # there is none any more
            producer.abort_transaction(WAIT_SECONDS)


def numbered(count: int, *, partitions: int = 1, first: int = 0, size: int = 100, keys: int = 0) -> Iterator[Message]:
    """Records that all differ, over partitions in turn.

    Args:
        count: How many.
        partitions: Over how many partitions.
        first: The number of the first one.
        size: Bytes of a value, about; half of them do not compress.
        keys: How many keys there are, taken at random; each record has its own where 0.
    """
    for number in range(first, first + count):
        chance = random.Random(number)
        noise = chance.randbytes(max(size - 50, 2) // 4).hex()
        value = json.dumps({"number": number, "noise": noise, "filler": "." * (max(size - 50, 0) // 2)}).encode()
        key = b"%d" % (chance.randrange(keys) if keys else number)
        yield Message(key, value, timestamp=BEGAN + number, partition=number % partitions)


class Writer:
    """A producer that writes all the while, in a thread of its own; a context manager, entered once it has written.

    Args:
        client: How librdkafka's clients connect.
        topic: Where to.
        partitions: Over how many partitions.
        pause: Seconds between two batches.
        keys: How many keys there are; see `numbered`.
    """

    def __init__(
        self, client: Mapping[str, str], topic: str, partitions: int, *, pause: float = 0.02, keys: int = 0
    ) -> None:
        self._client, self._topic, self._partitions = client, topic, partitions
        self._pause, self._keys = pause, keys
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.written = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        if not self._begun.wait(WAIT_SECONDS):
            raise TimeoutError(f"Nothing was written to {self._topic} for {WAIT_SECONDS} seconds.")
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        producer = Producer(_settings(self._client, {"compression_type": "lz4", "enable_idempotence": "true"}))
        while not self._stop.wait(self._pause):
            batch = numbered(50, partitions=self._partitions, first=self.written, keys=self._keys)
            _produce(producer, self._topic, batch)
            self.written += 50
            self._begun.set()


class Place(NamedTuple):
    """A broker as those see it who fill it: its topics, and the folder of its data."""

    topics: Topics
    data: Path

    @classmethod
    def of(cls, broker: Kafka) -> Place:
        return cls(Topics(broker.client), broker.data)

    @property
    def client(self) -> dict[str, str]:
        return self.topics.client


@dataclass(frozen=True)
class Kind:
    """A kind of topic: how it is made and filled."""

    fill: Callable[[Place, str], None]
    partitions: int = 2
    configs: Mapping[str, object] = field(default_factory=dict)


def make(place: Place, kind: str, topic: str) -> None:
    """Make a topic of one of the `KINDS`."""
    made = KINDS[kind]
    place.topics.create(topic, made.partitions, made.configs)
    made.fill(place, topic)


def _keys(place: Place, topic: str) -> None:
    keys = (None, b"", b"k", bytes(range(256)), "schlüssel".encode(), None)
    times = (BEGAN, BEGAN - 5, BEGAN + 86_400_000, BEGAN, 1, BEGAN + 7)  # not in their order
    messages = [
        Message(key, b"value", [], at, number % 2) for number, (key, at) in enumerate(zip(keys, times, strict=True))
    ]
    send(place.client, topic, messages)


def _values(place: Place, topic: str) -> None:
    values = (b"1", None, b"", None, b"\0" * 1000, bytes(range(256)))
    send(place.client, topic, [Message(b"%d" % number, value) for number, value in enumerate(values)])
    send(place.client, topic, [Message(None, None), Message(None, b"")])


def _headers(place: Place, topic: str) -> None:
    sets: list[Headers] = [
        [],
        [("a", b"1"), ("a", b"2"), ("a", b"1")],
        [("null", None), ("empty", b""), ("", b"no name")],
        [("binary", bytes(range(256))), ("ключ", b"\xff\xfe"), ("a", None), ("a", b"")],
        [(f"header-{number}", b"%d" % number) for number in range(300)],
    ]
    for codec in ("none", "lz4"):
        send(place.client, topic, [Message(b"k", b"v", each) for each in sets], compression_type=codec)


def _codecs(place: Place, topic: str) -> None:
    for turn in range(2):  # all of them in each partition
        for number, codec in enumerate(CODECS):
            messages = list(numbered(300, partitions=2, first=(turn * len(CODECS) + number) * 300))
            send(place.client, topic, messages, compression_type=codec, linger_ms=20)


def _transactions(place: Place, topic: str) -> None:
    batches = iter([list(numbered(20, partitions=2, first=number * 20)) for number in range(8)])
    send(place.client, topic, next(batches))
    steps = [("commit", next(batches)), ("abort", next(batches)), ("commit", next(batches)), ("abort", next(batches))]
    send_in_transactions(place.client, topic, *steps)
    with open_transaction(place.client, topic, next(batches)):  # aborted in the end, with others' records in between
        send_in_transactions(place.client, topic, ("commit", next(batches)))
        send(place.client, topic, next(batches))


def _idempotent(place: Place, topic: str) -> None:
    for turn in range(3):
        batch = numbered(200, partitions=2, first=turn * 200)
        send(place.client, topic, batch, enable_idempotence="true", compression_type="zstd")


def _plain(place: Place, topic: str) -> None:
    send(place.client, topic, numbered(500, partitions=2), compression_type="lz4")


def _large(place: Place, topic: str) -> None:
    chance = random.Random(5)
    messages = [Message(None, chance.randbytes(LARGE), timestamp=BEGAN), Message(b"small", b"1", timestamp=BEGAN)]
    limits = {"message_max_bytes": 10_000_000}
    send(place.client, topic, messages * 2, compression_type="none", **limits)
    send(place.client, topic, [Message(b"text", b"compressible " * (LARGE // 13))], compression_type="zstd", **limits)


def _compacted(place: Place, topic: str) -> None:
    for turn in range(3):
        batch = numbered(200, partitions=2, first=turn * 200, keys=50)
        send(place.client, topic, batch, compression_type=CODECS[turn + 1])
    send(place.client, topic, [Message(b"%d" % key, None, [], None, key % 2) for key in range(10)])
    compact(place.topics, place.data, topic)
    send(place.client, topic, numbered(60, partitions=2, first=600, keys=50))


def _purged(place: Place, topic: str) -> None:
    _compacted(place, topic)  # which notes from when on tombstones may go: at once
    compact(place.topics, place.data, topic)


def _compacted_transactions(place: Place, topic: str) -> None:
    for turn in range(3):
        first, second = (list(numbered(40, partitions=2, first=turn * 80 + at, keys=15)) for at in (0, 40))
        send_in_transactions(place.client, topic, ("commit", first), ("abort", second))
    compact(place.topics, place.data, topic)
    last = list(numbered(10, partitions=2, first=500, keys=15))
    send_in_transactions(place.client, topic, ("abort", last), ("commit", last))


def _trimmed(place: Place, topic: str) -> None:
    _plain(place, topic)
    place.topics.trim(topic, {0: 123})
    place.topics.trim(topic, {1: 250})  # all of it


def _half_empty(place: Place, topic: str) -> None:
    send(place.client, topic, [message._replace(partition=1) for message in numbered(10)])


def _nothing(_place: Place, _topic: str) -> None:
    pass


KINDS: dict[str, Kind] = {
    "keys": Kind(_keys),
    "values": Kind(_values, 1),
    "headers": Kind(_headers, 1),
    "codecs": Kind(_codecs),
    "log-append-time": Kind(_codecs, configs={"message.timestamp.type": "LogAppendTime"}),
    "idempotent": Kind(_idempotent),
    "transactions": Kind(_transactions),
    "large": Kind(_large, 1, {"max.message.bytes": 10_000_000}),
    "segments": Kind(_codecs, configs={"segment.ms": 1, "segment.jitter.ms": 0}),
    "compacted": Kind(_compacted, configs=COMPACTED),
    "compacted-log-append-time": Kind(_compacted, configs={**COMPACTED, "message.timestamp.type": "LogAppendTime"}),
    "compacted-transactions": Kind(_compacted_transactions, configs=COMPACTED),
    "purged": Kind(_purged, configs={**COMPACTED, "delete.retention.ms": 0}),
    "trimmed": Kind(_trimmed),
    "empty": Kind(_nothing, 3),
    "empty-partitions": Kind(_half_empty, 3),
}
"""All kinds of topics by what is special about them."""


def _settings(client: Mapping[str, str], config: Mapping[str, object]) -> dict[str, Any]:
    named = {name.replace("_", "."): value for name, value in config.items()}
    return {**client, "acks": "all", **named}


def _produce(producer: Producer, topic: str, messages: Iterable[Message]) -> None:
    """Produce records and wait until all are stored."""
    problems: list[Any] = []

    def note(error: Any, _message: Any) -> None:
        if error is not None:
            problems.append(error)

    for message in messages:
        stamp = {} if message.timestamp is None else {"timestamp": message.timestamp}
        while True:
            try:
                producer.produce(
                    topic,
                    message.value,
                    message.key,
                    message.partition,
                    headers=message.headers,
                    on_delivery=note,
                    **stamp,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(WAIT_SECONDS)
    assert not problems, problems[0]
    assert left == 0, f"{left} records were not stored in {WAIT_SECONDS} s"
