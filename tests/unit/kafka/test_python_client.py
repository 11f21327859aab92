# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's settings as kafka-python's connections take them."""

from __future__ import annotations

import logging
import os
import ssl
import subprocess
import sys

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, MissingLibrary
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import OAuthSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka import kafka_python
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.python_client import client_config
from testbed.certificates import Certificates

SERVERS = ("kafka:9092",)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("pki"))


def tls(**options):
    return client_config(KafkaSettings(SERVERS, security_protocol="SSL", **options)).tls


def test_a_plain_connection_needs_nothing_but_a_name():
    config = client_config(KafkaSettings(SERVERS))
    assert config.tls is None
    assert config.connection == {
        "client_id": "lifeboat.kafka",
        "client_software_name": "lifeboat.kafka",
        "security_protocol": "PLAINTEXT",
    }


@pytest.mark.parametrize(
    ("mechanism", "name", "sent"),
    [
        ("PLAIN", "a=b,c", "a=b,c"),
        ("SCRAM-SHA-256", "a=b,c", "a=3Db=2Cc"),
        ("SCRAM-SHA-512", "käthe", "käthe"),
    ],
)
def test_user_names_are_written_as_the_mechanism_wants_them(mechanism, name, sent):
    settings = KafkaSettings(
        SERVERS, security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism, username=name, password="p,=w"
    )
    connection = client_config(settings).connection
    assert (connection["sasl_plain_username"], connection["sasl_plain_password"]) == (sent, "p,=w")


def test_secrets_are_not_in_the_words_for_a_config():
    settings = KafkaSettings(
        SERVERS, security_protocol="SASL_SSL", sasl_mechanism="PLAIN", username="u", password="sesame"
    )
    assert "sesame" not in repr(client_config(settings)) + repr(settings)
    oauth = OAuthSettings("http://127.0.0.1/token", "me", "sesame")
    settings = KafkaSettings(SERVERS, security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", oauth=oauth)
    assert "sesame" not in repr(client_config(settings)) + repr(settings)


def test_the_given_authority_is_trusted_alone(pki):
    context = tls(ca_cert=str(pki.ca))
    assert [dict(each[0] for each in ca["subject"]) for ca in context.get_ca_certs()] == [
        {"commonName": "lifeboat.kafka test authority"}
    ]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_checks_can_be_left_out():
    context = tls(validate_certs=False)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_host_names_alone_can_be_left_unchecked(pki):
    context = tls(ca_cert=str(pki.ca), client_options={"ssl.endpoint.identification.algorithm": "none"})
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_ciphers_can_be_chosen():
    chosen = tls(client_options={"ssl.cipher.suites": "ECDHE-RSA-AES256-GCM-SHA384"}).get_ciphers()
    older = [cipher["name"] for cipher in chosen if cipher["protocol"] != "TLSv1.3"]
    assert older == ["ECDHE-RSA-AES256-GCM-SHA384"]


def test_socket_options_are_handed_on():
    config = client_config(KafkaSettings(SERVERS, client_options={"socket.receive.buffer.bytes": "65536"}))
    assert len(config.socket_options) == 1
    assert config.socket_options[0][2] == 65536


def test_files_that_cannot_be_used_are_named(pki, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.touch()
    missing = str(tmp_path / "missing.pem")
    for options, named in [
        ({"ca_cert": missing}, ("kafka.ca_cert", missing, "No such file")),
        ({"ca_cert": str(empty)}, ("kafka.ca_cert", str(empty))),
        ({"client_cert": str(empty)}, ("kafka.client_cert", str(empty), "private key")),
        ({"client_cert": str(pki.client.certificate), "client_key": missing}, ("kafka.client_cert", missing)),
        ({"client_options": {"ssl.crl.location": missing}}, ("kafka.client_options", "ssl.crl.location", missing)),
        ({"client_options": {"ssl.cipher.suites": "ROT13"}}, ("kafka.client_options", "ssl.cipher.suites", "ROT13")),
    ]:
        with pytest.raises(InvalidOption) as caught:
            tls(**options)
        assert all(word in str(caught.value) for word in named), str(caught.value)
        assert caught.value.object_name == named[0]


def test_an_option_that_is_not_known_is_refused():
    with pytest.raises(InvalidOption, match=r"queue\.buffering\.max\.ms"):
        client_config(KafkaSettings(SERVERS, client_options={"queue.buffering.max.ms": "5"}))


def test_a_library_that_is_too_old_is_named_with_what_is_needed(monkeypatch):
    monkeypatch.setattr(kafka_python.metadata, "version", lambda _name: "2.3.0")
    with pytest.raises(MissingLibrary, match=r"kafka-python >= 3\.0\.12.*kafka-python 2\.3\.0 is too old"):
        kafka_python.require_kafka_python()


def test_a_missing_library_is_named_with_what_is_needed(tmp_path):
    program = (
        "import sys; sys.modules['kafka'] = None\n"
        "from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings\n"
        "from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Wire\n"
        "try:\n    Wire(KafkaSettings(('127.0.0.1:1',)))\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    assert done.stdout.startswith("MissingLibrary Topics are read and written with the Python library kafka-python")
    assert "it is missing" in done.stdout


def test_the_library_is_kept_from_logging(caplog):
    kafka_python.require_kafka_python()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("kafka.net.connection").error("a password")
    assert caplog.records == []
