# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document ``cluster/topics.json``: what it takes to create the archived topics again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._core.fields import Fields
from .documents import TOPIC_DEFINITIONS, decode, encode, whole_number
from .layout import path_of

DEFINITIONS = "definitions"
"""The kind of the document's index entry."""

DEFINITIONS_FILE = path_of("cluster", "topics.json")


@dataclass(frozen=True)
class ArchivedTopic:
    """How a topic was made.

    Args:
        name: Its name.
        topic_id: Its id as 32 hexadecimal digits; empty where the cluster has none.
        partitions: How many it has.
        replication_factor: How many replicas each of them has.
        configs: What is set for this topic, other than for the whole cluster.
    """

    name: str
    topic_id: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


def encode_definitions(topics: Iterable[ArchivedTopic]) -> bytes:
    """Return the document's bytes, the same for the same topics in whatever order."""
    return encode(
        TOPIC_DEFINITIONS,
        {
            "topics": [
                {
                    "name": topic.name,
                    "topic_id": topic.topic_id,
                    "partitions": topic.partitions,
                    "replication_factor": topic.replication_factor,
                    "configs": dict(topic.configs),
                }
                for topic in sorted(topics, key=lambda topic: topic.name)
            ]
        },
    )


def decode_definitions(content: bytes, document: str) -> dict[str, ArchivedTopic]:
    """Read what `encode_definitions` wrote.

    Args:
        content: The document's bytes.
        document: Where it lies, for errors.

    Returns:
        The topics by name, in order.

    Raises:
        Damaged, UnsupportedFormat: It is something else.
    """
    fields = decode(content, TOPIC_DEFINITIONS, document)
    topics = [_topic(topic) for topic in fields.objects("topics")]
    fields.finish()
    return {topic.name: topic for topic in topics}


def _topic(fields: Fields) -> ArchivedTopic:
    configs = fields.required("configs", dict)
    if not all(isinstance(value, str) for value in configs.values()):
        raise fields.damaged("configs must be texts")
    topic = ArchivedTopic(
        name=fields.required("name", str),
        topic_id=fields.required("topic_id", str),
        partitions=whole_number(fields, "partitions", 1),
        replication_factor=whole_number(fields, "replication_factor", 1),
        configs=configs,
    )
    fields.finish()
    return topic
