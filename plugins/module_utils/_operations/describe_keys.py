# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling which encryption keys a schema registry keeps, and nothing that may be secret of them."""

from __future__ import annotations

from typing import Any

from .._core.change import Report
from .._core.selection import Selection
from .._core.settings import RegistrySettings
from .._registry.detect import connect
from .._schemas.encryption_keys import Dek, EncryptionKeys, Kek
from .._schemas.key_documents import shown
from .bounded import listed
from .read_keys import read_keys

_WARNED = 5


def describe_keys(settings: RegistrySettings, keks: Selection, subjects: Selection, *, gather: str) -> Report:
    """Describe the encryption keys of a registry.

    Args:
        settings: Which registry.
        keks: Which KEKs are meant.
        subjects: The DEKs of which subjects are meant; when not of all, only KEKs that these name.
        gather: ``summary``, or ``full`` for lists of the keys too, cut to fit into a result.

    Raises:
        NotFound: A KEK or a subject that is named literally does not exist.
        RegistryError: The registry gave no usable answer.
    """
    registry = connect(settings)
    held = read_keys(registry)
    keys = _chosen(EncryptionKeys() if held is None else held, keks, subjects)
    values: dict[str, Any] = {
        "registry": registry.server(),
        "supported": held is not None,
        "counts": {
            **keys.counts(),
            "subjects": len(keys.subjects()),
            "shared": sum(kek.shared for kek in keys.keks.values()),
            "soft_deleted": sum(kek.deleted for kek in keys.keks.values())
            + sum(dek.deleted for dek in keys.deks.values()),
        },
    }
    if gather == "full":
        all_keks = [_describe_kek(keys.keks[name], len(deks)) for name, deks in keys.by_kek().items()]
        all_deks = [_describe_dek(keys.deks[key]) for key in sorted(keys.deks)]
        values |= listed({"keks": (all_keks, len(all_keks)), "deks": (all_deks, len(all_deks))}, most=None)
    return Report(values, _warnings(keys))


def _chosen(keys: EncryptionKeys, keks: Selection, subjects: Selection) -> EncryptionKeys:
    hidden = {key.kek for key in keys.hidden}
    names = set(keks.select({*keys.keks, *hidden}, what="key encryption key"))
    wanted = set(subjects.select(keys.subjects(), what="subject with data encryption keys"))
    if subjects != Selection():
        keys = keys.chosen(wanted.__contains__)
    return EncryptionKeys(
        {name: kek for name, kek in keys.keks.items() if name in names},
        {key: dek for key, dek in keys.deks.items() if key.kek in names},
        {key: why for key, why in keys.hidden.items() if key.kek in names},
    )


def _describe_kek(kek: Kek, deks: int) -> dict[str, Any]:
    return {
        "name": kek.name,
        "kms_type": kek.kms_type,
        "kms_key_id": kek.kms_key_id,
        "kms_props": sorted(kek.kms_props or ()),
        "doc": kek.doc,
        "shared": kek.shared,
        "deleted": kek.deleted,
        "deks": deks,
    }


def _describe_dek(dek: Dek) -> dict[str, Any]:
    return {**dek.key._asdict(), "deleted": dek.deleted, "fingerprint": shown(dek.wrapped)}


def _warnings(keys: EncryptionKeys) -> tuple[str, ...]:
    told = [
        f"{'What is kept under ' + repr(key.kek) if key.kek else 'All'}"
        f"{' for ' + repr(key.subject) if key.subject else ''} cannot be read: {keys.hidden[key]}."
        for key in sorted(keys.hidden)[:_WARNED]
    ]
    more = len(keys.hidden) - len(told)
    return (*told, *([f"{more} more keys cannot be read."] if more else []))
