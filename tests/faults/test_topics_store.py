# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of topics that is killed, or refused room, at any step: no point that only looks whole, nothing lost."""

from __future__ import annotations

import contextlib
import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import increment
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point, list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.restores import (
    DONE,
    RestoreSource,
    TopicRestore,
    restores_of,
    save_all,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archived_topics import Log, back_up_topics, read_topics
from testbed.archives import BACKUP, make_store, tree
from testbed.mishaps import copies, kill_at_each_step, make_read_only, on_a_small_disk
from testbed.refusing import Refusing

Logs = dict[tuple[str, int], Log]
SMALL = 500
LARGE = 70_000


def before() -> Logs:
    return {
        ("orders", 0): Log([(10, LARGE)]),
        ("orders", 1): Log([(10, SMALL)]),
        ("users", 0): Log([(10, SMALL)]),
        ("gone", 0): Log([(10, SMALL)]),
    }


def after() -> Logs:
    logs = copy.deepcopy(before())
    logs["orders", 0].pieces.append((5, LARGE))
    logs["orders", 1].pieces.append((5, SMALL))
    logs["new", 0] = Log([(7, LARGE), (1, SMALL)])
    del logs["gone", 0]
    return logs


def contents(store: Store, sequence: int | str) -> dict[tuple[str, int], bytes]:
    return read_topics(TopicsReader(store, find_point(store, BACKUP, sequence)))


def expected(logs: Logs) -> dict[tuple[str, int], bytes]:
    return {key: log.content(*key) for key, log in logs.items()}


def check(store: Store, root: Path) -> int:
    """Check what a mishap left, and that the next run makes it good; return how many points there were."""
    points = list_points(store, BACKUP)
    assert [point.sequence for point in points] in ([1], [1, 2])
    assert [verify_point(store, point).damaged for point in points] == [()] * len(points)
    assert [contents(store, point.sequence) for point in points] == [expected(before()), expected(after())][
        : len(points)
    ]
    left = {path: (root / path).stat().st_ino for path in tree(root) if path.startswith(f"{BACKUP}/topics/")}

    result = back_up_topics(store, after())
    assert (result.created, result.point.sequence) == (len(points) == 1, 2)
    assert contents(store, LATEST) == expected(after())
    assert verify_point(store, result.point).damaged == ()
    finished = {path: number for path, number in left.items() if ".tmp-" not in path}
    assert {path: (root / path).stat().st_ino for path in finished} == finished, "adopted, not written again"
    return len(points)


@pytest.mark.parametrize("layered", [False, True], ids=["merged", "layered"])
def test_a_backup_of_topics_is_killed_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layered: bool
) -> None:
    monkeypatch.setattr(increment, "ONE_LAYER_ENTRIES", 0 if layered else 1000)
    origin = tmp_path / "origin"
    back_up_topics(make_store(origin), before())
    committed = 0
    steps = 0
    for root in kill_at_each_step(lambda root: back_up_topics(make_store(root), after()), copies(origin, tmp_path)):
        steps += 1
        committed += check(make_store(root), root) == 2
        unfinished = [path for path in tree(root) if "/.tmp-" in path]
        assert all(path.startswith(f"{BACKUP}/open/.tmp-") for path in unfinished), unfinished
        segments = [path for path in tree(root) if path.endswith(".log")]
        assert len(segments) == 3
    assert steps > 40
    assert 0 < committed < steps / 2


def test_the_journal_of_restores_is_killed_at_each_step(tmp_path: Path) -> None:
    def restores(root: Path) -> list[TopicRestore]:
        source = RestoreSource("store", BACKUP, 1, "topic")
        storage = FilesystemStorage(str(root))
        return [TopicRestore(storage, "target", f"topic-{number}", "", source, {}) for number in range(3)]

    def go_on(root: Path) -> None:
        found = restores(root)
        for restore in found:
            restore.state = DONE
        save_all(found)
        found[0].forget()

    origin = tmp_path / "origin"
    origin.mkdir()
    save_all(restores(origin))
    seen = set()
    for root in kill_at_each_step(go_on, copies(origin, tmp_path)):
        states = sorted(restore.state for restore in restores_of(FilesystemStorage(str(root)), "target"))
        assert len(states) in (2, 3)
        seen.add(tuple(states))
    assert {("restoring",) * 3, ("done", "restoring", "restoring"), ("done",) * 3} <= seen


def test_every_write_of_topics_may_be_refused(tmp_path: Path) -> None:
    for refuse_at in itertools.count(1):
        root = tmp_path / str(refuse_at)
        store = make_store(root)
        back_up_topics(store, before())
        refusing = Refusing(FilesystemStorage(str(root)), refuse_at)
        with contextlib.suppress(StoreError):
            back_up_topics(Store(refusing, store.store_id), after())
            break
        assert refusing.refused
        assert [path for path in tree(root) if ".tmp-" in path] == []
        check(store, root)
    assert refuse_at > 15


def run_on_a_small_disk(folder: Path, options: str, action: Any) -> None:
    try:
        status, text = on_a_small_disk(folder, options, action)
    except PermissionError as error:
        pytest.skip(f"no file system of one's own here: {error}")
    assert status == 0, text


@pytest.mark.parametrize("options", ["size=700k", "nr_inodes=60"], ids=["no blocks left", "no inodes left"])
def test_a_disk_fills_up_with_topics(tmp_path: Path, options: str) -> None:
    def fill_up() -> None:
        store = make_store(tmp_path / "store")
        back_up_topics(store, before())
        much = before() | {("much", number): Log([(10, LARGE)]) for number in range(20)}
        with pytest.raises(StoreError, match="No space left") as caught:
            back_up_topics(store, much)
        assert caught.value.code == "disk_full"
        assert str(tmp_path / "store" / BACKUP) in caught.value.message
        assert [path for path in tree(tmp_path) if "/.tmp-" in path] == []
        check(store, tmp_path / "store")

    run_on_a_small_disk(tmp_path, options, fill_up)


def test_topics_in_a_read_only_store_are_read_and_not_written(tmp_path: Path) -> None:
    def read_and_write() -> None:
        store = make_store(tmp_path / "store")
        back_up_topics(store, before())
        make_read_only(tmp_path)
        assert contents(store, LATEST) == expected(before())
        with pytest.raises(StoreError) as caught:
            back_up_topics(store, after())
        assert caught.value.code == "not_writable"

    run_on_a_small_disk(tmp_path, "size=2m", read_and_write)
