# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports into Karapace and Redpanda that are killed before or after any of their writes, on emulated ones."""

from __future__ import annotations

import signal
import urllib.error
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import Target, kill
from faults.registry_proxy import Recorded, RegistryProxy
from registries.emulated import EmulatedRegistry
from registries.filled import filled, held
from registries.karapace import Karapace
from registries.redpanda import Redpanda
from registries.serving import RegistryServer

from testbed.contents import avro
from testbed.modules import run_module

NEW_IDS = {"ids": "assign", "accept_losses": ["configs"]}
MAKES: dict[str, tuple[Callable[[], Karapace | Redpanda], dict[str, Any]]] = {
    "karapace": (Karapace, NEW_IDS),
    "redpanda before 25.3": (lambda: Redpanda(has_import=False), {}),
    "redpanda from 25.3": (lambda: Redpanda(has_import=True), {}),
}
EVERY_MAKE = pytest.mark.parametrize("make", MAKES)


@pytest.fixture
def target(make: str, tmp_path: Path) -> Iterator[Target]:
    """An empty registry of a make, and a store with a backup."""
    store = tmp_path / "store"
    run_module("backup_store", store={"path": str(store)}).succeeded()
    with RegistryServer(filled(has_import=True)) as source:
        options = {"store": {"path": str(store)}, "backup_id": "prod", "registry": {"url": source.endpoint}}
        run_module("schema_registry_export", **options).succeeded()
    empty, more = MAKES[make]
    with EmulatedRegistry(empty) as server, RegistryProxy(server.endpoint) as proxy:
        yield Target(server, proxy, store, more)


def prepare(target: Target) -> None:
    """Empty the target, and the journal."""
    target.server.wipe()
    for path in (target.store / "journal").glob("*/runs/*.json"):
        path.unlink()


def take_course(target: Target) -> tuple[list[Recorded], dict[str, Any]]:
    """Import undisturbed; return the writes, and what the target then holds."""
    target.import_().succeeded()
    assert target.journal() == []
    return target.proxy.writes(), held(target.server.make)


def check_closed(target: Target, after: dict[str, Any]) -> None:
    """From 25.3 on, producers are refused wherever something is missing, once the first schema is registered."""
    versions = held(target.server.make)["versions"]
    missing = {name for name, _number in after["versions"].keys() - versions.keys()}
    for subject in missing if versions else ():
        with pytest.raises(urllib.error.HTTPError) as caught:
            target.server.call("POST", f"/subjects/{subject.replace('/', '%2F')}/versions", avro("Intruder", "a"))
        assert caught.value.code == 422


def kill_and_rerun(target: Target, points: Iterable[int], writes: list[Recorded], after: dict[str, Any]) -> None:
    """Kill an import before and after some of its writes, each time on an empty target, and complete it."""
    for nth in points:
        for carried_out in (False, True):
            print(f"killed {'after' if carried_out else 'before'} write {nth}: {writes[nth - 1]}")
            prepare(target)
            outcome = target.import_while(nth, kill, after=carried_out)
            assert outcome.status == -signal.SIGKILL, outcome.text
            if "IMPORT" in getattr(target.server.make, "modes", ()):
                check_closed(target, after)
            target.import_().succeeded()
            assert held(target.server.make) == after
            assert target.journal() == []
            assert not target.import_().succeeded()["changed"]
            assert target.proxy.writes() == []


@EVERY_MAKE
def test_a_killed_import_is_completed_by_the_next_one(target: Target) -> None:
    writes, after = take_course(target)
    kill_and_rerun(target, (len(writes) // 3, 2 * len(writes) // 3, len(writes)), writes, after)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@EVERY_MAKE
def test_imports_are_killed_everywhere(target: Target) -> None:
    writes, after = take_course(target)
    kill_and_rerun(target, range(1, len(writes) + 1), writes, after)
