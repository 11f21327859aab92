# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills registries with encryption keys, and tells which they hold, without the collection's code."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

ROOT = "/dek-registry/v1/keks"
ALGORITHMS = ("AES128_GCM", "AES256_GCM", "AES256_SIV")
SECRET = "kms-passw0rd"  # as kmsProps may hold


class Registry(Protocol):
    """What can be asked as a schema registry is."""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request, and return the parsed answer."""


def create_kek(server: Registry, name: str, **more: Any) -> None:
    """Create a KEK, of AWS unless it is told otherwise."""
    told = {"kmsType": "aws-kms", "kmsKeyId": f"arn:aws:kms:eu-central-1:1:key/{name}", "shared": False}
    server.call("POST", ROOT, {"name": name, **told, **more})


def create_dek(
    server: Registry, kek: str, subject: str, version: int, wrapped: str, algorithm: str = "AES256_GCM"
) -> None:
    """Store a version of a DEK."""
    body = {"subject": subject, "version": version, "algorithm": algorithm, "encryptedKeyMaterial": wrapped}
    server.call("POST", f"{ROOT}/{kek}/deks", body)


def delete_key(server: Registry, kek: str, subject: str = "", version: int = 0, algorithm: str = "AES256_GCM") -> None:
    """Soft-delete a version of a DEK; a KEK where no subject is named."""
    dek = f"/deks/{_segment(subject)}/versions/{version}?algorithm={algorithm}" if subject else ""
    server.call("DELETE", f"{ROOT}/{quote(kek)}{dek}")


def fill_keys(server: Registry) -> None:
    """Create something of every kind of key: all algorithms, a gap, soft deletes, a context, names of every kind."""
    create_kek(server, "orders", kmsProps={"accessKey": SECRET}, doc="for orders")
    create_kek(server, "common", shared=False)
    create_kek(server, "retired", kmsType="azure-kms", kmsKeyId="https://vault")
    create_dek(server, "orders", "orders-value", 1, "AAEC")
    create_dek(server, "orders", "orders-value", 3, "AwQF")
    create_dek(server, "orders", "orders-value", 2, "Bg==", "AES256_SIV")
    create_dek(server, "orders", ":.eu:orders-value", 1, "Bw==", "AES128_GCM")
    create_dek(server, "common", "no schema+ü", 1, "CA==")
    create_dek(server, "common", "payments-value", 1, "CQ==")
    delete_key(server, "orders", "orders-value", 1)
    delete_key(server, "retired")


def keys_held(server: Registry) -> dict[str, Any]:
    """Return all keys that a registry holds, but for when they were written."""
    found = {}
    for kek in server.call("GET", f"{ROOT}?deleted=true"):
        below = f"{ROOT}/{quote(kek)}"
        found[kek] = _told(server.call("GET", f"{below}?deleted=true"))
        for subject in server.call("GET", f"{below}/deks?deleted=true"):
            for algorithm in ALGORITHMS:
                versions = f"{below}/deks/{_segment(subject)}/versions"
                for version in server.call("GET", f"{versions}?algorithm={algorithm}&deleted=true"):
                    told = server.call("GET", f"{versions}/{version}?algorithm={algorithm}&deleted=true")
                    found[f"{kek} {subject} {algorithm} {version}"] = _told(told)
    return found


def _told(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "ts" and value not in (None, {}, False)}


def _segment(name: str) -> str:
    return quote(name, safe=":+")
