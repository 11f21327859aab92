# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the option families say, typed and checked, free of Ansible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import InvalidOption

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|passwd|api[-_]?key|credential", re.IGNORECASE)

# As in Kafka's own clients: passwords, keys given as text, JAAS configurations, tokens.
_SECRET_CLIENT_OPTION = re.compile(r"secret|passw|passphrase|jaas|credential|token|api[-_.]?key|\.pem$", re.IGNORECASE)

REGISTRY_IMPLEMENTATIONS = ("auto", "confluent", "axonops", "karapace")
SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")


@dataclass(frozen=True)
class StoreSettings:
    """Where a store lies.

    Args:
        path: An absolute directory of a filesystem.
    """

    path: str

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> StoreSettings:
        """Check the ``store`` option family.

        Raises:
            InvalidOption: The path is not absolute, or is none.
        """
        path = str(options["path"])
        if "\0" in path:
            raise InvalidOption("store.path must not have NUL characters.", object_name="store.path")
        if not path.startswith("/"):
            raise InvalidOption(f"store.path must be an absolute path, not {path!r}.", object_name="store.path")
        return cls(path=path)


@dataclass(frozen=True)
class RegistrySettings:
    """How a schema registry is reached.

    Args:
        urls: Base URLs of the same registry's nodes, tried in order, without a trailing slash and without user info.
        username: User for HTTP basic authentication.
        password: Its password.
        api_key: Sent as ``X-API-Key``.
        ca_cert: Path of a PEM file with the authorities to trust.
        client_cert: Path of a PEM client certificate.
        client_key: Path of its private key, when not in the same file.
        validate_certs: Whether the server's certificate is checked.
        headers: Further request headers, none of them secret.
        timeout: Seconds for a connection and for each answer.
        retries: How often a request that is safe to repeat is repeated.
        retry_backoff: Seconds before the first repetition; doubles each time, with full jitter.
        concurrency: Requests under way at once.
        implementation: One of `REGISTRY_IMPLEMENTATIONS`.
    """

    urls: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    retries: int = 3
    retry_backoff: float = 1.0
    concurrency: int = 4
    implementation: str = "auto"

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> RegistrySettings:
        """Check the ``registry`` option family.

        Raises:
            InvalidOption: An option cannot be used, alone or together with another; the message names it.
        """
        given = {key: value for key, value in options.items() if value is not None}
        urls = tuple(_checked_url(url) for url in given.pop("url", []))
        if not urls:
            raise InvalidOption("registry.url is empty; give at least one URL.", object_name="registry.url")
        settings = cls(urls=urls, **given)
        settings._check()
        return settings

    def _check(self) -> None:
        for name, wrong, rule in (
            ("password", self.password is not None and self.username is None, "needs registry.username"),
            ("username", self.username is not None and self.password is None, "needs registry.password"),
            ("api_key", self.api_key is not None and self.username is not None, "excludes registry.username"),
            ("client_key", self.client_key is not None and self.client_cert is None, "needs registry.client_cert"),
            ("ca_cert", self.ca_cert is not None and not self.validate_certs, "excludes validate_certs: false"),
            ("timeout", self.timeout <= 0, "must be more than 0 seconds"),
            ("retries", self.retries < 0, "must not be negative"),
            ("retry_backoff", self.retry_backoff < 0, "must not be negative"),
            ("concurrency", self.concurrency < 1, "must be at least 1"),
        ):
            if wrong:
                raise InvalidOption(f"registry.{name} {rule}.", object_name=f"registry.{name}")
        for name in self.headers:
            if _SECRET_HEADER.search(name):
                raise InvalidOption(
                    f"registry.headers must not carry the secret-looking {name!r}, since headers are not hidden. "
                    "Use registry.username and registry.password, or registry.api_key.",
                    object_name="registry.headers",
                )


@dataclass(frozen=True)
class OAuthSettings:
    """Where a client gets its tokens: an OAuth 2.0 server's client credentials grant (RFC 6749, section 4.4).

    Args:
        token_url: The server's token endpoint.
        client_id: The client's name there.
        client_secret: Its secret.
        scope: What is asked for; None leaves it to the server.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> OAuthSettings:
        """Check the suboptions of ``kafka.oauth``.

        Raises:
            InvalidOption: One of them cannot be used; the message names it.
        """
        settings = cls(**options)
        parts = urlsplit(settings.token_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
            name = "kafka.oauth.token_url"
            raise InvalidOption(f"{name} must be an http:// or https:// URL without user info.", object_name=name)
        return settings


@dataclass(frozen=True)
class KafkaSettings:
    """How a Kafka cluster is reached.

    Args:
        bootstrap_servers: Some of its brokers, as ``host:port``.
        security_protocol: One of `SECURITY_PROTOCOLS`.
        sasl_mechanism: One of `SASL_MECHANISMS`; given exactly where the protocol has SASL.
        username: User for PLAIN and SCRAM.
        password: Its password.
        oauth: For OAUTHBEARER, where its tokens come from.
        ca_cert: Path of a PEM file with the authorities to trust.
        client_cert: Path of a PEM client certificate.
        client_key: Path of its private key, when not in the same file.
        validate_certs: Whether the brokers' certificates and host names are checked.
        client_options: Further properties of the client, by librdkafka's names, none of them secret.
    """

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    oauth: OAuthSettings | None = None
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool = True
    client_options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> KafkaSettings:
        """Check the ``kafka`` option family.

        Raises:
            InvalidOption: An option cannot be used, alone or together with another; the message names it.
        """
        given = {key: value for key, value in options.items() if value is not None}
        servers = tuple(_checked_server(server) for server in given.pop("bootstrap_servers", []))
        if not servers:
            name = "kafka.bootstrap_servers"
            raise InvalidOption(f"{name} is empty; give at least one broker, as host:port.", object_name=name)
        if "oauth" in given:
            given["oauth"] = OAuthSettings.from_options(given["oauth"])
        client_options = {key: _as_property(value) for key, value in given.pop("client_options", {}).items()}
        settings = cls(bootstrap_servers=servers, client_options=client_options, **given)
        settings._check()
        return settings

    def _check(self) -> None:
        sasl, tls = self.security_protocol.startswith("SASL_"), self.security_protocol.endswith("SSL")
        by_name = self.sasl_mechanism not in (None, "OAUTHBEARER")
        named = self.username is not None or self.password is not None
        needs_sasl = "needs kafka.security_protocol SASL_PLAINTEXT or SASL_SSL"
        needs_tls = "needs kafka.security_protocol SSL or SASL_SSL"
        for name, wrong, rule in (
            ("sasl_mechanism", sasl and self.sasl_mechanism is None, f"is missing for {self.security_protocol}"),
            ("sasl_mechanism", self.sasl_mechanism is not None and not sasl, needs_sasl),
            ("username", named and not sasl, needs_sasl),
            ("username", named and not by_name, "excludes kafka.sasl_mechanism OAUTHBEARER; use kafka.oauth"),
            ("username", by_name and not self.username, f"is missing for {self.sasl_mechanism}"),
            ("password", by_name and not self.password, f"is missing for {self.sasl_mechanism}"),
            ("oauth", sasl and not by_name and self.oauth is None, "is missing for OAUTHBEARER"),
            ("oauth", self.oauth is not None and (by_name or not sasl), "needs kafka.sasl_mechanism OAUTHBEARER"),
            ("ca_cert", self.ca_cert is not None and not tls, needs_tls),
            ("ca_cert", self.ca_cert is not None and not self.validate_certs, "excludes validate_certs: false"),
            ("client_cert", self.client_cert is not None and not tls, needs_tls),
            ("client_key", self.client_key is not None and self.client_cert is None, "needs kafka.client_cert"),
        ):
            if wrong:
                raise InvalidOption(f"kafka.{name} {rule}.", object_name=f"kafka.{name}")
        for key in self.client_options:
            if _SECRET_CLIENT_OPTION.search(key):
                raise InvalidOption(
                    f"kafka.client_options must not carry the secret-looking {key!r}, since they are not hidden. "
                    "Use kafka.password, kafka.oauth or kafka.client_key.",
                    object_name="kafka.client_options",
                )


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidOption("registry.url must hold http:// or https:// URLs.", object_name="registry.url")
    if "@" in parts.netloc:
        raise InvalidOption(
            "registry.url must not carry user info, since URLs are shown; use registry.username and registry.password.",
            object_name="registry.url",
        )
    if parts.query or parts.fragment:
        raise InvalidOption("registry.url must not carry a query or a fragment.", object_name="registry.url")
    return url.rstrip("/")


def _checked_server(server: str) -> str:
    try:
        parts = urlsplit(f"//{server.strip()}")
        usable = bool(parts.hostname and parts.port) and parts.netloc == server.strip() and "@" not in server
    except ValueError:
        usable = False
    if not usable:
        name = "kafka.bootstrap_servers"
        raise InvalidOption(f"{name} must hold brokers as host:port, such as kafka-1:9092.", object_name=name)
    return server.strip()


def _as_property(value: Any) -> str:
    # YAML reads true and 1000 as what they look like; Kafka's properties are text.
    return str(value).lower() if isinstance(value, bool) else str(value)
