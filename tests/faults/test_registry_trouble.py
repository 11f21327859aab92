# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports and imports one of whose requests goes wrong, whichever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import MAKES
from faults.import_target import BACKUP, Target, fill_source, take_course
from faults.import_target import prepare as prepare_target
from faults.registry_proxy import BAD_GATEWAY, SERVER_ERROR, Answer, Fault, RegistryProxy
from registries.emulated import AnyRegistry

from testbed.archives import tree
from testbed.modules import Outcome, run_module

TROUBLE = {
    "429": Fault(answer=Answer(429, b"Too Many Requests\n", "text/plain", {"Retry-After": "0"})),
    "500": Fault(answer=SERVER_ERROR),
    "502 in HTML": Fault(answer=BAD_GATEWAY),
    "slow": Fault(delay=1.5),
    "cut before": Fault(drop=True),
    "cut in the body": Fault(cut=3),
}
PATIENT = {"concurrency": 1, "retries": 3, "retry_backoff": 0.01}
MAY_STOP = {"500", "502 in HTML", "slow", "cut before", "cut in the body"}
"""What a write cannot always be sent again after."""


def some(count: int, step: int, first: int) -> Iterable[int]:
    """Every so many of the requests, and the last one."""
    return sorted({*range(first, count + 1, step), count})


def patient(proxy: RegistryProxy, kind: str) -> dict[str, Any]:
    """How a registry is reached that is in trouble: only what is slow is not waited for."""
    return {"url": proxy.endpoint, **PATIENT, "timeout": 1 if kind == "slow" else 30}


def export(proxy: RegistryProxy, store: Path, kind: str) -> Outcome:
    registry = patient(proxy, kind)
    return run_module("schema_registry_export", registry=registry, store={"path": str(store)}, backup_id=BACKUP)


def bring(target: Target, kind: str) -> Outcome:
    return target.import_beside(registry=patient(target.proxy, kind))


def check_exports(server: AnyRegistry, store: Path, kind: str, numbers: Callable[[int], Iterable[int]]) -> None:
    """What is exported in spite of trouble is what is exported without."""
    run_module("backup_store", store={"path": str(store)}).succeeded()
    with RegistryProxy(server.endpoint) as proxy:
        proxy.clear()
        export(proxy, store, kind).succeeded()
        before = tree(store)
        for nth in numbers(len(proxy.requests)):
            print(f"{kind} at request {nth}")
            proxy.clear()
            proxy.add(replace(TROUBLE[kind], method="*", path="*", nth=nth))
            assert not export(proxy, store, kind).succeeded()["changed"]
            assert {path: content for path, content in tree(store).items() if "last-run" not in path} == {
                path: content for path, content in before.items() if "last-run" not in path
            }


def check_imports(target: Target, kind: str, numbers: Callable[[int], Iterable[int]]) -> None:
    """An import either gets over its trouble, or says so, and the next one completes it."""
    course = take_course(target, "empty")
    target.proxy.clear()
    prepare_target(target, "empty")
    bring(target, kind).succeeded()
    for nth in numbers(len(target.proxy.requests)):
        print(f"{kind} at request {nth}")
        prepare_target(target, "empty")
        target.proxy.clear()
        target.proxy.add(replace(TROUBLE[kind], method="*", path="*", nth=nth))
        outcome = bring(target, kind)
        if outcome.values.get("failed"):
            assert outcome.failed()["failure"]["code"], outcome.text
            assert kind in MAY_STOP, outcome.text
            target.import_().succeeded()
        assert target.holding() == course.after, json.dumps(outcome.values)
        assert target.journal() == []


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", TROUBLE)
def test_an_export_gets_over_trouble(
    servers: Callable[[str], AnyRegistry], make: str, kind: str, tmp_path: Path
) -> None:
    server = servers(make)
    server.wipe()
    fill_source(server)
    check_exports(server, tmp_path / "store", kind, lambda count: some(count, 17, 1 + list(TROUBLE).index(kind)))


@pytest.mark.parametrize("kind", TROUBLE)
def test_an_import_gets_over_trouble_or_is_completed(target: Target, kind: str) -> None:
    check_imports(target, kind, lambda count: some(count, 41, 3 + list(TROUBLE).index(kind)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", TROUBLE)
def test_any_request_goes_wrong(
    target: Target, servers: Callable[[str], AnyRegistry], make: str, kind: str, tmp_path: Path
) -> None:
    check_imports(target, kind, lambda count: range(1, count + 1))
    server = servers(make)
    server.wipe()
    fill_source(server)
    check_exports(server, tmp_path / "exported", kind, lambda count: range(1, count + 1))
