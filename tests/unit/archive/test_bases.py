# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an increment begins from: the newest point that holds a topic, and only what of it can still be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.bases import find_bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from testbed.archived_topics import LARGE, SMALL, Log, back_up_topics, read_topics
from testbed.archives import BACKUP, back_up


def logs_of(*topics: str, partitions: int = 2, size: int = LARGE) -> dict[tuple[str, int], Log]:
    return {(topic, number): Log([(10, size)]) for topic in topics for number in range(partitions)}


def found(store: Store, *topics: str) -> dict[str, tuple[int, list[int]]]:
    """Return for each topic the base's number and the partitions that can be read."""
    return {
        topic: (base.point.sequence, [state.partition for state in base.state.partitions])
        for topic, base in find_bases(store, BACKUP, topics).items()
    }


def test_the_newest_point_that_has_a_topic_is_its_base(store: Store) -> None:
    back_up_topics(store, logs_of("a", "b"))
    back_up(store, {"orders": "1"})
    back_up_topics(store, logs_of("b", "c", partitions=3))
    back_up_topics(store, logs_of("c"), complete=False)
    assert found(store, "a", "b", "c", "d") == {"a": (1, [0, 1]), "b": (3, [0, 1, 2]), "c": (4, [0, 1])}
    base = find_bases(store, BACKUP, ["b"])["b"]
    assert base.whole
    assert (base.entry.facts, base.state.topic) == ({"kind": "topic", "topic": "b"}, "b")


def test_a_backup_that_does_not_exist_has_no_bases(store: Store) -> None:
    assert find_bases(store, "other", ["a"]) == {}
    back_up_topics(store, logs_of("a"))
    assert find_bases(store, BACKUP, []) == {}


def test_pages_that_points_share_are_searched_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = logs_of(*[f"topic-{number:03d}" for number in range(600)], partitions=1, size=SMALL)
    for _turn in range(4):
        back_up_topics(store, logs)
        logs["topic-300", 0].pieces.append((1, SMALL))
    read: list[str] = []
    entries_of = PartReader.entries_of
    monkeypatch.setattr(PartReader, "entries_of", lambda self, page: read.append(page.file) or entries_of(self, page))
    assert find_bases(store, BACKUP, ["of-others"]) == {}
    first_pages = 4
    assert len(read) - len(set(read)) == 0
    assert first_pages < len(read) < 4 * first_pages


def test_points_that_show_that_a_topic_did_not_exist_end_the_search(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up_topics(store, logs_of("a", "b"))
    back_up_topics(store, logs_of("a"), scope={"topics": ["a"]}, complete=False)
    back_up_topics(store, logs_of("c"), scope={"topics": ["c"]})
    asked: list[Any] = []

    def selects(scope: Mapping[str, Any], topic: str) -> bool:
        asked.append((scope["topics"], topic))
        return scope["topics"] == ["*"] or topic in scope["topics"]

    assert find_bases(store, BACKUP, ["b"], selects=selects)["b"].point.sequence == 1
    assert asked == [(["c"], "b")], "an incomplete point tells nothing"
    back_up_topics(store, logs_of("a"))
    assert find_bases(store, BACKUP, ["b"], selects=selects) == {}
    read = []
    read_point = bases.read_point
    monkeypatch.setattr(bases, "read_point", lambda *names: read.append(names[2]) or read_point(*names))
    find_bases(store, BACKUP, ["b"], selects=selects)
    assert read == [4]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [Path.unlink, cut])
def test_a_partition_whose_file_is_damaged_is_archived_anew(
    store: Store, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    logs = logs_of("a", "b")
    back_up_topics(store, logs)
    harm(next((tmp_path / BACKUP / "topics" / "a").rglob("1/*.log")))
    assert found(store, "a", "b") == {"a": (1, [0]), "b": (1, [0, 1])}
    assert [base.whole for base in find_bases(store, BACKUP, ["a", "b"]).values()] == [False, True]
    back_up_topics(store, logs)
    point = find_point(store, BACKUP, LATEST)
    assert point.sequence == (2 if harm is cut else 1)
    assert verify_point(store, point).damaged == ()
    assert read_topics(TopicsReader(store, point)) == {key: log.content(*key) for key, log in logs.items()}


@pytest.mark.parametrize("harm", [Path.unlink, cut])
def test_a_damaged_index_hinders_no_backup(store: Store, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    logs = logs_of("a", "b", size=SMALL)
    back_up_topics(store, logs)
    index = TopicsReader(store, find_point(store, BACKUP, LATEST)).index
    (page,) = index.layers[0].pages
    harm(tmp_path / BACKUP / page.file)
    assert found(store, "a", "b") == {"a": (1, []), "b": (1, [])}
    for log in logs.values():
        log.pieces.append((10, SMALL))
    back_up_topics(store, logs)
    point = find_point(store, BACKUP, LATEST)
    assert verify_point(store, point).damaged == ()
    assert read_topics(TopicsReader(store, point)) == {key: log.content(*key) for key, log in logs.items()}


@pytest.mark.parametrize("what", ["head", "first page", "state", "point"])
def test_an_earlier_point_serves_where_the_newest_is_damaged(store: Store, tmp_path: Path, what: str) -> None:
    logs = logs_of("a", size=SMALL)
    back_up_topics(store, logs)
    logs["a", 0].pieces.append((10, SMALL))
    point = back_up_topics(store, logs).point
    index = TopicsReader(store, point).index
    (state,) = [entry for page in index.documents() for entry in index.entries_of(page) if entry.at == 0][1:]
    files = {
        "head": point.parts["topics"].file,
        "first page": next(index.documents()).file,
        "state": state.file,
        "point": "restore-points/00000002.json",
    }
    (tmp_path / BACKUP / files[what]).write_bytes(b"{")
    assert found(store, "a") == {"a": (1, [0, 1])}


def test_an_index_that_denies_its_layers_is_damaged(store: Store, tmp_path: Path) -> None:
    point = back_up_topics(store, logs_of("a", size=SMALL)).point
    reader = PartReader(store, point, "topics")
    page = next(iter(reader.part.pages))
    document = json.loads((tmp_path / BACKUP / page.file).read_bytes())
    assert document["entries"][0]["layers"] == [{"pages": 1, "bytes": 2 * SMALL}]
