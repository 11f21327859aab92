# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing topics of a cluster with what a restore point holds of them, record by record.

A topic that is the very one that was backed up is compared offset by offset, aborted transactions and all. Any other is
taken for a restored copy: its records must follow each other as a restore sends them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._archive.journal import UndoJournal
from .._archive.restores import DONE, TopicRestore, find_restore
from .._archive.slice_reader import SliceReader
from .._archive.store import Store, storage_of
from .._core.change import Report
from .._core.clock import SystemClock
from .._core.counting import counted, named
from .._core.errors import KafkaError, VerificationFailed
from .._core.kafka_names import TopicPartition
from .._core.progress import Progress
from .._core.settings import KafkaSettings, StoreSettings
from .._kafka.admin import Admin, TopicDefinition
from .._kafka.wire import Topic, Wire
from .archived_partitions import ArchivedPartition
from .archived_records import ArchivedRecords
from .backup_object import describe_point
from .bounded import listed
from .compare_partitions import Compared, CompareTask, compare_partitions
from .earlier_runs import open_journal
from .restore_source import Source, TopicsAsked, check_least, read_source
from .restore_target import is_there, target_identity
from .share_out import Load, share_out
from .workers import Reporter, run_workers

MISSING_TOPIC = "missing_topic"
PARTITIONS = "partitions"

_NAMED = 5


@dataclass(frozen=True)
class VerifyRequest:
    """What a user asks for; the module's options.

    Args:
        asked: Which topics, with which restore point.
        committed: Whether restored copies lack the records of aborted and undecided transactions.
        parallel: How many worker processes there may be.
        fail: Whether differences are an error.
        journal: The directory that restores had for their journal, or None for the store.

    Raises:
        InvalidOption: A number is too small.
    """

    asked: TopicsAsked
    committed: bool
    parallel: int
    fail: bool
    journal: str | None = None

    def __post_init__(self) -> None:
        check_least("parallel", self.parallel, 1)


@dataclass(frozen=True)
class _Job:
    """What all workers have in common."""

    kafka: KafkaSettings
    store: Store
    backup_id: str
    committed: bool

    def records(self, task: CompareTask) -> ArchivedRecords:
        committed = self.committed and task.first is not None
        return ArchivedRecords(SliceReader(self.store, self.backup_id), task.archived, committed=committed)

    def compare(self, tasks: Sequence[CompareTask], reporter: Reporter) -> list[Compared]:
        with Wire(self.kafka) as wire:
            return compare_partitions(wire, tasks, self.records, reporter.advance)


@dataclass(frozen=True)
class _Seen:
    """What the cluster has of the topics, by their names there."""

    topics: Mapping[str, Topic]
    definitions: Mapping[str, TopicDefinition]
    restores: Mapping[str, TopicRestore | None]
    starts: Mapping[TopicPartition, int | KafkaError]
    ends: Mapping[TopicPartition, int | KafkaError]


def verify_topics(
    kafka: KafkaSettings, store_settings: StoreSettings, request: VerifyRequest, progress: Progress
) -> Report:
    """Compare topics with a restore point.

    Raises:
        StoreError: There is no store.
        NotFound: There is no such backup, restore point, topic or partition in it.
        InvalidOption: The journal's path is not absolute.
        Damaged: The restore point is damaged.
        KafkaError: The cluster cannot be reached or refuses something, or a partition cannot be read.
        VerificationFailed: Topics differ, and that is to be an error; the facts list ``differences``.
    """
    progress.start("looking at topics", None, "topics")
    store = Store.open(storage_of(store_settings))
    with Wire(kafka) as wire, Admin(kafka) as admin:
        source = read_source(store, request.asked, groups=None, begun=())
        identity = target_identity(wire, kafka.bootstrap_servers)
        journal = open_journal(identity, SystemClock(), store=store_settings, directory=request.journal)
        seen = _look(wire, admin, journal, source)
    differences = list(_differing_topics(source, seen))
    tasks = [
        _task(source, seen, partition)
        for name, topic in source.topics.items()
        for partition in topic.partitions.values()
        if source.names[name] in seen.topics and partition.state.partition in seen.topics[source.names[name]].partitions
    ]
    job = _Job(kafka, store, source.point.backup_id, request.committed)
    compared = _compare(job, tasks, request.parallel, progress)
    differences += [_described(of, source) for of in compared for _difference in of.differences[:1]]
    values = _values(source, compared, differences)
    if differences and request.fail:
        raise _failed(source, values, seen)
    return Report(values, (*source.remarks, *_warnings(source, seen, values["topics"])))


def _look(wire: Wire, admin: Admin, journal: UndoJournal, source: Source) -> _Seen:
    names = source.names.values()
    topics = {name: topic for name, topic in wire.topics(names).items() if is_there(topic)}
    partitions = [(name, number) for name, topic in topics.items() for number in topic.partitions]
    return _Seen(
        topics,
        admin.definitions(topics) if topics else {},
        {name: find_restore(journal.storage, journal.target, name) for name in topics},
        wire.offsets("earliest", partitions) if partitions else {},
        wire.offsets("latest", partitions) if partitions else {},
    )


def _differing_topics(source: Source, seen: _Seen) -> Iterator[dict[str, Any]]:
    """Yield the topics that are not there, or have another number of partitions."""
    for name, topic in source.topics.items():
        there = seen.topics.get(source.names[name])
        if there is None:
            yield _difference(name, source.names[name], None, None, None, MISSING_TOPIC, 0)
        elif len(there.partitions) < topic.archived.partitions:
            yield _difference(name, source.names[name], None, None, None, PARTITIONS, 0)


def _task(source: Source, seen: _Seen, partition: ArchivedPartition) -> CompareTask:
    """Return how a partition is compared."""
    name = source.names[partition.topic]
    number = partition.state.partition
    topic = seen.topics[name]
    start, end = _offset(seen.starts[name, number]), _offset(seen.ends[name, number])
    first: int | None = None
    wanted = partition.state.start
    if not topic.topic_id or topic.topic_id != source.states[partition.topic].topic_id:
        wanted = first = _first(source, seen, partition, start)
    policy = seen.definitions[name].effective.get("cleanup.policy", "")
    return CompareTask(
        partition, name, topic.topic_id, topic.partitions[number].leader, max(start, wanted), max(end, start, wanted),
        first, may_lack="compact" in policy,
    )  # fmt: skip


def _first(source: Source, seen: _Seen, partition: ArchivedPartition, start: int) -> int:
    """Return where the records of a restored copy begin, as the journal tells; otherwise where the log does."""
    restore = _restore(source, seen, partition.topic)
    begun = restore.partitions.get(partition.state.partition) if restore is not None else None
    return start if begun is None else begun.start


def _restore(source: Source, seen: _Seen, name: str) -> TopicRestore | None:
    """Return what is journaled of the restore that has brought a topic, if it is the one that is there."""
    target = source.names[name]
    restore = seen.restores.get(target)
    if restore is None or restore.topic_id != seen.topics[target].topic_id:
        return None
    of = restore.source
    return restore if (of.topic, of.backup_id) == (name, source.point.backup_id) else None


def _warnings(source: Source, seen: _Seen, counts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the user should know although nothing differs."""
    if counts["trimmed"] or counts["compacted"]:
        yield (
            f"{counts['trimmed'] + counts['compacted']} records of the restore point are no longer in the cluster: "
            f"{counts['trimmed']} before the first offsets of their partitions, as retention deletes them, and "
            f"{counts['compacted']} in compacted topics. {counts['records']} records were found as they were backed up."
        )
    if begun := _unfinished(source, seen):
        yield _not_ended(begun)


def _unfinished(source: Source, seen: _Seen) -> list[str]:
    """Return the topics whose restore has not come to its end."""
    found = ((source.names[name], _restore(source, seen, name)) for name in source.topics)
    return sorted(target for target, restore in found if restore is not None and restore.state != DONE)


def _not_ended(topics: Sequence[str]) -> str:
    return (
        f"The restore of {counted(len(topics), 'topic')} has not ended: {named(topics, _NAMED)}. Records may be "
        "missing, and the "
        "topics do not have their own configs yet. Run the restore again, with the same options."
    )


def _offset(found: int | KafkaError) -> int:
    if isinstance(found, KafkaError):
        raise found
    return found


def _compare(job: _Job, tasks: Sequence[CompareTask], parallel: int, progress: Progress) -> list[Compared]:
    loads = [Load(task, task.leader, task.archived.bytes) for task in tasks]
    progress.start("comparing topics", sum(task.archived.bytes for task in tasks))
    shared, processes = share_out(loads, parallel)
    found = run_workers(shared, partial(_Job.compare, job), processes=processes, progress=progress)
    return sorted(compared for share in found for compared in share)


def _described(compared: Compared, source: Source) -> dict[str, Any]:
    first = compared.differences[0]
    return _difference(
        compared.topic, source.names[compared.topic], compared.partition, first.offset, first.found_at, first.what,
        compared.differing,
    )  # fmt: skip


def _difference(
    topic: str, found_in: str, partition: int | None, offset: int | None, found_at: int | None, what: str, records: int
) -> dict[str, Any]:
    return {
        "topic": topic,
        "target": found_in,
        "partition": partition,
        "offset": offset,
        "target_offset": found_at,
        "what": what,
        "records": records,
    }


def _values(source: Source, compared: Sequence[Compared], differences: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "backup": describe_point(source.store, source.point),
        "topics": {
            "topics": len(source.topics),
            "partitions": sum(len(topic.partitions) for topic in source.topics.values()),
            "records": sum(each.records for each in compared),
            "newer": sum(each.newer for each in compared),
            "trimmed": sum(each.trimmed for each in compared),
            "compacted": sum(each.lacking for each in compared),
            "differing": sum(each.differing for each in compared),
        },
        **listed({"differences": (differences, len(differences))}),
    }


def _failed(source: Source, values: Mapping[str, Any], seen: _Seen) -> VerificationFailed:
    differences = values["differences"]
    shown = "; ".join(map(_sentence, differences[:_NAMED]))
    more = len(differences) + values["differences_omitted"] - _NAMED
    others = {
        restore.source.restore_point
        for name in {each["target"] for each in differences}
        if (restore := seen.restores.get(name)) is not None and restore.source.restore_point != source.point.sequence
    }
    hint = f" Some were restored from restore point {max(others)}: compare them with that one." if others else ""
    if begun := _unfinished(source, seen):
        hint += f" {_not_ended(begun)}"
    return VerificationFailed(
        f"Topics are not what restore point {source.point.sequence} of the backup {source.point.backup_id!r} holds: "
        f"{shown}{f'; and {more} more' if more > 0 else ''}.{hint}",
        code="topics_differ",
        object_name=differences[0]["target"],
        topics=values["topics"],
        differences=differences,
        differences_omitted=values["differences_omitted"] or None,
    )


def _sentence(difference: Mapping[str, Any]) -> str:
    name = difference["target"]
    if difference["what"] == MISSING_TOPIC:
        return f"there is no topic {name!r}"
    if difference["what"] == PARTITIONS:
        return f"topic {name!r} has fewer partitions"
    what = {"missing": "is missing", "unexpected": "is not in the archive"}
    at = difference["target_offset"]
    where = f"topic {name!r}, partition {difference['partition']}: the record at offset {at}"
    if difference["offset"] not in (None, at):
        where += f" (offset {difference['offset']} in the archive)"
    return (
        f"{where} {what.get(difference['what'], 'has another ' + difference['what'])}, {difference['records']} records "
        "differ in all"
    )
