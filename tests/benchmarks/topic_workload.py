# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topics that are measured: records of several sizes, batched and compressed by a producer as it comes."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat

from confluent_kafka import Producer

PARTITIONS = 4
MILLION = 1_000_000
STATUSES = ("new", "paid", "packed", "sent", "delivered", "returned")


@dataclass(frozen=True)
class Workload:
    """Records of one kind in one topic.

    Args:
        topic: The topic.
        said: What people are told of it.
        kind: Which of `VALUES` its records are.
        records: How many there are.
        codec: With which codec the producer compresses.
    """

    topic: str
    said: str
    kind: str
    records: int
    codec: str

    def times(self, factor: int) -> Workload:
        """The same kind of records, that many times as many."""
        said = f"{factor} x {self.said}"
        return replace(self, topic=f"{self.topic}-{factor}x", said=said, records=factor * self.records)

    def create_and_fill(self, endpoint: str) -> None:
        """Produce all records; the topic must be there, empty, with `PARTITIONS` partitions."""
        shares = [range(PARTITIONS)[first::2] for first in range(2)]
        spawning = multiprocessing.get_context("spawn")  # a client's threads do not survive a fork
        with ProcessPoolExecutor(2, mp_context=spawning) as pool:
            list(pool.map(_produce, repeat(self), repeat(endpoint), shares))


JSON = Workload("bench-json", "5 M JSON records of about 190 bytes, lz4", "json", 5 * MILLION, "lz4")
LARGE = Workload("bench-1k", "0.5 M records of 1 KiB, uncompressed", "large", MILLION // 2, "none")
SMALL = Workload("bench-100b", "2 M records of 100 bytes, zstd", "small", 2 * MILLION, "zstd")


def _produce(workload: Workload, endpoint: str, partitions: range) -> None:
    producer = Producer(
        {
            "bootstrap.servers": endpoint,
            "compression.type": workload.codec,
            "queue.buffering.max.messages": 200_000,
            "enable.idempotence": True,
            "log_level": 0,
        }
    )
    each, more = divmod(workload.records, PARTITIONS)
    for partition in partitions:
        values = VALUES[workload.kind](random.Random(partition), each + (partition < more))
        for number, value in enumerate(values):
            while True:
                try:
                    producer.produce(workload.topic, value, b"%010x" % (number * PARTITIONS + partition), partition)
                    break
                except BufferError:
                    producer.poll(0.1)
    if producer.flush(600):
        raise RuntimeError(f"the broker did not take all records of {workload.topic}")


def _json(chance: random.Random, count: int) -> Iterator[bytes]:
    for number in range(count):
        bits = chance.getrandbits(64)
        yield (
            b'{"order":"%016x","customer":"customer-%06d","status":"%s","placed_at":"2026-03-%02dT%02d:%02d:%02d.%03dZ",'
            b'"amount":%d.%02d,"currency":"EUR","items":[{"sku":"article-%05d","quantity":%d}]}'
        ) % (
            bits,
            bits % 500_000,
            STATUSES[bits % 6].encode(),
            1 + number % 28,
            bits % 24,
            bits % 60,
            bits % 59,
            bits % 1000,
            bits % 900,
            bits % 100,
            bits % 40_000,
            1 + bits % 9,
        )


def _random_text(size: int) -> Callable[[random.Random, int], Iterator[bytes]]:
    def values(chance: random.Random, count: int) -> Iterator[bytes]:
        for _number in range(count):
            yield chance.randbytes(size // 2).hex().encode()

    return values


VALUES = {"json": _json, "large": _random_text(1024), "small": _random_text(100)}
