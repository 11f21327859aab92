# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reaching a registry: credentials, TLS, and everything that goes wrong between here and there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import (
    BAD_GATEWAY,
    HTML_PAGE,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    Answer,
    Fault,
    RegistryProxy,
)

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    SchemaContent,
    SchemaVersion,
    VersionKey,
)
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.component import free_ports

Factory = Callable[..., AxonOpsRegistry]
PASSWORD = "pass: wörd$1"


def reach(*urls: str, **options: Any) -> Registry:
    return connect(RegistrySettings.from_options({"url": list(urls), "retries": 2, "retry_backoff": 0.01, **options}))


def failure(*urls: str, **options: Any) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        reach(*urls, **options).list_versions()
    for secret in ("password", "api_key"):
        assert secret not in options or options[secret] not in caught.value.message
    return caught.value


@pytest.fixture
def proxy(registry: AxonOpsRegistry) -> Iterator[RegistryProxy]:
    with RegistryProxy(registry.endpoint) as running:
        yield running


def test_basic_authentication(registry_factory: Factory) -> None:
    server = registry_factory(auth="basic", admin=("admin", PASSWORD))
    assert reach(server.endpoint, username="admin", password=PASSWORD).list_versions().versions == {}
    assert failure(server.endpoint, username="admin", password="wrong: wörd").code == "authentication_failed"
    assert failure(server.endpoint).failure()["http_status"] == 401


def test_a_user_without_the_right_to_write(registry_factory: Factory) -> None:
    server = registry_factory(auth="basic")
    server.create_user("reader", "reader-pw", "readonly")
    reader = reach(server.endpoint, username="reader", password="reader-pw")
    assert reader.list_versions().versions == {}
    with pytest.raises(RegistryError, match="lacks the right") as caught:
        reader.set_mode("", "IMPORT")
    assert caught.value.failure() == {
        "code": "permission_denied",
        "object": server.endpoint,
        "http_status": 403,
        "method": "PUT",
        "path": "/mode",
    }


def test_api_key(registry_factory: Factory) -> None:
    server = registry_factory(auth="api_key")
    key = server.create_api_key("backup", "admin")
    assert reach(server.endpoint, api_key=key).list_versions().versions == {}
    assert failure(server.endpoint, api_key="sr_nonsense").code == "authentication_failed"


def test_tls(registry_factory: Factory, certificates: Certificates) -> None:
    server = registry_factory(tls=True)
    assert reach(server.endpoint, ca_cert=str(certificates.ca)).health().healthy
    assert reach(server.endpoint, validate_certs=False).health().healthy
    unknown = failure(server.endpoint)
    assert unknown.code == "tls_failed"
    assert "registry.ca_cert" in unknown.message
    assert failure(server.endpoint.replace("https:", "http:")).code == "not_a_registry"


def test_an_https_url_of_a_server_without_tls(registry: AxonOpsRegistry) -> None:
    assert failure(registry.endpoint.replace("http:", "https:")).code == "tls_failed"


def test_client_certificates(registry_factory: Factory, certificates: Certificates, tmp_path: Path) -> None:
    server = registry_factory(auth="mtls")
    ca, (certificate, key) = str(certificates.ca), map(str, certificates.client)
    assert reach(server.endpoint, ca_cert=ca, client_cert=certificate, client_key=key).health().healthy
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate).read_text() + Path(key).read_text())
    assert reach(server.endpoint, ca_cert=ca, client_cert=str(both)).health().healthy
    missing = failure(server.endpoint, ca_cert=ca)
    assert missing.code == "tls_failed"
    assert "registry.client_cert" in missing.message
    with pytest.raises(InvalidOption, match=r"registry\.client_cert"):
        reach(server.endpoint, ca_cert=ca, client_cert=certificate)


def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    error = failure(url, retries=0)
    assert error.code == "unreachable"
    assert url in error.message


def test_a_host_that_does_not_exist() -> None:
    assert failure("http://registry.invalid:8081", retries=0).code == "unreachable"


def test_the_next_url_takes_over(registry: AxonOpsRegistry) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    reached = reach(dead, registry.endpoint)
    assert reached.client.url == registry.endpoint
    with RegistryProxy(registry.endpoint) as first:
        reached = reach(first.endpoint, registry.endpoint)
        assert reached.client.url == first.endpoint
    assert reached.list_versions().versions == {}
    assert reached.client.url == registry.endpoint


def test_an_html_page() -> None:
    with RegistryProxy() as page:
        page.add(Fault(times=100, answer=HTML_PAGE))
        error = failure(page.endpoint)
    assert error.code == "not_a_registry"
    assert "It works!" in error.message


def test_another_service_with_json() -> None:
    with RegistryProxy() as other:
        other.add(Fault(path="/subjects*", times=100, answer=Answer(200, b'{"subjects": []}', "application/json")))
        other.add(Fault(times=100, answer=Answer(404, b'{"detail":"Not Found"}', "application/json")))
        assert failure(other.endpoint).code == "not_a_registry"


@pytest.mark.parametrize(
    "fault", [Fault(answer=TOO_MANY_REQUESTS), Fault(answer=BAD_GATEWAY), Fault(drop=True), Fault(cut=1)]
)
def test_a_read_gets_over_a_passing_fault(proxy: RegistryProxy, fault: Fault) -> None:
    fault.path = "/schemas*"
    proxy.add(fault)
    reached = reach(proxy.endpoint)
    assert reached.list_versions().versions == {}
    assert reached.client.requests["listing"] == 3


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault(answer=BAD_GATEWAY), "registry_error", 502),
        (Fault(answer=SERVER_ERROR), "registry_error", 500),
        (Fault(drop=True), "unreachable", None),
        (Fault(cut=1), "unreachable", None),
        (Fault(delay=1.5), "timeout", None),
    ],
)
def test_a_lasting_fault_is_said(proxy: RegistryProxy, fault: Fault, code: str, status: int | None) -> None:
    fault.path, fault.times = "/schemas*", 100
    proxy.add(fault)
    error = failure(proxy.endpoint, timeout=0.5)
    assert error.code == code
    assert error.failure().get("http_status") == status
    assert error.failure()["path"] == "/schemas?deleted=true"
    assert len([request for request in proxy.requests if request.path.startswith("/schemas")]) <= 3


def test_a_registration_with_an_id_is_repeated_and_one_without_is_not(proxy: RegistryProxy) -> None:
    reached = reach(proxy.endpoint)
    version = SchemaVersion("s", 4, 9, SchemaContent("AVRO", '"int"'))
    proxy.add(Fault("POST", cut=0, times=2))  # carried out, but the answer is lost
    with pytest.raises(RegistryError, match="not known"):
        reached.register(version, with_id=False)
    assert reached.read_version(VersionKey("s", 1)) is not None
    reached.purge_subject("s")
    reached.set_mode("", "IMPORT")
    assert reached.register(version, with_id=True) == 9
    assert [request.status for request in proxy.requests if request.method == "POST"] == [0, 0, 200]


def test_threads_share_a_client(proxy: RegistryProxy) -> None:
    reached = reach(proxy.endpoint, concurrency=8)
    together = threading.Barrier(8, timeout=30)
    proxy.add(Fault("GET", "/mode/*", times=8, before=lambda _request: together.wait() and None))
    assert set(reached.client.map_concurrently(reached.get_mode, [f"s{n}" for n in range(8)])) == {
        reached.get_mode("s")
    }
    assert reached.client.requests["mode"] == 9


def test_the_proxy_calls_before_and_after_the_registry_acts(proxy: RegistryProxy, registry: AxonOpsRegistry) -> None:
    seen: list[Any] = []

    def look(_request: object) -> None:
        seen.append(registry.call("GET", "/mode"))

    proxy.add(Fault("PUT", "/mode", nth=2, before=look, after=look))
    reached = reach(proxy.endpoint)
    reached.set_mode("", "READONLY")
    reached.set_mode("", "IMPORT")
    assert seen == [{"mode": "READONLY"}, {"mode": "IMPORT"}]
    assert [(request.method, request.path, request.status) for request in proxy.writes()] == [("PUT", "/mode", 200)] * 2
