# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several registrations under way: what is counted as done, and what an error leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from unit.schemas.building import state
from unit.schemas.planning import planned

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.make_steps import Steps
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.axonops import AxonOpsRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.client import RegistryClient
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.confluent import ConfluentRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import SchemaVersion, VersionKey

APART = state("a 1 = 1", "b 1 = 2", "c 1 = 3", "d 1 = 4", "e 1 = 5", "f 1 = 6")


class Watched:
    """Takes registrations, and notes the most that were under way at once."""

    def __init__(self, register: Callable[[str], int]) -> None:
        self.begun: list[str] = []
        self.most = 0
        self._register = register
        self._under_way = 0
        self._lock = threading.Lock()

    def register(self, version: SchemaVersion, **_options: Any) -> int:
        with self._lock:
            self.begun.append(version.subject)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            return self._register(version.subject)
        finally:
            with self._lock:
                self._under_way -= 1


def steps_on(make: type[Registry], watched: Watched, ids: str = "assign", concurrency: int = 8) -> Steps:
    registry = make(RegistryClient(RegistrySettings(urls=("http://127.0.0.1:9",), concurrency=concurrency)))
    registry.__dict__["capabilities"] = make.declared
    registry.register = watched.register  # type: ignore[method-assign]
    return Steps(planned(APART, capabilities=make.declared, ids=ids), registry)


@pytest.mark.parametrize(("concurrency", "most"), [(8, 4), (3, 3), (2, 2)])
def test_no_more_are_under_way_than_the_make_gains_from_and_the_settings_allow(concurrency: int, most: int) -> None:
    together = threading.Barrier(most, timeout=30)  # breaks unless so many are under way

    def register(subject: str) -> int:
        if subject in "abcdef"[: 6 // most * most]:
            together.wait()
        return 7

    watched = Watched(register)
    steps = steps_on(AxonOpsRegistry, watched, concurrency=concurrency)
    steps.make_all()
    assert watched.most == most
    assert steps.done == 6
    assert steps.ids == dict.fromkeys((VersionKey(subject, 1) for subject in "abcdef"), 7)


@pytest.mark.parametrize(("make", "ids"), [(ConfluentRegistry, "assign"), (AxonOpsRegistry, "keep")])
def test_one_goes_after_the_other_behind_a_lock_and_with_ids(make: type[Registry], ids: str) -> None:
    watched = Watched(lambda subject: "abcdef".index(subject) + 1)
    steps_on(make, watched, ids).make_all()
    assert watched.begun == list("abcdef")
    assert watched.most == 1


def test_what_is_under_way_at_an_error_is_awaited_and_not_counted_behind_a_gap() -> None:
    others, failed = threading.Barrier(4, timeout=30), threading.Event()

    def register(subject: str) -> int:
        if subject in "abcd":
            others.wait()
        if subject == "b":
            failed.set()
            raise RegistryError("No.")
        assert failed.wait(30)
        return 7

    watched = Watched(register)
    steps = steps_on(AxonOpsRegistry, watched)
    with pytest.raises(RegistryError) as caught:
        steps.make_all()
    assert caught.value.message == "No. This was b version 1 of the backup."
    assert caught.value.facts["subject"] == "b"
    made = {key.subject for key in steps.ids}
    assert made >= {"a", "c", "d"}
    assert "b" not in made
    assert steps.done == 1
