# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting lists until they are small enough for a module's result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from .._core.change import Difference, omitted

T = TypeVar("T")

ROOM = 56 * 1024
"""Bytes of the 64 KiB of a result: what is left is for its warnings, and for what is always there."""


MOST = 100
"""Entries of a list in a result, also where they are short."""


def listed(lists: Mapping[str, tuple[Iterable[Any], int]], room: int = ROOM, most: int | None = MOST) -> dict[str, Any]:
    """Return lists as a result has them: each cut, and under its name with ``_omitted`` how much is missing.

    Args:
        lists: By name, JSON values, of which no more than ``most`` are looked at, and how many there are in all.
        room: Bytes that all of them may take.
        most: Entries of each; None for as many as there is room for, as for what the task itself has named.
    """
    kept = cut({name: list(islice(values, most)) for name, (values, _count) in lists.items()}, room)
    return {
        key: value
        for name, (_values, count) in lists.items()
        for key, value in ((name, kept[name]), (f"{name}_omitted", count - len(kept[name])))
    }


def cut(lists: Mapping[str, Sequence[Any]], room: int) -> dict[str, list[Any]]:
    """Cut lists until all of them fit together; what one does not need is for those behind it.

    Args:
        lists: JSON values, by the lists' names.
        room: Bytes.
    """
    found = {}
    for place, (name, values) in enumerate(lists.items()):
        found[name], used = fitting(values, room // (len(lists) - place))
        room -= used
    return found


def fitting(values: Sequence[T], room: int) -> tuple[list[T], int]:
    """Return the first values that fit into so many bytes of JSON, and how many these take."""
    used = 0
    for count, value in enumerate(values):
        size = size_of(value)
        if used + size > room:
            return list(values[:count]), used
        used += size
    return list(values), used


def difference(before: Mapping[str, Any], after: Mapping[str, Any], room: int = ROOM) -> Difference:
    """Return a difference of what there is room for; what is too long is passed over, and counted under `OMITTED`.

    Args:
        before: JSON values by their names.
        after: The same afterwards.
        room: Bytes.
    """
    shown: set[str] = set()
    names = {**before, **after}
    for name in names:
        size = size_of([name, before.get(name), name, after.get(name)])
        if size <= room:
            shown.add(name)
            room -= size
    left = len(names) - len(shown)
    return Difference(
        {name: value for name, value in before.items() if name in shown},
        {name: value for name, value in after.items() if name in shown} | omitted(left, "difference"),
    )


def size_of(value: Any) -> int:
    """Return how many bytes a JSON value takes in a list."""
    return len(json.dumps(value)) + 2
