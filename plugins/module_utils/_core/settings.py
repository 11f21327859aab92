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

REGISTRY_IMPLEMENTATIONS = ("auto", "confluent", "axonops")


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
            InvalidOption: The path is not absolute.
        """
        path = str(options["path"])
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
