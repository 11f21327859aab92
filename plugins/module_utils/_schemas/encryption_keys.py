# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of client-side field encryption that a registry holds: as plain values, and never in clear.

A key encryption key (KEK) only names a key that a key management service (KMS) keeps. A data encryption key (DEK) lies
in the registry wrapped by that key, which is what is archived; the unwrapped key has no place in these values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

ALGORITHMS = ("AES128_GCM", "AES256_GCM", "AES256_SIV")
"""All that a DEK can be for; registries list the DEKs of one at a time."""


class DekKey(NamedTuple):
    """Names one version of a DEK; with its other fields empty, a KEK.

    Args:
        kek: The name of its KEK.
        subject: The qualified subject whose fields it encrypts.
        algorithm: One of `ALGORITHMS`.
        version: Its number, from 1.
    """

    kek: str
    subject: str
    algorithm: str
    version: int

    def __str__(self) -> str:
        if not self.subject:
            return f"the key encryption key {self.kek}"
        return f"the data encryption key of {self.subject} under {self.kek}, {self.algorithm} version {self.version}"


@dataclass(frozen=True)
class Kek:
    """A key encryption key: which key of which KMS wraps data encryption keys.

    Args:
        name: Its name, which no other has; it belongs to no context.
        kms_type: The kind of KMS, such as ``aws-kms``.
        kms_key_id: The key's name there.
        kms_props: What else the KMS is told, as text by name; may hold credentials, so that it is never shown.
        doc: What somebody wrote about it.
        shared: Whether the registry itself may ask the KMS to wrap and unwrap.
        deleted: Whether it is soft-deleted.
        changed_ms: When it was last written, milliseconds since 1970, where the registry tells it.
    """

    name: str
    kms_type: str
    kms_key_id: str
    kms_props: dict[str, Any] | None = None
    doc: str | None = None
    shared: bool = False
    deleted: bool = False
    changed_ms: int | None = None

    @property
    def key(self) -> DekKey:
        """Its name, as that of all keys."""
        return DekKey(self.name, "", "", 0)

    def __str__(self) -> str:
        return str(self.key)

    def facts(self) -> dict[str, Any]:
        """Return what makes it this one, by the API's names: all but whether it is deleted, and when it was written."""
        return {
            "kmsType": self.kms_type,
            "kmsKeyId": self.kms_key_id,
            "kmsProps": self.kms_props or None,
            "doc": self.doc or None,
            "shared": self.shared,
        }

    def wraps_like(self, other: Kek) -> bool:
        """Tell whether another one stands for the same key of the same KMS, so that it can unwrap the same."""
        return (self.kms_type, self.kms_key_id) == (other.kms_type, other.kms_key_id)


@dataclass(frozen=True)
class Dek:
    """One version of a data encryption key.

    Args:
        key: Which one.
        wrapped: The key as its KEK wrapped it, base64 (``encryptedKeyMaterial``); None where there is none yet.
        deleted: Whether it is soft-deleted.
        changed_ms: As in `Kek`.
    """

    key: DekKey
    wrapped: str | None
    deleted: bool = False
    changed_ms: int | None = None

    def __str__(self) -> str:
        return str(self.key)


@dataclass
class EncryptionKeys:
    """All KEKs and DEKs that are known of a registry at one time.

    Args:
        keks: By name; soft-deleted ones too.
        deks: By key; soft-deleted ones too.
        hidden: DEKs that the registry lists and does not tell, with the reason. What is not known of them is empty:
            algorithm and version where all DEKs of a subject are hidden, the subject too where all of a KEK are.
    """

    keks: dict[str, Kek] = field(default_factory=dict)
    deks: dict[DekKey, Dek] = field(default_factory=dict)
    hidden: dict[DekKey, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keks or self.deks)

    def subjects(self) -> set[str]:
        """Return the qualified subjects that have DEKs."""
        return {key.subject for key in self.deks}

    def by_kek(self) -> dict[str, list[Dek]]:
        """Return the DEKs of each KEK, sorted by subject, algorithm and version; all sorted by name."""
        found: dict[str, list[Dek]] = {name: [] for name in sorted(self.keks)}
        for key in sorted(self.deks):
            found[key.kek].append(self.deks[key])
        return found

    def chosen(self, wanted: Callable[[str], bool], *, deleted: bool = True) -> EncryptionKeys:
        """Return the DEKs of some subjects, and the KEKs that they name.

        Args:
            wanted: Whether a qualified subject is chosen.
            deleted: Whether soft-deleted DEKs are chosen too.
        """
        deks = {key: dek for key, dek in self.deks.items() if wanted(key.subject) and (deleted or not dek.deleted)}
        hidden = {key: why for key, why in self.hidden.items() if not key.subject or wanted(key.subject)}
        named = {key.kek for key in (*deks, *hidden)}
        return EncryptionKeys({name: kek for name, kek in self.keks.items() if name in named}, deks, hidden)

    def without_deleted(self) -> EncryptionKeys:
        """Return the DEKs that live, and the KEKs that live or that those name."""
        deks = {key: dek for key, dek in self.deks.items() if not dek.deleted}
        named = {key.kek for key in deks}
        keks = {name: kek for name, kek in self.keks.items() if not kek.deleted or name in named}
        return replace(self, keks=keks, deks=deks)

    def counts(self) -> dict[str, int]:
        """Count KEKs and DEKs."""
        return {"keks": len(self.keks), "deks": len(self.deks)}
