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
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    SchemaContent,
    SchemaVersion,
    VersionKey,
)
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.component import free_ports
from testbed.reaching import failure, reach

Factory = Callable[..., AxonOpsRegistry]
PASSWORD = "pass: wörd$1"


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


def lost(method: str, **fault: Any) -> Fault:
    """A fault by which the registry does what it is asked, and the answer gets lost."""
    return Fault(method, **({"cut": 0} | fault))


def statuses(proxy: RegistryProxy, method: str) -> list[int]:
    return [request.status for request in proxy.requests if request.method == method]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_lost_answer_to_a_registration_is_looked_up(proxy: RegistryProxy, retries: int) -> None:
    reached = reach(proxy.endpoint, retries=retries)
    contents = [SchemaContent("AVRO", '"int"'), SchemaContent("AVRO", '"long"')]
    for number, content in enumerate(contents, 1):
        proxy.add(lost("POST"))
        assert reached.register(SchemaVersion("s", 0, 0, content), with_id=False) == number
    assert sorted(reached.list_versions().versions) == [VersionKey("s", 1), VersionKey("s", 2)]
    assert statuses(proxy, "POST") == [0, 0]


@pytest.mark.parametrize(
    "fault", [Fault("POST", drop=True), Fault("POST", answer=SERVER_ERROR), Fault("POST", answer=BAD_GATEWAY)]
)
def test_a_registration_that_did_not_arrive_is_sent_again(proxy: RegistryProxy, fault: Fault) -> None:
    reached = reach(proxy.endpoint)
    version = SchemaVersion("s", 0, 0, SchemaContent("AVRO", '"int"', metadata={"properties": {"owner": "me"}}))
    assert reached.register(version, with_id=False) == 1
    again = SchemaVersion("s", 0, 0, SchemaContent("AVRO", '"int"', metadata={"properties": {"owner": "you"}}))
    proxy.add(fault)
    reached.register(again, with_id=False)
    owners = [reached.read_version(key) for key in sorted(reached.list_versions().versions)]
    told = [version.content.metadata for version in owners if version is not None]
    assert told == [{"properties": {"owner": "me"}}, {"properties": {"owner": "you"}}]
    assert statuses(proxy, "POST")[-1] == 200
    assert len(statuses(proxy, "POST")) == 3


def test_a_registration_whose_fate_nobody_can_find_out_says_so(proxy: RegistryProxy) -> None:
    reached = reach(proxy.endpoint)
    proxy.add(lost("POST"))
    proxy.add(Fault("GET", drop=True, times=100))
    with pytest.raises(RegistryError, match="Whether it was carried out is not known") as caught:
        reached.register(SchemaVersion("s", 0, 0, SchemaContent("AVRO", '"int"')), with_id=False)
    assert caught.value.failure()["method"] == "POST"
    assert statuses(proxy, "POST") == [0]


def test_a_registration_with_an_id_is_repeated(proxy: RegistryProxy) -> None:
    reached = reach(proxy.endpoint)
    reached.set_mode("", "IMPORT")
    proxy.add(lost("POST", times=2))
    assert reached.register(SchemaVersion("s", 4, 9, SchemaContent("AVRO", '"int"')), with_id=True) == 9
    assert statuses(proxy, "POST") == [0, 0, 200]
    assert sorted(reached.list_versions().versions) == [VersionKey("s", 4)]


def test_deletions_whose_answers_are_lost_are_repeated(proxy: RegistryProxy, registry: AxonOpsRegistry) -> None:
    reached = reach(proxy.endpoint)
    for text in ('"int"', '"long"'):
        reached.register(SchemaVersion("s", 0, 0, SchemaContent("AVRO", text)), with_id=False)
    reached.set_config("s", {"compatibilityLevel": "NONE"})
    reached.set_mode("s", "READWRITE")
    for number in (1, 3, 5, 7, 9):
        proxy.add(lost("DELETE", nth=number))
    reached.soft_delete(VersionKey("s", 1))
    assert [listed.deleted for _key, listed in sorted(reached.list_versions().versions.items())] == [True, False]
    reached.delete_config("s")
    reached.delete_mode("s")
    assert not reached.get_config("s").is_set
    assert not reached.get_mode("s").is_set
    reached.purge_subject("s")
    assert reached.list_versions().versions == {}
    assert statuses(proxy, "DELETE").count(0) == 5
    assert registry.call("GET", "/subjects?deleted=true") in (None, [])


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
