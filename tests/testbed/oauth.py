# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OAuth 2 token server for clients with a secret: oauth2-mock-server on Node.js."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from testbed.cache import cached
from testbed.component import LOOPBACK, Component, UnavailableError
from testbed.toolchain import PINS, run

VERSION = "8.2.3"
PACKAGE = PINS / "oauth"
SCRIPT = Path(__file__).with_name("oauth_server.mjs")
NODE_MINIMUM = 20


def find_node() -> tuple[str, str]:
    """Paths of ``node`` and ``npm``. Raises `UnavailableError` where they are missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise UnavailableError("Node.js is not installed: the OAuth server needs node and npm")
    found = re.search(r"\d+", run([node, "--version"]))
    if not found or int(found.group()) < NODE_MINIMUM:
        raise UnavailableError(f"Node.js is older than {NODE_MINIMUM}, which the OAuth server needs")
    return node, npm


def fetch() -> Path:
    """Folder that holds the server's ``node_modules``, filled when it is not there yet."""
    _node, npm = find_node()

    def install(scratch: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, scratch)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=scratch)

    return cached(f"oauth2-mock-server-{VERSION}", install)


class OAuthServer(Component):
    """A token server.

    Args:
        clients: Secrets by client id. The subject of a client's tokens is its id, their audience ``kafka``.
    """

    name = "oauth"

    def __init__(self, clients: Mapping[str, str], port: int | None = None) -> None:
        super().__init__(port)
        self.clients = dict(clients)

    @property
    def endpoint(self) -> str:
        """Issuer of the tokens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def token_url(self) -> str:
        """Where clients get their tokens."""
        return f"{self.endpoint}/token"

    @property
    def keys_url(self) -> str:
        """Where servers get the keys that tokens are signed with."""
        return f"{self.endpoint}/jwks"

    def ready(self) -> bool:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.keys_url, timeout=10):
                return True
        except OSError:
            return False

    def _prepare(self) -> None:
        shutil.copy(SCRIPT, self.home)
        (self.home / "node_modules").symlink_to(fetch() / "node_modules")

    def _command(self) -> list[str]:
        node, _npm = find_node()
        return [node, SCRIPT.name, str(self.port), json.dumps(self.clients)]
