# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request changes in an exporter that is there, and which keys of a config are secret."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, Refused
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.link_requests import (
    HIDDEN,
    LinkRequest,
    is_secret,
)

URL = {"schema.registry.url": "https://a"}
INFO = {"basic.auth.user.info": "[hidden]"}


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("basic.auth.user.info", True),
        ("ssl.key.password", True),
        ("bearer.auth.token", True),
        ("bearer.auth.client.secret", True),
        ("sasl.jaas.config", True),
        ("ssl.keystore.key", True),
        ("ssl.keystore.location", False),
        ("basic.auth.credentials.source", False),
        ("bearer.auth.credentials.source", False),
        ("bearer.auth.issuer.endpoint.url", False),
        ("sasl.oauthbearer.token.endpoint.url", False),
        ("schema.registry.url", False),
    ],
)
def test_secrets_are_known_by_their_names(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


@pytest.mark.parametrize(
    ("held", "asked", "body"),
    [
        ({}, {}, {}),
        ({"subjects": ["a", "b"]}, {"subjects": ["b", "a"]}, {}),
        ({"subjects": ["a"]}, {"subjects": ["a", "b"]}, {"subjects": ["a", "b"]}),
        ({}, {"context_type": "AUTO"}, {}),
        ({"contextType": "AUTO"}, {"context_type": "NONE"}, {"contextType": "NONE"}),
        ({"config": {**URL, "n": "5", "t": "true"}}, {"config": {**URL, "n": 5, "t": True}}, {}),
        ({"config": {**URL, **INFO}}, {"config": URL}, {}),
        ({"config": URL}, {"config": {"n": 5}, "secrets": {}}, {"config": {**URL, "n": "5"}}),
        ({"config": {**URL, **INFO}}, {"config": URL, "secrets": {"basic.auth.user.info": "x"}}, {}),
        (
            {"config": {**URL, **INFO}},
            {"secrets": {"basic.auth.user.info": "x"}, "update_secrets": "always"},
            {"config": {**URL, "basic.auth.user.info": "x"}},
        ),
        (
            {"config": {**URL, **INFO}},
            {"config": {"basic.auth.user.info": None, "n": 5}, "secrets": {}},
            {"config": {**URL, "n": "5"}},
        ),
    ],
)
def test_only_what_differs_is_sent(held: dict[str, Any], asked: dict[str, Any], body: dict[str, Any]) -> None:
    assert LinkRequest("a", "present", **asked).changes({"config": URL, **held}) == body


@pytest.mark.parametrize("secrets", [None, {}])
def test_a_config_does_not_lose_its_secrets(secrets: dict[str, str] | None) -> None:
    request = LinkRequest("a", "present", config={"n": 5}, secrets=secrets)
    with pytest.raises(Refused, match=r"basic\.auth\.user\.info"):
        request.changes({"config": {**URL, **INFO}})


def test_secrets_are_neither_shown_nor_in_a_representation() -> None:
    request = LinkRequest("a", "present", config=URL, secrets={"own.name": "hush", "ssl.key.password": "hush"})
    shown = request.shown({"config": {**URL, "own.name": "hush", "ssl.key.password": "hush"}, "context": "c"})
    assert shown == {"context": "c", "config": {**URL, "own.name": HIDDEN, "ssl.key.password": HIDDEN}}
    assert "hush" not in repr(request)


def test_user_info_in_addresses_is_neither_taken_nor_shown() -> None:
    both = {"schema.registry.url": "https://me:hush@a:8081/x,http://hush@b"}
    with pytest.raises(InvalidOption, match=r"schema\.registry\.url of config") as refused:
        LinkRequest("a", "present", config=both).check()
    assert "hush" not in refused.value.message
    shown = LinkRequest("a", "present").shown({"config": both})
    assert shown == {"config": {"schema.registry.url": f"https://{HIDDEN}@a:8081/x,http://{HIDDEN}@b"}}


@pytest.mark.parametrize(
    ("config", "secrets", "named"),
    [
        ({"a": {"b": "c"}}, {}, "config"),
        ({"a": ["b"]}, {}, "config"),
        ({}, {"a": None}, "secrets"),
        ({}, {"a": {"b": "hush"}}, "secrets"),
        ({"a": "b"}, {"a": "hush"}, "config"),
    ],
)
def test_values_that_cannot_be_sent_are_refused(config: dict[str, Any], secrets: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOption, match="'a'") as caught:
        LinkRequest("a", "present", config=config, secrets=secrets).check()
    assert caught.value.object_name == named
    assert "hush" not in caught.value.message
