# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the encryption keys of a registry differ from those that it should hold."""

from __future__ import annotations

from typing import Any

from .compare import ABSENT, PRESENT, Mismatch, render
from .encryption_keys import Dek, EncryptionKeys, Kek
from .key_documents import shown

_MAY_BE_SECRET = frozenset({"kmsProps"})


def key_differences(expected: EncryptionKeys, actual: EncryptionKeys) -> list[Mismatch]:
    """Compare the keys that a registry should hold with those that it holds, field by field.

    When they were written is not compared, nor is what ``expected`` does not name, or what ``actual`` hides. No field
    that may be secret shows in what is returned.

    Args:
        expected: What should be there.
        actual: What was read.
    """
    found: list[Mismatch] = []
    for name, kek in sorted(expected.keks.items()):
        found.extend(_of_key(kek, actual.keks.get(name)))
    for key, dek in sorted(expected.deks.items()):
        if key not in actual.hidden:
            found.extend(_of_key(dek, actual.deks.get(key)))
    return found


def _of_key(expected: Kek | Dek, actual: Kek | Dek | None) -> list[Mismatch]:
    place = str(expected)
    if actual is None:
        return [Mismatch(place, None, "key", PRESENT, ABSENT)]
    wanted, given = _fields(expected), _fields(actual)
    return [
        Mismatch(place, None, name, *(_shown(name, fields[name]) for fields in (wanted, given)))
        for name in wanted
        if wanted[name] != given[name]
    ]


def _fields(key: Kek | Dek) -> dict[str, Any]:
    facts = key.facts() if isinstance(key, Kek) else {"encryptedKeyMaterial": shown(key.wrapped)}
    return {**facts, "deleted": key.deleted}


def _shown(name: str, value: Any) -> str:
    return "what is not shown" if name in _MAY_BE_SECRET and value else render(value)
