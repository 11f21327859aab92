# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the option families say, typed and checked, free of Ansible."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .addresses import check_proxy, checked_server, checked_url, normalised
from .errors import InvalidOption
from .oauth_settings import OAuthSettings, RegistryOAuthSettings

_LONGEST_TIMEOUT = 1_000_000  # systems wait for some longer times at most, and not for ever

_FRAMING_HEADERS = frozenset({"connection", "content-length", "transfer-encoding"})
"""What follows from a request's body, and would break it when it said anything else."""

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|passwd|api[-_]?key|credential", re.IGNORECASE)

# As in Kafka's own clients: passwords, keys given as text, JAAS configurations, tokens.
_SECRET_CLIENT_OPTION = re.compile(r"secret|passw|passphrase|jaas|credential|token|api[-_.]?key|\.pem$", re.IGNORECASE)

REGISTRY_IMPLEMENTATIONS = ("auto", "confluent", "axonops", "karapace", "redpanda", "apicurio")
ANONYMOUS = "anonymous"
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
        token: Sent as a bearer token.
        oauth: Where bearer tokens come from.
        api_key: Sent as ``X-API-Key``.
        proxy: URL of an HTTP proxy that all requests go through, those for tokens too.
        proxy_username: User for basic authentication at the proxy.
        proxy_password: Its password.
        ca_cert: Path of a PEM file with the authorities to trust.
        client_cert: Path of a PEM client certificate.
        client_key: Path of its private key, when not in the same file.
        validate_certs: Whether the server's certificate is checked.
        headers: Further request headers, none of them secret.
        timeout: Seconds for a connection and for each answer.
        retries: How often a request that is safe to repeat is repeated.
        retry_backoff: Seconds before the first repetition; doubles each time, with full jitter.
        rate_limit: Requests a second that are sent at most, of all threads together; 0 for no limit.
        concurrency: Requests under way at once.
        implementation: One of `REGISTRY_IMPLEMENTATIONS`.
    """

    urls: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    oauth: RegistryOAuthSettings | None = None
    api_key: str | None = field(default=None, repr=False)
    proxy: str | None = None
    proxy_username: str | None = None
    proxy_password: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    retries: int = 3
    retry_backoff: float = 1.0
    rate_limit: float = 0.0
    concurrency: int = 4
    implementation: str = "auto"

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> RegistrySettings:
        """Check the ``registry`` option family.

        Raises:
            InvalidOption: An option cannot be used, alone or together with another; the message names it.
        """
        given = {key: value for key, value in options.items() if value is not None}
        urls = tuple(checked_url(url) for url in given.pop("url", []))
        if not urls:
            raise InvalidOption("registry.url is empty; give at least one URL.", object_name="registry.url")
        if "oauth" in given:
            given["oauth"] = RegistryOAuthSettings.from_options(given["oauth"])
        if "proxy" in given:
            check_proxy(given["proxy"])
        settings = cls(urls=urls, **given)
        settings._check()
        return settings

    @property
    def read_as(self) -> str:
        """As whom the registry is asked, for people: never a secret."""
        if self.username is not None:
            return f"user {self.username}"
        if self.oauth is not None:
            return f"OAuth client {self.oauth.client_id}"
        kinds = {"bearer token": self.token, "API key": self.api_key, "client certificate": self.client_cert}
        return next((kind for kind, given in kinds.items() if given is not None), ANONYMOUS)

    @property
    def address(self) -> str:
        """The smallest of the URLs, normalised: the same in whatever order and form they are given."""
        return min(map(normalised, self.urls))

    def _check(self) -> None:
        credentials = {"username": self.username, "api_key": self.api_key, "token": self.token, "oauth": self.oauth}
        several = [name for name, given in credentials.items() if given is not None]
        if len(several) > 1:
            names = " and ".join(f"registry.{name}" for name in several)
            raise InvalidOption(
                f"{names} exclude each other; give only one of them.", object_name=f"registry.{several[-1]}"
            )
        proxy_user, proxy_word = self.proxy_username, self.proxy_password
        for name, wrong, rule in (
            ("password", self.password is not None and self.username is None, "needs registry.username"),
            ("username", self.username is not None and self.password is None, "needs registry.password"),
            ("proxy_username", proxy_user is not None and self.proxy is None, "needs registry.proxy"),
            ("proxy_username", proxy_user is not None and proxy_word is None, "needs registry.proxy_password"),
            ("proxy_password", proxy_user is None and proxy_word is not None, "needs registry.proxy_username"),
            ("client_key", self.client_key is not None and self.client_cert is None, "needs registry.client_cert"),
            ("ca_cert", self.ca_cert is not None and not self.validate_certs, "excludes validate_certs: false"),
            (
                "timeout",
                not 0 < self.timeout <= _LONGEST_TIMEOUT,
                f"must be more than 0, up to {_LONGEST_TIMEOUT} seconds",
            ),
            ("retries", self.retries < 0, "must not be negative"),
            ("retry_backoff", not 0 <= self.retry_backoff < math.inf, "must be a number of seconds, or 0"),
            ("rate_limit", not 0 <= self.rate_limit < math.inf, "must be a number of requests a second, or 0"),
            ("concurrency", self.concurrency < 1, "must be at least 1"),
        ):
            if wrong:
                raise InvalidOption(f"registry.{name} {rule}.", object_name=f"registry.{name}")
        for name in self.headers:
            if name.lower() in _FRAMING_HEADERS:
                raise InvalidOption(
                    f"registry.headers must not carry {name!r}, which follows from each request.",
                    object_name="registry.headers",
                )
            if is_secret_header(name):
                raise InvalidOption(
                    f"registry.headers must not carry the secret-looking {name!r}, since headers are not hidden. "
                    "Use registry.username and registry.password, registry.token, registry.oauth or registry.api_key.",
                    object_name="registry.headers",
                )


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
        servers = tuple(checked_server(server) for server in given.pop("bootstrap_servers", []))
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
            if is_secret_client_option(key):
                raise InvalidOption(
                    f"kafka.client_options must not carry the secret-looking {key!r}, since they are not hidden. "
                    "Use kafka.password, kafka.oauth or kafka.client_key.",
                    object_name="kafka.client_options",
                )


def is_secret_header(name: str) -> bool:
    """Tell whether a header looks as if its value were secret."""
    return bool(_SECRET_HEADER.search(name))


def is_secret_client_option(name: str) -> bool:
    """Tell whether an option of a Kafka client looks as if its value were secret."""
    return bool(_SECRET_CLIENT_OPTION.search(name))


def _as_property(value: Any) -> str:
    # YAML reads true and 1000 as what they look like; Kafka's properties are text.
    return str(value).lower() if isinstance(value, bool) else str(value)
