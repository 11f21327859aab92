# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of a cluster, of whatever type (protocol guide, ListGroups; KIP-848, KIP-932 and KIP-1071 for types).

confluent-kafka lists only groups of consumers, which is why this goes over the wire.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .._core.settings import KafkaSettings
from .errors import broker_error, retriable
from .kafka_python import ListGroupsRequest
from .wire import Wire

TYPES = ("classic", "consumer", "share", "streams")

_PAUSE = 0.2


class ListedGroup(NamedTuple):
    """A group in a list of them.

    Args:
        group: Its name.
        type: One of `TYPES`, or ``unknown``.
        state: As the protocol says it, in lower case: ``empty``, ``stable``, …; empty before Kafka 2.6.
        protocol_type: What a classic group is for: ``consumer``, ``connect``, or empty for one that has never had
            members.
    """

    group: str
    type: str
    state: str
    protocol_type: str


def list_groups(settings: KafkaSettings, timeout: float) -> list[ListedGroup]:
    """List the groups that the user may see, sorted by their names.

    Args:
        settings: How the cluster is reached.
        timeout: Seconds for each answer, and for coordinators that are loading their groups.

    Raises:
        KafkaError: A broker cannot be asked.
    """
    deadline = time.monotonic() + timeout
    with Wire(settings, timeout=timeout) as wire:
        while True:
            answers = wire.ask_every_broker(lambda _connection: ListGroupsRequest(states_filter=[], types_filter=[]))
            errors = [answer.error_code for answer in answers if answer.error_code]
            if not errors:
                return sorted(_listed(group) for answer in answers for group in answer.groups)
            if not retriable(errors[0]) or time.monotonic() > deadline:
                raise broker_error("Listing the groups", errors[0], needs="Describe on the groups or on the cluster")
            wire.run(wire.sleep(_PAUSE))


def _listed(group: Any) -> ListedGroup:
    # Before Kafka 3.8 the answer has no type, and there are only classic groups but for early access.
    kind = (getattr(group, "group_type", "") or "classic").lower()
    return ListedGroup(
        group=group.group_id,
        type=kind if kind in TYPES else "unknown",
        state=(getattr(group, "group_state", "") or "").lower(),
        protocol_type=group.protocol_type or "",
    )
