# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents are what docs/archive-format says, and nothing else is read as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from unit.schemas.key_strategies import dek, kek, keys_of

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import documents
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import (
    GROUPS_FILE,
    GROUPS_KIND,
    ArchivedGroup,
    ArchivedOffset,
    decode_groups,
    encode_groups,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.id_maps import keep_id_map
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.liveness import ProcessIdentity
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.offset_maps import (
    MappedPartition,
    MappedRun,
    MappedTopic,
    save_offset_maps,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point import open_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import GROUPS, Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import RestorePoint
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import (
    PartitionRestore,
    RestoreSource,
    TopicRestore,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.slices import Slice
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    LastBatch,
    PartitionState,
    TopicState,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.unfinished import Noted, Origin, UnfinishedNotes
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.writer import PartWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, UnsupportedFormat
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas import documents as registry_documents
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    GLOBAL_SCOPE,
    UNSET,
    Reference,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
)
from testbed.archived_topics import Log, back_up_topics
from testbed.archives import back_up, make_store, tree

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "archive-format"
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_bytes()) for path in FOLDER.iterdir()}
ARCHIVE = {
    documents.STORE,
    documents.RESTORE_POINT,
    documents.PART,
    documents.INDEX_PAGE,
    documents.LEASE,
    documents.LAST_RUN,
    documents.JOURNAL_RUN,
    documents.ID_MAP,
    documents.TOPIC_STATE,
    documents.TOPIC_DEFINITIONS,
    documents.GROUP_OFFSETS,
    documents.TOPIC_RESTORE,
    documents.OFFSET_MAP,
    documents.UNFINISHED_TOPICS,
}
REGISTRY = set(registry_documents.FORMATS.values())


def written(root: Path) -> list[Any]:
    """Write one document of each of the archive's formats at least."""
    store = make_store(root)
    back_up(store, {"orders": "1", "users": "2"})
    back_up(store, {"orders": "1"}, complete=False)
    open_point(store, "prod", owner=ProcessIdentity.current(), clock=SystemClock(), expected=["schema-registry"])
    open_point(store, "unknown-owner", owner=None, clock=SystemClock())
    journal = UndoJournal(store.storage, "cluster", SystemClock())
    run = journal.begin("schema_registry_import", {"backup_id": "prod"})
    run.record("mode", "", Setting("READWRITE", True), "IMPORT")
    run.record("config", "orders", UNSET, {"compatibilityLevel": "NONE"})
    run.mark_incomplete(["orders"])
    run.finish()
    keep_id_map(journal, "prod", 1, {}, {".": {7: 1}})
    point = write_topics(store)
    found = [content for path, content in tree(root).items() if path.endswith(".json") and "/subjects/" not in path]
    return [
        json.loads(content) for content in (*found, *(state.encode() for state in TopicsReader(store, point).states()))
    ]


def write_topics(store: Store) -> RestorePoint:
    """Write a point of topics and groups, and the journal of a restore."""
    logs = {("orders", 0): Log([(10, 100), (5, 70_000)]), ("orders", 1): Log([], start=7)}
    back_up_topics(store, logs, backup_id="cluster")
    logs["orders", 1].start = 9
    point = back_up_topics(store, logs, backup_id="cluster").point
    batch = LastBatch(5, 2**32 - 1, 3)
    partition = PartitionState(2, "0" * 16 + "-2", "gap", 0, 0, -1, batch, unavailable=True)
    state = TopicState("users", "", True, (partition,))
    offsets = (ArchivedOffset("orders", 0, 7, None, "m"), ArchivedOffset("orders", 1, 7, 3, "", 9))
    with capture(store, "cluster", None, clock=SystemClock()) as taken:
        TopicsPartWriter(taken.point, scope={}).finish(
            definitions=[ArchivedTopic("users", "", 3, 1, {"cleanup.policy": "compact"})],
            states=[state],
            entries=[],
            bases={},
            summary={},
        )
        groups = PartWriter(taken.point, GROUPS, scope={})
        content = encode_groups([ArchivedGroup("billing", "classic", "consumer", offsets)])
        groups.add_files([(GROUPS_FILE, content, {"kind": GROUPS_KIND})])
        groups.finish(summary={})
    entry = Entry("topics/orders/0/00000000000000000000.log", 0, 5, "a" * 64, Slice("orders", 0, "0" * 16, 3).facts())
    notes = UnfinishedNotes.find(store, "cluster")
    notes.add([Noted(entry, Origin("0" * 32, "first", 3), last) for last in (batch, None)])
    assert decode_groups(content, "groups")["billing"].offsets == offsets
    restore = TopicRestore(store.storage, "cluster", "orders", "", RestoreSource("a", "cluster", 1, "orders"), {})
    restore.partitions = {0: PartitionRestore(0), 1: PartitionRestore(7, 100, 107)}
    restore.held, restore.final = {"retention.ms": None}, {"retention.ms": "1"}
    restore.save()
    runs = (MappedRun(5, 0, 10, 10), MappedRun(20, 10, 90, 40))
    mapped = MappedTopic("orders", "", restore.source, {0: MappedPartition(runs, 50), 1: MappedPartition((), 7)})
    save_offset_maps(store.storage, "cluster", [mapped])
    assert taken.result is not None
    for found in (point, taken.result.point):
        assert verify_point(store, found).damaged == ()
    assert list(TopicsReader(store, taken.result.point).states()) == [state]
    return taken.result.point


def registry_state() -> RegistryState:
    text = '{"type": "record", "name": "Order", "fields": []}'
    versions = [
        SchemaVersion("orders", 1, 7, SchemaContent("AVRO", text), guid="a-b", created_ms=1),
        SchemaVersion(
            ":.eu:orders",
            2,
            7,
            SchemaContent("AVRO", text, (Reference("Order", ":.:orders", 1),), {"tags": {}}, {"domainRules": []}),
            deleted=True,
        ),
    ]
    full = Setting({"compatibilityLevel": "FULL"}, True)
    return RegistryState(
        versions={version.key: version for version in versions},
        settings={GLOBAL_SCOPE: ScopeSettings(full, Setting("READWRITE", None)), "orders": ScopeSettings(config=full)},
        contexts=(".", ".eu"),
        highest_ids={".": 7, ".eu": 7},
        keys=keys_of([kek("k")], [dek("k", "orders", 1, "AAEC")]),
    )


def test_every_schema_is_one() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    described = {schema["properties"]["format"]["const"] for schema in SCHEMAS.values()}
    assert described == ARCHIVE | REGISTRY
    assert all(schema["properties"]["format"]["const"].endswith(f"/{name}") for name, schema in SCHEMAS.items())


def test_what_is_written_is_as_described(tmp_path: Path) -> None:
    values = written(tmp_path)
    values += [value for _name, value in registry_documents.documents(registry_state(), source={}, selection={})]
    assert {value["format"] for value in values} == ARCHIVE | REGISTRY
    for value in values:
        Draft202012Validator(SCHEMAS[value["format"].partition("/")[2]]).validate(value)


@pytest.mark.parametrize("format_name", sorted(ARCHIVE))
def test_only_documents_of_the_format_are_read(format_name: str) -> None:
    fine = documents.encode(format_name, {"any": 1})
    assert documents.decode(fine, format_name, "there").required("any", int) == 1
    newer = documents.NEWEST.get(format_name, 1) + 1
    with pytest.raises(UnsupportedFormat, match=rf"there is in version {newer} .* newer release"):
        documents.decode(fine.replace(b'_version": 1', b'_version": %d' % newer), format_name, "there")
    for version in range(1, newer):
        assert documents.decode(documents.encode(format_name, {}, version), format_name, "").format_version == version
    for wrong in (b"", b"[]", b"\x00", fine[:-3], fine.replace(b'_version": 1', b'_version": true'), b'{"a": NaN}'):
        with pytest.raises(Damaged, match="there"):
            documents.decode(wrong, format_name, "there")
    with pytest.raises(Damaged, match="there"):
        documents.decode(fine, f"{format_name}-of-others", "there")
