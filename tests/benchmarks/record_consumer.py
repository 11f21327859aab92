# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs a topic up as one does without a tool: consumes it record by record, and writes each into a file.

Usage: record_consumer.py ENDPOINT TOPIC FILE, which prints how many records there were.
"""

from __future__ import annotations

import os
import struct
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

AT_ONCE = 500
PATIENCE = 0.1  # seconds until fewer are taken
RECORD = struct.Struct(">iqqii")  # partition, offset, timestamp, length of the key and of the value; -1 without one


def copy(endpoint: str, topic: str, path: str) -> int:
    """Write all records of a topic into a file, durably; return how many there are."""
    consumer = Consumer(
        {
            "bootstrap.servers": endpoint,
            "group.id": "record-consumer",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    reading = set(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in reading])
    records = 0
    with open(path, "wb") as file:
        while reading:
            for message in consumer.consume(AT_ONCE, timeout=PATIENCE):
                if message.error():
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise RuntimeError(message.error().str())
                    reading.discard(message.partition())
                    continue
                key, value = message.key(), message.value()
                lengths = (-1 if key is None else len(key), -1 if value is None else len(value))
                place = (message.partition(), message.offset(), message.timestamp()[1])
                file.write(RECORD.pack(*place, *lengths) + (key or b"") + (value or b""))
                records += 1
        file.flush()
        os.fsync(file.fileno())
    consumer.close()
    return records


if __name__ == "__main__":
    print(copy(*sys.argv[1:]))
