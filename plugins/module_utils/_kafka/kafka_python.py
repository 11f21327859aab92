# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of kafka-python that are used here, in one place, so that the collection loads without it."""

from __future__ import annotations

import logging
from importlib import metadata
from typing import Any

from .._core.errors import MissingLibrary
from .._core.releases import release_of

NEEDED = (3, 0, 12)

try:
    from kafka import errors as kafka_errors
    from kafka.future import Future
    from kafka.net.connection import KafkaConnection
    from kafka.net.sasl.oauth import AbstractTokenProvider
    from kafka.net.selector import KernelEvent, NetworkSelector, Task, TaskState
    from kafka.net.transport import KafkaTCPTransport
    from kafka.protocol.admin.groups import ListGroupsRequest
    from kafka.protocol.consumer import (
        FetchRequest,
        ListOffsetsRequest,
        OffsetCommitRequest,
        OffsetFetchRequest,
        OffsetForLeaderEpochRequest,
    )
    from kafka.protocol.frame import KafkaBytes
    from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest
    from kafka.protocol.parser import KafkaProtocol
    from kafka.protocol.producer import InitProducerIdRequest
except ImportError:
    KAFKA_PYTHON_IS_THERE = False
    kafka_errors: Any = None  # type: ignore[no-redef]
    Future: Any = object  # type: ignore[no-redef]
    AbstractTokenProvider: Any = object  # type: ignore[no-redef]
    KafkaConnection: Any = object  # type: ignore[no-redef]
    KafkaProtocol: Any = object  # type: ignore[no-redef]
    KafkaTCPTransport: Any = object  # type: ignore[no-redef]
    NetworkSelector: Any = object  # type: ignore[no-redef]
    Task: Any = object  # type: ignore[no-redef]
    KafkaBytes: Any = None  # type: ignore[no-redef]
    KernelEvent: Any = None  # type: ignore[no-redef]
    FetchRequest: Any = None  # type: ignore[no-redef]
    FindCoordinatorRequest: Any = None  # type: ignore[no-redef]
    InitProducerIdRequest: Any = None  # type: ignore[no-redef]
    ListGroupsRequest: Any = None  # type: ignore[no-redef]
    ListOffsetsRequest: Any = None  # type: ignore[no-redef]
    MetadataRequest: Any = None  # type: ignore[no-redef]
    OffsetCommitRequest: Any = None  # type: ignore[no-redef]
    OffsetFetchRequest: Any = None  # type: ignore[no-redef]
    OffsetForLeaderEpochRequest: Any = None  # type: ignore[no-redef]
    TaskState: Any = None  # type: ignore[no-redef]
else:
    KAFKA_PYTHON_IS_THERE = True

__all__ = [
    "KAFKA_PYTHON_IS_THERE",
    "AbstractTokenProvider",
    "FetchRequest",
    "FindCoordinatorRequest",
    "Future",
    "InitProducerIdRequest",
    "KafkaBytes",
    "KafkaConnection",
    "KafkaProtocol",
    "KafkaTCPTransport",
    "KernelEvent",
    "ListGroupsRequest",
    "ListOffsetsRequest",
    "MetadataRequest",
    "NetworkSelector",
    "OffsetCommitRequest",
    "OffsetFetchRequest",
    "OffsetForLeaderEpochRequest",
    "Task",
    "TaskState",
    "kafka_errors",
    "require_kafka_python",
]


def require_kafka_python() -> None:
    """Check that kafka-python is there and new enough, and keep it from writing to anybody's log or terminal.

    Raises:
        MissingLibrary: It is not.
    """
    wanted = ".".join(map(str, NEEDED))
    try:
        found = metadata.version("kafka-python") if KAFKA_PYTHON_IS_THERE else ""
    except metadata.PackageNotFoundError:
        found = ""
    if release_of(found) < NEEDED:
        state = f"kafka-python {found} is too old" if found else "it is missing"
        raise MissingLibrary(
            f"Topics are read and written with the Python library kafka-python >= {wanted}, but {state}. "
            f"Install kafka-python >= {wanted} into the Python that runs this module.",
            object_name="kafka-python",
        )
    # All that goes wrong is raised; what the library logs besides would show requests, among them passwords.
    logger = logging.getLogger("kafka")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
