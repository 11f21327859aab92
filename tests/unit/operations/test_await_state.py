# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state, with a clock that takes no time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.await_state import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    await_state,
)


class Watch:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=sum(self.pauses))

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def awaited(states: Iterator[int], wanted: int, seconds: float, watch: Watch) -> int:
    def late(state: int) -> RegistryError:
        return RegistryError(f"it is {state}")

    def reached(state: int) -> bool:
        return state == wanted

    return await_state(states.__next__, reached, late, seconds=seconds, clock=watch)


def test_pauses_grow_up_to_a_bound() -> None:
    watch = Watch()
    assert awaited(iter(range(10)), 9, 1000, watch) == 9
    assert watch.pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(watch.pauses) == watch.pauses[-1] == LONGEST_PAUSE


def test_the_limit_is_kept_to_the_second() -> None:
    watch = Watch()
    with pytest.raises(RegistryError, match="it is 6"):
        awaited(iter(range(100)), 99, 12, watch)
    assert sum(watch.pauses) == 12


def test_without_time_there_is_one_look() -> None:
    watch = Watch()
    assert awaited(iter([1]), 1, 0, watch) == 1
    with pytest.raises(RegistryError):
        awaited(iter([0, 1]), 1, 0, watch)
    assert watch.pauses == []
