# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the option families say, checked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.oauth_settings import RegistryOAuthSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import (
    RegistrySettings,
    StoreSettings,
)

URL = "http://registry.example.org:8081"
PROXY = "http://proxy.example.org:3128"
OAUTH = {"token_url": "https://login.example.org/token", "client_id": "backup", "client_secret": "hunter2"}


def refusal(**options: Any) -> InvalidOption:
    with pytest.raises(InvalidOption) as failed:
        RegistrySettings.from_options({"url": [URL], **options})
    assert "hunter2" not in failed.value.message
    return failed.value


def test_options_left_out_have_their_defaults() -> None:
    given = {"url": [URL], "username": None, "headers": None, "ca_cert": None, "timeout": None}
    assert RegistrySettings.from_options(given) == RegistrySettings(urls=(URL,))


def test_urls_are_kept_in_order_and_without_a_slash_at_the_end() -> None:
    urls = ["https://b.example.org/registry//", "http://[::1]:8081", "HTTP://a.example.org/"]
    assert RegistrySettings.from_options({"url": urls}).urls == (
        "https://b.example.org/registry",
        "http://[::1]:8081",
        "HTTP://a.example.org",
    )


@pytest.mark.parametrize(
    "url",
    ["", "registry:8081", "ftp://registry", "http://", "http://:8081", "http://a:0", "http://a:99999", "http://a:b",
     "http://[::1", "//registry", "http://me:hunter2@registry", "http://hunter2@registry", "http://a?hunter2",
     "http://a#hunter2", "http://a..b", "http://a/\n", f"http://{'a' * 64}.example"],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    assert refusal(url=[URL, url]).object_name == "registry.url"


def test_there_must_be_a_url() -> None:
    assert refusal(url=[]).object_name == "registry.url"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"password": "hunter2"}, "password"),
        ({"username": "me"}, "username"),
        ({"username": "me", "password": "x", "api_key": "hunter2"}, "api_key"),
        ({"username": "me", "password": "x", "token": "hunter2"}, "token"),
        ({"api_key": "hunter2", "token": "hunter2"}, "token"),
        ({"token": "hunter2", "oauth": OAUTH}, "oauth"),
        ({"oauth": OAUTH | {"token_url": "https://me:hunter2@login.example.org/token"}}, "oauth.token_url"),
        ({"oauth": OAUTH | {"token_url": "login.example.org"}}, "oauth.token_url"),
        ({"proxy": "proxy.example.org:3128"}, "proxy"),
        ({"proxy": "socks5://proxy.example.org"}, "proxy"),
        ({"proxy": "http://me:hunter2@proxy.example.org"}, "proxy"),
        ({"proxy": "http://proxy.example.org/path"}, "proxy"),
        ({"proxy": "http://proxy..example.org"}, "proxy"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 1e308}, "timeout"),
        ({"retry_backoff": float("nan")}, "retry_backoff"),
        ({"oauth": OAUTH | {"token_url": "https://login..example.org"}}, "oauth.token_url"),
        ({"headers": {"Content-length": "5"}}, "headers"),
        ({"proxy_username": "me", "proxy_password": "hunter2"}, "proxy_username"),
        ({"proxy": PROXY, "proxy_username": "me"}, "proxy_username"),
        ({"proxy": PROXY, "proxy_password": "hunter2"}, "proxy_password"),
        ({"rate_limit": -1.0}, "rate_limit"),
        ({"rate_limit": float("nan")}, "rate_limit"),
        ({"rate_limit": float("inf")}, "rate_limit"),
        ({"client_key": "/k.pem"}, "client_key"),
        ({"ca_cert": "/ca.pem", "validate_certs": False}, "ca_cert"),
        ({"timeout": 0.0}, "timeout"),
        ({"timeout": -1.0}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"retry_backoff": -0.5}, "retry_backoff"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], named: str) -> None:
    assert refusal(**options).failure() == {"code": "invalid_option", "object": f"registry.{named}"}


@pytest.mark.parametrize(
    "options",
    [
        {"username": "me", "password": ""},
        {"api_key": "k"},
        {"token": "t", "rate_limit": 0.5},
        {"proxy": PROXY, "proxy_username": "me", "proxy_password": ""},
        {"client_cert": "/c.pem"},
        {"retries": 0, "retry_backoff": 0.0, "timeout": 0.1},
        {"headers": {"X-Tenant": "shop", "target-sr-cluster": "lsrc-1", "User-Agent": "x"}},
    ],
)
def test_what_goes_together_is_taken(options: dict[str, Any]) -> None:
    settings = RegistrySettings.from_options({"url": [URL], **options})
    assert {name: getattr(settings, name) for name in options} == options


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "Cookie", "X-API-Key", "x_apikey", "X-Auth-Token", "Client-Secret",
     "X-Password", "x-credentials"],
)  # fmt: skip
def test_secret_looking_headers_are_refused(name: str) -> None:
    refused = refusal(headers={"X-Tenant": "shop", name: "hunter2"})
    assert refused.object_name == "registry.headers"
    assert repr(name) in refused.message


def test_user_info_in_a_url_is_refused_with_what_to_use_instead() -> None:
    assert "use registry.username and registry.password" in refusal(url=["http://me:hunter2@registry"]).message
    assert "use registry.proxy_username" in refusal(proxy="http://me:hunter2@proxy.example.org").message


def test_secrets_are_not_shown() -> None:
    secrets = {"password": "hunter2", "api_key": "hunter3", "token": "hunter4", "proxy_password": "hunter5"}
    oauth = RegistryOAuthSettings(**OAUTH)
    settings = RegistrySettings(urls=(URL,), username="me", oauth=oauth, proxy_username="us", **secrets)
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "anonymous"),
        ({"username": "me", "password": "hunter2"}, "user me"),
        ({"token": "hunter2"}, "bearer token"),
        ({"api_key": "hunter2"}, "API key"),
        ({"oauth": OAUTH}, "OAuth client backup"),
        ({"client_cert": "/c.pem"}, "client certificate"),
        ({"client_cert": "/c.pem", "token": "hunter2"}, "bearer token"),
    ],
)
def test_it_is_told_as_whom_the_registry_is_asked(options: dict[str, Any], told: str) -> None:
    assert RegistrySettings.from_options({"url": [URL], **options}).read_as == told


def test_a_store_has_an_absolute_path() -> None:
    assert StoreSettings.from_options({"path": "/srv/lifeboat"}).path == "/srv/lifeboat"
    for path in ("srv", "", "./srv", "~/srv"):
        with pytest.raises(InvalidOption, match="must be an absolute path") as failed:
            StoreSettings.from_options({"path": path})
        assert failed.value.object_name == "store.path"
    with pytest.raises(InvalidOption, match="NUL") as failed:
        StoreSettings.from_options({"path": "/srv/\0"})
    assert failed.value.object_name == "store.path"
