# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive's documents of encryption keys: one a KEK, with all its DEKs as the KEK has wrapped them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.canonical import sha256_hex
from .._core.fields import Fields
from .encryption_keys import ALGORITHMS, Dek, DekKey, EncryptionKeys, Kek


def kek_fields(kek: Kek, deks: Iterable[Dek]) -> dict[str, Any]:
    """Return what the document of a KEK says, but for its format.

    Args:
        kek: The KEK.
        deks: All DEKs under it, sorted.
    """
    return {
        "kek": {"name": kek.name, **kek.facts(), "deleted": kek.deleted, "ts": kek.changed_ms},
        "deks": [
            {
                "subject": dek.key.subject,
                "algorithm": dek.key.algorithm,
                "version": dek.key.version,
                "encryptedKeyMaterial": dek.wrapped,
                "deleted": dek.deleted,
                "ts": dek.changed_ms,
            }
            for dek in deks
        ],
    }


def without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a KEK as people may see it: hashes of wrapped keys, and of kmsProps the names alone."""
    kek = document["kek"]
    deks = [{**dek, "encryptedKeyMaterial": shown(dek["encryptedKeyMaterial"])} for dek in document["deks"]]
    return {**document, "kek": {**kek, "kmsProps": sorted(kek["kmsProps"] or ())}, "deks": deks}


def shown(wrapped: str | None) -> str | None:
    """Return what stands for a wrapped key before people: enough of its hash to tell keys apart."""
    return None if wrapped is None else f"sha256:{sha256_hex(wrapped.encode())[:16]}"


def read_keys(found: Mapping[str, Fields]) -> EncryptionKeys:
    """Read the documents of all KEKs.

    Args:
        found: By the KEK's name.

    Raises:
        Damaged: One is not what was written.
    """
    keys = EncryptionKeys()
    for name, fields in sorted(found.items()):
        kek = _read_kek(fields.object("kek"))
        if kek.name != name:
            raise fields.damaged(f"kek.name must be {name!r}")
        keys.keks[kek.name] = kek
        for dek in _read_deks(kek.name, fields):
            if dek.key in keys.deks:
                raise fields.damaged(f"it holds {dek} twice")
            keys.deks[dek.key] = dek
        fields.finish()
    return keys


def _read_kek(fields: Fields) -> Kek:
    kek = Kek(
        name=fields.required("name", str),
        kms_type=fields.required("kmsType", str),
        kms_key_id=fields.required("kmsKeyId", str),
        kms_props=fields.optional("kmsProps", dict),
        doc=fields.optional("doc", str),
        shared=fields.required("shared", bool),
        deleted=fields.required("deleted", bool),
        changed_ms=fields.optional("ts", int),
    )
    fields.finish()
    return kek


def _read_deks(kek: str, fields: Fields) -> Iterator[Dek]:
    for entry in fields.objects("deks"):
        algorithm = entry.required("algorithm", str)
        if algorithm not in ALGORITHMS:
            raise fields.damaged(f"{algorithm} is no algorithm of a DEK")
        key = DekKey(kek, entry.required("subject", str), algorithm, entry.required("version", int))
        dek = Dek(
            key,
            wrapped=entry.optional("encryptedKeyMaterial", str),
            deleted=entry.required("deleted", bool),
            changed_ms=entry.optional("ts", int),
        )
        entry.finish()
        yield dek
