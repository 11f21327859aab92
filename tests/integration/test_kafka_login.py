# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to log in to a cluster with confluent-kafka, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.admin import Admin
from testbed.component import free_ports
from testbed.modules import run_module
from testbed.secure_kafka import SecureKafka

Family = dict[str, Any]
USER, PASSWORD = "login", "s3cret, with = and ,"
ALL = (
    ("topic", "*", "describe"),
    ("topic", "*", "describe_configs"),
)


@pytest.fixture(scope="module")
def broker(secure_kafka: SecureKafka) -> SecureKafka:
    secure_kafka.create_user(USER, PASSWORD)
    for user in (USER, "plain-user", secure_kafka.certificates.client_name):
        secure_kafka.allow(user, *ALL)
    return secure_kafka


def without(family: Family, *names: str) -> Family:
    return {name: value for name, value in family.items() if name not in names}


def closed_port() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


def failure(family: Family, timeout: float = 30) -> KafkaError:
    """Why there is no session."""
    with pytest.raises(KafkaError) as failed, Admin(KafkaSettings.from_options(family), timeout=timeout) as admin:
        admin.topic_names()
    return failed.value


GOOD: dict[str, Callable[[SecureKafka], Family]] = {
    "scram-512": lambda broker: broker.login(USER, PASSWORD),
    "scram-256": lambda broker: broker.login(USER, PASSWORD, "SCRAM-SHA-256"),
    "scram without tls": lambda broker: broker.login(USER, PASSWORD, tls=False),
    "plain": lambda broker: broker.login("plain-user", "plain-pw", "PLAIN"),
    "tls": lambda broker: broker.uncertified(),
    "client certificate": lambda broker: broker.certified(broker.certificates.client),
    "certificates unchecked": lambda broker: without(broker.uncertified(), "ca_cert") | {"validate_certs": False},
    "host name unchecked": lambda broker: broker.uncertified()
    | {"client_options": {"ssl.endpoint.identification.algorithm": "none"}},
}


@pytest.mark.parametrize("how", GOOD)
def test_whoever_may_comes_in(broker: SecureKafka, how: str) -> None:
    told = run_module("topic_info", kafka=GOOD[how](broker), gather="configs").succeeded()
    assert told["cluster"]["brokers"] == [1]


BAD: dict[str, tuple[Callable[[SecureKafka], Family], str, str]] = {
    "wrong password": (
        lambda broker: broker.login(USER, "wrong"),
        "authentication_failed",
        "refused the login as user 'login' by SCRAM-SHA-512",
    ),
    "wrong password without tls": (
        lambda broker: broker.login(USER, "wrong", tls=False),
        "authentication_failed",
        "invalid credentials",
    ),
    "wrong plain password": (
        lambda broker: broker.login("plain-user", "wrong", "PLAIN"),
        "authentication_failed",
        "Invalid username or password. Check the user, its password",
    ),
    "unknown user": (
        lambda broker: broker.login("nobody", PASSWORD),
        "authentication_failed",
        "refused the login as user 'nobody'",
    ),
    "no such mechanism": (
        lambda broker: without(broker.login(USER, PASSWORD), "username", "password")
        | {
            "sasl_mechanism": "OAUTHBEARER",
            "oauth": {"token_url": f"http://{closed_port()}", "client_id": "me", "client_secret": PASSWORD},
        },
        "unreachable",
        "No token for client 'me' from http://127.0.0.1:",
    ),
    "sasl at a listener without": (
        lambda broker: broker.login(USER, PASSWORD, tls=False) | broker.options,
        "authentication_failed",
        "See kafka.security_protocol and kafka.sasl_mechanism.",
    ),
    "unknown authority": (
        lambda broker: without(broker.login(USER, PASSWORD), "ca_cert"),
        "tls_failed",
        "as kafka.ca_cert",
    ),
    "no client certificate": (
        lambda broker: broker.demanding_certificates(),
        "tls_failed",
        "kafka.client_cert",
    ),
}


@pytest.mark.parametrize("how", BAD)
def test_whoever_may_not_is_told_why(broker: SecureKafka, how: str) -> None:
    family, code, told = BAD[how]
    given = family(broker)
    problem = failure(given)
    assert problem.code == code
    assert told in problem.message
    assert PASSWORD not in problem.message
    assert problem.object_name in (given["bootstrap_servers"][0], given.get("oauth", {}).get("token_url"))


UNREACHABLE: dict[str, tuple[Callable[[SecureKafka], Family], str]] = {
    "closed port": (lambda _broker: {"bootstrap_servers": [closed_port()]}, "Connection refused. Check kafka.boot"),
    "no such host": (lambda _broker: {"bootstrap_servers": ["kafka.invalid:9092"]}, "Failed to resolve"),
    "tls at a plain listener": (
        lambda broker: broker.uncertified() | broker.options,
        "that kafka.security_protocol is its listener's",
    ),
    "no tls at a tls listener": (
        lambda broker: {"bootstrap_servers": broker.uncertified()["bootstrap_servers"]},
        "that kafka.security_protocol is its listener's",
    ),
    "no login at a listener that wants one": (
        lambda broker: {"bootstrap_servers": broker.login(USER, PASSWORD, tls=False)["bootstrap_servers"]},
        "that kafka.security_protocol is its listener's",
    ),
}


@pytest.mark.parametrize("how", UNREACHABLE)
def test_what_cannot_be_reached_is_tried_for_a_while(broker: SecureKafka, how: str) -> None:
    family, told = UNREACHABLE[how]
    given = family(broker)
    problem = failure(given, timeout=2)
    assert (problem.code, problem.object_name) == ("unreachable", given["bootstrap_servers"][0])
    assert told in problem.message


def test_one_broker_of_several_is_enough(broker: SecureKafka) -> None:
    family = broker.login(USER, PASSWORD)
    servers = [closed_port(), *family["bootstrap_servers"]]
    with Admin(KafkaSettings.from_options(family | {"bootstrap_servers": servers})) as admin:
        assert admin.brokers() == [1]


@pytest.mark.parametrize(
    "family",
    [lambda broker: broker.login(USER, "wrong-one"), lambda broker: broker.demanding_certificates()],
    ids=["wrong password", "no client certificate"],
)
def test_a_module_says_it_without_secrets(broker: SecureKafka, family: Callable[[SecureKafka], Family]) -> None:
    outcome = run_module("topic_info", kafka=family(broker), gather="configs").failed()
    assert outcome["failure"]["code"] in ("authentication_failed", "tls_failed")
    assert "wrong-one" not in str(outcome)
    assert "rdkafka" not in str(outcome)


def test_tokens_let_their_clients_in(token_kafka: SecureKafka) -> None:
    token_kafka.allow("alice", *ALL)
    told = run_module("topic_info", kafka=token_kafka.token("alice", "alice-secret"), gather="configs").succeeded()
    assert told["cluster"]["brokers"] == [1]


def test_a_refused_token_is_told(token_kafka: SecureKafka) -> None:
    family = token_kafka.token("alice", "wrong-one")
    problem = failure(family)
    assert (problem.code, problem.object_name) == ("authentication_failed", family["oauth"]["token_url"])
    assert problem.message.startswith(f"No token for client 'alice' from {problem.object_name}: invalid_client.")
    assert "wrong-one" not in problem.message
    outcome = run_module("topic_info", kafka=family).failed()
    assert outcome["failure"]["code"] == "authentication_failed"
    assert "wrong-one" not in str(outcome)


def test_a_mechanism_that_is_not_there_is_told(token_kafka: SecureKafka) -> None:
    family = token_kafka.token("alice", "alice-secret")
    family["bootstrap_servers"] = token_kafka.login("x", "y")["bootstrap_servers"]
    problem = failure(family)
    assert problem.code == "authentication_failed"
    assert "OAUTHBEARER mechanism handshake failed" in problem.message
