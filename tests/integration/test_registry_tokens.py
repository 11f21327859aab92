# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting in with bearer tokens: a real authorization server, and a registry that checks what it signs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.forward_proxy import ForwardProxy
from faults.registry_proxy import Answer, Fault, RegistryProxy

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.tokens import Tokens
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.transport import Transport
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.modules import run_module
from testbed.oauth import OAuthServer
from testbed.reaching import failure, reach

Factory = Callable[..., AxonOpsRegistry]
CLIENTS = {"admin": "sesame-1~", "reader": "reader_sesame.2"}


@pytest.fixture
def oauth() -> Iterator[OAuthServer]:
    with OAuthServer(CLIENTS, audience="registry") as server:
        yield server


@pytest.fixture
def server(registry_factory: Factory, oauth: OAuthServer) -> AxonOpsRegistry:
    return registry_factory(auth="jwt", oauth=oauth)


def login(oauth: OAuthServer, client: str = "admin", **others: str) -> dict[str, str]:
    """The suboptions of ``oauth`` for a client."""
    return {"token_url": oauth.token_url, "client_id": client, "client_secret": CLIENTS[client], **others}


def test_a_client_gets_in_with_one_token(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    registry = reach(server.endpoint, oauth=login(oauth, scope="registry"), concurrency=8)
    registry.client.map_concurrently(registry.get_mode, [f"s{number}" for number in range(40)])
    registry.set_mode("", "READONLY")
    assert registry.get_mode("").value == "READONLY"
    assert oauth.asked() == 1


def test_a_client_without_the_right_to_write(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    registry = reach(server.endpoint, oauth=login(oauth, "reader"))
    assert registry.list_versions().versions == {}
    with pytest.raises(RegistryError, match="asked as OAuth client reader, which lacks the right") as caught:
        registry.set_mode("", "IMPORT")
    assert caught.value.code == "permission_denied"
    assert oauth.asked() == 1


def test_a_bearer_token(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    settings = RegistrySettings.from_options({"url": [server.endpoint], "oauth": login(oauth)})
    assert settings.oauth is not None
    token = Tokens(settings.oauth, Transport(settings).post, SystemClock()).token()
    assert reach(server.endpoint, token=token).list_versions().versions == {}
    tampered = failure(server.endpoint, token=token[:-8] + "AAAAAAAA")
    assert tampered.code == "authentication_failed"
    assert token[:20] not in tampered.message
    assert failure(server.endpoint).failure()["http_status"] == 401


def test_a_wrong_secret_is_called_one(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    error = failure(server.endpoint, oauth=login(oauth) | {"client_secret": "wrong sesame"})
    assert error.failure() == {
        "code": "authentication_failed",
        "object": oauth.token_url,
        "oauth_http_status": 401,
    }
    assert f"No token for client 'admin' from {oauth.token_url}: HTTP 401 (invalid_client: " in error.message
    assert oauth.asked() == 1


def test_a_scope_that_there_is_not(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    assert "(invalid_scope: " in failure(server.endpoint, oauth=login(oauth, scope="everything")).message


def test_an_authorization_server_that_does_not_run(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    oauth.stop()
    error = failure(server.endpoint, oauth=login(oauth))
    assert error.code == "unreachable"
    assert f"authorization server at {oauth.token_url}: " in error.message


def test_a_token_that_is_no_longer_taken_is_renewed_once(server: AxonOpsRegistry, oauth: OAuthServer) -> None:
    with RegistryProxy(server.endpoint) as proxy:
        registry = reach(proxy.endpoint, oauth=login(oauth))
        proxy.add(Fault("PUT", "/mode", answer=Answer(401, b"Unauthorized\n", "text/plain")))
        registry.set_mode("", "READONLY")
        assert [request.status for request in proxy.writes()] == [401, 200]
    assert oauth.asked() == 2


def test_a_registry_that_takes_no_token_says_so(server: AxonOpsRegistry) -> None:
    with OAuthServer(CLIENTS, audience="something else") as other:
        error = failure(server.endpoint, oauth=login(other))
        assert "It takes no token of registry.oauth, not even a new one" in error.message
        assert other.asked() == 2


def test_over_tls_the_same_authorities_are_trusted(registry_factory: Factory, certificates: Certificates) -> None:
    with OAuthServer(CLIENTS, certificates=certificates) as oauth:
        server = registry_factory(auth="jwt", tls=True, oauth=oauth)
        options = {"oauth": login(oauth), "ca_cert": str(certificates.ca)}
        assert reach(server.endpoint, **options).list_versions().versions == {}
        with ForwardProxy() as proxy:
            assert reach(server.endpoint, proxy=proxy.endpoint, **options).list_versions().versions == {}
            assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{each.port}" for each in (oauth, server)}
        error = failure(server.endpoint, oauth=login(oauth))
        assert error.code == "tls_failed"
        assert f"No TLS connection to the authorization server at {oauth.token_url}: " in error.message
        assert "registry.ca_cert" in error.message


@pytest.mark.parametrize("client", ["admin", "reader"])
def test_no_secret_shows_in_what_modules_tell(
    server: AxonOpsRegistry, oauth: OAuthServer, client: str, tmp_path: Path
) -> None:
    variables = {f"LIFEBOAT_REGISTRY_OAUTH_{name.upper()}": value for name, value in login(oauth, client).items()}
    variables |= {"LIFEBOAT_REGISTRY_URL": server.endpoint, "LIFEBOAT_STORE_PATH": str(tmp_path / "store")}
    run_module("backup_store", environment=variables).succeeded()
    outcomes = [
        run_module("schema_registry_info", environment=variables),
        run_module("schema_registry_info", registry={"url": server.endpoint, "oauth": login(oauth, client)}),
        run_module("schema_registry_export", environment=variables, backup_id="prod", diff=True),
        run_module("schema_registry_mode", environment=variables, mode="READONLY", diff=True),
    ]
    for outcome in outcomes[:3]:
        outcome.succeeded()
    assert ("failure" in json.loads(outcomes[3].text)) == (client == "reader")
    assert not any("sesame" in outcome.text for outcome in outcomes)
    files = [path.read_text() for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not any("sesame" in text for text in files)
