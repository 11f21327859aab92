# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which restore point a backup of topics is compared with, and how old what is archived is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.bases import Base, find_bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LastRun
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.newest_topics import archived_at, newest_topics
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archived_topics import Log, back_up_topics
from testbed.archives import BACKUP

LOGS = {("orders", 0): Log([(10, 1000)])}


def archived(folder: Path) -> tuple[Store, Base]:
    store, _made = Store.initialise(FilesystemStorage(str(folder)))
    back_up_topics(store, LOGS)
    return store, find_bases(store, BACKUP, ["orders"])["orders"]


def later(moment: datetime) -> datetime:
    return moment + timedelta(hours=5)


def test_age_is_that_of_the_restore_point_or_of_its_last_confirmation(tmp_path: Path) -> None:
    store, base = archived(tmp_path / "store")
    opened = base.point.opened_at
    assert archived_at(base, None) == opened
    run = LastRun.read(store, BACKUP)
    assert run is not None
    confirmed = run.confirmed["topics"]
    assert confirmed.restore_point == base.point.sequence
    newer = replace(run, confirmed={"topics": replace(confirmed, at=later(opened))})
    assert archived_at(base, newer) == later(opened)
    # What was confirmed is another restore point, or another part of this one.
    other = replace(confirmed, at=later(opened), restore_point=base.point.sequence + 1)
    assert archived_at(base, replace(run, confirmed={"topics": other})) == opened
    assert archived_at(base, replace(run, confirmed={"groups": replace(confirmed, at=later(opened))})) == opened


def test_restore_point_without_groups_is_nothing_to_compare_with(tmp_path: Path) -> None:
    store, base = archived(tmp_path / "store")
    assert newest_topics(store, BACKUP, {"orders": base}, complete=True) is None
    assert newest_topics(store, "another", {}, complete=True) is None
