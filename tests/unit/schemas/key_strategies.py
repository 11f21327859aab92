# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes encryption keys for tests, one by one and by chance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.encryption_keys import (
    ALGORITHMS,
    Dek,
    DekKey,
    EncryptionKeys,
    Kek,
)

KEKS = ("one", "two", "three")
SUBJECTS = ("orders", "a b", ":.eu:orders")


def kek(name: str = "one", kms_key_id: str = "key", **more: Any) -> Kek:
    """Return a KEK of AWS."""
    return Kek(name, "aws-kms", kms_key_id, **more)


def dek(under: str, subject: str, version: int, wrapped: str | None, algorithm: str = "AES256_GCM", **more: Any) -> Dek:
    """Return a version of a DEK."""
    return Dek(DekKey(under, subject, algorithm, version), wrapped, **more)


def keys_of(keks: Iterable[Kek], deks: Iterable[Dek]) -> EncryptionKeys:
    """Gather KEKs and DEKs."""
    return EncryptionKeys({kek.name: kek for kek in keks}, {dek.key: dek for dek in deks})


@st.composite
def key_sets(draw: st.DrawFn, *, used_can_be_deleted: bool = True) -> EncryptionKeys:
    """Draw KEKs with DEKs.

    Args:
        used_can_be_deleted: Whether a KEK may be soft-deleted while DEKs under it live.
    """
    names = draw(st.sets(st.sampled_from(KEKS)))
    keys = st.builds(
        DekKey,
        st.sampled_from(sorted(names)),
        st.sampled_from(SUBJECTS),
        st.sampled_from(ALGORITHMS),
        st.integers(1, 3),
    )
    deks = [
        Dek(key, draw(st.sampled_from(["AAEC", "AwQF"])), draw(st.booleans()))
        for key in sorted(draw(st.sets(keys, max_size=6)) if names else ())
    ]
    used = set() if used_can_be_deleted else {dek.key.kek for dek in deks if not dek.deleted}
    keks = [
        kek(
            name,
            draw(st.sampled_from(["key", "other"])),
            doc=draw(st.none() | st.just("doc")),
            shared=draw(st.booleans()),
            deleted=name not in used and draw(st.booleans()),
        )
        for name in sorted(names)
    ]
    return keys_of(keks, deks)
