# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of registries, proxies and brokers, as they are given."""

from __future__ import annotations

from urllib.parse import urlsplit

from .errors import InvalidOption


def checked_url(url: str) -> str:
    """Return a URL of a registry without the slash at its end.

    Raises:
        InvalidOption: It cannot be one, or carries more than an address.
    """
    if not is_http_url(url):
        raise InvalidOption("registry.url must hold http:// or https:// URLs.", object_name="registry.url")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidOption(
            "registry.url must not carry user info, since URLs are shown; use registry.username and registry.password.",
            object_name="registry.url",
        )
    if parts.query or parts.fragment:
        raise InvalidOption("registry.url must not carry a query or a fragment.", object_name="registry.url")
    return url.rstrip("/")


def check_proxy(url: str) -> None:
    """Make sure that a proxy's URL can be used.

    Raises:
        InvalidOption: It cannot.
    """
    if not is_http_url(url):
        raise InvalidOption(
            "registry.proxy must be an http:// or https:// URL, such as http://proxy.example.org:3128.",
            object_name="registry.proxy",
        )
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidOption(
            "registry.proxy must not carry user info, since URLs are shown; use registry.proxy_username and "
            "registry.proxy_password.",
            object_name="registry.proxy",
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidOption("registry.proxy must hold a host and a port only.", object_name="registry.proxy")


def is_http_url(url: str) -> bool:
    """Tell whether it is a URL with the name of a host that there can be."""
    try:
        parts = urlsplit(url)
        # The encoding finds labels that no name of a host can have.
        named = bool(parts.hostname) and bool((parts.hostname or "").encode("idna")) and url.isprintable()
        return named and parts.scheme in ("http", "https") and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def checked_server(server: str) -> str:
    """Return the address of a broker without spaces around it.

    Raises:
        InvalidOption: It is not ``host:port``.
    """
    try:
        parts = urlsplit(f"//{server.strip()}")
        usable = bool(parts.hostname and parts.port) and parts.netloc == server.strip() and "@" not in server
    except ValueError:
        usable = False
    if not usable:
        name = "kafka.bootstrap_servers"
        raise InvalidOption(f"{name} must hold brokers as host:port, such as kafka-1:9092.", object_name=name)
    return server.strip()


def normalised(url: str) -> str:
    """Return the URL of a registry in one form for all in which it may be written."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{parts.port or default}{parts.path.rstrip('/')}"
