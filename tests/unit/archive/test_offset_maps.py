# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's maps of offsets: what one run wrote, the next one reads, or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.offset_maps import (
    MappedPartition,
    MappedRun,
    MappedTopic,
    find_offset_map,
    offset_map_folder,
    save_offset_maps,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import RestoreSource
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, UnsupportedFormat
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import Storage

TARGET = "kafka:0123456789ABCDEFabcdef"
SOURCE = RestoreSource("store", "prod", 42, "orders-of-old")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return FilesystemStorage(str(tmp_path))


def mapped(topic: str = "orders") -> MappedTopic:
    runs = (MappedRun(10, 0, 100, 100), MappedRun(200, 100, 50, 7))
    partitions = {3: MappedPartition(runs, 107), 0: MappedPartition((), 0)}
    return MappedTopic(topic, "ab" * 16, SOURCE, partitions)


def test_maps_are_read_back(storage: Storage) -> None:
    assert find_offset_map(storage, TARGET, "orders") is None
    save_offset_maps(storage, TARGET, [mapped(), mapped("payments/eu")])
    assert find_offset_map(storage, TARGET, "orders") == mapped()
    assert find_offset_map(storage, TARGET, "payments/eu") == mapped("payments/eu")
    assert find_offset_map(storage, "kafka:other", "orders") is None
    assert len(list(storage.files(offset_map_folder(TARGET)))) == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format_version": 2}, UnsupportedFormat),
        ({"target": "kafka:other"}, Damaged),
        ({"topic": "payments"}, Damaged),
        ({"further": 1}, Damaged),
        ({"partitions": [{"partition": 0, "end": 1, "runs": [[0, 0, 1]]}]}, Damaged),
        ({"partitions": [{"partition": 0, "end": 1, "runs": [[0, 0, 1, 2]]}]}, Damaged),
        ({"partitions": [{"partition": 0, "end": 1, "runs": [[0, -1, 1, 1]]}]}, Damaged),
        ({"partitions": [{"partition": -1, "end": 1, "runs": []}]}, Damaged),
    ],
)
def test_an_edited_map_is_refused(storage: Storage, change: dict[str, Any], error: type[Exception]) -> None:
    save_offset_maps(storage, TARGET, [mapped()])
    path = f"{offset_map_folder(TARGET)}/orders.json"
    storage.replace(path, json.dumps(json.loads(storage.read(path)) | change).encode())
    with pytest.raises(error, match=r"orders\.json"):
        find_offset_map(storage, TARGET, "orders")
