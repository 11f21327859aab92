# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that carry schema ids: written while the shop grew, and read the way its consumers read them."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.schema_registry.serde import SchemaId
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf import json_format
from protobuf_classes import CompiledSchema, framed

BY_TOPIC = {"subject.name.strategy": topic_subject_name_strategy}
LATEST = BY_TOPIC | {"use.latest.version": True, "auto.register.schemas": False}
KEY, VALUE = MessageField.KEY, MessageField.VALUE
# librdkafka tells of its inner matters on standard error, such as that a young broker has to be asked again; what
# matters comes as an exception.
SILENT = logging.getLogger("librdkafka")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


@dataclass(frozen=True)
class Record:
    """A message in a topic of one partition, as Kafka holds it."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Decoded:
    """What a consumer makes of messages: (key, value) of each by (topic, offset), or why it cannot read it."""

    messages: dict[tuple[str, int], tuple[Any, Any]]
    failures: dict[tuple[str, int], str]


def encode(url: str, topic: str, side: MessageField, kind: str, values: list[Any], name: str = "") -> list[Any]:
    """Frame the values of one side of a topic with the id of the latest version of its subject.

    ``kind`` is AVRO, JSON or PROTOBUF, or empty for plain text. ``name`` is the full name of the Protobuf message.
    A value of ``None`` stays ``None``: a tombstone.
    """
    client = SchemaRegistryClient({"url": url})  # a new one each time, since clients remember what the latest was
    if kind == "PROTOBUF":
        schema_id = client.get_latest_version(f"{topic}-{side}", fmt="serialized").schema_id
        form = CompiledSchema(client, schema_id).by_name(name)
        return [value and framed(schema_id, json_format.ParseDict(value, form())) for value in values]
    if not kind:
        return [value.encode() for value in values]
    serializer = AvroSerializer(client, conf=LATEST) if kind == "AVRO" else JSONSerializer(None, client, conf=LATEST)
    return [serializer(value, SerializationContext(topic, side)) for value in values]


def create_topics(brokers: str, topics: Iterable[NewTopic]) -> None:
    """Create topics, and wait until they are there."""
    admin = AdminClient({"bootstrap.servers": brokers}, logger=SILENT)
    for created in admin.create_topics(list(topics)).values():
        created.result()


def produce(
    brokers: str,
    records: Iterable[tuple[str, bytes | None, bytes | None]],
    *,
    headers: Callable[[bytes | None], list[tuple[str, bytes]]] | None = None,
    compression: str = "none",
) -> None:
    """Write (topic, key, value) to Kafka, with the headers of each key, and wait until all of them are there."""
    refused: list[Any] = []
    producer = Producer({"bootstrap.servers": brokers, "compression.type": compression, "linger.ms": 5}, logger=SILENT)
    for topic, key, value in records:
        carried = headers(key) if headers else None
        producer.produce(
            topic, value, key, headers=carried, on_delivery=lambda error, _message: error and refused.append(error)
        )
        producer.poll(0)
    producer.flush()
    if refused:
        raise KafkaException(refused[0])


def decode(url: str, kinds: dict[str, str], records: list[Record]) -> Decoded:
    """Decode records as a newly started consumer does, asking the registry for each schema id that it meets.

    ``kinds`` is the type of schema of every subject. Keys of topics without a key's subject are plain text.
    """
    client = SchemaRegistryClient({"url": url})
    done = Decoded({}, {})
    for record in records:
        try:
            done.messages[record.topic, record.offset] = (
                _decode_side(client, kinds, record.topic, KEY, record.key),
                _decode_side(client, kinds, record.topic, VALUE, record.value),
            )
        except (SchemaRegistryError, SerializationError) as error:
            done.failures[record.topic, record.offset] = str(error)
    return done


def _decode_side(client: SchemaRegistryClient, kinds: dict[str, str], topic: str, side: MessageField, data: Any) -> Any:
    kind = kinds.get(f"{topic}-{side}", "")
    if data is None or not kind:
        return data
    context = SerializationContext(topic, side)
    if kind == "AVRO":
        return AvroDeserializer(client, conf=BY_TOPIC)(data, context)
    if kind == "JSON":
        return JSONDeserializer(None, schema_registry_client=client, conf=BY_TOPIC)(data, context)
    carried = SchemaId(kind)
    carried.from_bytes(io.BytesIO(data))
    form = CompiledSchema(client, carried.id).by_indexes(carried.message_indexes)
    return json_format.MessageToDict(ProtobufDeserializer(form, BY_TOPIC, client)(data, context))
