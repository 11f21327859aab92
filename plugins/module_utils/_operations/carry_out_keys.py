# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out the part of an import plan that is about encryption keys."""

from __future__ import annotations

from dataclasses import replace

from .._core.errors import Refused, RegistryError
from .._registry.dek_registry import DekRegistry
from .._registry.dialect import Registry
from .._schemas.compare import Mismatch
from .._schemas.compare_keys import key_differences
from .._schemas.encryption_keys import Dek, DekKey, EncryptionKeys, Kek
from .._schemas.key_steps import CREATE, UNDELETE, KeyPlan
from .read_keys import read_keys


def check_keys_unchanged(plan: KeyPlan, registry: Registry) -> None:
    """Stop if others have written, since the plan was made, to the keys that it writes to.

    Raises:
        Refused: They have; nothing is written.
        RegistryError: The registry gave no usable answer.
    """
    if not plan.steps:
        return
    now = read_keys(registry) or EncryptionKeys()
    concerned = {step.key.key for step in plan.steps}
    concerned |= {DekKey(name.kek, "", "", 0) for name in concerned}
    changed = sorted(name for name in concerned if _held(now, name) != _held(plan.target, name))
    if changed:
        raise Refused(
            f"Somebody has written to {len(changed)} encryption keys since the import was planned, such as "
            f"{changed[0]}. Nothing was imported; run it again.",
            code="target_changed",
            object_name=changed[0].subject or changed[0].kek,
        )


def make_keys(plan: KeyPlan, registry: Registry) -> None:
    """Create, bring back and soft-delete keys.

    Raises:
        RegistryError: The registry refused one, which the message names.
    """
    keys = DekRegistry(registry)
    for step in plan.steps:
        try:
            if step.action == UNDELETE:
                keys.undelete(step.key)
            elif step.action != CREATE:
                keys.soft_delete(step.key)
            elif isinstance(step.key, Kek):
                keys.create_kek(step.key)
            else:
                keys.create_dek(step.key)
        except RegistryError as error:
            error.message += f" This was {step.key} of the backup."
            raise


def differing_keys(plan: KeyPlan, registry: Registry) -> list[Mismatch]:
    """Read the keys again, and return where they are not as planned; nothing is read where nothing was written."""
    return key_differences(plan.after, read_keys(registry) or EncryptionKeys()) if plan.steps else []


def _held(keys: EncryptionKeys, name: DekKey) -> Kek | Dek | None:
    held: Kek | Dek | None = keys.deks.get(name) if name.subject else keys.keks.get(name.kek)
    return None if held is None else replace(held, changed_ms=None)
