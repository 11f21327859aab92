# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices are only handed out when all of them is what was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import Entry
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import RestorePoint
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.slice_reader import SliceReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archived_topics import Log, back_up_topics
from testbed.archives import BACKUP

LOGS = {("orders", 0): Log([(10, 300_000), (5, 200_000)]), ("small", 0): Log([(3, 700)]), ("small", 1): Log([(4, 900)])}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store, _made = Store.initialise(FilesystemStorage(str(tmp_path / "store")))
    return store


def slices(store: Store) -> list[Entry]:
    point: RestorePoint = back_up_topics(store, LOGS).point
    return list(TopicsReader(store, point).segments())


def path(store: Store, entry: Entry) -> Path:
    found = Path(store.storage.location) / BACKUP / entry.file
    found.chmod(0o600)
    return found


def test_slices_are_handed_out(store: Store) -> None:
    reader = SliceReader(store, BACKUP)
    for entry in slices(store):
        assert reader.damage(entry) is None
        with reader.open(entry) as file:
            log = LOGS[entry.facts["topic"], entry.facts["partition"]]
            assert file.read(entry.length) == log.content(entry.facts["topic"], entry.facts["partition"])


def changed(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    ("harm", "said", "shows"),
    [
        (lambda file: file.unlink(), "it is missing", True),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "it ends after", True),
        (lambda file: file.write_bytes(changed(file.read_bytes())), "not what was written", False),
    ],
)
def test_damage_is_found_and_named(store: Store, harm: Callable[[Path], object], said: str, shows: bool) -> None:
    reader, entry = SliceReader(store, BACKUP), slices(store)[0]
    harm(path(store, entry))
    with pytest.raises(Damaged, match=said) as raised:
        reader.open(entry)
    assert raised.value.facts["costs"] == "offsets 0 to 14 of partition 0 of topic orders"
    assert [raised.value.facts[name] for name in ("topic", "partition", "start", "next")] == ["orders", 0, 0, 15]
    assert (reader.damage(entry) is not None) == shows


def test_a_slice_that_is_cut_off_while_it_is_read_is_damaged(store: Store) -> None:
    reader, entry = SliceReader(store, BACKUP), slices(store)[0]
    with reader.open(entry) as file:
        assert len(file.read(1000)) == 1000
        os.truncate(path(store, entry), entry.at + 50_000)
        with pytest.raises(Damaged, match="was cut off while it was read") as raised:
            file.read(entry.length)
    assert raised.value.facts["start"] == 0


def test_what_the_disk_refuses_is_damaged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    point = back_up_topics(store, LOGS).point
    parts = TopicsReader(store, point)
    entry = next(iter(parts.segments()))
    slice_ = SliceReader(store, BACKUP).open(entry)

    def refuse(_path: str) -> BinaryIO:
        return Path("/proc/self/mem").open("rb")  # which has nothing at its beginning: EIO

    monkeypatch.setattr(store.storage, "open", refuse)
    with pytest.raises(Damaged, match=r"it cannot be read \(Input/output error\)"):
        parts.read(entry)
    with pytest.raises(Damaged, match=r"it cannot be read \(Input/output error\)"):
        SliceReader(store, BACKUP).open(entry)
    with slice_:
        monkeypatch.setattr(slice_, "_file", refuse(""))
        with pytest.raises(Damaged, match=r"it cannot be read any more \(Input/output error\)"):
            slice_.read(1)
