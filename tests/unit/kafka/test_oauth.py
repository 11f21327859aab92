# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens by client credentials, from a server that the tests write the answers of."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
import urllib.parse

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import OAuthSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import oauth
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.oauth import ClientCredentials
from testbed.certificates import Certificates

SECRET = "sesame & co:/+"


class Server(http.server.ThreadingHTTPServer):
    """Gives the answers in turn, and notes what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.asked = []

    def will_answer(self, document, status=200, **headers):
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers.append((status, headers, content))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append((self.path, form, self.headers["Authorization"]))
        status, headers, content = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(oauth.time, "monotonic", lambda: now[0])
    return now


def provider(server, *, scheme="http", context=None, scope=None):
    url = f"{scheme}://127.0.0.1:{server.server_port}/token"
    settings = OAuthSettings(url, "me:too", SECRET, scope)
    return ClientCredentials(settings, context or ssl.create_default_context())


def test_a_token_is_asked_for_as_the_standard_says(server):
    server.will_answer({"access_token": "abc", "expires_in": 60})
    assert provider(server, scope="kafka read").token() == "abc"
    [(path, form, authorization)] = server.asked
    assert path == "/token"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka read"]}
    kind, pair = authorization.split()
    assert (kind, base64.b64decode(pair)) == ("Basic", b"me%3Atoo:sesame+%26+co%3A%2F%2B")


def test_a_token_is_used_until_shortly_before_it_expires(server, clock):
    tokens = provider(server)
    server.will_answer({"access_token": "first", "expires_in": 100})
    server.will_answer({"access_token": "second", "expires_in": "100"})
    assert tokens.token() == "first"
    clock[0] += 79
    assert tokens.token() == "first"
    clock[0] += 2
    assert tokens.token() == "second"
    clock[0] += 79
    assert tokens.token() == "second"


def test_a_token_of_unknown_life_is_used_once(server, clock):
    tokens = provider(server)
    server.will_answer({"access_token": "first"})
    server.will_answer({"access_token": "second"})
    assert [tokens.token(), tokens.token()] == ["first", "second"]


@pytest.mark.parametrize(
    ("status", "document", "says"),
    [
        (401, {"error": "invalid_client", "error_description": SECRET}, "HTTP 401 (invalid_client: …)."),
        (400, b"no", "HTTP 400."),
        (500, ["x"], "HTTP 500."),
        (200, b"<html>", "its answer is no JSON object"),
        (200, ["abc"], "its answer is no JSON object"),
        (200, {"token": "abc"}, "its answer holds no access_token"),
        (200, {"access_token": "a\nb"}, "its answer holds no access_token"),
        (200, {"access_token": 5}, "its answer holds no access_token"),
    ],
)
def test_no_token_is_said_with_the_reason_and_without_the_secret(server, status, document, says):
    server.will_answer(document, status)
    with pytest.raises(KafkaError) as caught:
        provider(server).token()
    assert caught.value.code == "authentication_failed"
    assert says in str(caught.value)
    assert str(server.server_port) in str(caught.value)
    assert "'me:too'" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_the_secret_follows_no_redirect(server):
    server.will_answer(b"", 307, Location=f"http://127.0.0.1:{server.server_port}/elsewhere")
    with pytest.raises(KafkaError, match="HTTP 307"):
        provider(server).token()
    assert [path for path, _form, _authorization in server.asked] == ["/token"]


def test_a_server_that_is_not_there_is_named(server):
    tokens = provider(server)
    server.server_close()
    with pytest.raises(KafkaError, match="No answer from the authorization server at http://127") as caught:
        tokens.token()
    assert caught.value.code == "unreachable"


@pytest.fixture
def pki(tmp_path):
    return Certificates(tmp_path)


@pytest.fixture
def tls_server(server, pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, pki.server))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_the_given_authority_is_trusted(tls_server, pki):
    tls_server.will_answer({"access_token": "abc"})
    context = ssl.create_default_context(cafile=str(pki.ca))
    assert provider(tls_server, scheme="https", context=context).token() == "abc"


def test_another_authority_is_not_trusted(tls_server):
    with pytest.raises(KafkaError, match=r"CERTIFICATE_VERIFY_FAILED.*kafka\.ca_cert") as caught:
        provider(tls_server, scheme="https").token()
    assert caught.value.code == "tls_failed"
    assert tls_server.asked == []
