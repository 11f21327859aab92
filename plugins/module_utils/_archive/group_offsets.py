# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document ``cluster/groups.json``: up to where groups had read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._core.fields import Fields
from .documents import GROUP_OFFSETS, decode, encode, whole_number
from .layout import path_of

GROUPS_KIND = "groups"
"""The kind of the document's index entry."""

GROUPS_FILE = path_of("cluster", "groups.json")


class ArchivedOffset(NamedTuple):
    """Up to where a group had read a partition.

    Args:
        topic: The topic.
        partition: The partition's number.
        offset: The offset that it would read next.
        leader_epoch: The leader epoch that it committed along; None where it did not.
        metadata: What it committed along.
        clamped_from: What was committed, where that lies beyond what the restore point holds; else None.
    """

    topic: str
    partition: int
    offset: int
    leader_epoch: int | None
    metadata: str
    clamped_from: int | None = None


@dataclass(frozen=True)
class ArchivedGroup:
    """A group. What it does at the moment (its state, its members) is no part of a backup.

    Args:
        group: Its name.
        type: ``classic``, ``consumer``, ``share``, ``streams`` or ``unknown``.
        protocol_type: What a classic group's members are, such as ``consumer`` or ``connect``; empty where unknown.
        offsets: Its committed offsets.
    """

    group: str
    type: str
    protocol_type: str
    offsets: tuple[ArchivedOffset, ...]


def encode_groups(groups: Iterable[ArchivedGroup]) -> bytes:
    """Return the document's bytes, the same for the same groups and offsets in whatever order."""
    return encode(
        GROUP_OFFSETS,
        {
            "groups": [
                {
                    "group": group.group,
                    "type": group.type,
                    "protocol_type": group.protocol_type,
                    "offsets": [offset._asdict() for offset in sorted(group.offsets, key=lambda of: of[:2])],
                }
                for group in sorted(groups, key=lambda group: group.group)
            ]
        },
    )


def decode_groups(content: bytes, document: str) -> dict[str, ArchivedGroup]:
    """Read what `encode_groups` wrote.

    Args:
        content: The document's bytes.
        document: Where it lies, for errors.

    Returns:
        The groups by name, in order.

    Raises:
        Damaged, UnsupportedFormat: It is something else.
    """
    fields = decode(content, GROUP_OFFSETS, document)
    groups = [_group(group) for group in fields.objects("groups")]
    fields.finish()
    return {group.group: group for group in groups}


def _group(fields: Fields) -> ArchivedGroup:
    group = ArchivedGroup(
        group=fields.required("group", str),
        type=fields.required("type", str),
        protocol_type=fields.required("protocol_type", str),
        offsets=tuple(_offset(offset) for offset in fields.objects("offsets")),
    )
    fields.finish()
    return group


def _offset(fields: Fields) -> ArchivedOffset:
    values: dict[str, Any] = {
        "topic": fields.required("topic", str),
        "partition": whole_number(fields, "partition"),
        "offset": whole_number(fields, "offset"),
        "leader_epoch": fields.optional("leader_epoch", int),
        "metadata": fields.required("metadata", str),
        "clamped_from": fields.optional("clamped_from", int),
    }
    fields.finish()
    return ArchivedOffset(**values)
