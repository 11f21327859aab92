# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An OAuth 2 token server for clients with a secret."""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.component import LOOPBACK, Component

if TYPE_CHECKING:
    from testbed.certificates import Certificates

PROGRAM = Path(__file__).with_name("oauth_server.py")


class OAuthServer(Component):
    """A token server. It knows the scopes ``kafka`` and ``registry``.

    Args:
        clients: Secrets by client id. The subject of a client's tokens is its id.
        audience: Whom the tokens are for.
        lifetime: How long a token is good, in seconds.
        certificates: With these the server speaks TLS.
    """

    name = "oauth"

    def __init__(
        self,
        clients: Mapping[str, str],
        *,
        audience: str = "kafka",
        lifetime: int = 3600,
        certificates: Certificates | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(port)
        self.clients = dict(clients)
        self.audience = audience
        self.lifetime = lifetime
        self.certificates = certificates

    @property
    def endpoint(self) -> str:
        """Issuer of the tokens."""
        return f"{'https' if self.certificates else 'http'}://{LOOPBACK}:{self.port}"

    @property
    def token_url(self) -> str:
        """Where clients get their tokens."""
        return f"{self.endpoint}/token"

    @property
    def keys_url(self) -> str:
        """Where servers get the keys that tokens are signed with."""
        return f"{self.endpoint}/jwks"

    def asked(self) -> int:
        """How many tokens were asked for since the start."""
        return (self.home / "log").read_text().count("POST /token ")

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.certificates.ca)) if self.certificates else None
        handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
        try:
            with urllib.request.build_opener(*handlers).open(self.keys_url, timeout=10):
                return True
        except OSError:
            return False

    def _prepare(self) -> None:
        pair = self.certificates.server if self.certificates else None
        settings = {
            "port": self.port,
            "issuer": self.endpoint,
            "clients": self.clients,
            "audience": self.audience,
            "lifetime": self.lifetime,
            "certificate": str(pair.certificate) if pair else None,
            "key": str(pair.key) if pair else None,
        }
        (self.home / "settings.json").write_text(json.dumps(settings))

    def _command(self) -> list[str]:
        return [sys.executable, "-u", str(PROGRAM), "settings.json"]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}  # else it takes no http:// of its own
