# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program behind `testbed.oauth`: Authlib's authorization server, which gives out signed tokens (RFC 9068).

Its one argument is the path of a JSON object: ``port``, ``issuer``, ``clients`` (secrets by client id), ``audience``,
``lifetime`` (seconds), and ``certificate`` with ``key`` for TLS, or null.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response, jsonify
from joserfc.jwk import KeySet, RSAKey

HOST = "127.0.0.1"
SCOPES = frozenset({"kafka", "registry"})


@dataclass(frozen=True)
class Client(ClientMixin):
    """A client with a secret, which may ask for `SCOPES`, and gets all of them when it does not ask."""

    name: str
    secret: str

    def get_client_id(self) -> str:
        return self.name

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(sorted(SCOPES.intersection(scope.split()) if scope else SCOPES))

    def check_client_secret(self, client_secret: str) -> bool:
        return compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint != "token" or method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Tokens(JWTBearerTokenGenerator):
    """Signs tokens for one audience with a key of its own."""

    def __init__(self, issuer: str, audience: str, lifetime: int) -> None:
        super().__init__(issuer, expires_generator=lambda _client, _grant: lifetime)
        self.keys = KeySet([RSAKey.generate_key(2048, auto_kid=True)])
        self._audience = audience

    def get_jwks(self) -> KeySet:
        return self.keys

    def get_audiences(self, client: Client, user: object, scope: str) -> str:
        return self._audience


def make_app(given: dict[str, Any]) -> Flask:
    """The server's two endpoints: tokens, and the public keys that they are signed with."""
    app = Flask(__name__)
    app.config["OAUTH2_SCOPES_SUPPORTED"] = sorted(SCOPES)
    clients = {name: Client(name, secret) for name, secret in given["clients"].items()}
    server = AuthorizationServer(app, query_client=clients.get, save_token=lambda _token, _request: None)
    tokens = Tokens(given["issuer"], given["audience"], given["lifetime"])
    server.register_token_generator("default", tokens)
    server.register_grant(grants.ClientCredentialsGrant)

    @app.post("/token")
    def token() -> Response:
        return server.create_token_response()

    @app.get("/jwks")
    def jwks() -> Response:
        return jsonify(tokens.keys.as_dict(private=False))

    return app


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[1]).read_text())
    tls = (settings["certificate"], settings["key"]) if settings["certificate"] else None
    make_app(settings).run(HOST, settings["port"], threaded=True, ssl_context=tls)
