# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apicurio Registry, which speaks Confluent's interface besides its own; everything lies in memory."""

from __future__ import annotations

import json
import os
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from testbed.cache import cached
from testbed.component import LOOPBACK, Component, free_ports
from testbed.jars import fetch_jars, pinned
from testbed.toolchain import java

VERSION = "3.3.3"
JAVA = (21,)
JVM = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
COMPATIBLE = "/apis/ccompat/v7"
NATIVE = "/apis/registry/v3"


def fetch() -> Path:
    """Folder of the unpacked server, filled when it is not there yet; a Java runtime is fetched too where none is."""
    java(JAVA)
    return cached(f"apicurio-registry-{VERSION}", _unpack)


def _unpack(folder: Path) -> None:
    jars = pinned("apicurio.txt")
    fetch_jars(jars, folder)
    for jar in jars:
        archive = folder / jar.file_name
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        archive.unlink()


class Apicurio(Component):
    """A registry without authentication."""

    name = "apicurio"
    ready_seconds = 180.0  # 4 s alone, ten times that on a busy machine

    def __init__(self, port: int | None = None) -> None:
        own_port, self._management_port = free_ports(2)
        super().__init__(port or own_port)

    @property
    def endpoint(self) -> str:
        """Root URL."""
        return f"http://{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        try:
            self.call("GET", f"{NATIVE}/search/versions?limit=1")
        except OSError:
            return False
        return True

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer (``None`` when empty).

        Raises `urllib.error.HTTPError` for a status of 400 and above.
        """
        data = None if body is None else json.dumps(body).encode()
        text = self._send(method, path, {"Content-Type": "application/json"}, data)
        return json.loads(text) if text else None

    def pack(self) -> bytes:
        """Return all that the server holds, as its own export gives it: a ZIP archive."""
        return self._send("GET", f"{NATIVE}/admin/export", {"Accept": "application/zip"})

    def unpack(self, packed: bytes) -> None:
        """Bring what `pack` gave into a server that never held anything, with all ids."""
        preserved = {f"X-Registry-Preserve-{kind}": "true" for kind in ("GlobalId", "ContentId")}
        self._send("POST", f"{NATIVE}/admin/import", {"Content-Type": "application/zip", **preserved}, packed)

    def clear(self) -> None:
        """Delete all artifacts and rules, much faster than starting anew; ids go on where they were."""
        self.call("PUT", f"{COMPATIBLE}/mode", {"mode": "READWRITE"})
        self.call("DELETE", f"{NATIVE}/admin/rules")
        for group in self.call("GET", f"{NATIVE}/groups?limit=500")["groups"]:
            self.call("DELETE", f"{NATIVE}/groups/{group['groupId']}")
        try:
            self.call("DELETE", f"{NATIVE}/groups/default/artifacts")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _send(self, method: str, path: str, headers: dict[str, str], data: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.endpoint + path, data, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return bytes(answer.read())

    def _prepare(self) -> None:
        fetch()

    def _command(self) -> list[str]:
        return [java(JAVA), *JVM, "-jar", str(fetch() / "quarkus-run.jar")]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("QUARKUS_", "APICURIO_"))}
        return kept | {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(self.port),
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(self._management_port),
            "APICURIO_REST_DELETION_GROUP_ENABLED": "true",
            "APICURIO_REST_DELETION_ARTIFACT_ENABLED": "true",
            "APICURIO_REST_DELETION_ARTIFACT_VERSION_ENABLED": "true",
        }
