# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of librdkafka that are taken, and what both clients are told."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.client_options import TAKEN, ClientOptions
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.librdkafka import librdkafka_config
from testbed.certificates import Certificates

SERVER = "127.0.0.1:9"
PLAIN = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "username": "me", "password": "pw"}
GIVEN = {
    "client.id": "backup",
    "socket.keepalive.enable": "true",
    "socket.receive.buffer.bytes": "100000",
    "socket.send.buffer.bytes": "200000",
    "ssl.cipher.suites": "ECDHE+AESGCM",
    "ssl.crl.location": "/crl.pem",
    "ssl.endpoint.identification.algorithm": "none",
}


def settings(**options: Any) -> KafkaSettings:
    return KafkaSettings.from_options({"bootstrap_servers": [SERVER, "127.0.0.2:9"], **options})


def test_all_that_is_taken_is_read() -> None:
    assert set(GIVEN) == set(TAKEN)
    assert ClientOptions.read(GIVEN) == ClientOptions(
        client_id="backup",
        check_hostname=False,
        cipher_suites="ECDHE+AESGCM",
        crl="/crl.pem",
        socket_options=(
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.SOL_SOCKET, socket.SO_RCVBUF, 100000),
            (socket.SOL_SOCKET, socket.SO_SNDBUF, 200000),
        ),
    )
    assert ClientOptions.read({}) == ClientOptions("lifeboat.kafka", True, None, None, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("socket.keepalive.enable", "yes please"),
        ("socket.send.buffer.bytes", "-1"),
        ("socket.send.buffer.bytes", "1e6"),
        ("socket.receive.buffer.bytes", "0"),
        ("socket.receive.buffer.bytes", "100000001"),
        ("ssl.endpoint.identification.algorithm", "maybe"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidOption, match=f"kafka.client_options: {name} must be") as failed:
        ClientOptions.read({name: value})
    assert failed.value.object_name == "kafka.client_options"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("linger.ms", "it takes client.id, "),
        ("group.id", "it takes client.id, "),
        ("debug", "it takes client.id, "),
        ("bootstrap.servers", "use kafka.bootstrap_servers"),
        ("sasl.mechanisms", "use kafka.sasl_mechanism"),
        ("ssl.ca.location", "use kafka.ca_cert"),
        ("sasl.oauthbearer.scope", "use kafka.oauth"),
    ],
)
def test_what_is_not_taken_is_named(name: str, told: str) -> None:
    with pytest.raises(InvalidOption) as failed:
        librdkafka_config(settings(client_options={name: "x"}))
    assert f"does not take {name!r}; {told}" in failed.value.message


def test_librdkafka_gets_what_the_family_says(certificates: Certificates) -> None:
    ca, pair = str(certificates.ca), certificates.client
    plain = {
        "bootstrap.servers": "127.0.0.1:9,127.0.0.2:9",
        "client.id": "lifeboat.kafka",
        "security.protocol": "PLAINTEXT",
        "allow.auto.create.topics": "false",
    }
    assert librdkafka_config(settings()) == plain
    login = {"sasl.mechanism": "PLAIN", "sasl.username": "me", "sasl.password": "pw"}
    assert librdkafka_config(settings(**PLAIN)) == plain | login | {"security.protocol": "SASL_PLAINTEXT"}

    files = {"ca_cert": ca, "client_cert": str(pair.certificate), "client_key": str(pair.key)}
    shown = {
        "ssl.ca.location": ca,
        "ssl.certificate.location": str(pair.certificate),
        "ssl.key.location": str(pair.key),
    }
    tls = plain | {"security.protocol": "SSL"}
    assert librdkafka_config(settings(security_protocol="SSL", **files)) == tls | shown

    oauth = {"token_url": "https://login/token", "client_id": "me", "client_secret": "s3cret", "scope": "kafka"}
    bearer = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "oauth": oauth, "ca_cert": ca}
    assert librdkafka_config(settings(**bearer)) == plain | {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": ca,
        "https.ca.location": ca,
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": "https://login/token",
        "sasl.oauthbearer.client.id": "me",
        "sasl.oauthbearer.client.secret": "s3cret",
        "sasl.oauthbearer.scope": "kafka",
    }


def test_a_certificate_may_hold_its_key(certificates: Certificates, tmp_path: Path) -> None:
    pair, both = certificates.client, tmp_path / "both.pem"
    both.write_text(pair.certificate.read_text() + pair.key.read_text())
    config = librdkafka_config(settings(security_protocol="SSL", client_cert=str(both)))
    assert config["ssl.certificate.location"] == config["ssl.key.location"] == str(both)
    AdminClient(config | {"log_level": "0"})  # which reads it


def test_certificates_need_not_be_checked() -> None:
    config = librdkafka_config(settings(security_protocol="SSL", validate_certs=False))
    assert config["enable.ssl.certificate.verification"] == "false"
    assert config["ssl.endpoint.identification.algorithm"] == "none"


@pytest.mark.parametrize("security", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_librdkafka_knows_all_of_it(security: str, certificates: Certificates) -> None:
    options = {**PLAIN} if security.startswith("SASL") else {}
    if security.endswith("SSL"):
        options["ca_cert"] = str(certificates.ca)
    given = {name: value for name, value in GIVEN.items() if name != "ssl.crl.location"}
    taken = settings(**{**options, "security_protocol": security}, client_options=given)
    AdminClient(librdkafka_config(taken) | {"log_level": "0"})  # which refuses what it does not know


def test_a_file_must_hold_what_it_is_for(certificates: Certificates, tmp_path: Path) -> None:
    ca, (certificate, key) = str(certificates.ca), map(str, certificates.client)
    for given, told in (
        ({"ca_cert": key}, f"kafka.ca_cert: {key} is not a PEM file with a certificate."),
        ({"client_cert": key}, f"kafka.client_cert: {key} is not a PEM file with a certificate."),
        ({"client_cert": certificate}, f"kafka.client_cert: {certificate} is not a PEM file with a private key."),
        (
            {"client_cert": certificate, "client_key": ca},
            f"kafka.client_key: {ca} is not a PEM file with a private key.",
        ),
    ):
        with pytest.raises(InvalidOption) as failed:
            librdkafka_config(settings(security_protocol="SSL", **given))
        assert failed.value.message == told


@pytest.mark.parametrize("option", ["ca_cert", "client_cert", "client_key"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("nothing", "is not a PEM file"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "is encrypted"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    option: str, content: str | None, told: str, certificates: Certificates, tmp_path: Path
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    whole, (certificate, key) = str(certificates.ca), map(str, certificates.client)
    given = {"ca_cert": whole, "client_cert": certificate, "client_key": key, option: str(path)}
    with pytest.raises(InvalidOption) as failed:
        librdkafka_config(settings(security_protocol="SSL", **given))
    assert failed.value.object_name == f"kafka.{option}"
    assert f"{path} {told}" in failed.value.message
