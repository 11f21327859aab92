# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`KafkaSettings` as confluent-kafka wants them: properties of librdkafka (its ``CONFIGURATION.md``)."""

from __future__ import annotations

import re

from .._core.errors import InvalidOption
from .._core.settings import KafkaSettings
from .client_options import ClientOptions

_CERTIFICATE_AND_KEY = (b"CERTIFICATE", b"PRIVATE KEY")


def librdkafka_config(settings: KafkaSettings) -> dict[str, str]:
    """Turn settings into librdkafka's properties. They hold secrets.

    Raises:
        InvalidOption: One of the client options is not taken, or a certificate file cannot be read.
    """
    options = ClientOptions.read(settings.client_options)
    _check_files(settings)
    config = {
        **settings.client_options,
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": options.client_id,
        "security.protocol": settings.security_protocol,
        "allow.auto.create.topics": "false",
    }
    if settings.security_protocol.endswith("SSL"):
        config |= _tls(settings)
    if settings.sasl_mechanism is not None:
        config |= _sasl(settings)
    return config


def _tls(settings: KafkaSettings) -> dict[str, str]:
    config = {}
    if settings.ca_cert is not None:
        config["ssl.ca.location"] = settings.ca_cert
    if settings.client_cert is not None:
        config["ssl.certificate.location"] = settings.client_cert
        config["ssl.key.location"] = settings.client_key or settings.client_cert
    if not settings.validate_certs:
        config["enable.ssl.certificate.verification"] = "false"
        config["ssl.endpoint.identification.algorithm"] = "none"
    return config


def _sasl(settings: KafkaSettings) -> dict[str, str]:
    config = {"sasl.mechanism": str(settings.sasl_mechanism)}
    if settings.oauth is None:
        return config | {"sasl.username": str(settings.username), "sasl.password": str(settings.password)}
    config |= {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": settings.oauth.token_url,
        "sasl.oauthbearer.client.id": settings.oauth.client_id,
        "sasl.oauthbearer.client.secret": settings.oauth.client_secret,
    }
    if settings.oauth.scope is not None:
        config["sasl.oauthbearer.scope"] = settings.oauth.scope
    if settings.ca_cert is not None:
        config["https.ca.location"] = settings.ca_cert
    return config


def _check_files(settings: KafkaSettings) -> None:
    # librdkafka would only say that a client cannot be created.
    for name, path, kinds in (
        ("ca_cert", settings.ca_cert, (b"CERTIFICATE",)),
        ("client_cert", settings.client_cert, (b"CERTIFICATE",) if settings.client_key else _CERTIFICATE_AND_KEY),
        ("client_key", settings.client_key, (b"PRIVATE KEY",)),
    ):
        problem = None if path is None else _problem_of(path, kinds)
        if problem is not None:
            raise InvalidOption(f"kafka.{name}: {path} {problem}.", object_name=f"kafka.{name}")


def _problem_of(path: str, kinds: tuple[bytes, ...]) -> str | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if b"ENCRYPTED" in content:
        return "is encrypted; give an unencrypted one"
    missing = [kind.decode().lower() for kind in kinds if not re.search(rb"-----BEGIN [A-Z0-9 ]*" + kind, content)]
    return f"is not a PEM file with a {' and a '.join(missing)}" if missing else None
