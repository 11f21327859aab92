# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of topics' restores: what one run wrote, the next one reads, or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import (
    DONE,
    VERIFIED,
    PartitionRestore,
    RestoreSource,
    TopicRestore,
    find_restore,
    restores_of,
    save_all,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, UnsupportedFormat
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import Storage
from testbed.archives import tree

TARGET = "kafka 0123456789ABCDEFabcdef"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return FilesystemStorage(str(tmp_path))


def restore(storage: Storage, topic: str = "orders", **fields: Any) -> TopicRestore:
    return TopicRestore(
        storage=storage,
        target=TARGET,
        topic=topic,
        topic_id="0123456789abcdef" * 2,
        source=RestoreSource("store", "prod", 42, "orders-of-old"),
        rules={"isolation": "committed", "codec": None},
        **fields,
    )


def test_a_restore_is_read_back(storage: Storage) -> None:
    first = restore(storage)
    first.save()
    assert find_restore(storage, TARGET, "orders") == first
    first.producer_id, first.producer_epoch, first.created = 2**40, 3, True
    first.partitions = {10: PartitionRestore(0), 2: PartitionRestore(7, 100), 3: PartitionRestore(0, 0, 0)}
    first.held = {"retention.ms": None, "cleanup.policy": "compact"}
    first.final = {"retention.ms": "1", "cleanup.policy": None}
    first.set_partition(2, end=107)
    first.state = VERIFIED
    first.save()
    found = find_restore(storage, TARGET, "orders")
    assert found == first
    assert found is not None
    assert {number: of.done for number, of in found.partitions.items()} == {2: True, 3: True, 10: False}
    assert found.partitions[2] == PartitionRestore(7, 100, 107)


def test_restores_are_found_by_target_and_topic(storage: Storage) -> None:
    long, odd = "x" * 249, "..a"
    save_all([restore(storage, topic) for topic in ("orders", long, odd)])
    save_all([])
    for topic in ("orders", long, odd):
        found = find_restore(storage, TARGET, topic)
        assert found is not None
        assert found.topic == topic
    assert find_restore(storage, TARGET, "users") is None
    assert find_restore(storage, "another", "orders") is None
    assert {found.topic for found in restores_of(storage, TARGET)} == {"orders", long, odd}
    assert list(restores_of(storage, "another")) == []


def test_many_are_saved_at_once_over_what_was_there(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [restore(storage, f"topic-{number}") for number in range(40)]
    save_all(many)
    calls: list[str] = []
    flush = durable._flush_file_system
    monkeypatch.setattr(durable, "_flush_file_system", lambda path: calls.append(path) is None and flush(path))
    monkeypatch.setattr(durable.os, "fsync", calls.append)
    for one in many:
        one.state = DONE
    save_all(many)
    assert len(calls) == 2, "the file system for the files, and their one folder"
    assert {found.state for found in restores_of(storage, TARGET)} == {DONE}
    assert len(tree(tmp_path)) == 40


def test_a_restore_is_forgotten(storage: Storage) -> None:
    one = restore(storage)
    one.save()
    one.forget()
    one.forget()
    assert find_restore(storage, TARGET, "orders") is None


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        ({"format_version": 2}, UnsupportedFormat),
        ({"target": "another"}, Damaged),
        ({"topic": "users"}, Damaged),
        ({"state": "unknown"}, Damaged),
        ({"held": {"a": 1}}, Damaged),
        ({"more": 1}, Damaged),
        ({"partitions": [{"partition": 0, "start": -1, "records": None, "end": None}]}, Damaged),
        ({"partitions": [{"partition": 0, "start": 1, "records": None, "end": None}] * 2}, Damaged),
    ],
)
def test_an_edited_document_is_refused(
    storage: Storage, tmp_path: Path, edit: dict[str, Any], error: type[Exception]
) -> None:
    one = restore(storage)
    one.save()
    path = tmp_path / one.path
    path.write_text(json.dumps(json.loads(path.read_bytes()) | edit))
    with pytest.raises(error, match="orders"):
        find_restore(storage, TARGET, "orders")
