# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an import's plan that is about encryption keys: what becomes of each, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .._core.change import OMITTED
from .._core.counting import counted
from .encryption_keys import Dek, DekKey, EncryptionKeys, Kek
from .key_documents import shown

CREATE, UNDELETE, SOFT_DELETE = "create", "undelete", "soft_delete"
KEPT, LEAVE, OMIT = "keep", "leave", "omit"

KEY_CONFLICT = "key_conflict"
"""The class of a key whose name on the target another key has."""

STAYS_LIVE = "data encryption keys under it live, so that the target keeps it live"

_SHOWN_KEYS = 50

View = dict[str, Any]


@dataclass(frozen=True)
class KeyItem:
    """What becomes of one key of the archive.

    Args:
        key: Its name in the target.
        classification: ``new``, ``identical``, ``soft_deleted_on_target``, ``live_on_target`` or `KEY_CONFLICT`.
        action: `CREATE`, `UNDELETE`, `SOFT_DELETE`, `KEPT`, `LEAVE`, or `OMIT` for what is a loss.
        why: For people, where it is not made as the archive has it; else empty.
    """

    key: DekKey
    classification: str
    action: str
    why: str = ""


@dataclass(frozen=True)
class KeyStep:
    """One write.

    Args:
        action: `CREATE`, `UNDELETE` or `SOFT_DELETE`.
        key: What it is about, under the target's name.
    """

    action: str
    key: Kek | Dek


@dataclass(frozen=True)
class KeyPlan:
    """What an import does about encryption keys.

    Args:
        items: What becomes of each key of the archive, sorted by name.
        steps: In order: KEKs and then DEKs are created and brought back, DEKs and then KEKs soft-deleted.
        target: What the target holds of the keys that are concerned.
        after: What it holds of them afterwards.
    """

    items: tuple[KeyItem, ...] = ()
    steps: tuple[KeyStep, ...] = ()
    target: EncryptionKeys = field(default_factory=EncryptionKeys)
    after: EncryptionKeys = field(default_factory=EncryptionKeys)

    @property
    def created(self) -> frozenset[DekKey]:
        """The target's keys that this plan creates: `ImportOptions.unfinished_keys` of a run that takes it up."""
        return frozenset(step.key.key for step in self.steps if step.action == CREATE)

    @property
    def subjects(self) -> frozenset[str]:
        """The target's subjects whose DEKs are written."""
        return frozenset(step.key.key.subject for step in self.steps if step.key.key.subject)

    @property
    def left(self) -> tuple[KeyItem, ...]:
        """What is not made as the archive has it, with the reason."""
        return tuple(item for item in self.items if item.why)

    @property
    def is_exact(self) -> bool:
        """Whether all keys are as in the archive afterwards, but for losses that were accepted."""
        return all(item.action == OMIT or item.why == STAYS_LIVE for item in self.left)

    def describe(self) -> dict[str, Any]:
        """Return it as a JSON value; of what is left, the first ones."""
        steps = Counter((step.action, isinstance(step.key, Kek)) for step in self.steps)
        left = self.left
        return {
            "classes": dict(sorted(Counter(item.classification for item in self.items).items())),
            "actions": {
                "create_kek": steps[CREATE, True],
                "create_dek": steps[CREATE, False],
                "undelete": steps[UNDELETE, True] + steps[UNDELETE, False],
                "soft_delete": steps[SOFT_DELETE, True] + steps[SOFT_DELETE, False],
            },
            "left": [
                {**described(item.key), "class": item.classification, "reason": item.why} for item in left[:_SHOWN_KEYS]
            ],
            "left_omitted": max(0, len(left) - _SHOWN_KEYS),
        }

    def rendered(self) -> tuple[View, View]:
        """Show the keys that change, before and after; bounded, and without anything that may be secret."""
        names = sorted({step.key.key for step in self.steps})
        before, after = (
            {str(name): _shown(keys, name) for name in names[:_SHOWN_KEYS] if _shown(keys, name)}
            for keys in (self.target, self.after)
        )
        if len(names) > _SHOWN_KEYS:
            after[f"{OMITTED} keys"] = counted(len(names) - _SHOWN_KEYS, "more key")
        return before, after


def described(key: DekKey) -> dict[str, Any]:
    """Return a key's name as a JSON value; what does not apply to a KEK is null."""
    return {
        "kek": key.kek,
        "subject": key.subject or None,
        "algorithm": key.algorithm or None,
        "version": key.version or None,
    }


def _shown(keys: EncryptionKeys, name: DekKey) -> str | None:
    key = keys.deks.get(name) if name.subject else keys.keks.get(name.kek)
    if key is None:
        return None
    text = f"{key.kms_type}, {key.kms_key_id}" if isinstance(key, Kek) else f"wrapped, {shown(key.wrapped)}"
    return text + (", soft-deleted" if key.deleted else "")
