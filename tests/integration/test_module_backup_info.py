# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules backup_info and backup_verify."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from testbed.archives import StillClock, back_up, make_store, tree
from testbed.axonops import AxonOpsRegistry
from testbed.contents import fill, holder, register
from testbed.modules import Outcome, run_module


@pytest.fixture
def store(tmp_path: Path) -> dict[str, str]:
    """An empty store."""
    make_store(tmp_path / "store")
    return {"path": str(tmp_path / "store")}


def ago(**time: float) -> StillClock:
    """A clock that stands at a time in the past."""
    clock = StillClock()
    clock.time = datetime.now(UTC) - timedelta(**time)
    return clock


def info(store: dict[str, str], **options: Any) -> Outcome:
    return run_module("backup_info", store=store, **options)


def test_an_empty_store_holds_no_backup(store: dict[str, str]) -> None:
    told = info(store).succeeded()
    assert (told["changed"], told["backups"]) == (False, [])
    failed = info(store, backup_id="prod").failed()
    assert failed["failure"] == {"code": "not_found", "object": "prod"}
    assert "holds no backup at all" in failed["msg"]
    assert info(store, max_age="1h").failed()["failure"]["code"] == "not_found"


def test_backups_and_their_restore_points_are_told(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    back_up(opened, {"a": "1"}, clock=ago(hours=3))
    back_up(opened, {"a": "2"}, clock=ago(hours=2))
    back_up(opened, {"a": "3"}, clock=ago(hours=1), complete=False)
    back_up(opened, {"a": "1"}, backup_id="staging")
    before = tree(Path(store["path"]))
    told = info(store, check=True).succeeded()["backups"]
    assert tree(Path(store["path"])) == before
    assert [backup["backup_id"] for backup in told] == ["prod", "staging"]
    prod = told[0]
    assert prod["latest"] == 2
    assert 7200 <= prod["age_seconds"] < 10800
    points = [(point["restore_point"], point["parent"], point["complete"]) for point in prod["restore_points"]]
    assert points == [(1, None, True), (2, 1, True), (3, 2, False)]
    assert prod["restore_points"][0]["parts"][0]["name"] == "schema-registry"
    assert (prod["last_run"]["restore_point"], prod["last_run"]["complete"]) == (3, False)
    assert [backup["backup_id"] for backup in info(store, backup_id="staging").succeeded()["backups"]] == ["staging"]
    assert "It holds prod, staging." in info(store, backup_id="dr").failed()["msg"]


def test_only_restore_points_with_the_wanted_parts_count(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    back_up(opened, {"a": "1"}, clock=ago(hours=3), part="topics")
    back_up(opened, {"a": "1"}, clock=ago(hours=1))

    (any_part,) = info(store).succeeded()["backups"]
    (topics,) = info(store, parts=["topics"]).succeeded()["backups"]
    (both,) = info(store, parts=["topics", "schema-registry"]).succeeded()["backups"]

    assert (any_part["latest"], topics["latest"], both["latest"]) == (2, 1, None)
    assert 3600 <= any_part["age_seconds"] < 10800 <= topics["age_seconds"]
    assert info(store, max_age="2h").succeeded()
    assert info(store, parts=["topics"], max_age="2h").failed()["failure"]["code"] == "too_old"


def test_a_confirmation_counts_for_the_parts_that_it_confirmed(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    for hours in (3, 1):
        back_up(opened, {"a": "1"}, clock=ago(hours=hours), part="topics")

    (told,) = info(store, parts=["topics"]).succeeded()["backups"]

    assert (told["latest"], len(told["restore_points"])) == (1, 1)
    assert 3600 <= told["age_seconds"] < 10800


def test_many_restore_points_are_cut(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    for number in range(103):
        back_up(opened, {"a": str(number)})

    (told,) = info(store).succeeded()["backups"]

    assert told["restore_points_omitted"] == 3
    assert [point["restore_point"] for point in told["restore_points"]] == list(range(4, 104))


def test_a_backup_may_be_too_old(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    back_up(opened, {"a": "1"}, clock=ago(hours=2))
    back_up(opened, {"a": "1"}, backup_id="staging")
    back_up(opened, {"a": "1"}, backup_id="never", complete=False)
    for age in ("121m", "7260", "3h", "1d", "1w"):
        assert info(store, backup_id="prod", max_age=age).succeeded()["backups"]
    failed = info(store, max_age="119m").failed()
    assert failed["failure"] == {"code": "too_old", "object": "never"}
    assert "never (has no complete restore point), prod (2:00:0" in failed["msg"]
    assert "staging" not in failed["msg"]
    for age in ("soon", "-1h", "1.5h", "", "99999999999d", "9" * 5000):
        assert info(store, max_age=age).failed()["failure"]["code"] == "invalid_option"


def test_a_backup_of_the_future_is_not_taken_for_a_young_one(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    back_up(opened, {"a": "1"}, clock=ago(minutes=-2), backup_id="skewed")
    assert info(store, max_age="1h").succeeded()["backups"]
    back_up(opened, {"a": "1"}, clock=ago(hours=-30))
    failed = info(store, max_age="1h").failed()
    assert failed["failure"] == {"code": "wrong_clock", "object": "prod"}
    assert "prod (1 day, 5:59:" in failed["msg"]
    assert "skewed" not in failed["msg"]
    assert info(store).succeeded()["backups"][0]["age_seconds"] < 0


def test_a_run_that_confirmed_the_newest_point_makes_the_backup_young(store: dict[str, str]) -> None:
    opened = make_store(Path(store["path"]))
    back_up(opened, {"a": "1"}, clock=ago(hours=2))
    assert not back_up(opened, {"a": "1"}).created
    assert info(store, max_age="1m").succeeded()["backups"][0]["latest"] == 1


def test_a_damaged_note_of_the_last_run_hides_nothing(store: dict[str, str]) -> None:
    back_up(make_store(Path(store["path"])), {"a": "1"})
    (Path(store["path"]) / "prod" / "last-run.json").write_text("{}")
    told = info(store, max_age="1h").succeeded()["backups"][0]
    assert (told["latest"], told["last_run"]) == (1, None)
    assert "last-run.json is damaged" in told["last_run_problem"]


def test_a_query_shapes_the_result(store: dict[str, str]) -> None:
    back_up(make_store(Path(store["path"])), {"a": "1"})
    told = info(store, query="backups[].restore_points[].restore_point").succeeded()
    assert told["query_result"] == [1]
    assert told["backups"]
    failed = info(store, query="backups[").failed()
    assert failed["failure"] == {"code": "invalid_option", "object": "query"}


def test_a_backup_is_verified(store: dict[str, str], registry: AxonOpsRegistry) -> None:
    fill(registry)
    export = {"registry": {"url": registry.endpoint}, "store": store, "backup_id": "prod"}
    held = run_module("schema_registry_export", **export).succeeded()["schemas"]["versions"]
    register(registry, "refunds-value", holder("Refund", "Customer", "customer"))
    run_module("schema_registry_export", **export).succeeded()
    before = tree(Path(store["path"]))

    def verify(**options: Any) -> Outcome:
        return run_module("backup_verify", store=store, **{"backup_id": "prod", **options})

    told = verify(check=True).succeeded()
    assert not told["changed"]
    assert [(point["restore_point"], point["schemas"]) for point in told["verified"]] == [(2, held + 1)]
    assert told["verified"][0]["bytes"] > told["verified"][0]["files"] > held
    assert [point["restore_point"] for point in verify(restore_points=["all"]).succeeded()["verified"]] == [1, 2]
    assert [point["restore_point"] for point in verify(restore_points=[1, "latest"]).succeeded()["verified"]] == [1, 2]
    assert tree(Path(store["path"])) == before

    for options in ({"backup_id": "dr"}, {"restore_points": ["7"]}, {"restore_points": ["all"], "backup_id": "dr"}):
        assert verify(**options).failed()["failure"]["code"] == "not_found"
    assert verify(restore_points=["newest"]).failed()["failure"]["code"] == "invalid_option"
    assert verify(restore_points=[]).failed()["failure"] == {"code": "invalid_option", "object": "restore_points"}

    (damaged,) = Path(store["path"]).glob("prod/schema-registry/subjects/customer/v1.json")
    damaged.write_text(damaged.read_text().replace("Address", "address"))
    failed = verify().failed()
    assert failed["failure"]["code"] == "damaged"
    assert "schema-registry/subjects/customer/v1.json" in failed["msg"]
    assert "customer" in failed["failure"]["damaged"][0]["costs"]
