# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parting what is asked for into requests that servers take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_shares(items: Iterable[T], weight: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Part things, in their order, so that no share weighs more than ``most``, but for a single thing that does."""
    share: list[T] = []
    room = most
    for item in items:
        needed = weight(item)
        if share and needed > room:
            yield share
            share, room = [], most
        share.append(item)
        room -= needed
    if share:
        yield share
