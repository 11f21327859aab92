# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are not as they were written: found, named with what they cost, and never imported unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import BACKUP, Target, kill

from testbed.modules import run_module

FILES = {
    "restore point": "restore-points/00000001.json",
    "part": "parts/*.json",
    "index page": "parts/schema-registry/*.json",
    "manifest": "schema-registry/_manifest.json",
    "global config": "schema-registry/_global_config.json",
    "subject": "schema-registry/subjects/customer/_metadata.json",
    "version": "schema-registry/subjects/customer/v1.json",
}
"""One of each kind of file that a restore needs."""


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def edit(path: Path) -> None:
    text = path.read_text()
    digit = next(position for position in range(len(text) - 1, 0, -1) if text[position].isalpha())
    path.write_text(f"{text[:digit]}#{text[digit + 1:]}")


def remove(path: Path) -> None:
    path.unlink()


WAYS: dict[str, Callable[[Path], None]] = {"cut": truncate, "empty": empty, "edited": edit, "missing": remove}
EACH = [pytest.param(kind, way, id=f"{kind} {way}") for kind in FILES for way in WAYS]


def spoil(target: Target, kind: str, way: str) -> Path:
    (path,) = (target.store / BACKUP).glob(FILES[kind])
    WAYS[way](path)
    return path


def verify(target: Target, **more: Any) -> dict[str, Any]:
    store = {"path": str(target.store)}
    return run_module("backup_verify", store=store, backup_id=BACKUP, **more).failed()


@pytest.mark.parametrize(("kind", "way"), EACH)
def test_damage_is_found_and_not_imported(target: Target, kind: str, way: str) -> None:
    path = spoil(target, kind, way)
    gone = kind == "restore point" and way == "missing"
    for failed in (target.import_().failed(), verify(target)):
        assert failed["failure"]["code"] == ("not_found" if gone else "damaged")
        assert ("has no restore point, although" if gone else path.name) in failed["msg"]
    assert target.proxy.writes() == []
    assert target.journal() == []


def test_damage_may_be_left_out_and_is_listed(target: Target) -> None:
    spoil(target, "version", "edited")
    told = target.import_(on_damage="skip")
    result = told.succeeded()
    assert [(each["file"], each["costs"]) for each in result["plan"]["damaged"]] == [
        ("schema-registry/subjects/customer/v1.json", "version 1 of subject customer"),
        ("orders-value version 1", "version 1 of subject orders-value"),
    ]
    assert "it refers to customer version 1" in result["plan"]["damaged"][1]["reason"]
    assert any("2 damaged documents" in warning for warning in result["warnings"])
    held = target.holding()["versions"]
    assert "address version 2" in held
    assert not [name for name in held if name.startswith(("customer", "orders-value"))]
    assert target.journal() == []


@pytest.mark.parametrize("kind", ["restore point", "part", "index page", "manifest"])
def test_what_nothing_can_be_read_without_is_never_left_out(target: Target, kind: str) -> None:
    spoil(target, kind, "edited")
    assert target.import_(on_damage="skip").failed()["failure"]["code"] == "damaged"
    assert target.proxy.writes() == []


def test_a_damaged_file_is_written_anew_by_the_next_backup(target: Target) -> None:
    path = spoil(target, "version", "edited")
    target.import_(on_damage="skip").succeeded()
    options = {"store": {"path": str(target.store)}, "backup_id": BACKUP}
    run_module("schema_registry_export", registry=target.registry, diff=True, **options).succeeded()
    verified = run_module("backup_verify", **options).succeeded()["verified"]
    assert [each["restore_point"] for each in verified] == [2]
    assert verify(target, restore_points=["1"])["failure"]["damaged"][0]["file"].endswith(path.name)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"backup_id": "staging"}, "There is no backup 'staging'"),
        ({"restore_point": "7"}, "has no restore point 7"),
    ],
)
def test_an_unknown_backup_or_restore_point_is_said_with_those_that_exist(
    target: Target, wanted: dict[str, str], said: str
) -> None:
    failed = target.import_(**wanted).failed()
    assert failed["failure"]["code"] == "not_found"
    assert said in failed["msg"]
    assert ("It holds prod." if "backup_id" in wanted else "It has 1 (schema-registry).") in failed["msg"]
    point = [wanted["restore_point"]] if "restore_point" in wanted else ["latest"]
    options = {"backup_id": wanted.get("backup_id", BACKUP), "restore_points": point}
    checked = run_module("backup_verify", store={"path": str(target.store)}, **options).failed()
    assert (checked["failure"]["code"], checked["msg"]) == ("not_found", failed["msg"])


@pytest.mark.parametrize("kind", ["store", "restore point"])
def test_a_newer_format_is_refused(target: Target, kind: str) -> None:
    path = target.store / ("store.json" if kind == "store" else f"{BACKUP}/{FILES[kind]}")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))
    failed = target.import_().failed()
    assert failed["failure"]["code"] == "unsupported_format"
    assert path.name in failed["msg"]
    assert target.proxy.requests == []


def test_a_damaged_journal_is_never_taken_for_an_empty_one(target: Target) -> None:
    target.import_while(5, kill, after=True)
    (journal,) = (target.store / "journal").glob("*/runs/*.json")
    journal.write_bytes(journal.read_bytes()[:100])
    for outcome in (target.import_(), target.recover(on_failure="prior_modes")):
        failed = outcome.failed()
        assert failed["failure"]["code"] == "damaged"
        assert journal.name in failed["msg"]
        assert target.proxy.writes() == []


def test_an_unreadable_restore_point_hides_no_other(target: Target) -> None:
    options = {"store": {"path": str(target.store)}, "backup_id": BACKUP}
    run_module("schema_registry_export", registry=target.registry, diff=True, **options).succeeded()
    spoil(target, "restore point", "cut")
    path = target.store / BACKUP / FILES["version"]
    truncate(path)
    for wanted in (["all"], ["1", "2"]):
        (damaged,) = verify(target, restore_points=wanted)["failure"]["damaged"]
        assert damaged["restore_point"] == 1
        assert damaged["file"].endswith("/restore-points/00000001.json")
        assert damaged["costs"] == "the whole restore point"
    run_module("backup_verify", **options).succeeded()
    target.import_(restore_point="2").succeeded()
