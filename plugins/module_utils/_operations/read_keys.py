# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a registry's encryption keys: again, until two readings agree, and those that are wanted of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .._core.errors import Refused, RegistryError
from .._core.selection import Selection
from .._registry.dek_registry import FORBIDDEN, DekRegistry
from .._registry.dialect import Registry
from .._schemas.encryption_keys import DekKey, EncryptionKeys


def read_keys(registry: Registry) -> EncryptionKeys | None:
    """Read once all encryption keys of a registry.

    Returns:
        None where it keeps none. What its user may not see is `EncryptionKeys.hidden`.

    Raises:
        RegistryError: It gave no usable answer.
    """
    try:
        return DekRegistry(registry).read()
    except RegistryError as error:
        if error.facts.get("http_status") != FORBIDDEN:
            raise
        return EncryptionKeys(hidden={DekKey("", "", "", 0): "the user lacks the right to read them"})


def read_settled_keys(registry: Registry, rounds: int) -> tuple[EncryptionKeys | None, bool]:
    """Read all encryption keys of a registry until two readings in a row agree.

    Args:
        registry: Where from.
        rounds: How often it is read again at most.

    Returns:
        The keys of the last reading, as `read_keys`, and whether the one before it was equal.

    Raises:
        RegistryError: It gave no usable answer.
    """
    found = read_keys(registry)
    for _round in range(rounds):
        before, found = found, read_keys(registry) if found is not None else None
        if before == found:
            return found, True
    return found, False


def chosen_keys(
    keys: EncryptionKeys, selection: Selection, subjects: Collection[str], *, soft_deleted: bool
) -> EncryptionKeys:
    """Choose the DEKs of some subjects with their KEKs; of the whole registry, all KEKs.

    Args:
        keys: All that there are.
        selection: Which subjects are wanted.
        subjects: Which subjects are chosen besides, since those refer to them.
        soft_deleted: Whether what is soft-deleted is chosen too.
    """
    if selection == Selection():
        return keys if soft_deleted else keys.without_deleted()
    return keys.chosen(lambda name: name in subjects or selection.matches(name), deleted=soft_deleted)


def check_readable(keys: EncryptionKeys) -> None:
    """Look whether all chosen DEKs can be read.

    Raises:
        Refused: Some cannot. A KEK all of whose DEKs are hidden could not be excluded; `key_notes` tells of it.
    """
    unreadable = sorted(key for key in keys.hidden if key.subject)
    if unreadable:
        first = unreadable[0]
        raise Refused(
            f"{len(unreadable)} data encryption keys cannot be read, such as one of {first.subject!r} under the key "
            f"encryption key {first.kek!r}: {keys.hidden[first]}. Leave their subjects out with exclude_subjects "
            "if the backup may lack them.",
            code="unreadable_key",
            object_name=first.subject,
        )


def key_notes(keys: EncryptionKeys | None) -> Iterator[str]:
    """Say what a user must know of the keys that were read: what is missing, and what may be secret.

    Args:
        keys: Those that were chosen.
    """
    if keys is None:
        return
    for key in sorted(keys.hidden):
        what = f"The key encryption key {key.kek!r} and all keys under it" if key.kek else "The encryption keys"
        yield f"{what} cannot be read, and are not in the restore point: {keys.hidden[key]}."
    told = sum(bool(kek.kms_props) for kek in keys.keks.values())
    if told:
        yield (
            f"{told} key encryption keys tell their key management service more than a name (kmsProps), which may be "
            "credentials; it lies in the store in clear."
        )
