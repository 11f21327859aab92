# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores that cannot be used: not marked, not there, read-only, full, or with somebody else at work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import BACKUP, Target, kill
from faults.program import on_a_disk, run_program
from faults.registry_proxy import Fault

from testbed.archives import tree
from testbed.contents import avro, fill, register
from testbed.mishaps import make_read_only
from testbed.modules import run_module

TASKS: dict[str, dict[str, Any]] = {
    "backup_info": {},
    "backup_verify": {"backup_id": BACKUP},
    "restore_point": {"backup_id": BACKUP, "state": "open"},
    "schema_registry_export": {"backup_id": BACKUP},
    "schema_registry_import": {"backup_id": BACKUP},
    "schema_registry_mode": {"state": "recovered"},
}


def options_of(name: str, target: Target, store: Path) -> dict[str, Any]:
    registry = {"registry": target.registry} if name.startswith("schema_registry") else {}
    return {**TASKS[name], **registry, "store": {"path": str(store)}}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("place", ["not there", "empty", "below a file"])
def test_only_a_marked_store_is_used(target: Target, tmp_path: Path, name: str, place: str) -> None:
    store = tmp_path / "other"
    if place == "empty":
        store.mkdir()
    elif place == "below a file":
        store.touch()
        store = store / "store"
    before = tree(tmp_path)
    failed = run_module(name, **options_of(name, target, store)).failed()
    assert failed["failure"] == {"code": "not_a_store", "object": str(store)}
    assert f"{store} is not marked as a store" in failed["msg"]
    assert "backup_store" in failed["msg"]
    assert tree(tmp_path) == before
    assert target.proxy.writes() == []


def test_a_store_is_not_made_among_other_files_or_in_the_place_of_one(tmp_path: Path) -> None:
    (tmp_path / "taken" / "theses").mkdir(parents=True)
    (tmp_path / "taken" / "theses" / "one.txt").write_text("irreplaceable")
    before = tree(tmp_path)
    for place, code in (
        ("taken", "not_empty"),
        ("taken/theses/one.txt", "store_unusable"),
        ("taken/theses/one.txt/store", "store_unusable"),
    ):
        failed = run_module("backup_store", store={"path": str(tmp_path / place)}).failed()
        assert failed["failure"] == {"code": code, "object": str(tmp_path / place)}
        assert str(tmp_path / place) in failed["msg"]
        assert tree(tmp_path) == before


def test_a_read_only_store_takes_no_backup(target: Target, tmp_path: Path) -> None:
    fill(target.server)
    disk = tmp_path / "disk"
    disk.mkdir()

    def check() -> None:
        shutil.copytree(target.store, disk / "store")
        make_read_only(disk)
        before = tree(disk)
        for name in ("restore_point", "schema_registry_export"):
            failed = run_program(name, **options_of(name, target, disk / "store")).failed()
            assert failed["failure"]["code"] == "not_writable"
            assert failed["failure"]["object"].startswith(f"{disk}/store/prod/")
            assert "Read-only file system" in failed["msg"]
            assert "must be allowed to write there" in failed["msg"]
        assert tree(disk) == before
        run_program("backup_verify", **options_of("backup_verify", target, disk / "store")).succeeded()

    on_a_disk(disk, "size=8m", check)


def test_a_full_disk_leaves_no_restore_point_that_looks_whole(target: Target, tmp_path: Path) -> None:
    for number in range(40):
        register(target.server, f"subject-{number}", avro("Large", *(f"field_{number}_{n}" for n in range(250))))
    disk = tmp_path / "disk"
    disk.mkdir()

    def check() -> None:
        store = disk / "store"
        shutil.copytree(target.store, store)
        (disk / "ballast").write_bytes(bytes(1_500_000))
        failed = run_program("schema_registry_export", **options_of("schema_registry_export", target, store)).failed()
        assert failed["failure"]["code"] == "disk_full"
        assert f"{store}/prod/" in failed["msg"]
        assert "No space left on device" in failed["msg"]
        assert "Make room and run again" in failed["msg"]
        assert os.listdir(store / BACKUP / "restore-points") == ["00000001.json"]
        everything = {"restore_points": ["all"]}
        options = options_of("backup_verify", target, store)
        assert len(run_program("backup_verify", **options, **everything).succeeded()["verified"]) == 1

        (disk / "ballast").unlink()
        again = run_program("schema_registry_export", **options_of("schema_registry_export", target, store)).succeeded()
        assert again["backup"]["restore_point"] == 2
        assert len(run_program("backup_verify", **options, **everything).succeeded()["verified"]) == 2

    on_a_disk(disk, "size=2m", check)


def test_a_full_disk_stops_an_import_before_the_first_change(target: Target, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()

    def check() -> None:
        shutil.copytree(target.store, disk / "store")
        with open(disk / "ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
        options = options_of("schema_registry_import", target, disk / "store")
        failed = run_program("schema_registry_import", **options).failed()
        assert failed["failure"]["code"] == "disk_full"
        assert f"{disk}/store/journal" in failed["msg"]

    on_a_disk(disk, "size=400k", check)
    assert target.proxy.writes() == []


def test_only_one_export_into_a_backup_at_a_time(target: Target) -> None:
    fill(target.server)
    options = options_of("schema_registry_export", target, target.store)
    holder = run_module("restore_point", **options_of("restore_point", target, target.store)).succeeded()
    failed = run_module("schema_registry_export", **options).failed()
    assert failed["failure"]["code"] == "busy"
    assert failed["failure"]["restore_point"] == holder["restore_point"]
    assert "state: aborted" in failed["msg"]
    assert os.listdir(target.store / BACKUP / "restore-points") == ["00000001.json"]


def test_a_killed_export_leaves_no_restore_point_and_stands_in_nobodys_way(target: Target) -> None:
    fill(target.server)
    register(target.server, "more", avro("More", "a"))
    name = "schema_registry_export"
    options = options_of(name, target, target.store)
    outcome = target.run_while(name, Fault("GET", "/subjects/more/versions/*", drop=True), kill, options)
    assert not outcome.values
    assert os.listdir(target.store / BACKUP / "restore-points") == ["00000001.json"]
    target.proxy.clear()
    assert run_module(name, **options).succeeded()["backup"]["restore_point"] == 2
