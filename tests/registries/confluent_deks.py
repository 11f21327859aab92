# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The DEK registry of the emulated Confluent Schema Registry.

What was recorded is answered as recorded: reading, creating, changing, soft deletes. Hard deletes, undeleting and the
errors of both are as in the source (``dek-registry/src/main/java/io/confluent/dekregistry``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from registries.confluent_reading import version_number
from registries.confluent_routes import Call, Fault, Route
from registries.confluent_store import Log
from registries.serving import Answer

TOPIC = "_dek_registry_keys"
ALGORITHM = "AES256_GCM"
ALGORITHMS = ("AES128_GCM", "AES256_GCM", "AES256_SIV")
ROOT = "dek-registry/v1/keks"
CHANGEABLE = ("kmsProps", "doc", "shared")


@dataclass
class Key:
    """A KEK or a DEK.

    Args:
        fields: What the API tells of it, but for its time and whether it is soft-deleted.
        deleted: Whether it is soft-deleted.
        ts: When its record was written, in ms.
    """

    fields: dict[str, Any]
    deleted: bool = False
    ts: int = 0

    def told(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {**self.fields, "ts": self.ts} | ({"deleted": True} if self.deleted else {})


DekName = tuple[str, str, str, int]
"""KEK, subject, algorithm, version."""


class DekRegistry:
    """KEKs and DEKs; a resource.

    Args:
        log: Where changes are noted.
    """

    def __init__(self, log: Log) -> None:
        self.keks: dict[str, Key] = {}
        self.deks: dict[DekName, Key] = {}
        self._log = log

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        kek, deks = f"{ROOT}/*", f"{ROOT}/*/deks"
        yield Route("GET", ROOT, self._list_keks)
        yield Route("POST", ROOT, self._create_kek)
        yield Route("GET", kek, self._get_kek)
        yield Route("PUT", kek, self._change_kek)
        yield Route("DELETE", kek, self._delete_kek)
        yield Route("POST", f"{kek}/undelete", self._undelete_kek)
        yield Route("GET", deks, self._list_deks)
        yield Route("POST", deks, self._create_dek)
        yield Route("GET", f"{deks}/*", self._get_dek)
        yield Route("POST", f"{deks}/*", self._create_dek)
        yield Route("DELETE", f"{deks}/*", self._delete_deks)
        yield Route("POST", f"{deks}/*/undelete", self._undelete_deks)
        yield Route("GET", f"{deks}/*/versions", self._list_versions)
        yield Route("GET", f"{deks}/*/versions/*", self._get_dek)
        yield Route("DELETE", f"{deks}/*/versions/*", self._delete_deks)
        yield Route("POST", f"{deks}/*/versions/*/undelete", self._undelete_deks)

    # KEKs

    def _list_keks(self, call: Call) -> Any:
        return call.page(sorted(name for name, kek in self.keks.items() if not kek.deleted or call.flag("deleted")))

    def _get_kek(self, call: Call, name: str) -> Any:
        return self._kek(name, deleted=call.flag("deleted")).told()

    def _create_kek(self, call: Call) -> Any:
        sent = call.body
        for needed in ("name", "kmsType", "kmsKeyId"):
            if not sent.get(needed):
                raise Fault(42271, f"Invalid key: {needed} is missing")
        told = {name: sent.get(name) for name in ("name", "kmsType", "kmsKeyId", "kmsProps", "doc", "shared")}
        told |= {"kmsProps": sent.get("kmsProps") or {}, "shared": bool(sent.get("shared"))}
        fields = {name: value for name, value in told.items() if value is not None}
        return self._create(self.keks, sent["name"], fields, sent).told()

    def _change_kek(self, call: Call, name: str) -> Any:
        kek = self._kek(name, deleted=False)
        kek.fields |= {field: call.body[field] for field in CHANGEABLE if field in call.body}
        self._write(kek)
        return kek.told()

    def _delete_kek(self, call: Call, name: str) -> Any:
        permanent = call.flag("permanent")
        kek = self._kek(name, deleted=permanent)
        if permanent and not kek.deleted:
            raise Fault(40471, f"Key '{name}' was not deleted first before being permanently deleted")
        if any(dek[0] == name and (permanent or not held.deleted) for dek, held in self.deks.items()):
            raise Fault(42272, f"One or more references exist to the key '{name}'")
        self._remove(self.keks, name, permanent=permanent)
        return Answer(204)

    def _undelete_kek(self, _call: Call, name: str) -> Any:
        kek = self._kek(name, deleted=True)
        kek.deleted = False
        self._write(kek)
        return Answer(204)

    # DEKs

    def _list_deks(self, call: Call, kek: str) -> Any:
        deleted = call.flag("deleted")
        self._kek(kek, deleted=deleted)
        return call.page(
            sorted({dek[1] for dek, held in self.deks.items() if dek[0] == kek and (deleted or not held.deleted)})
        )

    def _create_dek(self, call: Call, kek: str, subject: str | None = None) -> Any:
        sent = call.body
        if self._kek(kek, deleted=True).deleted and not sent.get("deleted"):
            raise Fault(40472, f"Key '{kek}' must be undeleted first")
        fields = {
            "kekName": kek,
            "subject": subject or sent.get("subject"),
            "version": sent.get("version") or 1,
            "algorithm": sent.get("algorithm") or ALGORITHM,
            "encryptedKeyMaterial": sent.get("encryptedKeyMaterial"),
        }
        if not fields["subject"] or fields["algorithm"] not in ALGORITHMS or not fields["encryptedKeyMaterial"]:
            raise Fault(42271, "Invalid key: subject, algorithm or encrypted key material is missing or wrong")
        name = (kek, fields["subject"], fields["algorithm"], fields["version"])
        return self._create(self.deks, name, fields, sent).told()

    def _get_dek(self, call: Call, kek: str, subject: str, version: str = "1") -> Any:
        found = self._versions(call, kek, subject, deleted=call.flag("deleted"))
        number = version_number(version)
        name = found[-1] if number == -1 and found else (kek, subject, _algorithm(call), number)
        if name not in found:
            raise _not_found(subject)
        return self.deks[name].told()

    def _list_versions(self, call: Call, kek: str, subject: str) -> Any:
        return call.page([name[3] for name in self._versions(call, kek, subject, deleted=call.flag("deleted"))])

    def _delete_deks(self, call: Call, kek: str, subject: str, version: str | None = None) -> Any:
        permanent = call.flag("permanent")
        for name in self._named(call, kek, subject, version, deleted=permanent):
            if permanent and not self.deks[name].deleted:
                raise Fault(40471, f"Key '{subject}' was not deleted first before being permanently deleted")
            self._remove(self.deks, name, permanent=permanent)
        return Answer(204)

    def _undelete_deks(self, call: Call, kek: str, subject: str, version: str | None = None) -> Any:
        if self._kek(kek, deleted=True).deleted:
            raise Fault(40472, f"Key '{kek}' must be undeleted first")
        for name in self._named(call, kek, subject, version, deleted=True):
            self.deks[name].deleted = False
            self._write(self.deks[name])
        return Answer(204)

    # Shared

    def _kek(self, name: str, *, deleted: bool) -> Key:
        found = self.keks.get(name)
        if found is None or (found.deleted and not deleted):
            raise _not_found(name)
        return found

    def _versions(self, call: Call, kek: str, subject: str, *, deleted: bool) -> list[DekName]:
        """Return the versions of a DEK by one algorithm."""
        self._kek(kek, deleted=True)
        wanted = (kek, subject, _algorithm(call))
        return sorted(n for n, held in self.deks.items() if n[:3] == wanted and (deleted or not held.deleted))

    def _named(self, call: Call, kek: str, subject: str, version: str | None, *, deleted: bool) -> list[DekName]:
        found = self._versions(call, kek, subject, deleted=deleted)
        if version is not None:
            number = version_number(version)
            found = found[-1:] if number == -1 else [name for name in found if name[3] == number]
        if not found:
            raise _not_found(subject)
        return found

    def _create(self, keys: dict[Any, Key], name: Any, fields: dict[str, Any], sent: dict[str, Any]) -> Key:
        """Create a key; the same one again only changes whether it is deleted."""
        deleted, held = bool(sent.get("deleted")), keys.get(name)
        if held is not None and (held.fields != fields or held.deleted == deleted):
            raise Fault(40971, f"Key '{fields.get('subject') or fields['name']}' already exists")
        keys[name] = Key(fields, deleted)
        self._write(keys[name])
        return keys[name]

    def _remove(self, keys: dict[Any, Key], name: Any, *, permanent: bool) -> None:
        keys[name].deleted = True
        self._write(keys[name], tombstone=permanent)
        if permanent:
            del keys[name]

    def _write(self, key: Key, *, tombstone: bool = False) -> None:
        kind = "DEK" if "kekName" in key.fields else "KEK"
        names = ("kekName", "subject", "algorithm", "version") if kind == "DEK" else ("name",)
        told = {"tenant": "default"} | {name: key.fields[name] for name in names} | {"type": kind}
        key.ts = self._log.write(TOPIC, told, tombstone=tombstone)


def _algorithm(call: Call) -> str:
    return call.query.get("algorithm") or ALGORITHM


def _not_found(name: str) -> Fault:
    return Fault(40470, f"Key '{name}' not found")
