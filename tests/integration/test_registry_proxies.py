# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reaching a registry through a forward proxy: with and without TLS on either side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from faults.forward_proxy import ForwardProxy

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    SchemaContent,
    SchemaVersion,
    VersionKey,
)
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.component import free_ports
from testbed.modules import run_module
from testbed.reaching import failure, reach

Factory = Callable[..., AxonOpsRegistry]
LOGIN = ("me", "sesame: wörd")
NAMES = ["plain", "..", "a b%", "größe ∆", ":.eu:x+y"]


def check_names(registry: Registry) -> None:
    """Write and read names that a path may lose on its way; all through kept-alive connections of some threads."""
    for number, name in enumerate(NAMES, 1):
        content = SchemaContent("AVRO", f'{{"type":"fixed","name":"f{number}","size":{number}}}')
        registry.register(SchemaVersion(name, 1, number, content), with_id=False)
    assert {key.subject for key in registry.list_versions().versions} == set(NAMES)
    for found in registry.client.map_concurrently(lambda name: registry.read_version(VersionKey(name, 1)), NAMES * 5):
        assert found is not None


@pytest.mark.parametrize("login", [None, LOGIN])
def test_a_proxy_is_asked_for_whole_urls(registry: AxonOpsRegistry, login: tuple[str, str] | None) -> None:
    given = {"proxy_username": login[0], "proxy_password": login[1]} if login else {}
    with ForwardProxy(login=login) as proxy:
        check_names(reach(registry.endpoint, proxy=proxy.endpoint, concurrency=3, **given))
        assert proxy.asked[0] == f"GET {registry.endpoint}/v1/metadata/version"
        assert f"POST {registry.endpoint}/subjects/../versions" in proxy.asked


@pytest.mark.parametrize("proxy_tls", [False, True])
def test_tls_goes_through_a_tunnel(registry_factory: Factory, certificates: Certificates, proxy_tls: bool) -> None:
    server = registry_factory(auth="mtls")
    certificate, key = map(str, certificates.client)
    options = {"ca_cert": str(certificates.ca), "client_cert": certificate, "client_key": key, "concurrency": 3}
    options |= {"proxy_username": LOGIN[0], "proxy_password": LOGIN[1]}
    with ForwardProxy(login=LOGIN, certificates=certificates if proxy_tls else None) as proxy:
        check_names(reach(server.endpoint, proxy=proxy.endpoint, **options))
        assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{server.port}"}
        assert len(proxy.asked) <= 4
        del options["ca_cert"]
        assert failure(server.endpoint, proxy=proxy.endpoint, **options).code == "tls_failed"


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_that_wants_a_login(registry_factory: Factory, certificates: Certificates, tls: bool) -> None:
    server = registry_factory(tls=tls)
    trust = {"ca_cert": str(certificates.ca)} if tls else {}
    with ForwardProxy(login=LOGIN) as proxy:
        for given in ({}, {"proxy_username": "me", "proxy_password": "wrong sesame"}):
            error = failure(server.endpoint, proxy=proxy.endpoint, **trust, **given)
            assert (error.code, error.facts["http_status"]) == ("authentication_failed", 407)
            assert "Check registry.proxy_username and registry.proxy_password." in error.message
            assert f"through the proxy {proxy.endpoint}" in error.message


@pytest.mark.parametrize(
    ("tls", "status", "code"),
    [
        (False, 403, "permission_denied"),
        (True, 403, "permission_denied"),
        (False, 502, "registry_error"),
        (True, 502, "unreachable"),
    ],
)
def test_a_proxy_that_does_not_let_through(
    registry_factory: Factory, certificates: Certificates, tls: bool, status: int, code: str
) -> None:
    server = registry_factory(tls=tls)
    trust = {"ca_cert": str(certificates.ca)} if tls else {}
    with ForwardProxy(status=status) as proxy:
        error = failure(server.endpoint, proxy=proxy.endpoint, retries=1, **trust)
        assert error.code == code
        assert str(status) in error.message
        assert f"through the proxy {proxy.endpoint}" in error.message
        assert len(proxy.asked) == (2 if status == 502 else 1)


def test_a_proxy_that_is_not_there(registry: AxonOpsRegistry) -> None:
    closed = f"http://127.0.0.1:{free_ports(1)[0]}"
    error = failure(registry.endpoint, proxy=closed, retries=0)
    assert error.code == "unreachable"
    assert f"the server and the proxy {closed} run" in error.message


def test_proxies_of_the_environment_are_not_used(registry: AxonOpsRegistry) -> None:
    closed = f"http://127.0.0.1:{free_ports(1)[0]}"
    variables = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), closed)
    family = {"url": registry.endpoint}
    run_module("schema_registry_info", registry=family, environment=variables).succeeded()
    with ForwardProxy(login=LOGIN) as proxy:
        family |= {"proxy": proxy.endpoint, "proxy_username": LOGIN[0], "proxy_password": LOGIN[1]}
        outcome = run_module("schema_registry_info", registry=family)
        outcome.succeeded()
        assert "sesame" not in outcome.text
        assert proxy.asked
