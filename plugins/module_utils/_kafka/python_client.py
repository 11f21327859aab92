# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`KafkaSettings` as kafka-python wants them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from .._core.errors import InvalidOption
from .._core.settings import KafkaSettings
from .client_options import CLIENT_ID, ClientOptions
from .oauth import ClientCredentials


@dataclass(frozen=True)
class ClientConfig:
    """How connections to a cluster's brokers are made.

    Args:
        connection: Options of kafka-python's ``KafkaConnection``.
        tls: The TLS settings, or None for connections that are not encrypted.
        socket_options: What is set on each socket, as `socket.socket.setsockopt` takes it.
    """

    connection: dict[str, Any]
    tls: ssl.SSLContext | None
    socket_options: tuple[tuple[int, int, int], ...]

    def __repr__(self) -> str:
        return f"ClientConfig({self.connection.get('security_protocol')})"  # the rest holds secrets


def client_config(settings: KafkaSettings) -> ClientConfig:
    """Turn settings into what connections are made with.

    Raises:
        InvalidOption: A client option is not taken, or a certificate file cannot be used.
    """
    options = ClientOptions.read(settings.client_options)
    connection: dict[str, Any] = {
        "client_id": options.client_id,
        "client_software_name": CLIENT_ID,
        "security_protocol": settings.security_protocol,
    }
    if settings.sasl_mechanism is not None:
        connection["sasl_mechanism"] = settings.sasl_mechanism
        connection["sasl_plain_username"] = _user_name(settings)
        connection["sasl_plain_password"] = settings.password
        if settings.oauth is not None:
            connection["sasl_oauth_token_provider"] = ClientCredentials(settings.oauth, _trust(settings))
    encrypted = settings.security_protocol in ("SSL", "SASL_SSL")
    tls = _tls_context(settings, options) if encrypted else None
    return ClientConfig(connection, tls, options.socket_options)


def _user_name(settings: KafkaSettings) -> str | None:
    """SCRAM sends commas and equals signs of a name in another form (RFC 5802, saslname); the library does not."""
    if settings.username is None or not (settings.sasl_mechanism or "").startswith("SCRAM-"):
        return settings.username
    return settings.username.replace("=", "=3D").replace(",", "=2C")


def _trust(settings: KafkaSettings) -> ssl.SSLContext:
    """Trust what the operating system trusts, or ``ca_cert`` alone."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_cert)
    except OSError as error:
        raise _bad_file("ca_cert", settings.ca_cert, error, "must be a PEM file with certificates") from error
    if not settings.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _tls_context(settings: KafkaSettings, options: ClientOptions) -> ssl.SSLContext:
    context = _trust(settings)
    context.check_hostname = settings.validate_certs and options.check_hostname
    if options.cipher_suites is not None:
        try:
            context.set_ciphers(options.cipher_suites)
        except ssl.SSLError as error:
            raise _unusable("ssl.cipher.suites", f"OpenSSL knows none of {options.cipher_suites!r}") from error
    if options.crl is not None:
        try:
            context.load_verify_locations(cafile=options.crl)
        except OSError as error:
            raise _unusable(
                "ssl.crl.location", f"{options.crl} must be a PEM file with revoked certificates"
            ) from error
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if settings.client_cert is not None:
        try:
            # An empty password, so that OpenSSL does not ask for one on the terminal.
            context.load_cert_chain(settings.client_cert, settings.client_key, password="")
        except OSError as error:
            files = " and ".join(name for name in (settings.client_cert, settings.client_key) if name)
            rule = "must hold a PEM certificate and its unencrypted private key"
            raise _bad_file("client_cert", files, error, rule) from error
    return context


def _bad_file(option: str, path: str | None, error: OSError, rule: str) -> InvalidOption:
    reason = error.strerror or "not readable as such"
    return InvalidOption(f"kafka.{option}: {path} cannot be used ({reason}); it {rule}.", object_name=f"kafka.{option}")


def _unusable(name: str, rule: str) -> InvalidOption:
    return InvalidOption(f"kafka.client_options: {name}: {rule}.", object_name="kafka.client_options")
