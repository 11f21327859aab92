# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points: one author each, shared files, and what counts as the latest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture, commit, would_create
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point import OpenPoint, abort, open_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import (
    LATEST,
    LastRun,
    find_point,
    list_points,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.writer import PartWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import (
    Damaged,
    InvalidOption,
    NotFound,
    Refused,
    UnsupportedFormat,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import BACKUP, SCOPE, StillClock, back_up, subjects, tree

REGISTRY = "schema-registry"


def read_back(store: Store, sequence: int | str, part: str = REGISTRY) -> dict[str, str]:
    reader = PartReader(store, find_point(store, BACKUP, sequence), part)
    return {entry.facts["subject"]: reader.read(entry).decode() for entry in reader.entries()}


def write_part(opened: OpenPoint, name: str, contents: dict[str, str], **how: bool) -> None:
    writer = PartWriter(opened, name, scope=SCOPE)
    writer.add_files(subjects(contents))
    writer.finish(summary={"subjects": len(contents)}, **how)


def test_a_first_point(store: Store, tmp_path: Path) -> None:
    clock = StillClock()
    result = back_up(store, {"orders": "1", "a/b": "2"}, clock=clock)
    assert result.created
    assert result.warnings == ()
    point = result.point
    assert (point.sequence, point.parent, point.complete, point.missing) == (1, None, True, ())
    assert (point.opened_at, point.committed_at) == (clock.time, clock.time)
    assert point.scope == {REGISTRY: SCOPE}
    assert (point.parts[REGISTRY].files, point.parts[REGISTRY].size) == (2, 2)
    assert find_point(store, BACKUP, LATEST, [REGISTRY]) == find_point(store, BACKUP, "1") == point
    assert read_back(store, 1) == {"orders": "1", "a/b": "2"}
    files = tree(tmp_path / BACKUP)
    assert files["schema-registry/subjects/a%2Fb/v1.json"] == b"2"
    assert files["manifest.json"] == files["restore-points/00000001.json"]
    assert not (tmp_path / BACKUP / "open" / "lease.json").exists()


def test_an_unchanged_source_makes_no_point(store: Store, tmp_path: Path) -> None:
    clock = StillClock()
    back_up(store, {"orders": "1"}, clock=clock)
    before = tree(tmp_path)
    clock.advance(3600)
    result = back_up(store, {"orders": "1"}, clock=clock)
    assert (result.created, result.point.sequence) == (False, 1)
    after = tree(tmp_path)
    assert {path for path in after if after[path] != before.get(path)} == {"prod/last-run.json"}
    last = LastRun.read(store, BACKUP)
    assert last is not None
    assert (last.finished_at, last.restore_point, last.created) == (clock.time, 1, False)
    assert last.confirmed[REGISTRY].at == clock.time


def test_other_content_gets_a_file_of_its_own(store: Store, tmp_path: Path) -> None:
    back_up(store, {"orders": "1", "users": "same"})
    first = tree(tmp_path)
    for sequence, text in enumerate(["2", "1", "2"], 2):
        result = back_up(store, {"orders": text, "users": "same"})
        assert (result.created, result.point.sequence, result.point.parent) == (True, sequence, sequence - 1)
    folder = tmp_path / BACKUP / REGISTRY / "subjects" / "orders"
    assert sorted(path.read_text() for path in folder.iterdir()) == ["1", "2"]
    assert sorted(path.name for path in folder.iterdir())[0].startswith("v1.d4735e3a265e16ee")
    assert [read_back(store, sequence)["orders"] for sequence in (1, 2, 3, 4)] == ["1", "2", "1", "2"]
    mutable = {"prod/last-run.json", "prod/manifest.json"}
    assert {path: tree(tmp_path)[path] for path in set(first) - mutable} == {
        path: first[path] for path in set(first) - mutable
    }


def test_another_question_is_another_point(store: Store) -> None:
    back_up(store, {"orders": "1"})
    result = back_up(store, {"orders": "1"}, scope={"subjects": ["orders"]})
    assert (result.created, result.point.sequence) == (True, 2)


def test_files_of_a_run_that_was_given_up_are_adopted(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(FilesystemStorage, "flush", lambda _storage, paths: flushed.extend(paths))
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    PartWriter(opened, REGISTRY, scope=SCOPE).add_files(subjects({"orders": "1"}))
    path = tmp_path / BACKUP / REGISTRY / "subjects" / "orders" / "v1.json"
    written = path.stat()
    assert abort(store, BACKUP, opened.id, clock=SystemClock()) == opened.id
    assert back_up(store, {"orders": "1"}).point.sequence == 1
    assert path.stat().st_ino == written.st_ino
    assert list(path.parent.iterdir()) == [path]
    assert flushed == [path.relative_to(tmp_path).as_posix()], "it may not have been on disk"


def test_a_point_of_two_parts(store: Store) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock(), expected=["groups", REGISTRY])
    write_part(OpenPoint.load(store, BACKUP, opened.id, clock=SystemClock()), REGISTRY, {"orders": "1"})
    write_part(OpenPoint.load(store, BACKUP, opened.id, clock=SystemClock()), "groups", {"billing": "2"})
    assert list_points(store, BACKUP) == []
    assert would_create(opened)
    result = commit(opened)
    assert (result.created, result.point.complete) == (True, True)
    assert read_back(store, 1) == {"orders": "1"}
    assert read_back(store, 1, "groups") == {"billing": "2"}


def test_a_part_that_is_missing_makes_a_point_incomplete(store: Store) -> None:
    for created in (True, False):
        opened = open_point(store, BACKUP, owner=None, clock=SystemClock(), expected=["groups", REGISTRY])
        write_part(opened, REGISTRY, {"orders": "1"})
        assert would_create(opened) is created
        result = commit(opened)
        assert (result.created, result.point.complete, result.point.missing) == (created, False, ("groups",))
    with pytest.raises(NotFound, match=r"1 \(schema-registry; incomplete\)"):
        find_point(store, BACKUP, LATEST)
    assert find_point(store, BACKUP, 1) == result.point


def test_an_incomplete_part_is_never_the_latest(store: Store, tmp_path: Path) -> None:
    back_up(store, {"orders": "1"})
    assert back_up(store, {}, complete=False).created
    assert not back_up(store, {}, complete=False).created
    assert [point.complete for point in list_points(store, BACKUP)] == [True, False]
    assert find_point(store, BACKUP, LATEST).sequence == 1
    manifest = json.loads((tmp_path / BACKUP / "manifest.json").read_bytes())
    assert manifest["sequence"] == 1
    last = LastRun.read(store, BACKUP)
    assert last is not None
    assert (last.restore_point, last.complete, last.confirmed[REGISTRY].restore_point) == (2, False, 1)
    assert not back_up(store, {"orders": "1"}).created


def test_the_latest_holds_what_is_needed(store: Store) -> None:
    back_up(store, {"orders": "1"})
    back_up(store, {"billing": "1"}, part="groups")
    assert find_point(store, BACKUP, LATEST).sequence == 2
    assert find_point(store, BACKUP, LATEST, [REGISTRY]).sequence == 1
    with pytest.raises(NotFound, match=r"schema-registry and groups.* 2 \(groups\), 1 \(schema-registry\)"):
        find_point(store, BACKUP, LATEST, [REGISTRY, "groups"])
    with pytest.raises(NotFound, match="no schema-registry in restore point 2"):
        find_point(store, BACKUP, 2, [REGISTRY])


def test_parts_on_their_own_confirm_their_own_points(store: Store) -> None:
    """Two captures that take turns make no point as long as neither source changes."""
    back_up(store, {"orders": "1"})
    back_up(store, {"billing": "1"}, part="groups")
    assert back_up(store, {"orders": "1"}).point.sequence == 1
    assert back_up(store, {"billing": "1"}, part="groups").point.sequence == 2
    last = LastRun.read(store, BACKUP)
    assert last is not None
    assert {part: found.restore_point for part, found in last.confirmed.items()} == {REGISTRY: 1, "groups": 2}


def test_a_point_is_confirmed_only_as_the_newest_of_each_part(store: Store) -> None:
    def both(text: str) -> tuple[bool, int]:
        opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
        write_part(opened, REGISTRY, {"orders": text})
        write_part(opened, "groups", {"billing": "1"})
        result = commit(opened)
        return result.created, result.point.sequence

    assert both("1") == (True, 1)
    assert both("1") == (False, 1)
    back_up(store, {"orders": "other"})
    assert both("1") == (True, 3)
    assert back_up(store, {"orders": "1"}).point.sequence == 3


def test_what_does_not_exist_is_listed(store: Store) -> None:
    with pytest.raises(NotFound, match="no backup at all"):
        find_point(store, "staging", LATEST)
    back_up(store, {"orders": "1"})
    with pytest.raises(NotFound, match=r"no backup 'staging' in .* holds prod"):
        find_point(store, "staging", LATEST)
    with pytest.raises(NotFound, match=r"no restore point 7\. It has 1 \(schema-registry\)"):
        find_point(store, BACKUP, 7)
    with pytest.raises(InvalidOption, match="'newest'"):
        find_point(store, BACKUP, "newest")
    open_point(store, "begun", owner=None, clock=SystemClock())
    with pytest.raises(NotFound, match="no restore point, since no run has ended"):
        find_point(store, "begun", LATEST)


def test_long_listings_are_bounded(store: Store) -> None:
    for number in range(25):
        back_up(store, {"orders": str(number)})
    with pytest.raises(NotFound, match=r"6 \(schema-registry\) and 5 older ones") as caught:
        find_point(store, BACKUP, 99)
    assert len(caught.value.message) < 1000


def test_nothing_is_no_point(store: Store) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    with pytest.raises(Refused, match="nothing to commit"):
        commit(opened)


def test_a_part_is_captured_once(store: Store) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    write_part(opened, REGISTRY, {"orders": "1"})
    write_part(opened, REGISTRY, {"orders": "1"})
    with pytest.raises(Refused, match="has a part 'schema-registry' already"):
        write_part(opened, REGISTRY, {"orders": "2"})
    commit(opened)
    assert read_back(store, 1) == {"orders": "1"}


def test_a_path_is_added_once(store: Store) -> None:
    writer = PartWriter(open_point(store, BACKUP, owner=None, clock=SystemClock()), REGISTRY, scope=SCOPE)
    writer.add_files(subjects({"orders": "1"}))
    with pytest.raises(ValueError, match="twice"):
        writer.add_files(subjects({"orders": "1"}))


def test_a_capture_that_fails_leaves_no_point_and_no_lease(store: Store, tmp_path: Path) -> None:
    def fail_late() -> None:
        with capture(store, BACKUP, None, clock=SystemClock()) as taken:
            write_part(taken.point, REGISTRY, {"orders": "1"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    assert list_points(store, BACKUP) == []
    assert not (tmp_path / BACKUP / "open" / "lease.json").exists()
    assert back_up(store, {"orders": "1"}).point.sequence == 1


def test_a_capture_joins_an_open_point(store: Store) -> None:
    clock = StillClock()
    opened = open_point(store, BACKUP, owner=None, clock=clock)
    with capture(store, BACKUP, opened.id, clock=clock) as taken:
        write_part(taken.point, REGISTRY, {"orders": "1"})
    assert taken.result is None
    assert list_points(store, BACKUP) == []
    assert commit(opened).created


def test_a_commit_that_was_interrupted_is_made_up_for(store: Store, tmp_path: Path) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    write_part(opened, REGISTRY, {"orders": "1"})
    left = tree(tmp_path / BACKUP / "open")
    first = commit(opened)
    for path, content in left.items():
        (tmp_path / BACKUP / "open" / path).parent.mkdir(exist_ok=True)
        (tmp_path / BACKUP / "open" / path).write_bytes(content)
    (tmp_path / BACKUP / "manifest.json").unlink()
    (tmp_path / BACKUP / "last-run.json").unlink()
    again = commit(OpenPoint.load(store, BACKUP, opened.id, clock=SystemClock()))
    assert (again.created, again.point) == (True, first.point)
    last = LastRun.read(store, BACKUP)
    assert last is not None
    assert last.created
    assert (tmp_path / BACKUP / "manifest.json").exists()


def test_a_capture_that_fails_leaves_nothing_unfinished(store: Store, tmp_path: Path) -> None:
    def fail(backup_id: str, point_id: str | None, *, taken_over: bool = False) -> None:
        with capture(store, backup_id, point_id, clock=SystemClock()) as taken:
            left = tmp_path / backup_id / "topics" / ".tmp-1234"
            left.parent.mkdir(exist_ok=True)
            left.write_bytes(b"of a process that was killed")
            if taken_over:
                abort(store, backup_id, taken.point.id, clock=SystemClock())
                left.write_bytes(b"of the run that came after")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(BACKUP, None)
    assert not (tmp_path / BACKUP / "topics" / ".tmp-1234").exists()
    with pytest.raises(ZeroDivisionError):
        fail("other", None, taken_over=True)
    assert (tmp_path / "other" / "topics" / ".tmp-1234").exists()
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    with pytest.raises(ZeroDivisionError):
        fail(BACKUP, opened.id)
    assert (tmp_path / BACKUP / "topics" / ".tmp-1234").exists(), "other modules may be at work on that restore point"


def test_the_latest_may_have_to_suit(store: Store) -> None:
    for contents in ({"a": "1", "b": "1"}, {"a": "2", "b": "2"}, {"a": "3"}):
        back_up(store, contents)
    found = find_point(store, BACKUP, LATEST, [REGISTRY], lambda point: point.parts[REGISTRY].files == 2)
    assert found.sequence == 2
    assert find_point(store, BACKUP, 3, [REGISTRY], lambda point: False).sequence == 3
    with pytest.raises(NotFound, match=r"no complete restore point with schema-registry that holds all .* It has 3 \("):
        find_point(store, BACKUP, LATEST, [REGISTRY], lambda point: False)


def test_what_is_committed_or_given_up_is_not_open(store: Store) -> None:
    opened = open_point(store, BACKUP, owner=None, clock=SystemClock())
    write_part(opened, REGISTRY, {"orders": "1"})
    commit(opened)
    with pytest.raises(NotFound, match="is not open"):
        OpenPoint.load(store, BACKUP, opened.id, clock=SystemClock())
    assert abort(store, BACKUP, opened.id, clock=SystemClock()) is None
    assert abort(store, BACKUP, None, clock=SystemClock()) is None


def test_a_part_that_was_not_asked_for_any_more_is_told(store: Store) -> None:
    for expected, told in (([REGISTRY, "groups"], ()), (["groups"], (f"also holds {REGISTRY}",)), (["groups"], ())):
        opened = open_point(store, BACKUP, owner=None, clock=SystemClock(), expected=expected)
        for name in expected:
            write_part(opened, name, {"orders": str(len(expected))})
        warnings = commit(opened).warnings
        assert len(warnings) == len(told)
        assert all(text in warning for text, warning in zip(told, warnings, strict=True))
    # A module that makes a restore point of its own is asked for nothing else.
    assert back_up(store, {"orders": "1"}).warnings == ()


def test_a_damaged_point_hinders_no_backup(store: Store, tmp_path: Path) -> None:
    back_up(store, {"orders": "1"})
    (tmp_path / BACKUP / "restore-points" / "00000001.json").write_bytes(b"{")
    with pytest.raises(Damaged, match="00000001"):
        find_point(store, BACKUP, LATEST)
    result = back_up(store, {"orders": "1"})
    assert (result.created, result.point.sequence) == (True, 2)
    assert "00000001" in result.warnings[0]
    assert find_point(store, BACKUP, LATEST).sequence == 2
    with pytest.raises(NotFound, match=r"1 \(damaged\)"):
        find_point(store, BACKUP, 9)


def test_a_newer_point_is_refused_by_readers_and_writers(store: Store, tmp_path: Path) -> None:
    back_up(store, {"orders": "1"})
    path = tmp_path / BACKUP / "restore-points" / "00000001.json"
    path.write_bytes(path.read_bytes().replace(b'"format_version": 1', b'"format_version": 2'))
    with pytest.raises(UnsupportedFormat, match="newer release"):
        find_point(store, BACKUP, LATEST)
    with pytest.raises(UnsupportedFormat, match="newer release"):
        back_up(store, {"orders": "2"})


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (b'"sequence": 2', b'"sequence": 1'),
        (b'"parent": "none"', b'"parent": null'),
        (b'"committed_at": "yesterday"', b'"committed_at": "2026-01-31T12:00:00.000Z"'),
        (b'"complete": 1', b'"complete": true'),
        (b'"surplus": 1, "sequence": 1', b'"sequence": 1'),
        (b'"parts": [],\n  "was"', b'"parts"'),
    ],
)
def test_a_point_that_was_edited_is_refused(store: Store, tmp_path: Path, wrong: bytes, right: bytes) -> None:
    back_up(store, {"orders": "1"}, clock=StillClock())
    path = tmp_path / BACKUP / "restore-points" / "00000001.json"
    content = path.read_bytes()
    assert right in content
    path.write_bytes(content.replace(right, wrong))
    with pytest.raises(Damaged, match="00000001"):
        find_point(store, BACKUP, LATEST)
