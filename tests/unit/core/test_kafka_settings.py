# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the option family kafka says, checked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import OAuthSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings

SERVER = "kafka-1.example.org:9092"
SCRAM = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-512",
    "username": "backup",
    "password": "hunter2",
}
OAUTH = {"token_url": "https://login.example.org/token", "client_id": "backup", "client_secret": "hunter2"}
BEARER = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "oauth": OAUTH}


def settings(**options: Any) -> KafkaSettings:
    return KafkaSettings.from_options({"bootstrap_servers": [SERVER], **options})


def refusal(**options: Any) -> InvalidOption:
    with pytest.raises(InvalidOption) as failed:
        settings(**options)
    assert "hunter2" not in failed.value.message
    return failed.value


def test_options_left_out_have_their_defaults() -> None:
    assert settings(username=None, oauth=None, client_options=None) == KafkaSettings(bootstrap_servers=(SERVER,))


@pytest.mark.parametrize(
    "options",
    [
        SCRAM,
        SCRAM | {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"},
        {"security_protocol": "SSL", "ca_cert": "/ca.pem", "client_cert": "/c.pem", "client_key": "/k.pem"},
        {"security_protocol": "SSL", "client_cert": "/c.pem", "validate_certs": False},
        SCRAM | {"ca_cert": "/ca.pem"},
        {"client_options": {"client.id": "x", "ssl.endpoint.identification.algorithm": "none"}},
    ],
)
def test_what_goes_together_is_taken(options: dict[str, Any]) -> None:
    assert {name: getattr(settings(**options), name) for name in options} == options


def test_tokens_have_settings_of_their_own() -> None:
    taken = settings(**BEARER, ca_cert="/ca.pem")
    assert taken.oauth == OAuthSettings(OAUTH["token_url"], "backup", "hunter2", None)
    assert settings(**BEARER | {"oauth": OAUTH | {"scope": "kafka"}}).oauth == OAuthSettings(**OAUTH, scope="kafka")


def test_brokers_are_kept_in_order() -> None:
    servers = ["kafka-2:9092", " kafka-1:9093", "[::1]:9094", "10.0.0.1:1"]
    taken = KafkaSettings.from_options({"bootstrap_servers": servers})
    assert taken.bootstrap_servers == ("kafka-2:9092", "kafka-1:9093", "[::1]:9094", "10.0.0.1:1")


@pytest.mark.parametrize(
    "server",
    ["", "kafka-1", "kafka-1:", ":9092", "kafka-1:0", "kafka-1:99999", "kafka-1:x", "SSL://kafka-1:9092", "[::1:9092",
     "me:hunter2@kafka-1:9092", "kafka-1:9092/x", "kafka-1:9092,kafka-2:9092"],
)  # fmt: skip
def test_a_broker_that_is_no_host_with_a_port_is_refused(server: str) -> None:
    with pytest.raises(InvalidOption) as failed:
        KafkaSettings.from_options({"bootstrap_servers": [SERVER, server]})
    assert failed.value.object_name == "kafka.bootstrap_servers"
    assert "hunter2" not in failed.value.message


def test_there_must_be_a_broker() -> None:
    assert refusal(bootstrap_servers=[]).object_name == "kafka.bootstrap_servers"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"security_protocol": "SASL_SSL"}, "sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN", "username": "me", "password": "hunter2"}, "sasl_mechanism"),
        ({"security_protocol": "SSL", "sasl_mechanism": "PLAIN"}, "sasl_mechanism"),
        ({"username": "me", "password": "hunter2"}, "username"),
        ({"security_protocol": "SSL", "password": "hunter2"}, "username"),
        (SCRAM | {"username": None}, "username"),
        (SCRAM | {"password": None}, "password"),
        (SCRAM | {"username": ""}, "username"),
        (SCRAM | {"password": ""}, "password"),
        (SCRAM | {"oauth": OAUTH}, "oauth"),
        ({"oauth": OAUTH}, "oauth"),
        (BEARER | {"oauth": None}, "oauth"),
        (BEARER | {"username": "me", "password": "hunter2"}, "username"),
        ({"ca_cert": "/ca.pem"}, "ca_cert"),
        ({"security_protocol": "SSL", "ca_cert": "/ca.pem", "validate_certs": False}, "ca_cert"),
        ({"client_cert": "/c.pem"}, "client_cert"),
        ({"security_protocol": "SSL", "client_key": "/k.pem"}, "client_key"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], named: str) -> None:
    assert refusal(**options).failure() == {"code": "invalid_option", "object": f"kafka.{named}"}


@pytest.mark.parametrize("url", ["", "login", "ftp://login/token", "https://me:hunter2@login/token", "https:///token"])
def test_a_token_url_that_cannot_be_used_is_refused(url: str) -> None:
    assert refusal(**BEARER | {"oauth": OAUTH | {"token_url": url}}).object_name == "kafka.oauth.token_url"


@pytest.mark.parametrize(
    "name",
    ["sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.jaas.config",
     "sasl.oauthbearer.client.secret", "SSL_Truststore_Password", "ssl.key.passphrase"],
)  # fmt: skip
def test_secret_looking_client_options_are_refused(name: str) -> None:
    refused = refusal(client_options={"client.id": "x", name: "hunter2"})
    assert refused.object_name == "kafka.client_options"
    assert repr(name) in refused.message


def test_client_options_are_text() -> None:
    given = {"socket.keepalive.enable": True, "socket.send.buffer.bytes": 1000, "client.id": "x"}
    assert settings(client_options=given).client_options == {
        "socket.keepalive.enable": "true",
        "socket.send.buffer.bytes": "1000",
        "client.id": "x",
    }


def test_secrets_are_not_shown() -> None:
    assert "hunter" not in repr([settings(**SCRAM), settings(**BEARER)])
