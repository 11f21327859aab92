# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target cannot hold of an archive: the closed list of losses, and what a version or a config loses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .capabilities import Capabilities
from .model import SchemaContent

METADATA = "metadata"
RULES = "rules"
CONTEXTS = "contexts"
SOFT_DELETES = "soft_deletes"
REFERENCES = "references"
CONFIGS = "configs"
DEKS = "deks"

LOSS_KINDS: Mapping[str, str] = {
    METADATA: "The target does not keep metadata on import.",
    RULES: "The target does not keep rule sets on import.",
    CONTEXTS: "The target has no contexts, so that what lies in others than the default one is left out.",
    SOFT_DELETES: "The target cannot soft-delete these versions, which others refer to, so that they stay live.",
    REFERENCES: "The target cannot hold these references, so that the versions that carry them are left out.",
    CONFIGS: "The target cannot hold these configs or modes, or some of their fields.",
    DEKS: "The target cannot hold data encryption keys.",
}
"""Every kind of loss there is, with what it means."""

_SHOWN_SUBJECTS = 20


class Lost(NamedTuple):
    """One thing that is lost.

    Args:
        kind: One of `LOSS_KINDS`.
        subject: The qualified subject, or the scope of settings, in the target's names.
        what: The version, or the setting and its fields.
    """

    kind: str
    subject: str
    what: str


@dataclass(frozen=True)
class Loss:
    """All that is lost of one kind.

    Args:
        kind: One of `LOSS_KINDS`.
        subjects: The subjects and scopes concerned, sorted.
        count: How many versions and settings.
        why: What it means.
    """

    kind: str
    subjects: tuple[str, ...]
    count: int
    why: str

    def describe(self) -> dict[str, Any]:
        """Return it as a JSON value, with a bounded list of subjects."""
        return {
            "kind": self.kind,
            "count": self.count,
            "subjects": list(self.subjects[:_SHOWN_SUBJECTS]),
            "subjects_omitted": max(0, len(self.subjects) - _SHOWN_SUBJECTS),
            "why": self.why,
        }


def summed(lost: Iterable[Lost]) -> tuple[Loss, ...]:
    """Sum up what is lost, kind by kind in the order of `LOSS_KINDS`."""
    by_kind: dict[str, set[Lost]] = {kind: set() for kind in LOSS_KINDS}
    for one in lost:
        by_kind[one.kind].add(one)
    return tuple(
        Loss(kind, tuple(sorted({one.subject for one in found})), len(found), _why(kind, found))
        for kind, found in by_kind.items()
        if found
    )


def _why(kind: str, found: Collection[Lost]) -> str:
    """Say what a kind of loss means; of configs also which fields and modes, since there are few of them."""
    named = ", ".join(sorted({one.what for one in found})[:_SHOWN_SUBJECTS]) if kind == CONFIGS else ""
    return LOSS_KINDS[kind] + (f" Here: {named}." if named else "")


def stored_content(
    content: SchemaContent, capabilities: Capabilities, *, with_id: bool
) -> tuple[SchemaContent, tuple[str, ...]]:
    """Return what a target stores of a content, and the kinds of loss.

    Args:
        content: What is to be registered.
        capabilities: The target's.
        with_id: Whether it is registered in IMPORT, with its id.
    """
    keeps_metadata = capabilities.import_keeps_metadata if with_id else capabilities.register_keeps_metadata
    keeps_rules = capabilities.import_keeps_rule_sets if with_id else capabilities.register_keeps_rule_sets
    lost = []
    if content.metadata and not keeps_metadata:
        lost.append(METADATA)
    if content.rule_set and not keeps_rules:
        lost.append(RULES)
    if not lost:
        return content, ()
    return (
        replace(
            content,
            metadata=content.metadata if keeps_metadata else None,
            rule_set=content.rule_set if keeps_rules else None,
        ),
        tuple(lost),
    )
