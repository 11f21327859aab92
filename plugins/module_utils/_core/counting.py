# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many there are, and which, in sentences."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

NAMED = 20
"""Names in a message."""


def counted(number: int | str, one: str, many: str | None = None) -> str:
    """Return a number with the words that go with it.

    Args:
        number: How many; also as text, such as Ansible makes of numbers that occur in a password.
        one: What follows 1.
        many: What follows any other number; by default ``one`` with an s.
    """
    return f"{number} {one if str(number) == '1' else many or f'{one}s'}"


def named(names: Collection[object], most: int = NAMED) -> str:
    """Return the first of some names, with commas between them, and how many more there are.

    Args:
        names: What is named, in the order in which to name it.
        most: How many are named.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, islice(names, most))) + more
