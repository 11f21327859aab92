# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end: what was there, what was lost, what came back, and whether it is equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages import Decoded
from truth import Holding


@dataclass(frozen=True)
class Row:
    """One line: how many there were, how many of them the loss took, how many are back as they were."""

    what: str
    before: int
    lost: int
    back: int
    equal: bool


@dataclass(frozen=True)
class Moment:
    """What the registry holds at one moment, and what a consumer makes of the messages then."""

    holding: Holding
    decoded: Decoded


def rows(before: Moment, lost: Moment, after: Moment) -> list[Row]:
    """Compare three moments, subject by subject and message by message."""
    views = {
        "Subjects": lambda moment: dict.fromkeys(moment.holding.subjects, True),
        "Versions: number, type, exact text": lambda moment: moment.holding.texts(),
        "Versions: schema id": lambda moment: moment.holding.ids(),
        "Versions: soft-deleted": lambda moment: dict.fromkeys(moment.holding.deleted(), True),
        "Versions: gaps of hard-deleted ones": lambda moment: dict.fromkeys(moment.holding.gaps(), True),
        "References": lambda moment: dict.fromkeys(moment.holding.references(), True),
        "Schemas that a consumer gets by id": lambda moment: moment.holding.by_id,
        "Compatibility settings": lambda moment: moment.holding.set_values("config"),
        "Modes of subjects": lambda moment: moment.holding.set_values("mode"),
        "Messages that a consumer can read": lambda moment: moment.decoded.messages,
    }
    return [_row(what, *map(view, (before, lost, after))) for what, view in views.items()]


def text(table: list[Row]) -> str:
    """The table for people."""
    lines = [("", "before", "lost", "back", "equal"), *(_cells(row) for row in table)]
    return "\n".join(
        f"  {what:<38}{before:>8}{lost:>8}{back:>8}{equal:>8}" for what, before, lost, back, equal in lines
    )


def _row(what: str, before: Mapping[Any, Any], lost: Mapping[Any, Any], after: Mapping[Any, Any]) -> Row:
    def kept(now: Mapping[Any, Any]) -> int:
        return sum(key in now and now[key] == value for key, value in before.items())

    return Row(what, len(before), len(before) - kept(lost), kept(after), before == after)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    return row.what, str(row.before), str(row.lost), str(row.back), "yes" if row.equal else "NO"
