# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a registry that keeps encryption keys, under ``/dek-registry/v1``, as Confluent and AxonOps have it.

The API is Confluent's (``confluentinc/schema-registry``, ``dek-registry/.../DekRegistryResource.java``). Keys belong to
no context, but a DEK's subject may name one. Every list and every read is for one algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .._core.errors import RegistryError
from .._schemas.encryption_keys import ALGORITHMS, Dek, DekKey, EncryptionKeys, Kek
from .client import Answer, RegistryClient
from .codes import NO_SUCH_PATH
from .dialect import Registry
from .items import optional, typed

Key = TypeVar("Key", Kek, Dek)

ROOT = "/dek-registry/v1/keks"

NO_KEY = (40470, 40471)
"""No such key; the second is AxonOps' code for DEKs."""

EXISTS = (40970, 40971)
"""There is a KEK of that name, or a DEK of that number; the first is AxonOps' code for KEKs."""

NO_KMS = (50070, 40370)
"""The registry was to unwrap a DEK of a shared KEK, and its KMS failed or refused."""

FORBIDDEN = 403
NO_RIGHT = 40301

_PAGE = 1000
_KMS_FAILED = (
    "its key encryption key is shared, so that the registry unwraps it on every read, and its KMS refused that"
)

_TELLING = 8
"""Characters of a secret by which it is found in a message, which may end before it does."""

_ALIASED = "the aliasForDeks in its subject's config hides it"


def has_dek_registry(client: RegistryClient) -> bool:
    """Ask whether a server keeps encryption keys that its user may see: Confluent's is switched on by a setting.

    Raises:
        RegistryError: It gave no usable answer.
    """
    absent = (NO_SUCH_PATH, FORBIDDEN, NO_RIGHT)
    return client.get(f"{ROOT}?deleted=true&limit=1", "capabilities", absent=absent) is not None


class DekRegistry:
    """Reads and writes the encryption keys of a registry.

    Args:
        registry: Which one.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._client = registry.client

    def read(self) -> EncryptionKeys | None:
        """Read all KEKs and DEKs, soft-deleted ones too.

        Returns:
            None where the registry keeps no such keys. Names that its API cannot carry, and DEKs that its KMS would
            have to unwrap and does not, are `EncryptionKeys.hidden`.

        Raises:
            RegistryError: It gave no usable answer.
        """
        if not self._registry.declared.encryption_keys:
            return None
        names = self._list(f"{ROOT}?deleted=true", "keks", str)
        if names is None:
            return None
        hidden: dict[DekKey, str] = {}
        usable = [name for name in names if not self._hide(name, DekKey(name, "", "", 0), hidden)]
        keks = self._client.map_concurrently(self._read_kek, usable)
        listed = zip(usable, self._client.map_concurrently(self._subjects, usable), strict=True)
        series = [
            (name, subject, algorithm)
            for name, subjects in listed
            for subject in subjects
            if not self._hide(subject, DekKey(name, subject, "", 0), hidden)
            for algorithm in ALGORITHMS
        ]
        numbers = zip(series, self._client.map_concurrently(self._versions, series), strict=True)
        keys = [DekKey(*one, version) for one, versions in numbers for version in versions]
        hidden.update({DekKey(*one, "", 0): _ALIASED for one in {s[:2] for s in series} - {key[:2] for key in keys}})
        read = self._client.map_concurrently(self._read_dek, keys)
        hidden.update({key: why for key, why in zip(keys, read, strict=True) if isinstance(why, str)})
        found = {kek.name: kek for kek in keks if kek is not None}
        deks = {dek.key: dek for dek in read if isinstance(dek, Dek) and dek.key.kek in found}
        return EncryptionKeys(found, deks, hidden)

    def create_kek(self, kek: Kek) -> None:
        """Create a KEK that lives; the registry does not ask its KMS about it.

        Raises:
            RegistryError: It was refused, also where there is another one of that name.
        """
        body = {name: value for name, value in {"name": kek.name, **kek.facts()}.items() if value is not None}
        try:
            answer = self._write("POST", ROOT, "kek", body=body, accept=EXISTS)
        except RegistryError as error:
            props = [str(value) for value in (kek.kms_props or {}).values() if value]
            if any(value[:_TELLING] in error.message for value in props):  # they may be credentials
                status = error.facts.get("http_status")
                error.message = (
                    f"{kek} cannot be created: HTTP {status}. What the schema registry {self._client.url} said is not "
                    "shown, since it repeats values of kmsProps."
                )
            raise
        if answer.code is not None:  # an answer may have been lost, and the request repeated
            held = self._read_kek(kek.name)
            if held is None or held.deleted or held.facts() != kek.facts():
                raise RegistryError(f"{kek} cannot be created: another one has its name.", object_name=kek.name)

    def create_dek(self, dek: Dek) -> None:
        """Store a wrapped DEK that lives, under the number it has.

        In a subject whose mode is IMPORT the registry takes it as it is. Elsewhere it has its KMS unwrap what a shared
        KEK wraps, and answers with the key in clear, which is not looked at.

        Raises:
            ValueError: It is not wrapped: the registry would make up a new one.
            RegistryError: It was refused, or the registry answered with another one.
        """
        if dek.wrapped is None:
            raise ValueError(f"{dek} has no wrapped key")
        key = dek.key
        path = f"{ROOT}/{self._registry.address(key.kek)}/deks"
        body = {
            "subject": key.subject,
            "version": key.version,
            "algorithm": key.algorithm,
            "encryptedKeyMaterial": dek.wrapped,
        }
        answer = self._write("POST", path, "dek", body=body, accept=EXISTS)
        # An answer may have been lost, and the request repeated.
        made = self._parsed(_dek, answer.value, path, str(key)) if answer.code is None else self._read_dek(key)
        if not isinstance(made, Dek) or (made.key, made.wrapped, made.deleted) != (key, dek.wrapped, False):
            raise RegistryError(
                f"{dek} cannot be stored: the registry holds another one under its number. AxonOps in memory takes "
                "only one algorithm for a subject and a number; on a database it takes all.",
                object_name=key.subject,
            )

    def soft_delete(self, key: Kek | Dek) -> None:
        """Soft-delete a KEK or a version of a DEK; one that already is stays so."""
        self._write("DELETE", self._path(key), "soft delete", accept=NO_KEY)

    def undelete(self, key: Kek | Dek) -> None:
        """Bring a soft-deleted KEK or version of a DEK back; of a DEK, the KEK must live."""
        path, mark, query = self._path(key).partition("?")
        self._write("POST", f"{path}/undelete{mark}{query}", "undelete")

    def _path(self, key: Kek | Dek) -> str:
        if isinstance(key, Kek):
            return f"{ROOT}/{self._registry.address(key.name)}"
        return self._dek_path(key.key)

    def _dek_path(self, key: DekKey) -> str:
        return f"{self._series_path(key.kek, key.subject)}/{key.version}?algorithm={key.algorithm}"

    def _series_path(self, kek: str, subject: str) -> str:
        return f"{ROOT}/{self._registry.address(kek)}/deks/{self._registry.address(subject)}/versions"

    def _hide(self, name: str, key: DekKey, hidden: dict[DekKey, str]) -> bool:
        problem = self._registry.name_problem(name)
        if problem is not None:
            hidden[key] = problem
        return problem is not None

    def _subjects(self, kek: str) -> list[str]:
        return self._list(f"{ROOT}/{self._registry.address(kek)}/deks?deleted=true", "deks", str) or []

    def _versions(self, series: tuple[str, str, str]) -> list[int]:
        kek, subject, algorithm = series
        return self._list(f"{self._series_path(kek, subject)}?algorithm={algorithm}&deleted=true", "deks", int) or []

    def _read_kek(self, name: str) -> Kek | None:
        path = f"{ROOT}/{self._registry.address(name)}?deleted=true"
        item = self._client.get(path, "kek", absent=NO_KEY)
        return None if item is None else self._parsed(_kek, item, path, f"the key encryption key {name}")

    def _read_dek(self, key: DekKey) -> Dek | str | None:
        """Read a DEK, or say why the registry does not tell it."""
        path = f"{self._dek_path(key)}&deleted=true"
        answer = self._client.send("GET", path, "dek", accept=(*NO_KEY, *NO_KMS))
        if answer.code is not None:
            return _KMS_FAILED if answer.code in NO_KMS else None
        dek = self._parsed(_dek, answer.value, path, str(key))
        return dek if dek.key == key else _ALIASED

    def _parsed(self, read: Callable[[Any], Key], item: Any, path: str, what: str) -> Key:
        try:
            return read(item)
        except ValueError as error:
            # What the registry said is not repeated: it may hold a key in clear.
            raise RegistryError(
                f"The schema registry {self._client.url} told nothing usable of {what}: {error}.",
                code="not_a_registry",
                object_name=self._client.url,
                path=path,
            ) from error

    def _list(self, path: str, kind: str, members: type[Any]) -> list[Any] | None:
        """Read a list to its end, whatever the size of the server's pages; None where there is no such path."""
        found: dict[Any, None] = {}
        while True:
            page = self._client.get(f"{path}&offset={len(found)}&limit={_PAGE}", kind, absent=(*NO_KEY, NO_SUCH_PATH))
            if page is None:
                return list(found) or None
            if not isinstance(page, list) or not all(isinstance(member, members) for member in page):
                raise self._client.unexpected(path, page, "a list of names or numbers")
            if set(page) <= set(found):  # a server that knows no pages repeats the first
                return list(found)
            found.update(dict.fromkeys(page))

    def _write(self, method: str, path: str, kind: str, *, body: Any = None, accept: tuple[int, ...] = ()) -> Answer:
        self._registry.require_writable()
        return self._client.send(method, path, kind, body=body, accept=accept)


def _kek(item: Any) -> Kek:
    """Read ``GET /keks/{name}``."""
    return Kek(
        name=typed(item, "name", str),
        kms_type=typed(item, "kmsType", str),
        kms_key_id=typed(item, "kmsKeyId", str),
        kms_props=optional(item, "kmsProps", dict) or None,
        doc=optional(item, "doc", str) or None,
        shared=bool(item.get("shared", False)),
        deleted=bool(item.get("deleted", False)),
        changed_ms=optional(item, "ts", int),
    )


def _dek(item: Any) -> Dek:
    """Read ``GET /keks/{name}/deks/{subject}/versions/{version}``, but for ``keyMaterial``, the key in clear."""
    key = DekKey(
        kek=typed(item, "kekName", str),
        subject=typed(item, "subject", str),
        algorithm=typed(item, "algorithm", str),
        version=typed(item, "version", int),
    )
    wrapped = optional(item, "encryptedKeyMaterial", str)
    return Dek(key, wrapped, bool(item.get("deleted", False)), optional(item, "ts", int))
