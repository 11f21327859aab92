# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What forbids an import, found before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from .._core.counting import named
from .._core.errors import Refused
from .losses import Loss

_SHOWN_PROBLEMS = 20
_SHOWN_SUBJECTS = 5

_ASSIGN = "ids: assign gives new ids and version numbers"
_CONTEXT = "context_mapping brings schemas into another context, where their ids are free"
_RENAME = "subject_mapping gives subjects other names, where their ids are free"
_PURGE = (
    "strategy: overwrite with allow_purge: true purges a subject and imports it anew, where all its ids come back with "
    "their contents"
)
_SKIP = "strategy: skip leaves such versions out"
_EXCLUDE = "exclude_subjects leaves whole subjects out"
_INCLUDE = "subjects takes in what is referred to, where the backup has it"
_WAYS_OUT = {
    "id_conflict": (_ASSIGN, _CONTEXT, _SKIP, _EXCLUDE),
    "version_conflict": (_ASSIGN, _CONTEXT, _RENAME, _PURGE, _SKIP, _EXCLUDE),
    "content_conflict": (_SKIP, _EXCLUDE),
    "purge_not_allowed": (_ASSIGN, _CONTEXT, _RENAME, _SKIP, _EXCLUDE),
    "purge_unsafe": (_ASSIGN, _CONTEXT, _RENAME, _SKIP, _EXCLUDE),
    "unresolved_reference": (_INCLUDE, _EXCLUDE),
    "reference_cycle": (_EXCLUDE,),
    "id_out_of_range": (_ASSIGN, _EXCLUDE),
    "unrecognised_type": (_EXCLUDE,),
}
_NO_OPTION_HELPS = {"alias_on_target", "read_only_target"}
_IN_ROLES = "The roles have these options with restore_ before their names."


@dataclass(frozen=True, order=True)
class Problem:
    """Something that forbids an import.

    Args:
        subject: The qualified subject or scope, in the target's names.
        version: The version number; 0 where it is about the whole subject.
        kind: A class of conflict, or ``unresolved_reference``, ``reference_cycle``, ``forbidden_name``,
            ``id_out_of_range``, ``purge_not_allowed``, ``purge_unsafe``, ``alias_on_target``, ``read_only_target``,
            ``not_empty``, ``unrecognised_type``, ``mixed_types``.
        why: What is in the way; and what to do, unless `ImportRefused` tells it for all of this kind.
    """

    subject: str
    version: int
    kind: str
    why: str

    def __str__(self) -> str:
        place = f"{self.subject} version {self.version}" if self.version else self.subject
        return f"{place}: {self.why}"


class ImportRefused(Refused):
    """An import cannot be made as it was asked for; nothing was written.

    Args:
        problems: All that was found.
        losses: Losses that were not accepted.
    """

    def __init__(self, problems: Collection[Problem], losses: Collection[Loss]) -> None:
        self.problems = tuple(sorted(problems))
        self.losses = tuple(losses)
        shown = [f"{problem}." for problem in self.problems[:_SHOWN_PROBLEMS]]
        if len(self.problems) > _SHOWN_PROBLEMS:
            shown.append(f"And {len(self.problems) - _SHOWN_PROBLEMS} more.")
        found = {problem.kind for problem in self.problems}
        parts = []
        if shown:
            parts.append("The import is refused before any write. " + " ".join(shown))
        if ways := dict.fromkeys(way for kind, of_kind in _WAYS_OUT.items() if kind in found for way in of_kind):
            parts.append(f"Ways out: {'; '.join(ways)}.")
        if self.losses:
            named = " ".join(f"{loss.kind} ({loss.count}, of {_subjects(loss)}): {loss.why}" for loss in self.losses)
            kinds = ", ".join(loss.kind for loss in self.losses)
            parts.append(f"The target would lose something. {named} To accept this, add {kinds} to accept_losses.")
        if self.losses or found - _NO_OPTION_HELPS:
            parts.append(_IN_ROLES)
        super().__init__(
            " ".join(parts),
            code="import_conflict" if self.problems else "loss_not_accepted",
            object_name=self.problems[0].subject if self.problems else None,
            conflicts=[
                {"subject": p.subject, "version": p.version or None, "kind": p.kind, "why": p.why}
                for p in self.problems[:_SHOWN_PROBLEMS]
            ]
            or None,
            conflict_counts=dict(sorted(Counter(p.kind for p in self.problems).items())) or None,
            losses=[loss.describe() for loss in self.losses] or None,
        )


def _subjects(loss: Loss) -> str:
    return named([subject or "the registry" for subject in loss.subjects], _SHOWN_SUBJECTS)
