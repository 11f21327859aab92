# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, apply: what every operation that writes gives to whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .counting import counted

OMITTED = "~ omitted"
"""The key of a diff that tells how much is left out: Ansible sorts keys, and this one comes behind names."""


@dataclass(frozen=True)
class Report:
    """What an operation found or did.

    Args:
        values: The result's keys; JSON values.
        warnings: For the user, a sentence each.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """What a change alters, for people: only what differs, sorted and bounded.

    Args:
        before: JSON value or text; what is there now.
        after: What will be there.
    """

    before: Any = None
    after: Any = None


def omitted(number: int, one: str, many: str | None = None) -> dict[str, str]:
    """Return the line of a diff that tells how much is left out; none where that is nothing.

    Args:
        number: How many.
        one: What one of them is called.
        many: As in `counted`.
    """
    return {OMITTED: counted(number, f"more {one}", f"more {many}" if many else None)} if number > 0 else {}


class Change(Protocol):
    """A plan, made from reads alone."""

    @property
    def changed(self) -> bool:
        """Whether applying it alters anything."""

    def difference(self) -> Difference:
        """Render it."""

    def preview(self) -> Report:
        """Tell what `apply` would report, without a single write."""

    def apply(self) -> Report:
        """Carry it out. An empty plan may still note that the source was confirmed."""
