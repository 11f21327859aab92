# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of confluent-kafka that are used here, in one place, so that the collection loads without it."""

from __future__ import annotations

from typing import Any

from .._core.errors import MissingLibrary

_NEEDED = (0x020B0000, "2.11")  # as librdkafka writes its versions

try:
    from confluent_kafka import (
        KafkaException,
        TopicCollection,
        libversion,
    )
    from confluent_kafka.admin import (  # type: ignore[attr-defined]
        AdminClient,
        AlterConfigOpType,
        ConfigEntry,
        ConfigResource,
        ConfigSource,
        NewTopic,
    )
except ImportError:
    CONFLUENT_KAFKA_IS_THERE = False
    AdminClient: Any = None  # type: ignore[no-redef]
    AlterConfigOpType: Any = None  # type: ignore[no-redef]
    ConfigEntry: Any = None  # type: ignore[no-redef]
    ConfigResource: Any = None  # type: ignore[no-redef]
    ConfigSource: Any = None  # type: ignore[no-redef]
    KafkaException: Any = None  # type: ignore[no-redef]
    NewTopic: Any = None  # type: ignore[no-redef]
    TopicCollection: Any = None  # type: ignore[no-redef]
else:
    CONFLUENT_KAFKA_IS_THERE = True

__all__ = [
    "CONFLUENT_KAFKA_IS_THERE",
    "AdminClient",
    "AlterConfigOpType",
    "ConfigEntry",
    "ConfigResource",
    "ConfigSource",
    "KafkaException",
    "NewTopic",
    "TopicCollection",
    "require_confluent_kafka",
]


def require_confluent_kafka() -> None:
    """Check that confluent-kafka is there and new enough.

    Raises:
        MissingLibrary: It is not.
    """
    oldest, name = _NEEDED
    if not CONFLUENT_KAFKA_IS_THERE or libversion()[1] < oldest:
        found = f"{libversion()[0]} is too old" if CONFLUENT_KAFKA_IS_THERE else "it is missing"
        raise MissingLibrary(
            f"Topics and groups need the Python library confluent-kafka >= {name}, but {found}. "
            f"Install confluent-kafka >= {name} into the Python that runs this module.",
            object_name="confluent-kafka",
        )
