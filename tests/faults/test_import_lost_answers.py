# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports whose writes fail on their way: after they were carried out, or before the registry has them."""

from __future__ import annotations

from typing import Any

import pytest
from faults.import_target import Target, prepare, take_course
from faults.makes import IDS
from faults.registry_proxy import BAD_GATEWAY, TOO_MANY_REQUESTS, WRITES, Fault, RegistryProxy

ON_THE_WAY = {
    "the answer is lost": {"cut": 0},
    "it is never sent on": {"drop": True},
    "it meets a bad gateway": {"answer": BAD_GATEWAY},
}


def fail_every_other(proxy: RegistryProxy, method: str, fault: dict[str, Any]) -> None:
    for nth in range(1, 400, 2):
        proxy.add(Fault(method, nth=nth, **fault))


@pytest.mark.parametrize(("make", "ids"), IDS)
@pytest.mark.parametrize("fault", ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_an_import_gets_over_it(target: Target, ids: str, fault: dict[str, Any]) -> None:
    target.more = {"ids": ids}
    course = take_course(target, "empty")
    prepare(target, "empty")
    target.proxy.clear()
    fail_every_other(target.proxy, WRITES, fault)
    # One at a time: of several at once, one could be hit as often as it is sent.
    registry = target.registry | {"retries": 2, "retry_backoff": 0, "concurrency": 1}
    told = target.import_beside(registry=registry).succeeded()
    assert told["changed"]
    assert target.holding() == course.after
    assert target.journal() == []
    failed = [write for write in target.proxy.writes() if write.status != 200]
    assert len(failed) >= len(course.writes) / 2


@pytest.mark.parametrize("ids", ["keep", "assign"])
def test_an_import_waits_as_long_as_it_is_asked_to(target: Target, ids: str) -> None:
    target.more = {"ids": ids}
    course = take_course(target, "empty")
    prepare(target, "empty")
    target.proxy.clear()
    target.proxy.add(Fault(WRITES, nth=3, times=2, answer=TOO_MANY_REQUESTS))
    registry = target.registry | {"retries": 2, "retry_backoff": 0}
    target.import_beside(registry=registry).succeeded()
    assert target.holding() == course.after
    assert [write.status for write in target.proxy.writes()].count(429) == 2
