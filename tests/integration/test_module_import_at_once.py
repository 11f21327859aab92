# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports that register several versions at once: where that is done, and that the same comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from faults.registry_proxy import Fault, RegistryProxy, Request

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, holder, holding, register, set_config
from testbed.modules import Run

AT_ONCE = 4
"""How many registrations without ids go at once to this make, and requests by default."""


class UnderWay:
    """Counts the registrations that are under way; the first ones go on only when so many of them have come."""

    def __init__(self, expected: int) -> None:
        self.most = 0
        self._expected = expected
        self._seen = 0
        self._under_way = 0
        self._together = threading.Barrier(expected, timeout=30)
        self._lock = threading.Lock()

    def begin(self, _request: Request) -> None:
        with self._lock:
            self._seen += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            is_early = self._seen <= self._expected
        if is_early:
            self._together.wait()

    def end(self, _request: Request) -> None:
        with self._lock:
            self._under_way -= 1


@pytest.fixture(scope="module")
def source() -> Iterator[AxonOpsRegistry]:
    """Some three hundred versions in as many ways as a registry has to make one wait for another."""
    with AxonOpsRegistry() as server:
        for number in range(40):
            name = f"Alone{number:02}"
            register(server, f"alone-{number:02}", avro(name), avro(name, "a"))
            for place in ("copy", "copy-too"):
                register(server, f"{place}-{number:02}", avro(f"Shared{number // 4}"))
        for number in range(5):
            name = f"Type{number}"
            register(server, f"type-{number}", avro(name), avro(name, "a"), avro(name, "a", "b"))
        for number in range(100):
            kind, version = number % 5, number % 3 + 1
            subject = f"referring-{number:02}"
            register(server, subject, holder(f"Referring{number:02}", f"Type{kind}", f"type-{kind}", version))
            if number % 10 == 7:
                register(server, f"z-{subject}", holder(f"Over{number:02}", f"Referring{number:02}", subject))
                delete(server, f"z-{subject}")
                delete(server, subject)
        delete(server, "alone-03", 2)
        set_config(server, "alone-04", compatibility="FULL")
        yield server


def without_ids(server: AxonOpsRegistry) -> dict[str, Any]:
    """All that a registry holds, with its ids replaced by the names of all versions that share one."""
    held = holding(server)
    names: dict[int, list[str]] = {}
    for name, told in held["versions"].items():
        names.setdefault(told["id"], []).append(name)
    return {**held, "versions": {n: {**told, "id": names[told["id"]]} for n, told in held["versions"].items()}}


@pytest.mark.parametrize(
    ("storage", "ids", "expected"),
    [
        ("memory", "assign", AT_ONCE),
        ("postgresql", "assign", AT_ONCE),
        ("mariadb", "assign", AT_ONCE),
        ("memory", "keep", 1),
    ],
)
def test_hundreds_of_versions_come_in_as_one_by_one(
    source: AxonOpsRegistry,
    export: Run,
    bring: Run,
    registry_factory: Callable[..., AxonOpsRegistry],
    storage: str,
    ids: str,
    expected: int,
) -> None:
    export(source).succeeded()
    target = registry_factory(storage=storage)
    watched = UnderWay(expected)
    with RegistryProxy(target.endpoint) as proxy:
        proxy.add(Fault("POST", "/subjects/*/versions*", times=10_000, before=watched.begin, after=watched.end))
        made = bring(proxy, ids=ids).succeeded()
        assert made["plan"]["actions"]["register"] == made["verified"]["versions"] == 285
        assert made["plan"]["actions"]["soft_delete"] == 21
        assert watched.most == expected
        assert {request.status for request in proxy.writes()} == {200}
    assert without_ids(target) == without_ids(source)
    if ids == "keep":
        assert holding(target) == holding(source)
    assert not bring(target, ids=ids).succeeded()["changed"]


def test_no_more_are_under_way_than_the_settings_allow(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    watched = UnderWay(1)
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault("POST", "/subjects/*/versions*", times=10_000, before=watched.begin, after=watched.end))
        made = bring(proxy, ids="assign", registry={"url": proxy.endpoint, "concurrency": 1}).succeeded()
    assert made["verified"]["versions"] == 11
    assert watched.most == 1
