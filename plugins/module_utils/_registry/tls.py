# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of connections to a schema registry: which are trusted, which is shown, and what goes wrong."""

from __future__ import annotations

import ssl

from .._core.errors import InvalidOption, RegistryError
from .._core.settings import RegistrySettings


def tls_context(settings: RegistrySettings) -> ssl.SSLContext:
    """Trust what the operating system trusts, or ``ca_cert`` alone.

    Raises:
        InvalidOption: A certificate file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_cert)
    except OSError as error:
        raise _bad_file("ca_cert", settings.ca_cert, error, "must be a PEM file with certificates") from error
    if not settings.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
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
    return InvalidOption(
        f"registry.{option}: {path} cannot be used ({reason}); it {rule}.", object_name=f"registry.{option}"
    )


def is_tls_failure(error: BaseException | None) -> bool:
    """Tell whether it was TLS: look for a TLS library's error below those that httpcore and httpx wrap around it."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return True
        error = error.__cause__ or error.__context__
    return False


def tls_failed(what: str, url: str, reason: str) -> RegistryError:
    """Return the error for a handshake that failed.

    Args:
        what: Which server, with its URL.
        url: Its URL.
        reason: What the TLS library says.
    """
    upper = reason.upper()
    if "CERTIFICATE_VERIFY_FAILED" in upper:
        advice = "Give the authority that signed the server's certificate as registry.ca_cert, and the host name in it."
    elif "WRONG_VERSION_NUMBER" in upper or "RECORD LAYER" in upper:
        advice = "The server does not speak TLS at this port; an http:// URL may be meant."
    elif "CERTIFICATE" in upper or "ALERT" in upper:
        advice = "The server may demand a client certificate: registry.client_cert and registry.client_key."
    else:
        advice = "Check the URL and the certificates."
    return RegistryError(f"No TLS connection to {what}: {reason}. {advice}", code="tls_failed", object_name=url)
