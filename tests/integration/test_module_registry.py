# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option family registry, as modules take it, and the module schema_registry_info."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import Answer, Fault, RegistryProxy

from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.contents import avro, fill, holding, register
from testbed.fixtures import RegistryFactory
from testbed.modules import Outcome, run_module

CLOSED = "http://127.0.0.1:9"
MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def info(family: dict[str, Any] | None, **options: Any) -> Outcome:
    return run_module("schema_registry_info", **({} if family is None else {"registry": family}), **options)


@pytest.fixture(scope="module")
def filled() -> Iterator[AxonOpsRegistry]:
    """A registry with something of everything, which tests only read."""
    with AxonOpsRegistry() as server:
        fill(server)
        yield server


def test_a_registry_is_told_about(filled: AxonOpsRegistry) -> None:
    with RegistryProxy(filled.endpoint) as proxy:
        told = info({"url": proxy.endpoint}, check=True).succeeded()
        assert proxy.writes() == []
        server = told["registry"]
        assert (server["implementation"], server["version"], server["healthy"]) == ("axonops", "v0.2.1", True)
        assert server["url"] == server["identity"] == proxy.endpoint
        assert server["capabilities"]["ids_in"] == "IMPORT"
    assert told["counts"] == {"subjects": 8, "versions": 11, "soft_deleted": 2, "contexts": 2}
    settings = {scope["scope"]: scope for scope in told["settings"]}
    assert settings[""]["config"] == {"set": True, "value": {"compatibilityLevel": "FORWARD"}}
    assert settings[""]["mode"] == {"set": None, "value": "READWRITE"}
    assert not {"subjects", "versions", "query_result"} & set(told)
    assert not told["changed"]


def test_more_is_told_when_asked(filled: AxonOpsRegistry) -> None:
    told = info({"url": filled.endpoint}, gather="subjects", subjects=["p*"]).succeeded()
    assert "versions" not in told
    assert told["counts"]["subjects"] == 2
    payments, person = told["subjects"]
    assert (payments["subject"], payments["versions"], payments["soft_deleted"]) == ("payments-value", [1, 3, 4], [1])
    assert payments["config"]["value"] == {"compatibilityLevel": "NONE", "normalize": True}
    assert (person["config"]["set"], person["mode"]) == (False, {"set": True, "value": "READONLY"})

    told = info({"url": filled.endpoint}, gather="versions").succeeded()
    wanted = holding(filled)["versions"]
    assert [f"{one['subject']} version {one['version']}" for one in told["versions"]] == sorted(wanted)
    for one in told["versions"]:
        held = wanted[f"{one['subject']} version {one['version']}"]
        assert (one["id"], one["schema_type"], one["schema"]) == (held["id"], held["schemaType"], held["schema"])
        assert (one["references"], one["deleted"]) == (held.get("references", []), held.get("deleted", False))

    told = info({"url": filled.endpoint}, gather="versions", query="versions[?deleted].[subject, version]").succeeded()
    assert told["query_result"] == [["gone", 1], ["payments-value", 1]]
    assert info({"url": filled.endpoint}, query="[").failed()["failure"] == {
        "code": "invalid_option",
        "object": "query",
    }
    assert info({"url": filled.endpoint}, subjects=["nobody"]).failed()["failure"]["code"] == "not_found"
    told = info({"url": filled.endpoint}, subjects=["n*", "~x.*"], exclude_subjects=["y"]).succeeded()
    assert (told["counts"]["subjects"], told["warnings"]) == (0, ["No subject matches n*, ~x.*."])


def test_an_empty_registry_is_told_about(registry: AxonOpsRegistry) -> None:
    told = info({"url": registry.endpoint}, gather="versions").succeeded()
    assert set(told["counts"].values()) == {0}
    assert (told["subjects"], told["versions"]) == ([], [])


def test_who_may_come_in(registry_factory: RegistryFactory, certificates: Certificates) -> None:
    basic = registry_factory(auth="basic", admin=("admin", "s3cret-$-ü"))
    family = {"url": basic.endpoint, "username": "admin", "password": "s3cret-$-ü"}
    assert info(family).succeeded()["registry"]["healthy"]
    failed = info({**family, "password": "wr0ng-pass"}).failed()
    assert failed["failure"]["http_status"] == 401
    assert "wr0ng-pass" not in json.dumps(failed)

    keyed = registry_factory(auth="api_key", tls=True)
    key = keyed.create_api_key("backup", "admin")
    family = {"url": keyed.endpoint, "api_key": key, "ca_cert": str(certificates.ca)}
    told = info(family)
    assert told.succeeded()["registry"]["healthy"]
    assert key not in told.text
    untrusted = info({"url": keyed.endpoint, "api_key": key, "retries": 0}).failed()
    assert untrusted["failure"]["code"] == "tls_failed"
    assert "registry.ca_cert" in untrusted["msg"]
    assert info({"url": keyed.endpoint, "api_key": key, "validate_certs": False}).succeeded()

    mutual = registry_factory(auth="mtls")
    family = {"url": mutual.endpoint, "ca_cert": str(certificates.ca)}
    pair = {"client_cert": str(certificates.client.certificate), "client_key": str(certificates.client.key)}
    assert info({**family, **pair}).succeeded()["registry"]["healthy"]
    assert info({**family, "retries": 0}).failed()["failure"]["code"] == "tls_failed"


def test_dead_nodes_are_passed_over(filled: AxonOpsRegistry) -> None:
    told = info({"url": [CLOSED, filled.endpoint], "retries": 0, "retry_backoff": 0}).succeeded()
    assert told["registry"]["url"] == filled.endpoint
    failed = info({"url": CLOSED, "retries": 1, "retry_backoff": 0}).failed()
    assert failed["failure"]["code"] == "unreachable"
    assert CLOSED in failed["msg"]


@pytest.mark.parametrize(
    ("family", "named"),
    [
        ({"url": []}, "registry.url"),
        ({"url": "localhost:8081"}, "registry.url"),
        ({"url": "http://user:hunter2@localhost:8081"}, "registry.url"),
        ({"url": [CLOSED, "http://hunter2@localhost"]}, "registry.url"),
        ({"url": "http://user:hunter2/hunter3@localhost:8081"}, "registry.url"),
        ({"url": f"{CLOSED}?token=hunter2"}, "registry.url"),
        ({"url": CLOSED, "proxy": "http://user:hunter2@localhost:3128"}, "registry.proxy"),
        ({"url": CLOSED, "username": "me"}, "registry.username"),
        ({"url": CLOSED, "password": "hunter2"}, "registry.password"),
        ({"url": CLOSED, "username": "me", "password": "hunter2", "api_key": "hunter3"}, "registry.api_key"),
        ({"url": CLOSED, "api_key": "hunter2\n"}, "registry.api_key"),
        ({"url": CLOSED, "client_key": "key.pem"}, "registry.client_key"),
        ({"url": CLOSED, "client_cert": "nowhere.pem"}, "registry.client_cert"),
        ({"url": CLOSED, "ca_cert": "nowhere.pem"}, "registry.ca_cert"),
        ({"url": CLOSED, "ca_cert": "nowhere.pem", "validate_certs": False}, "registry.ca_cert"),
        ({"url": CLOSED, "headers": {"X-Api-Key": "hunter2"}}, "registry.headers"),
        ({"url": CLOSED, "headers": {"Authorization": "Bearer hunter2"}}, "registry.headers"),
        ({"url": CLOSED, "headers": {"X-Tenant": "a\nb"}}, "registry.headers"),
        ({"url": CLOSED, "timeout": 0}, "registry.timeout"),
        ({"url": CLOSED, "retries": -1}, "registry.retries"),
        ({"url": CLOSED, "retry_backoff": -1}, "registry.retry_backoff"),
        ({"url": CLOSED, "concurrency": 0}, "registry.concurrency"),
    ],
)
def test_what_cannot_be_used_is_refused(family: dict[str, Any], named: str) -> None:
    outcome = info(family)
    failed = outcome.failed()
    assert failed["failure"] == {"code": "invalid_option", "object": named}
    assert named in failed["msg"]
    assert "hunter" not in outcome.text  # also not where the options are repeated


def test_headers_go_along(filled: AxonOpsRegistry) -> None:
    seen: list[bytes] = []
    with RegistryProxy(filled.endpoint) as proxy:
        proxy.add(Fault(before=lambda request: seen.append(request.message)))
        assert info({"url": proxy.endpoint, "headers": {"X-Tenant": 5, "X-Name": "a b"}}).succeeded()
    assert b"x-tenant: 5" in seen[0].lower()
    assert b"x-name: a b" in seen[0].lower()


def texts(value: Any) -> Iterator[str]:
    """Return all scalars of a result, and the keys of its diff."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from texts(member)
            yield from map(str, member if key in ("before", "after") and isinstance(member, dict) else ())
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)
    else:
        yield str(value)


@pytest.mark.parametrize("password", ["orders-value", "1"])
def test_a_password_that_occurs_elsewhere_harms_nothing(
    registry_factory: RegistryFactory, tmp_path: Path, password: str
) -> None:
    """What a module returns is masked wherever it holds the secret; what it writes must be as it is."""
    source = registry_factory(auth="basic", admin=("admin", password))
    target = registry_factory(auth="basic", admin=("admin", password))
    register(source, "orders-value", avro("Order", "a1"), avro("Order", "a1", "b"))
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    common = {"store": store, "backup_id": "prod"}
    family = {"username": "admin", "password": password}
    outcomes = [
        run_module("schema_registry_export", registry={**family, "url": source.endpoint}, diff=True, **common),
        run_module("schema_registry_import", registry={**family, "url": target.endpoint}, diff=True, **common),
        info({**family, "url": target.endpoint}, gather="versions"),
    ]
    for outcome in outcomes:
        told = dict(outcome.succeeded())
        del told["invocation"]
        assert MASK in json.dumps(told) or "********" in json.dumps(told)
        assert not any(password in text for text in texts(told))
    assert holding(target) == holding(source)
    assert (tmp_path / "store" / "prod" / "schema-registry" / "subjects" / "orders-value" / "v1.json").exists()
    assert run_module("backup_verify", **common).succeeded()["verified"][0]["schemas"] == 2
    again = run_module("schema_registry_import", registry={**family, "url": target.endpoint}, **common).succeeded()
    assert not again["changed"]


def test_the_family_from_the_environment(
    registry_factory: RegistryFactory, certificates: Certificates, tmp_path: Path
) -> None:
    server = registry_factory(auth="basic", admin=("admin", "s3cret-word"), tls=True)
    register(server, "the-s3cret-word-value", avro("A"))
    variables = {
        "LIFEBOAT_REGISTRY_URL": f"{CLOSED},{server.endpoint}",
        "LIFEBOAT_REGISTRY_USERNAME": "admin",
        "LIFEBOAT_REGISTRY_PASSWORD": "s3cret-word",
        "LIFEBOAT_REGISTRY_CA_CERT": str(certificates.ca),
        "LIFEBOAT_REGISTRY_RETRIES": "0",
        "LIFEBOAT_REGISTRY_HEADERS": '{"X-Tenant": "shop"}',
        "LIFEBOAT_STORE_PATH": str(tmp_path / "store"),
    }
    assert run_module("backup_store", environment=variables).succeeded()["changed"]
    exported = run_module("schema_registry_export", environment=variables, backup_id="prod", diff=True)
    assert exported.succeeded()["schemas"]["subjects"] == 1
    told = info(None, environment=variables, gather="subjects")
    assert told.succeeded()["registry"]["url"] == server.endpoint
    assert "s3cret-word" not in exported.text + told.text

    # A family that is given is never mixed with the environment.
    failed = info({"url": server.endpoint, "ca_cert": str(certificates.ca)}, environment=variables).failed()
    assert failed["failure"]["http_status"] == 401


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "give it, or set LIFEBOAT_REGISTRY_URL in the environment"),
        ({"LIFEBOAT_REGISTRY_URL": ""}, "give it, or set LIFEBOAT_REGISTRY_URL in the environment"),
        ({"LIFEBOAT_REGISTRY_PASSWORD": "s3cret-word"}, "url"),
        ({"LIFEBOAT_REGISTRY_URL": CLOSED, "LIFEBOAT_REGISTRY_TIMEOUT": "soon"}, "timeout"),
        ({"LIFEBOAT_REGISTRY_URL": CLOSED, "LIFEBOAT_REGISTRY_IMPLEMENTATION": "glue"}, "implementation"),
        ({"LIFEBOAT_REGISTRY_URL": CLOSED, "LIFEBOAT_REGISTRY_PASSWORD": "s3cret-word"}, "registry.username"),
    ],
)
def test_an_unusable_environment(variables: dict[str, str], said: str) -> None:
    failed = info(None, environment=variables).failed()
    assert failed["failure"]["code"] == "invalid_option"
    assert said in failed["msg"]
    assert "s3cret-word" not in json.dumps(failed)


def test_a_store_from_the_environment(tmp_path: Path) -> None:
    failed = run_module("backup_info").failed()
    assert failed["msg"] == "The option store is missing; give it, or set LIFEBOAT_STORE_PATH in the environment."
    variables = {"LIFEBOAT_STORE_PATH": "store"}
    assert run_module("backup_info", environment=variables).failed()["failure"]["code"] == "invalid_option"
    variables = {"LIFEBOAT_STORE_PATH": str(tmp_path / "elsewhere")}
    assert run_module("backup_store", store={"path": str(tmp_path / "store")}, environment=variables).succeeded()
    assert not (tmp_path / "elsewhere").exists()
    assert run_module("backup_info", environment=variables).failed()["failure"]["code"] == "not_a_store"


def test_an_unknown_make_is_only_read(filled: AxonOpsRegistry, tmp_path: Path) -> None:
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    with RegistryProxy(filled.endpoint) as proxy:
        proxy.add(Fault(path="/v1/metadata/version", times=1000, answer=Answer(404)))
        family = {"url": proxy.endpoint}
        assert info(family).succeeded()["registry"]["implementation"] == "unknown"
        common = {"registry": family, "store": store, "backup_id": "prod"}
        exported = run_module("schema_registry_export", **common).succeeded()
        assert exported["changed"]
        assert any("unknown make" in warning for warning in exported["warnings"])
        for name, options in (
            ("schema_registry_import", common),
            ("schema_registry_mode", {"registry": family, "mode": "READONLY"}),
            ("schema_registry_compatibility", {"registry": family, "compatibility": "FULL"}),
        ):
            failed = run_module(name, **options).failed()
            assert "registry.implementation" in failed["msg"]
        assert proxy.writes() == []
        known = {"registry": {**family, "implementation": "axonops"}, "mode": "READONLY", "check": True}
        assert run_module("schema_registry_mode", **known).succeeded()["changed"]
