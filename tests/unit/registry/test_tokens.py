# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens: asked for once, renewed in time, and said clearly when there are none."""

from __future__ import annotations

import base64
import threading
import time
from urllib.parse import parse_qs

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect

SECRET = "sesame & co:/+"
OAUTH = {"token_url": "https://login.example.org/token", "client_id": "me:too", "client_secret": SECRET}


class Servers(httpx.BaseTransport):
    """An authorization server that counts its tokens, and a registry that takes those in ``taken``."""

    def __init__(self, *, lifetime=None):
        self.lifetime = lifetime
        self.given = []
        self.asked = []
        self.seen = []
        self.taken = None
        self.failures = []

    def handle_request(self, request):
        if request.url.host == "login.example.org":
            self.asked.append(request)
            if self.failures:
                failure = self.failures.pop(0)
                if isinstance(failure, Exception):
                    raise failure
                return failure
            time.sleep(0.001)  # so that threads meet here
            self.given.append(f"token-{len(self.given) + 1}")
            document = {"access_token": self.given[-1], "token_type": "Bearer"}
            return httpx.Response(200, json=document | ({"expires_in": self.lifetime} if self.lifetime else {}))
        self.seen.append(request)
        token = request.headers["authorization"].removeprefix("Bearer ")
        return httpx.Response(200 if self.taken is None or token in self.taken else 401, json=["a"])


@pytest.fixture
def servers():
    return Servers(lifetime=100)


@pytest.fixture
def client(client_of, servers):
    return client_of(servers, oauth=OAUTH, retry_backoff=0)


def ask(client):
    return client.get("/subjects", "subjects")


def tokens_sent(servers):
    return [request.headers["authorization"] for request in servers.seen]


def test_a_bearer_token_is_sent(client_of, servers):
    ask(client_of(servers, token="abc.def"))
    assert tokens_sent(servers) == ["Bearer abc.def"]
    assert not servers.asked


def test_a_token_is_asked_for_as_the_standard_says(client_of, servers):
    oauth = OAUTH | {"scope": "registry read", "logical_cluster": "lsrc-1", "identity_pool": "pool-1"}
    assert ask(client_of(servers, oauth=oauth, headers={"X-Team": "a"}, username=None)) == ["a"]
    [request] = servers.asked
    assert (request.method, request.url) == ("POST", OAUTH["token_url"])
    assert parse_qs(request.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["registry read"]}
    kind, pair = request.headers["authorization"].split()
    assert (kind, base64.b64decode(pair)) == ("Basic", b"me%3Atoo:sesame+%26+co%3A%2F%2B")
    assert "x-team" not in request.headers
    headers = servers.seen[0].headers
    assert headers["authorization"] == "Bearer token-1"
    assert headers["target-sr-cluster"] == "lsrc-1"
    assert headers["confluent-identity-pool-id"] == "pool-1"
    assert headers["x-team"] == "a"


def test_a_token_is_used_until_shortly_before_it_expires(client, servers, clock):
    ask(client)
    clock.sleep(79)
    ask(client)
    clock.sleep(2)
    ask(client)
    assert tokens_sent(servers) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("lifetime", [None, "soon", -1, 10**400, [5]])
def test_a_token_of_unknown_life_is_used_until_it_is_refused(client, servers, clock, lifetime):
    servers.lifetime = lifetime
    ask(client)
    clock.sleep(10**9)
    ask(client)
    servers.taken = {"token-2"}
    assert ask(client) == ["a"]
    assert tokens_sent(servers) == [f"Bearer token-{number}" for number in (1, 1, 1, 2)]


def test_threads_share_a_token(client_of, servers):
    client = client_of(servers, oauth=OAUTH, concurrency=8)
    client.map_concurrently(lambda _number: ask(client), range(40))
    assert len(servers.given) == 1
    assert set(tokens_sent(servers)) == {"Bearer token-1"}


def test_threads_renew_a_refused_token_once(client_of, servers):
    client = client_of(servers, oauth=OAUTH, concurrency=4)
    ask(client)
    servers.taken = {"token-2"}
    together = threading.Barrier(4)

    def meet(request):
        if request.headers["authorization"] == "Bearer token-1":
            together.wait(30)
        return Servers.handle_request(servers, request)

    servers.handle_request = lambda request: (
        Servers.handle_request(servers, request) if request.url.host == "login.example.org" else meet(request)
    )
    assert client.map_concurrently(lambda _number: ask(client), range(4)) == [["a"]] * 4
    assert servers.given == ["token-1", "token-2"]


def test_a_new_token_that_is_refused_too_is_said(client, servers):
    servers.taken = set()
    with pytest.raises(RegistryError, match=r"not even a new one") as caught:
        ask(client)
    assert caught.value.code == "authentication_failed"
    assert len(servers.given) == 2


def test_a_passing_failure_of_the_authorization_server_is_waited_for(client, servers):
    servers.failures = [httpx.ConnectError("refused"), httpx.Response(503), httpx.ReadTimeout("slow")]
    assert ask(client) == ["a"]
    assert len(servers.asked) == 4


def test_a_token_that_is_still_good_is_used_when_it_cannot_be_renewed_yet(client, servers, clock):
    ask(client)
    clock.sleep(90)
    servers.failures = [httpx.Response(503)] * 10
    assert ask(client) == ["a"]
    assert tokens_sent(servers) == ["Bearer token-1"] * 2
    clock.sleep(20)
    with pytest.raises(RegistryError, match="No token for client"):
        ask(client)


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (
            httpx.Response(401, json={"error": "invalid_client", "error_description": f"{SECRET} is\nwrong."}),
            "HTTP 401 (invalid_client: … is wrong). Check registry.oauth",
        ),
        (httpx.Response(400, json={"error": "invalid_scope"}), "HTTP 400 (invalid_scope). Check"),
        (httpx.Response(400, json={"error": "sesame+%26+co%3A%2F%2B"}), "HTTP 400 (…)."),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), "HTTP 302."),
        (httpx.Response(404, html="<h1>Nothing</h1>"), "HTTP 404."),
        (httpx.Response(200, html="<h1>Log in</h1>"), "its answer is no JSON object"),
        (httpx.Response(200, content=b"[" * 100_000), "its answer is no JSON object"),
        (httpx.Response(200, json={"access_token": "a\nb"}), "its answer holds no access_token"),
        (httpx.Response(200, json={"access_token": " a"}), "its answer holds no access_token"),
    ],
)
def test_no_token_is_said_with_the_reason_and_without_the_secret(client, servers, clock, failure, says):
    servers.failures = [failure]
    with pytest.raises(RegistryError) as caught:
        ask(client)
    assert says in caught.value.message
    assert caught.value.message.startswith("No token for client 'me:too' from https://login.example.org/token: ")
    assert "sesame" not in caught.value.message
    assert caught.value.code == "authentication_failed"
    assert len(servers.asked) == 1
    assert not servers.seen


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_of_the_authorization_server_is_not_taken_for_the_registrys(client, servers, status):
    servers.failures = [httpx.Response(status)] * 10
    with pytest.raises(RegistryError, match=f"^No token for client 'me:too' from .*: HTTP {status}") as caught:
        connect(client.settings, client=client)
    assert caught.value.failure()["code"] == "authentication_failed"
    assert caught.value.facts["oauth_http_status"] == status
    assert len(servers.asked) == 1


def test_an_authorization_server_that_is_not_there_is_named(client_of, servers):
    servers.failures = [httpx.ConnectError("refused")]
    with pytest.raises(RegistryError, match=r"authorization server at https://login\.example\.org/token: refused") as c:
        ask(client_of(servers, oauth=OAUTH, retries=0))
    assert c.value.failure()["code"] == "unreachable"
