# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of restores of topics: with what a restore began at its target, so that a later run can go on with it.

A topic that is being restored to has one document, which is written durably before the first record is sent and at
each change of its state. How far a restore has come is not in it: the target's own log tells that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .._core.errors import NotFound
from .._core.fields import Fields
from .._storage.port import Storage
from .documents import TOPIC_RESTORE, encode, read, whole_number
from .layout import encode_segment, target_folder

RESTORING = "restoring"
VERIFIED = "verified"
DONE = "done"

STATES = (RESTORING, VERIFIED, DONE)
"""How far a restore is: records are being sent; all are there, but configs are still held; all is as it shall be."""


@dataclass(frozen=True)
class RestoreSource:
    """What is restored.

    Args:
        store_id: The store's id.
        backup_id: The backup.
        restore_point: The restore point's number.
        topic: The topic's name there.
    """

    store_id: str
    backup_id: str
    restore_point: int
    topic: str


def source_document(source: RestoreSource) -> dict[str, Any]:
    """Return what is restored as a JSON value."""
    return asdict(source)


def read_source(fields: Fields) -> RestoreSource:
    """Read what `source_document` wrote.

    Raises:
        Damaged: It is something else.
    """
    source = RestoreSource(
        store_id=fields.required("store_id", str),
        backup_id=fields.required("backup_id", str),
        restore_point=whole_number(fields, "restore_point", 1),
        topic=fields.required("topic", str),
    )
    fields.finish()
    return source


@dataclass(frozen=True)
class PartitionRestore:
    """The restore of one partition.

    Args:
        start: The target's log end offset when the restore began: the first record goes there.
        records: How many records are to be sent; None while that is not known.
        end: The target's log end offset after the last record; None while it is not there.
    """

    start: int
    records: int | None = None
    end: int | None = None

    @property
    def done(self) -> bool:
        """Whether all of its records are there."""
        return self.end is not None


@dataclass
class TopicRestore:
    """The restore of one topic into a target.

    Args:
        storage: Where the journal lies: a store, or a directory of its own.
        target: The target cluster's identity.
        topic: The topic's name at the target.
        topic_id: Its id there as hexadecimal digits; empty where the cluster has none.
        source: What is restored.
        rules: What tells which records are sent, such as ``{"isolation": "committed"}``; JSON values. A run goes on
            with a restore only by the same rules.
        created: Whether the topic is one that restores have made, so that its configs are theirs to set.
        producer_id: The idempotent producer's id; None before there is one.
        producer_epoch: Its epoch.
        partitions: By number.
        held: Configs that are held while records are sent, and what the topic had before; None for not set.
        final: What they are to be in the end; None for not set.
        state: One of `STATES`.
    """

    storage: Storage = field(repr=False)
    target: str
    topic: str
    topic_id: str
    source: RestoreSource
    rules: Mapping[str, Any]
    created: bool = False
    producer_id: int | None = None
    producer_epoch: int | None = None
    partitions: dict[int, PartitionRestore] = field(default_factory=dict)
    held: dict[str, str | None] = field(default_factory=dict)
    final: dict[str, str | None] = field(default_factory=dict)
    state: str = RESTORING

    @property
    def path(self) -> str:
        """Where its document lies."""
        return _path(self.target, self.topic)

    def set_partition(self, number: int, **changes: Any) -> None:
        """Note something else of a partition; `save` makes it durable."""
        self.partitions[number] = replace(self.partitions[number], **changes)

    def save(self) -> None:
        """Write the document durably.

        Raises:
            StoreError: The journal cannot be written to: send nothing that is not journaled.
        """
        self.storage.replace(self.path, self.encode())

    def forget(self) -> None:
        """Delete the document.

        Raises:
            StoreError: The journal cannot be written to.
        """
        self.storage.delete(self.path)

    def encode(self) -> bytes:
        """Return the document's bytes."""
        return encode(
            TOPIC_RESTORE,
            {
                "target": self.target,
                "topic": self.topic,
                "topic_id": self.topic_id,
                "source": source_document(self.source),
                "rules": dict(self.rules),
                "created": self.created,
                "producer_id": self.producer_id,
                "producer_epoch": self.producer_epoch,
                "partitions": [
                    {"partition": number, "start": of.start, "records": of.records, "end": of.end}
                    for number, of in sorted(self.partitions.items())
                ],
                "held": self.held,
                "final": self.final,
                "state": self.state,
            },
        )


def save_all(restores: Iterable[TopicRestore]) -> None:
    """Write the documents of many restores, all in one journal, at the cost of few flushes.

    Raises:
        StoreError: The journal cannot be written to; some of them may be written.
    """
    ordered = list(restores)
    if ordered:
        ordered[0].storage.replace_many((restore.path, restore.encode()) for restore in ordered)


def find_restore(storage: Storage, target: str, topic: str) -> TopicRestore | None:
    """Return what is journaled of a topic's restore into a target, or None.

    Args:
        storage: Where the journal lies.
        target: The target cluster's identity.
        topic: The topic's name at the target.

    Raises:
        Damaged, UnsupportedFormat: The document cannot be read by this release.
    """
    try:
        return _read(storage, _path(target, topic), target)
    except NotFound:
        return None


def restores_of(storage: Storage, target: str) -> Iterator[TopicRestore]:
    """Yield all restores into a target that are journaled, in no particular order; raises as `find_restore`."""
    for file in list(storage.files(_folder(target))):
        try:
            yield _read(storage, file.path, target)
        except NotFound:
            continue


def _folder(target: str) -> str:
    return f"{target_folder(target)}/topics"


def _path(target: str, topic: str) -> str:
    return f"{_folder(target)}/{encode_segment(topic)}.json"


def _read(storage: Storage, path: str, target: str) -> TopicRestore:
    fields = read(storage, path, TOPIC_RESTORE)
    if fields.required("target", str) != target:
        raise fields.damaged(f"target must be {target!r}, as its folder says")
    partitions = list(fields.objects("partitions"))
    restore = TopicRestore(
        storage=storage,
        target=target,
        topic=fields.required("topic", str),
        topic_id=fields.required("topic_id", str),
        source=read_source(fields.object("source")),
        rules=fields.required("rules", dict),
        created=fields.required("created", bool),
        producer_id=fields.optional("producer_id", int),
        producer_epoch=fields.optional("producer_epoch", int),
        partitions=dict(_partition(partition) for partition in partitions),
        held=_configs(fields, "held"),
        final=_configs(fields, "final"),
        state=fields.required("state", str),
    )
    fields.finish()
    if restore.path != path or restore.state not in STATES or len(restore.partitions) != len(partitions):
        raise fields.damaged("its topic, its state or its partitions cannot be")
    return restore


def _partition(fields: Fields) -> tuple[int, PartitionRestore]:
    number = whole_number(fields, "partition")
    of = PartitionRestore(
        start=whole_number(fields, "start"), records=fields.optional("records", int), end=fields.optional("end", int)
    )
    fields.finish()
    return number, of


def _configs(fields: Fields, name: str) -> dict[str, str | None]:
    configs = fields.required(name, dict)
    if not all(value is None or isinstance(value, str) for value in configs.values()):
        raise fields.damaged(f"{name} must hold texts and nulls")
    return configs
