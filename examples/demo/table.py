# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end: what was there, what was lost, what came back, and whether it is equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster import Cluster
from messages import Decoded
from truth import Holding

BYTES = "Bytes of these"
LAG = "Lag of consumer groups, in records"
SUMMED = (BYTES, LAG)


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
    """What registry and cluster hold at one moment, and what a consumer makes of the messages then."""

    holding: Holding
    decoded: Decoded
    cluster: Cluster


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
        "Topics: partitions and settings": lambda moment: moment.cluster.topics,
        "Records: key, value, headers, time": lambda moment: moment.cluster.records,
        BYTES: lambda moment: moment.cluster.sizes(),
        "Records at their offsets": lambda moment: moment.cluster.offsets,
        "Positions of consumer groups": lambda moment: moment.cluster.positions,
        LAG: lambda moment: moment.cluster.lags(),
        "Messages decoded with their schemas": lambda moment: moment.decoded.messages,
    }
    return [_row(what, *map(view, (before, lost, after))) for what, view in views.items()]


def text(table: list[Row]) -> str:
    """The table for people."""
    lines = [("", "before", "lost", "back", "equal"), *(_cells(row) for row in table)]
    return "\n".join(
        f"  {what:<37}{before:>10}{lost:>10}{back:>10}{equal:>7}" for what, before, lost, back, equal in lines
    )


def _row(what: str, before: Mapping[Any, Any], lost: Mapping[Any, Any], after: Mapping[Any, Any]) -> Row:
    def kept(now: Mapping[Any, Any]) -> int:
        return sum(_weight(what, value) for key, value in before.items() if key in now and now[key] == value)

    return Row(what, kept(before), kept(before) - kept(lost), kept(after), before == after)


def _weight(what: str, value: Any) -> int:
    """What an item counts for: the bytes of a record and the lag of a group as many as they are, all else one."""
    return int(value) if what in SUMMED else 1


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    return row.what, str(row.before), str(row.lost), str(row.back), "yes" if row.equal else "NO"
