# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module restore_point, with the export of a registry as what is captured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.liveness import ProcessIdentity
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.open_point import open_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from testbed.archives import make_store, tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, register
from testbed.modules import Outcome, run_module


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """The store and the backup, ready."""
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    return {"store": store, "backup_id": "prod"}


@pytest.fixture
def point(options: dict[str, Any]) -> Callable[..., Outcome]:
    """Runs the module."""
    return lambda state, **more: run_module("restore_point", state=state, **options, **more)


@pytest.fixture
def export(options: dict[str, Any], registry: AxonOpsRegistry) -> Callable[..., Outcome]:
    """Exports the registry."""
    return lambda **more: run_module("schema_registry_export", registry={"url": registry.endpoint}, **options, **more)


def test_open_capture_commit(
    point: Callable[..., Outcome], export: Callable[..., Outcome], registry: AxonOpsRegistry, tmp_path: Path
) -> None:
    register(registry, "orders", avro("Order"))
    before = tree(tmp_path)
    checked = point("open", check=True).succeeded()
    assert (checked["changed"], checked["restore_point"]) == (True, None)
    assert tree(tmp_path) == before

    opened = point("open").succeeded()
    assert opened["changed"]
    assert opened["restore_point"].startswith("00000001-")
    captured = export(restore_point=opened["restore_point"]).succeeded()
    assert captured["changed"]
    assert captured["backup"]["restore_point"] is None

    before = tree(tmp_path)
    checked = point("committed", check=True, restore_point=opened["restore_point"]).succeeded()
    assert checked["changed"]
    assert tree(tmp_path) == before
    committed = point("committed", restore_point=opened["restore_point"]).succeeded()
    assert committed["changed"]
    backup = committed["backup"]
    assert (backup["restore_point"], backup["created"], backup["complete"]) == (1, True, True)
    assert (backup["parts"], backup["missing"]) == (["schema-registry"], [])

    again = point("committed", restore_point=opened["restore_point"]).failed()
    assert again["failure"]["code"] == "not_found"
    assert "is not open" in again["msg"]


def test_an_unchanged_source_makes_no_restore_point(
    point: Callable[..., Outcome], export: Callable[..., Outcome], registry: AxonOpsRegistry, tmp_path: Path
) -> None:
    register(registry, "orders", avro("Order"))
    assert export().succeeded()["backup"]["restore_point"] == 1
    before = tree(tmp_path)
    opened = point("open").succeeded()["restore_point"]
    assert not export(restore_point=opened).succeeded()["changed"]
    assert not point("committed", check=True, restore_point=opened).succeeded()["changed"]
    committed = point("committed", restore_point=opened).succeeded()
    assert not committed["changed"]
    assert (committed["backup"]["restore_point"], committed["backup"]["created"]) == (1, False)
    after = tree(tmp_path)
    assert {path for path in {*before, *after} if before.get(path) != after.get(path)} == {"store/prod/last-run.json"}


def test_nothing_is_committed_without_a_part(point: Callable[..., Outcome]) -> None:
    opened = point("open").succeeded()["restore_point"]
    failed = point("committed", restore_point=opened).failed()
    assert failed["failure"]["code"] == "refused"
    assert "has no part" in failed["msg"]
    assert (
        point("committed").failed()["msg"] == "state is committed but all of the following are missing: restore_point"
    )


def test_an_open_restore_point_keeps_others_out_until_it_is_given_up(
    point: Callable[..., Outcome], export: Callable[..., Outcome], tmp_path: Path
) -> None:
    opened = point("open").succeeded()["restore_point"]
    for busy in (point("open"), point("open", check=True), export(), point("aborted")):
        failed = busy.failed()
        assert failed["failure"]["code"] == "busy"
        assert failed["failure"]["restore_point"] == opened
        assert f"state: aborted, restore_point: {opened}" in failed["msg"]

    before = tree(tmp_path)
    assert point("aborted", check=True, restore_point=opened).succeeded()["changed"]
    assert tree(tmp_path) == before
    assert point("aborted", restore_point=opened).succeeded()["changed"]
    again = point("aborted", restore_point=opened).succeeded()
    assert (again["changed"], again["restore_point"]) == (False, None)
    assert point("open").succeeded()["restore_point"] != opened


def lease_of(folder: Path) -> Path:
    return folder / "store" / "prod" / "open" / "lease.json"


def test_without_an_id_only_what_a_dead_run_left_is_given_up(point: Callable[..., Outcome], tmp_path: Path) -> None:
    assert not point("aborted").succeeded()["changed"]
    opened = point("open").succeeded()["restore_point"]
    assert point("aborted").failed()["failure"]["code"] == "busy"
    lease = json.loads(lease_of(tmp_path).read_text())
    lease_of(tmp_path).write_text(json.dumps({**lease, "refreshed_at": "2020-01-01T00:00:00.000Z"}))
    given_up = point("aborted").succeeded()
    assert (given_up["changed"], given_up["restore_point"]) == (True, opened)


def test_a_lease_that_cannot_be_read_is_taken_away_when_asked(point: Callable[..., Outcome], tmp_path: Path) -> None:
    point("open").succeeded()
    lease_of(tmp_path).write_bytes(b"")
    for refused in (point("open"), point("aborted")):
        assert "state: aborted, restore_point: damaged" in refused.failed()["msg"]
    assert point("aborted", check=True, restore_point="damaged").succeeded()["changed"]
    assert point("aborted", restore_point="damaged").succeeded()["changed"]
    assert not point("aborted", restore_point="damaged").succeeded()["changed"]
    opened = point("open").succeeded()["restore_point"]
    assert not point("aborted", restore_point="damaged").succeeded()["changed"]
    assert point("aborted", restore_point=opened).succeeded()["changed"]


@pytest.mark.parametrize("seconds", [-1, 0, 119, 10**20])
def test_a_lease_timeout_out_of_range_is_refused(point: Callable[..., Outcome], seconds: int) -> None:
    refused = point("open", lease_timeout=seconds).failed()
    assert refused["failure"] == {"code": "invalid_option", "object": "lease_timeout"}
    assert "120" in refused["msg"]


def test_a_living_run_is_named_and_a_killed_one_stands_in_nobodys_way(
    point: Callable[..., Outcome], options: dict[str, Any], tmp_path: Path
) -> None:
    with subprocess.Popen(["sleep", "600"]) as run:
        identity = ProcessIdentity.of(run.pid)
        open_point(make_store(tmp_path / "store"), "prod", owner=identity, clock=SystemClock())
        failed = point("open").failed()
        assert failed["failure"]["owner"]["pid"] == run.pid
        assert str(identity) in failed["msg"]
        run.kill()
    assert point("open").succeeded()["restore_point"].startswith("00000001-")
