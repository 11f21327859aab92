# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a server's object is in a state, with a time limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from .._core.clock import Clock
from .._core.errors import RegistryError

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two looks; they double."""

State = TypeVar("State")


def await_state(
    look: Callable[[], State],
    reached: Callable[[State], bool],
    late: Callable[[State], RegistryError],
    *,
    seconds: float,
    clock: Clock,
) -> State:
    """Look again and again, until a state is reached.

    Args:
        look: Returns the present state; what it raises ends the waiting.
        reached: Whether a state is the wanted one; may raise for one that never becomes it.
        late: The error for the last state seen, when the time is up.
        seconds: How long to wait at most; looks once with 0.
        clock: Tells the time and sleeps.

    Returns:
        The state that was reached.
    """
    end = clock.now() + timedelta(seconds=seconds)
    pause = FIRST_PAUSE
    while True:
        state = look()
        if reached(state):
            return state
        left = (end - clock.now()).total_seconds()
        if left <= 0:
            raise late(state)
        clock.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
