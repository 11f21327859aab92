# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports and imports one of whose requests goes wrong, whichever it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from faults.import_checks import check_closed, check_journal, check_rerun
from faults.import_target import BACKUP, Target, prepare, take_course
from faults.makes import MAKES
from faults.registry_proxy import BAD_GATEWAY, SERVER_ERROR, Answer, Fault, RegistryProxy

from testbed.archives import tree
from testbed.modules import Outcome, run_module

TROUBLE = {
    "429": Fault(answer=Answer(429, b"Too Many Requests\n", "text/plain", {"Retry-After": "0"})),
    "500": Fault(answer=SERVER_ERROR),
    "502 in HTML": Fault(answer=BAD_GATEWAY),
    "slow": Fault(after=lambda _request: time.sleep(1.5)),
    "cut before": Fault(drop=True),
    "cut in the body": Fault(cut=3),
}
PATIENT = {"concurrency": 1, "retries": 3, "retry_backoff": 0.01}
MAY_STOP = {"500", "502 in HTML", "slow", "cut before", "cut in the body"}
"""What a write cannot always be sent again after."""

Numbers: TypeAlias = Callable[[int], Iterable[int]]
"""Chooses requests by their numbers, from 1, out of so many."""


def some(kind: str, each: int) -> Numbers:
    """Some of the requests: with all kinds of trouble together they are spread over the whole course."""
    first = list(TROUBLE).index(kind) + 1
    return lambda count: sorted(
        {max(1, count * (first + turn * len(TROUBLE)) // (each * len(TROUBLE))) for turn in range(each)}
    )


def every(count: int) -> Iterable[int]:
    """All requests."""
    return range(1, count + 1)


def patient(proxy: RegistryProxy, kind: str) -> dict[str, Any]:
    """How a registry is reached that is in trouble: only what is slow is not waited for."""
    return {"url": proxy.endpoint, **PATIENT, "timeout": 1 if kind == "slow" else 30}


def filled(servers: Callable[[str], Any], make: str) -> Any:
    server = servers(make)
    server.wipe()
    MAKES[make].fill(server)
    return server


def export(proxy: RegistryProxy, store: Path, kind: str) -> Outcome:
    registry = patient(proxy, kind)
    return run_module("schema_registry_export", registry=registry, store={"path": str(store)}, backup_id=BACKUP)


def bring(target: Target, kind: str) -> Outcome:
    return target.import_beside(registry=patient(target.proxy, kind))


def check_exports(server: Any, store: Path, kind: str, numbers: Numbers) -> None:
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


def check_imports(target: Target, state: str, kind: str, numbers: Numbers) -> None:
    """An import either gets over its trouble, or says so and stays closed, and the next one completes it."""
    course = take_course(target, state)
    prepare(target, state)
    target.proxy.clear()
    bring(target, kind).succeeded()
    for nth in numbers(len(target.proxy.requests)):
        print(f"{kind} at request {nth}")
        prepare(target, state)
        target.proxy.clear()
        target.proxy.add(replace(TROUBLE[kind], method="*", path="*", nth=nth))
        outcome = bring(target, kind)
        target.proxy.settle()
        held = target.holding()
        check_journal(target, course, held)
        if outcome.values.get("failed"):
            assert outcome.failed()["failure"]["code"], outcome.text
            assert kind in MAY_STOP, outcome.text
            check_closed(target, course, held)
            check_rerun(target, course)
        assert target.holding() == course.after, json.dumps(outcome.values)
        assert target.journal() == []


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", TROUBLE)
def test_an_export_gets_over_trouble(servers: Callable[[str], Any], make: str, kind: str, tmp_path: Path) -> None:
    check_exports(filled(servers, make), tmp_path / "store", kind, some(kind, 1))


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", TROUBLE)
def test_an_import_gets_over_trouble_or_is_completed(target: Target, kind: str) -> None:
    check_imports(target, "empty", kind, some(kind, 1))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("kind", TROUBLE)
def test_any_request_of_an_export_goes_wrong(
    servers: Callable[[str], Any], make: str, kind: str, tmp_path: Path
) -> None:
    check_exports(filled(servers, make), tmp_path / "store", kind, every)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("make", "state"), [(make, state) for make, known in MAKES.items() for state in known.states])
@pytest.mark.parametrize("kind", TROUBLE)
def test_any_request_of_an_import_goes_wrong(target: Target, state: str, kind: str) -> None:
    check_imports(target, state, kind, every)
