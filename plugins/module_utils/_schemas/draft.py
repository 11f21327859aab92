# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an import's plan that is about versions."""

from __future__ import annotations

from dataclasses import dataclass, field

from .import_plan import Assigned, Item, Step
from .losses import Lost
from .model import SchemaVersion, VersionKey
from .problems import Problem


@dataclass
class Draft:
    """What an import does about versions, and what is in its way.

    Args:
        items: As in `ImportPlan`.
        steps: As in `ImportPlan`.
        versions: What the target holds afterwards, as in `ImportPlan.after`.
        lost: What is lost of versions.
        problems: What forbids it.
        known: As in `ImportPlan`.
        same: As in `ImportPlan`.
        uncertain: As in `ImportPlan`.
        notes: For people, a sentence each.
        needs_config: Subjects whose config must not stand in the way of a registration.
    """

    items: list[Item] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    versions: dict[VersionKey, SchemaVersion] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    known: dict[VersionKey, Assigned] = field(default_factory=dict)
    same: dict[VersionKey, VersionKey] = field(default_factory=dict)
    uncertain: frozenset[VersionKey] = frozenset()
    notes: list[str] = field(default_factory=list)
    needs_config: frozenset[str] = frozenset()
