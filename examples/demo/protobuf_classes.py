# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protobuf messages without protoc: the registry itself compiles schemas and hands out their descriptors."""

from __future__ import annotations

import base64

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.serde import SchemaId
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


class CompiledSchema:
    """The messages of the schema with some id, in the registry's own compilation."""

    def __init__(self, client: SchemaRegistryClient, schema_id: int) -> None:
        files: dict[str, FileDescriptorProto] = {}
        self._file = _add(client, files, "schema.proto", client.get_schema(schema_id, fmt="serialized"))
        self._pool = DescriptorPool()
        for file in files.values():
            self._pool.Add(file)

    def by_name(self, name: str) -> type[Message]:
        """The class of the message with this full name."""
        return GetMessageClass(self._pool.FindMessageTypeByName(name))

    def by_indexes(self, indexes: list[int]) -> type[Message]:
        """The class of the message to which the indexes lead that stand in front of a message in Kafka."""
        outermost, *inner = indexes
        message = self._file.message_type[outermost]
        names = [self._file.package, message.name]
        for index in inner:
            message = message.nested_type[index]
            names.append(message.name)
        return self.by_name(".".join(names))


def framed(schema_id: int, message: Message) -> bytes:
    """A message as it stands in Kafka: 0, the id, the indexes of its class in the schema, its content."""
    frame = SchemaId("PROTOBUF", schema_id, None, _indexes(message.DESCRIPTOR))
    return frame.id_to_bytes() + message.SerializeToString()


def _indexes(descriptor: Descriptor) -> list[int]:
    """The way to a message in its file: the place of the outermost message that holds it, then of the next inner."""
    if descriptor.containing_type is None:
        return [list(descriptor.file.message_types_by_name).index(descriptor.name)]
    outer = descriptor.containing_type
    return [*_indexes(outer), [nested.name for nested in outer.nested_types].index(descriptor.name)]


def _add(
    client: SchemaRegistryClient, files: dict[str, FileDescriptorProto], name: str, schema: Schema
) -> FileDescriptorProto:
    """Add a schema to the files under the name by which others import it, after all that it imports itself."""
    for reference in schema.references or []:
        if reference.name not in files:
            imported = client.get_version(reference.subject, reference.version, deleted=True, fmt="serialized")
            _add(client, files, reference.name, imported.schema)
    files[name] = FileDescriptorProto.FromString(base64.b64decode(schema.schema_str))
    files[name].name = name
    return files[name]
