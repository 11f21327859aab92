# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed imports into a registry whose configs rewrite texts, and that must keep its highest id: an emulated one."""

from __future__ import annotations

import copy
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import Target, kill
from faults.makes import MAKES
from faults.registry_proxy import RegistryProxy
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry

from testbed.contents import avro, delete, place, register, set_config, set_mode
from testbed.modules import run_module

TEXT = '{"type":"object","title":"T","properties":{"b":{"type":"string"},"a":{"type":"string"}}}'
EITHER_STATE = pytest.mark.parametrize("filled", [False, True], ids=["empty", "part-filled"])


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """An empty registry, and a store with a backup whose last id belongs to what is gone."""
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    with EmulatedRegistry(lambda: Confluent(clusters=("kafka", "source"))) as source:
        register(source, "t", {"schemaType": "JSON", "schema": TEXT})
        register(source, "soft", avro("T"))
        register(source, "gone", avro("Gone"))
        delete(source, "soft")
        delete(source, "gone")
        source.call("DELETE", "/subjects/gone?permanent=true")
        run_module(
            "schema_registry_export", store=store, backup_id="prod", registry={"url": source.endpoint}
        ).succeeded()
    with EmulatedRegistry(Confluent) as server, RegistryProxy(server.endpoint) as proxy:
        yield Target(MAKES["confluent"], server, proxy, tmp_path / "store")


def prepare(target: Target, *, filled: bool) -> Any:
    """Give the target its own things and no others; return its configs and modes."""
    target.server.wipe()
    for path in (target.store / "journal").glob("*/runs/*.json"):
        path.unlink()
    if filled:
        set_mode(target.server, "IMPORT")
        place(target.server, "mine", 2, 1, avro("T"))
        target.server.call("DELETE", "/mode")
    set_config(target.server, compatibility="FULL", normalize=True)
    set_config(target.server, "t", validateFields=True)
    return settings_of(target)


def settings_of(target: Target) -> Any:
    settings = target.server.make.settings
    return copy.deepcopy((settings.configs, settings.modes))


def versions_of(target: Target) -> Any:
    listed = target.server.call("GET", "/schemas?subjectPrefix=:*:&deleted=true")
    return [{name: value for name, value in item.items() if name != "ts"} for item in listed]


def kill_at(target: Target, nth: int, *, filled: bool) -> Any:
    before = prepare(target, filled=filled)
    assert target.import_while(nth, kill, after=True).status == -signal.SIGKILL
    return before


def check_kills(target: Target, points: Iterable[int], wanted: Any, *, filled: bool) -> None:
    for nth in points:
        before = kill_at(target, nth, filled=filled)
        target.import_().succeeded()
        assert (versions_of(target), settings_of(target), target.journal()) == (wanted, before, [])
        assert not target.import_().succeeded()["changed"]
        before = kill_at(target, nth, filled=filled)
        target.recover(on_failure="prior_modes").succeeded()
        assert (settings_of(target), target.journal()) == (before, [])


def undisturbed(target: Target, *, filled: bool) -> tuple[int, Any]:
    """Import; return how many writes that takes, and all versions that the target then holds."""
    before = prepare(target, filled=filled)
    target.import_().succeeded()
    assert settings_of(target) == before
    assert {item["schema"] for item in versions_of(target) if item["subject"] == "t"} == {TEXT}
    return len(target.proxy.writes()), versions_of(target)


@EITHER_STATE
def test_configs_and_the_highest_id_outlive_a_kill(target: Target, filled: bool) -> None:
    writes, wanted = undisturbed(target, filled=filled)
    check_kills(target, sorted({2, writes // 2, writes - 1}), wanted, filled=filled)


@pytest.mark.soak
@EITHER_STATE
def test_configs_and_the_highest_id_outlive_kills_everywhere(target: Target, filled: bool) -> None:
    writes, wanted = undisturbed(target, filled=filled)
    check_kills(target, range(1, writes + 1), wanted, filled=filled)
