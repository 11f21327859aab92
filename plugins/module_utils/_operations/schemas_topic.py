# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the topic in which a schema registry keeps what it holds, beside the registry's API."""

from __future__ import annotations

import time
from collections.abc import Iterable

from .._core.errors import InvalidOption, KafkaError, Refused
from .._core.selection import Selection
from .._core.settings import KafkaSettings
from .._kafka.fetching import EMPTY_ANSWERS, Fetched, Want
from .._kafka.offsets import Which
from .._kafka.wire import Wire
from .._records.batch import batches
from .._records.decode import decode
from .._registry.dialect import Registry
from .._schemas.capabilities import TopicDeletes
from .._schemas.model import ScopeSettings, VersionKey
from .._schemas.topic_log import TopicLog
from .choose_topics import choose_topics

USUAL_NAME = "_schemas"

_FETCH_BYTES = 1 << 20
_TIMEOUT = 30.0
_SHOWN = 3


class SchemasTopic:
    """A registry's topic, as far as it was read.

    Args:
        settings: The cluster that it lies in.
        name: The topic.
        deletes: What deletes a key in it, beside no value at all.

    Attributes:
        name: The topic.
        log: What its records say.
    """

    def __init__(self, settings: KafkaSettings, name: str, deletes: TopicDeletes) -> None:
        self.log = TopicLog(deletes)
        self._settings = settings
        self.name = name
        self._next: int | None = None

    def read_on(self) -> bool:
        """Read what is behind that which was read before; return whether there was anything.

        Raises:
            NotFound: There is no such topic.
            Refused: It has several partitions, so that it is no registry's.
            KafkaError: The cluster cannot be reached, or refuses something.
            Damaged: A record cannot be read.
        """
        with Wire(self._settings) as wire:
            choose_topics(wire, Selection((self.name,)), wire.topics())
            topic = wire.topics([self.name])[self.name]
            if len(topic.partitions) != 1:
                raise Refused(
                    f"The topic {self.name} has {len(topic.partitions)} partitions, and a schema registry's has one: "
                    "schemas_topic must name the registry's own topic.",
                    object_name=self.name,
                )
            before = self._next
            if self._next is None:
                self._next = self._offset(wire, "earliest")
            end, empty, patient_until = self._offset(wire, "latest"), 0, time.monotonic() + _TIMEOUT
            while self._next < end and empty < EMPTY_ANSWERS:
                if self._take(self._fetch(wire, topic.topic_id, patient_until)):
                    empty, patient_until = 0, time.monotonic() + _TIMEOUT
                else:
                    empty += 1  # compaction took away what was left
            self._next = max(self._next, end)
        return self._next != before

    def read_settings(self, scopes: Iterable[str]) -> dict[str, ScopeSettings]:
        """Return what is set at some scopes, and nothing that is inherited."""
        return {scope: self.log.settings(scope) for scope in scopes}

    def check_holds(self, listed: Iterable[VersionKey]) -> None:
        """Check that the topic is that of a registry, which lists some versions.

        Raises:
            Refused: The topic knows nothing of some of them.
        """
        unknown = sorted(set(listed) - self.log.versions.keys())
        if unknown:
            raise Refused(
                f"The topic {self.name} has no record of {len(unknown)} versions that the registry holds, such as "
                f"{', '.join(map(str, unknown[:_SHOWN]))}: it is another registry's, or lies in another cluster. Name "
                "the right one with schemas_topic and kafka, or leave both out.",
                code="foreign_topic",
                object_name=self.name,
            )

    def _offset(self, wire: Wire, which: Which) -> int:
        found = wire.offsets(which, [(self.name, 0)])[self.name, 0]
        if isinstance(found, KafkaError):
            raise found
        return found

    def _fetch(self, wire: Wire, topic_id: str, patient_until: float) -> Fetched:
        while True:
            want = Want(self.name, topic_id, 0, self._next or 0, _FETCH_BYTES)
            leader = wire.leader(self.name, 0)
            read = wire.fetch(
                leader, [want], max_bytes=_FETCH_BYTES, max_wait=0.5, min_bytes=1, isolation="uncommitted"
            )
            (answer,) = wire.run(read)
            if answer.error is None:
                return answer
            if time.monotonic() > patient_until:
                raise answer.error
            wire.run(wire.sleep(0.2))
            wire.refresh([self.name])

    def _take(self, answer: Fetched) -> bool:
        """Take what came; return whether that was anything."""
        came = False
        for batch in batches(answer.records):
            if not batch.control:
                for record in decode(answer.records, batch):
                    if record.offset >= (self._next or 0):
                        self.log.take(record.key, record.value)
            self._next = batch.next_offset
            came = True
        return came


def find_topic(registry: Registry, settings: KafkaSettings | None, name: str | None) -> SchemasTopic | None:
    """Return the topic that a registry is to be read from besides; None for its API alone.

    Args:
        registry: The registry.
        settings: The cluster that its topic lies in, or None.
        name: The topic; None for the usual name, where there is a cluster.

    Raises:
        InvalidOption: A topic is wanted of a make that has none, or without a cluster.
    """
    deletes = registry.capabilities.topic_deletes
    if settings is None and name is None:
        return None
    if deletes is TopicDeletes.NO_TOPIC:
        raise InvalidOption(
            f"The registry's make ({registry.implementation}) keeps its schemas in no topic: leave out kafka and "
            "schemas_topic.",
            object_name="schemas_topic",
        )
    if settings is None:
        raise InvalidOption("schemas_topic needs kafka, the cluster that it lies in.", object_name="schemas_topic")
    return SchemasTopic(settings, name or USUAL_NAME, deletes)
