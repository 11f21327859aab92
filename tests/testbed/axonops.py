# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AxonOps Schema Registry: built from its Go module, stored in memory."""

from __future__ import annotations

import json
import os
import platform
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from testbed.cache import cached
from testbed.component import LOOPBACK, Component
from testbed.toolchain import PINS, go_build

VERSION = "0.2.1"
MODULE = PINS / "axonops"
PACKAGE = "github.com/axonops/axonops-schema-registry/cmd/schema-registry"


def fetch() -> Path:
    """Path of the registry's program, built into the cache when it is not there yet."""
    name = f"axonops-schema-registry-{VERSION}-{platform.machine()}"
    return cached(name, lambda scratch: go_build(MODULE, PACKAGE, scratch / "schema-registry", f"v{VERSION}")) / (
        "schema-registry"
    )


class AxonOpsRegistry(Component):
    """A schema registry."""

    name = "registry"

    @property
    def endpoint(self) -> str:
        """Base URL."""
        return f"http://{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        try:
            self.call("GET", "/health/ready")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request and return the parsed answer (``None`` when empty).

        Raises `urllib.error.HTTPError` for a status of 400 and above.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.endpoint + path, data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _configuration(self) -> dict[str, Any]:
        return {"server": {"host": LOOPBACK, "port": self.port}, "storage": {"type": "memory"}}

    def _prepare(self) -> None:
        # JSON is YAML. The server expands environment variables in the whole text, so that a bare dollar would vanish.
        text = json.dumps(self._configuration()).replace("$", "${DOLLAR}")
        (self.home / "config.yaml").write_text(text)

    def _command(self) -> list[str]:
        return [str(fetch()), "-config", "config.yaml"]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SCHEMA_REGISTRY_")}
        return kept | {"DOLLAR": "$"}
