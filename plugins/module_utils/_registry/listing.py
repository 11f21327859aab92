# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry's listings tell, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._schemas.model import DEFAULT_CONTEXT, SchemaVersion, VersionKey


@dataclass(frozen=True)
class ListedVersion:
    """One version as a listing tells of it.

    Args:
        key: Its subject and number.
        deleted: Whether it is soft-deleted.
        told: What the listing says of it; None where it tells no more than the number.
        whole: Whether that is all there is to know.
    """

    key: VersionKey
    deleted: bool
    told: SchemaVersion | None = None
    whole: bool = False


@dataclass
class Listing:
    """All versions of a registry at one time; two listings are equal when nothing that they tell has changed.

    Args:
        contexts: Names of all contexts, ``.`` among them, sorted.
        versions: Every version, soft-deleted ones too.
        without_versions: Names that the registry lists although they have no versions: they may have a config.
        unaddressable: Subjects that the registry holds, but that its API cannot name in a path: context and name as
            told, and why. None of their versions is listed.
        left_out: What else the registry holds, of kinds that have no place here: how many of what, for people.
    """

    contexts: tuple[str, ...] = (DEFAULT_CONTEXT,)
    versions: dict[VersionKey, ListedVersion] = field(default_factory=dict)
    without_versions: tuple[str, ...] = ()
    unaddressable: dict[tuple[str, str], str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """Whether a registry says that it can work, and what it said."""

    healthy: bool
    detail: str
