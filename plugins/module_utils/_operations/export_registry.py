# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporting a schema registry into a restore point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from .._archive.commit import capture
from .._archive.documents import FORMAT_VERSION, NEWEST, PART
from .._archive.liveness import Heartbeat
from .._archive.open_point import OpenPoint
from .._archive.parts import SCHEMA_REGISTRY, Entry
from .._archive.points import RestorePoint, newest_first
from .._archive.reader import PartReader
from .._archive.store import Store, storage_of
from .._archive.writer import PartWriter
from .._core.canonical import compact_bytes, document_bytes, sha256_hex
from .._core.change import Difference, Report, omitted
from .._core.clock import Clock, SystemClock
from .._core.counting import counted
from .._core.errors import Damaged
from .._core.settings import KafkaSettings, RegistrySettings, StoreSettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.documents import KEK, MANIFEST, DocumentName, count, documents
from .._schemas.graph import missing_references
from .._schemas.key_documents import without_secrets
from .._schemas.model import RegistryState
from .backup_object import describe_commit, describe_point, describe_uncommitted
from .read_keys import key_notes
from .read_registry import Scope, read_registry
from .registry_part import document_hashes, name_of, part_files, read_document
from .schemas_topic import SchemasTopic, find_topic
from .visibility import Visibility, visibility

_SHOWN = 50
_SHOWN_BYTES = 32 * 1024


@dataclass(frozen=True)
class Newest:
    """What the newest comparable restore point holds.

    Args:
        point: The restore point.
        entries: Its index by document.
        scope: What it was asked to hold.
    """

    point: RestorePoint
    entries: Mapping[DocumentName, Entry]
    scope: Mapping[str, Any]


@dataclass(frozen=True)
class RegistryExport:
    """The plan of an export: what the registry holds, against what the newest restore point does.

    Args:
        store: Where to.
        backup_id: Which backup.
        point_id: The open restore point that another module commits, or None.
        lease_timeout: Seconds after which an unfinished run counts as dead.
        scope: What was asked for.
        source: What is known of the registry.
        state: What it holds.
        hashes: The SHA-256 of each document of that.
        newest: What the backup holds, or None.
        clock: Tells the time.
        topic: The registry's topic, where it was read too.
        seen: As whom it was read, and what it may not have shown.
    """

    store: Store
    backup_id: str
    point_id: str | None
    lease_timeout: float
    scope: Scope
    source: Mapping[str, Any]
    state: RegistryState
    hashes: Mapping[DocumentName, str]
    newest: Newest | None
    clock: Clock
    topic: SchemasTopic | None
    seen: Visibility

    @classmethod
    def plan(
        cls,
        registry_settings: RegistrySettings,
        store_settings: StoreSettings,
        backup_id: str,
        scope: Scope,
        *,
        point_id: str | None,
        lease_timeout: float,
        kafka_settings: KafkaSettings | None = None,
        schemas_topic: str | None = None,
    ) -> RegistryExport:
        """Read the registry, and the newest restore point.

        With Kafka, what is set is read from the topic that the registry keeps its schemas in.

        Raises:
            StoreError: There is no store.
            NotFound: The restore point is not open, or a subject that was named does not exist.
            RegistryError, Refused: As `read_registry`.
            CycleError: Schemas refer to each other in a circle.
            InvalidOption: A topic is named for a make of registry that has none, or without Kafka.
            KafkaError: The topic cannot be read.
        """
        clock = SystemClock()
        store = Store.open(storage_of(store_settings))
        registry = connect(registry_settings)
        topic = find_topic(registry, kafka_settings, schemas_topic)
        with _alive(store, backup_id, point_id, clock):
            state = read_registry(registry, scope, topic)
        source = {
            "implementation": registry.implementation,
            "version": registry.version,
            "identity": registry.identity(),
            "read_as": registry_settings.read_as,
        }
        hashes = {
            name: sha256_hex(document_bytes(value))
            for name, value in documents(state, source=source, selection=scope.document())
        }
        newest = _newest(store, backup_id)
        seen = visibility(registry, state, scope, topic)
        return cls(store, backup_id, point_id, lease_timeout, scope, source, state, hashes, newest, clock, topic, seen)

    @property
    def changed(self) -> bool:
        """Whether a restore point is needed: the newest one holds something else, or was asked something else."""
        if self.newest is None or dict(self.newest.scope) != self.scope.document():
            return True
        return {name: entry.sha256 for name, entry in self.newest.entries.items()} != self.hashes

    def difference(self) -> Difference:
        """Show the documents that differ, bounded, the manifest apart."""
        known = self.newest.entries if self.newest else {}
        changed = [
            name
            for name in sorted({*known, *self.hashes}, key=str)
            if name.kind != MANIFEST and (name not in known or known[name].sha256 != self.hashes.get(name))
        ]
        first = frozenset(changed[:_SHOWN])
        before = self._archived([entry for name, entry in known.items() if name in first])
        after = {str(name): _for_people(name, value) for name, value in self._documents() if name in first}
        shown = _that_fit([str(name) for name in changed[:_SHOWN]], before, after)
        return Difference(
            {name: before[name] for name in shown if name in before},
            {name: after[name] for name in shown if name in after} | omitted(len(changed) - len(shown), "document"),
        )

    def preview(self) -> Report:
        """Report what is there, and the restore point that holds it already where there is one."""
        if self.newest is not None and not self.changed and self.point_id is None:
            return self._report(describe_point(self.store, self.newest.point))
        return self._report(describe_uncommitted(self.store, self.backup_id, [SCHEMA_REGISTRY]))

    def apply(self) -> Report:
        """Write the part, and commit it where it is this module's to commit."""
        with capture(
            self.store, self.backup_id, self.point_id, clock=self.clock, lease_timeout=self.lease_timeout
        ) as taken:
            writer = PartWriter(taken.point, SCHEMA_REGISTRY, scope=self.scope.document())
            writer.add_files(part_files(self._documents()))
            writer.finish(summary=self._summary(), format_version=NEWEST[PART] if self.state.keys else FORMAT_VERSION)
        if taken.result is None:
            return self._report(describe_uncommitted(self.store, self.backup_id, [SCHEMA_REGISTRY]))
        report = self._report(describe_commit(self.store, taken.result))
        return Report(report.values, (*report.warnings, *taken.result.warnings))

    def _documents(self) -> Iterator[tuple[DocumentName, Any]]:
        return documents(self.state, source=self.source, selection=self.scope.document())

    def _archived(self, entries: Iterable[Entry]) -> dict[str, Any]:
        if self.newest is None:
            return {}
        reader = PartReader(self.store, self.newest.point, SCHEMA_REGISTRY)
        found: dict[str, Any] = {}
        for entry in entries:
            # A damaged backup is no reason not to make a new one: what cannot be read is not shown.
            with suppress(Damaged):
                name = name_of(entry)
                found[str(name)] = _for_people(name, read_document(reader, entry))
        return found

    def _summary(self) -> dict[str, Any]:
        unknown = sum((one.config.is_set, one.mode.is_set).count(None) for one in self.state.settings.values())
        keys = {} if self.state.keys is None else self.state.keys.counts()
        return {**count(self.state), **keys, "unknown_settings": unknown, "settled": self.state.settled}

    def _notes(self) -> tuple[str, ...]:
        """Say what the user must know: nothing is dropped in silence."""
        counts = count(self.state)
        notes = []
        if not self.state.settled:
            notes.append(
                "The registry went on changing while it was read: no two readings in a row agreed. The restore point "
                "may mix states of different moments."
            )
        if self.source["implementation"] == Registry.implementation:
            notes.append(
                "The registry is of an unknown make, and was asked only for what all makes have in common: subjects of "
                "other contexts than the default one may be missing. If it behaves like a supported make, name that "
                "in registry.implementation."
            )
        if counts["sensitive"]:
            notes.append(
                f"{counted(counts['sensitive'], 'version has', 'versions have')} metadata that is "
                "marked as sensitive; it lies in the store in clear."
            )
        if self.topic is not None and self.topic.log.passed_over:
            notes.append(
                f"{counted(self.topic.log.passed_over, 'record')} of the topic {self.topic.name} could not be "
                "understood, and the registry passes over such records too."
            )
        if self.state.left_out:
            notes.append(f"Not in the restore point, since it has no place there: {', '.join(self.state.left_out)}.")
        notes += self.seen.notes()
        notes += key_notes(self.state.keys)
        unresolved = missing_references(self.state.versions)
        if unresolved:
            notes.append(
                f"{counted(len(unresolved), 'reference leads', 'references lead')} to versions "
                "that are not in the restore point, such as "
                f"{unresolved[0].referrer} to {unresolved[0].target}; an import needs them in the target."
            )
        idle = self.scope.subjects.idle_patterns(self.state.subjects())
        if idle and self.scope.subjects.include != ("*",):
            notes.append(f"No subject matches {', '.join(idle)}.")
        return tuple(notes)

    def _report(self, backup: dict[str, Any]) -> Report:
        return Report({"backup": backup, "schemas": {**self._summary(), **self.seen.values()}}, self._notes())


def _for_people(name: DocumentName, value: Any) -> Any:
    return without_secrets(value) if name.kind == KEK else value


def _that_fit(names: Iterable[str], *views: Mapping[str, Any]) -> list[str]:
    """Return the names whose documents fit into a diff together, passing over those that are too long."""
    shown, left = [], _SHOWN_BYTES
    for name in names:
        size = sum(len(compact_bytes(view.get(name))) for view in views)
        if size <= left:
            shown.append(name)
            left -= size
    return shown


def _alive(store: Store, backup_id: str, point_id: str | None, clock: Clock) -> AbstractContextManager[object]:
    """Keep the lease of an open restore point while a large registry is read."""
    if point_id is None:
        return nullcontext()
    return Heartbeat(OpenPoint.load(store, backup_id, point_id, clock=clock).refresh)


def _newest(store: Store, backup_id: str) -> Newest | None:
    """Return the newest complete restore point with a registry; one that is damaged is as good as none."""
    try:
        for point in newest_first(store, backup_id):
            if point.complete and SCHEMA_REGISTRY in point.parts:
                reader = PartReader(store, point, SCHEMA_REGISTRY)
                return Newest(point, document_hashes(store, point), reader.part.scope)
    except Damaged:
        return None
    return None
