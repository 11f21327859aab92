# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is killed at any step leaves no restore point that only looks whole, and no change unjournaled."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point, list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import Setting
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import BACKUP, back_up, make_store, tree
from testbed.mishaps import copies, kill_at_each_step

REGISTRY = "schema-registry"
BEFORE = {"same": "same", "changed": "one"}
AFTER = {"same": "same", "changed": "two", "new": "new"}


def contents(store: Store, sequence: int | str) -> dict[str, str]:
    reader = PartReader(store, find_point(store, BACKUP, sequence), REGISTRY)
    return {entry.facts["subject"]: reader.read(entry).decode() for entry in reader.entries()}


def test_a_backup_is_killed_at_each_step(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    back_up(make_store(origin), BEFORE)
    committed = 0
    steps = 0
    for root in kill_at_each_step(lambda root: back_up(make_store(root), AFTER), copies(origin, tmp_path)):
        steps += 1
        store = make_store(root)
        points = list_points(store, BACKUP)
        assert [point.sequence for point in points] in ([1], [1, 2])
        assert [verify_point(store, point).damaged for point in points] == [()] * len(points)
        assert [contents(store, point.sequence) for point in points] == [BEFORE, AFTER][: len(points)]
        committed += len(points) == 2
        left = {path: (root / path).stat().st_ino for path in tree(root) if path.startswith(f"{BACKUP}/{REGISTRY}/")}

        result = back_up(store, AFTER)
        assert (result.created, result.point.sequence) == (len(points) == 1, 2)
        assert contents(store, LATEST) == AFTER
        assert verify_point(store, result.point).damaged == ()
        files = tree(root)
        assert files[f"{BACKUP}/manifest.json"] == files[f"{BACKUP}/restore-points/00000002.json"]
        assert len([path for path in files if path.startswith(f"{BACKUP}/{REGISTRY}/")]) == 4
        assert [path for path in files if "/open/" in path and not path.rpartition("/")[2].startswith(".tmp-")] == []
        finished = {path: number for path, number in left.items() if not path.rpartition("/")[2].startswith(".tmp-")}
        assert {path: (root / path).stat().st_ino for path in finished} == finished, "adopted, not written again"
        unfinished = [path for path in files if "/.tmp-" in path]
        assert all(path.startswith(f"{BACKUP}/open/.tmp-") for path in unfinished), unfinished
    assert steps > 30
    assert 0 < committed < steps / 2


def test_the_marking_of_a_store_is_killed_at_each_step(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    steps = 0
    for root in kill_at_each_step(make_store, copies(origin, tmp_path)):
        steps += 1
        store = make_store(root)
        assert Store.open(store.storage).store_id == store.store_id
    assert steps >= 3


def test_a_journaled_run_is_killed_at_each_step(tmp_path: Path) -> None:
    """At every moment the target's mode is the prior one, or the journal says what it was."""

    def change_for_a_while(root: Path) -> None:
        mode = root / "mode"
        run = UndoJournal(FilesystemStorage(str(root)), "target", SystemClock()).begin("import", {})
        run.record("mode", "", Setting(mode.read_text(), True), "IMPORT")
        mode.write_text("IMPORT")
        run.record("mode", "", Setting(mode.read_text(), True), "READONLY")
        mode.write_text("READONLY")
        mode.write_text("READWRITE")
        run.mark_undone([("mode", "")])
        run.finish()

    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "mode").write_text("READWRITE")
    seen = set()
    for root in kill_at_each_step(change_for_a_while, copies(origin, tmp_path)):
        journal = UndoJournal(FilesystemStorage(str(root)), "target", SystemClock())
        runs = journal.runs()
        assert all(run.is_over() for run in runs)
        pending = [change for run in runs for change in run.pending()]
        mode = (root / "mode").read_text()
        seen.add((mode, len(pending)))
        assert [change.prior for change in pending] == [Setting("READWRITE", True)] * len(pending)
        assert mode in ("READWRITE", "") or pending
        for run in runs:
            run.mark_undone([change.key for change in run.pending()])
            assert run.finish()
        assert journal.runs() == []
    assert {("READWRITE", 0), ("READWRITE", 1), ("IMPORT", 1), ("READONLY", 1)} <= seen
