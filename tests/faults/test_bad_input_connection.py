# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries that cannot be spoken to: one clear message, whatever the module, and nothing begun."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import BACKUP, Target
from faults.registry_proxy import HTML_PAGE, Answer, Fault, RegistryProxy

from testbed.archives import tree
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates, KeyPair
from testbed.contents import avro, register
from testbed.fixtures import RegistryFactory
from testbed.modules import run_module

CLOSED = "http://127.0.0.1:9"
ODD = 'p@ss:w%rd "it\'s" {{ x }} $HOME \\n é'

TASKS: dict[str, dict[str, Any]] = {
    "schema_registry_export": {"backup_id": BACKUP},
    "schema_registry_import": {"backup_id": BACKUP},
    "schema_registry_info": {},
    "dek_registry_info": {},
    "schema_registry_mode": {"mode": "READONLY", "subjects": ["a"]},
    "schema_registry_compatibility": {"compatibility": "FULL", "subjects": ["a"]},
    "schema_registry_subject": {"subject": "a", "schema": '"string"'},
}


@dataclass
class Modules:
    """All modules that speak with a registry, with a store that has a backup."""

    store: Path

    def fail(self, **registry: Any) -> list[dict[str, Any]]:
        """Run each, which must fail and change nothing in the store, and return the results."""
        before = tree(self.store)
        results = []
        for name, options in TASKS.items():
            store = {"store": {"path": str(self.store)}} if "backup_id" in options else {}
            family = {"retries": 0, **registry}
            results.append(run_module(name, registry=family, **store, **options).failed())
        assert tree(self.store) == before
        return results


@pytest.fixture
def modules(target: Target) -> Modules:
    """All modules that speak with a registry."""
    return Modules(target.store)


@contextlib.contextmanager
def impostor(pair: KeyPair) -> Iterator[str]:
    """A server with a certificate, that says nothing after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:  # it was shut down
                return
            with contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def check(results: list[dict[str, Any]], code: str, url: str, *said: str) -> None:
    for result in results:
        assert result["failure"]["code"] == code
        assert result["failure"]["object"] == url
        for text in (url, *said):
            assert text in result["msg"]


def test_nobody_listens(modules: Modules) -> None:
    check(modules.fail(url=CLOSED), "unreachable", CLOSED, "Connection refused", "Check registry.url")


def test_a_host_that_does_not_exist(modules: Modules) -> None:
    url = "http://registry.invalid:8081"
    check(modules.fail(url=url), "unreachable", url, "Check registry.url")


def test_an_html_page(modules: Modules) -> None:
    with RegistryProxy() as proxy:
        proxy.add(Fault(times=1000, answer=HTML_PAGE))
        results = modules.fail(url=proxy.endpoint)
        check(
            results, "not_a_registry", proxy.endpoint, "text/html instead of JSON", "Is this URL a schema registry's?"
        )


@pytest.mark.parametrize("body", [b'{"status":"UP"}', b'["a",1]', b'"hello"', b"42"])
def test_another_service_with_json(modules: Modules, body: bytes) -> None:
    with RegistryProxy() as proxy:
        proxy.add(Fault(times=1000, answer=Answer(200, body, "application/json")))
        results = modules.fail(url=proxy.endpoint)
        check(results, "not_a_registry", proxy.endpoint, "instead of a")


def test_a_service_that_knows_no_such_path(modules: Modules) -> None:
    with RegistryProxy() as proxy:
        proxy.add(Fault(times=1000, answer=Answer(404, b'{"message":"no Route matched"}', "application/json")))
        results = modules.fail(url=proxy.endpoint)
        check(results, "not_a_registry", proxy.endpoint, "Check the path in registry.url")


def test_a_wrong_password(modules: Modules, registry_factory: RegistryFactory) -> None:
    server = registry_factory(auth="basic", admin=("admin", "right"))
    for password in (ODD, "12345"):
        results = modules.fail(url=server.endpoint, username="admin", password=password)
        check(results, "authentication_failed", server.endpoint, "HTTP 401", "Check registry.username")
        assert [result for result in results if password in str(result)] == []


def test_a_password_may_be_of_odd_characters(registry_factory: RegistryFactory, tmp_path: Path) -> None:
    server = registry_factory(auth="basic", admin=("admin", ODD))
    register(server, "a", avro("A", "x"))
    family = {"url": server.endpoint, "username": "admin", "password": ODD}
    told = run_module("schema_registry_info", registry=family)
    assert told.succeeded()["registry"]["implementation"] == "axonops"
    assert ODD not in told.text


def test_an_authority_that_is_not_known(modules: Modules, registry_factory: RegistryFactory, tmp_path: Path) -> None:
    url = registry_factory(tls=True).endpoint
    other = tmp_path / "other"
    other.mkdir()
    for more in ({}, {"ca_cert": str(Certificates(other).ca)}):
        check(modules.fail(url=url, **more), "tls_failed", url, "registry.ca_cert")


def test_a_certificate_of_another_host(modules: Modules, certificates: Certificates) -> None:
    with impostor(certificates.issue_server("elsewhere.example.org")) as url:
        results = modules.fail(url=url, ca_cert=str(certificates.ca))
        check(results, "tls_failed", url, "127.0.0.1", "the host name in it")


def test_tls_where_there_is_none_and_none_where_there_is(
    modules: Modules, server: AxonOpsRegistry, registry_factory: RegistryFactory
) -> None:
    url = server.endpoint.replace("http", "https")
    check(modules.fail(url=url), "tls_failed", url, "an http:// URL may be meant")
    url = registry_factory(tls=True).endpoint.replace("https", "http")
    check(modules.fail(url=url), "not_a_registry", url)
