# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AxonOps Schema Registry, built from its Go module."""

from __future__ import annotations

import base64
import json
import os
import platform
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.cache import cached
from testbed.component import LOOPBACK, Component
from testbed.toolchain import PINS, go_build

VERSION = "0.2.1"
MODULE = PINS / "axonops"
PACKAGE = "github.com/axonops/axonops-schema-registry/cmd/schema-registry"
AUTH_METHODS = {"none": [], "basic": ["basic"], "api_key": ["basic", "api_key"], "mtls": ["mtls"], "jwt": ["jwt"]}

if TYPE_CHECKING:
    from testbed.certificates import Certificates
    from testbed.mariadb import MariaDB
    from testbed.oauth import OAuthServer
    from testbed.postgresql import PostgreSQL


def fetch() -> Path:
    """Path of the registry's program, built into the cache when it is not there yet."""
    name = f"axonops-schema-registry-{VERSION}-{platform.machine()}"
    return cached(name, lambda scratch: go_build(MODULE, PACKAGE, scratch / "schema-registry", f"v{VERSION}")) / (
        "schema-registry"
    )


class AxonOpsRegistry(Component):
    """A schema registry.

    ``auth`` is ``none``, ``basic``, ``api_key`` (which takes basic as well), ``mtls`` or ``jwt``; ``admin`` is the user
    name and password of the first user of ``basic`` and ``api_key``, and what `call` speaks as. ``jwt`` takes the
    tokens of ``oauth``: the client ``admin[0]`` may do everything, others may read. With ``certificates`` the registry
    speaks TLS; ``mtls`` demands them, and lets their client do everything. With ``database`` the schemas lie in a
    database of that server, else in memory.
    """

    name = "registry"

    def __init__(
        self,
        *,
        auth: str = "none",
        admin: tuple[str, str] = ("admin", "admin-pw"),
        certificates: Certificates | None = None,
        database: PostgreSQL | MariaDB | None = None,
        oauth: OAuthServer | None = None,
        port: int | None = None,
    ) -> None:
        if auth not in AUTH_METHODS:
            raise ValueError(f"auth is {auth}, not one of {', '.join(AUTH_METHODS)}")
        if auth == "mtls" and certificates is None:
            raise ValueError("auth mtls needs certificates")
        if (auth == "jwt") != (oauth is not None):
            raise ValueError("auth jwt, and no other, needs oauth")
        super().__init__(port)
        self.auth = auth
        self.admin = admin
        self.certificates = certificates
        self._database = database
        self._oauth = oauth

    @property
    def endpoint(self) -> str:
        """Base URL."""
        return f"{'https' if self.certificates else 'http'}://{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        try:
            self.call("GET", "/health/ready")
        except OSError:
            return False
        return True

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send one request as the administrator and return the parsed answer (``None`` when empty).

        Raises `urllib.error.HTTPError` for a status of 400 and above.
        """
        headers = {"Content-Type": "application/json"}
        if self.auth in ("basic", "api_key"):
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.admin).encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data, headers, method=method)
        with self._opener().open(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def create_user(self, name: str, password: str, role: str) -> None:
        """Add a user; ``role`` is super_admin, admin, developer or readonly."""
        self.call("POST", "/admin/users", {"username": name, "password": password, "role": role})

    def create_api_key(self, name: str, role: str) -> str:
        """Add an API key with that role and return it; it is good for a day."""
        return str(self.call("POST", "/admin/apikeys", {"name": name, "role": role, "expires_in": 86400})["key"])

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.certificates:
            handlers.append(urllib.request.HTTPSHandler(context=self.certificates.context()))
        return urllib.request.build_opener(*handlers)

    def _configuration(self) -> dict[str, Any]:
        return {
            "server": {"host": LOOPBACK, "port": self.port},
            "storage": self._storage(),
            "security": {"tls": self._tls(), "auth": self._auth()},
        }

    def _storage(self) -> dict[str, Any]:
        if self._database is None:
            return {"type": "memory"}
        url = urllib.parse.urlsplit(self._database.endpoint)
        connection = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
        kind, tls = {"postgresql": ("postgresql", {"ssl_mode": "disable"}), "mariadb": ("mysql", {"tls": "false"})}[
            self._database.name
        ]
        return {"type": kind, kind: connection | {"database": self._database_name} | tls}

    def _tls(self) -> dict[str, Any]:
        if self.certificates is None:
            return {"enabled": False}
        return {
            "enabled": True,
            "cert_file": str(self.certificates.server.certificate),
            "key_file": str(self.certificates.server.key),
            "ca_file": str(self.certificates.ca),
            "client_auth": "verify" if self.auth == "mtls" else "none",
        }

    def _auth(self) -> dict[str, Any]:
        if self.auth == "none":
            return {"enabled": False}
        user, password = self.admin
        if self.auth == "mtls" and self.certificates:
            user = self.certificates.client_name
        return {
            "enabled": True,
            "methods": AUTH_METHODS[self.auth],
            "bootstrap": {"enabled": self.auth in ("basic", "api_key"), "username": user, "password": password},
            "jwt": self._jwt(),
            "api_key": {"header": "X-API-Key", "storage_type": "database", "key_prefix": "sr_"},
            "rbac": {"enabled": True, "default_role": "readonly", "super_admins": [user]},
        }

    def _jwt(self) -> dict[str, Any]:
        if self._oauth is None:
            return {}
        return {
            "issuer": self._oauth.endpoint,
            "audience": self._oauth.audience,
            "jwks_url": self._oauth.keys_url,
            "algorithm": "RS256",
            "claims_mapping": {"username": "sub", "role": "role"},
        }

    @property
    def _database_name(self) -> str:
        return f"registry_{self.port}"

    def _prepare(self) -> None:
        if self._database is not None:
            self._database.create_database(self._database_name)
        # JSON is YAML. The server expands environment variables in the whole text, so that a bare dollar would vanish.
        text = json.dumps(self._configuration()).replace("$", "${DOLLAR}")
        (self.home / "config.yaml").write_text(text)

    def _command(self) -> list[str]:
        return [str(fetch()), "-config", "config.yaml"]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SCHEMA_REGISTRY_")}
        trusted = self._oauth.certificates if self._oauth else None
        return kept | {"DOLLAR": "$"} | ({"SSL_CERT_FILE": str(trusted.ca)} if trusted else {})
