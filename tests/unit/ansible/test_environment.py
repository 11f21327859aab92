# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option families from the environment."""

from __future__ import annotations

import os

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.environment import (
    family_from_environment,
    is_in_environment,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import FAMILIES
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings

URL = "http://registry.example.org"


def test_every_option_can_be_given() -> None:
    given = {
        "url": f"{URL},https://other.example.org",
        "username": "me",
        "password": "s3cret",
        "token": "b3arer",
        "api_key": "k3y",
        "proxy": "http://proxy.example.org:3128",
        "proxy_username": "us",
        "proxy_password": "pr0xy",
        "ca_cert": "/ca.pem",
        "client_cert": "/c.pem",
        "client_key": "/k.pem",
        "validate_certs": "no",
        "headers": '{"X-Tenant": "shop"}',
        "timeout": "2.5",
        "retries": "0",
        "retry_backoff": "0.5",
        "rate_limit": "2.5",
        "concurrency": "8",
        "implementation": "axonops",
    }
    oauth = {
        "token_url": "https://login/token",
        "client_id": "me",
        "client_secret": "cl1ent",
        "scope": "registry",
        "logical_cluster": "lsrc-1",
        "identity_pool": "pool-1",
    }
    assert set(given) | {"oauth"} == set(FAMILIES["registry"])
    assert set(oauth) == set(FAMILIES["registry"]["oauth"]["options"])
    environment = {f"LIFEBOAT_REGISTRY_{name.upper()}": value for name, value in given.items()}
    environment |= {f"LIFEBOAT_REGISTRY_OAUTH_{name.upper()}": value for name, value in oauth.items()}
    family, secrets = family_from_environment("registry", environment)
    assert family == given | {
        "url": [URL, "https://other.example.org"],
        "validate_certs": False,
        "headers": {"X-Tenant": "shop"},
        "timeout": 2.5,
        "retries": 0,
        "retry_backoff": 0.5,
        "rate_limit": 2.5,
        "concurrency": 8,
        "oauth": oauth,
    }
    assert secrets == {"s3cret", "k3y", "b3arer", "pr0xy", "cl1ent"}


def test_suboptions_have_names_of_their_own() -> None:
    given = {
        "bootstrap_servers": "kafka-1:9092,kafka-2:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "username": "me",
        "password": "s3cret",
        "ca_cert": "/ca.pem",
        "client_cert": "/c.pem",
        "client_key": "/k.pem",
        "validate_certs": "no",
        "client_options": "client.id=x,socket.keepalive.enable=true",
    }
    oauth = {"token_url": "https://login/token", "client_id": "me", "client_secret": "t0ken", "scope": "kafka"}
    assert set(given) | {"oauth"} == set(FAMILIES["kafka"])
    assert set(oauth) == set(FAMILIES["kafka"]["oauth"]["options"])
    environment = {f"LIFEBOAT_KAFKA_{name.upper()}": value for name, value in given.items()}
    environment |= {f"LIFEBOAT_KAFKA_OAUTH_{name.upper()}": value for name, value in oauth.items()}
    family, secrets = family_from_environment("kafka", environment)
    assert family == given | {
        "bootstrap_servers": ["kafka-1:9092", "kafka-2:9092"],
        "validate_certs": False,
        "client_options": {"client.id": "x", "socket.keepalive.enable": "true"},
        "oauth": oauth,
    }
    assert secrets == {"s3cret", "t0ken"}


def test_suboptions_are_required_together() -> None:
    environment = {"LIFEBOAT_KAFKA_BOOTSTRAP_SERVERS": "kafka-1:9092", "LIFEBOAT_KAFKA_OAUTH_CLIENT_ID": "me"}
    with pytest.raises(InvalidOption, match="client_secret, token_url found in kafka -> oauth"):
        family_from_environment("kafka", environment)


def test_what_is_not_given_has_its_default() -> None:
    family, secrets = family_from_environment(
        "registry", {"LIFEBOAT_REGISTRY_URL": URL, "LIFEBOAT_REGISTRY_PASSWORD": ""}
    )
    assert RegistrySettings.from_options(family) == RegistrySettings(urls=(URL,))
    assert secrets == set()
    assert family_from_environment("store", {"LIFEBOAT_STORE_PATH": "/srv", "LIFEBOAT_REGISTRY_URL": URL}) == (
        {"path": "/srv"},
        set(),
    )


def test_a_family_is_there_or_not() -> None:
    assert is_in_environment("registry", {"LIFEBOAT_REGISTRY_USERNAME": "me"})
    assert not is_in_environment("registry", {"LIFEBOAT_REGISTRY_URL": "", "LIFEBOAT_STORE_PATH": "/srv"})
    with pytest.raises(InvalidOption, match="give it, or set LIFEBOAT_STORE_PATH in the environment"):
        family_from_environment("store", {"LIFEBOAT_REGISTRY_URL": URL})


@pytest.mark.parametrize(
    ("option", "value"),
    [("TIMEOUT", "soon"), ("RETRIES", "1.5"), ("VALIDATE_CERTS", "perhaps"), ("HEADERS", "X"), ("IMPLEMENTATION", "x")],
)
def test_a_value_of_the_wrong_type_is_refused(option: str, value: str) -> None:
    environment = {
        "LIFEBOAT_REGISTRY_URL": URL,
        "LIFEBOAT_REGISTRY_PASSWORD": "s3cret",
        f"LIFEBOAT_REGISTRY_{option}": value,
    }
    with pytest.raises(InvalidOption, match=option.lower()) as failed:
        family_from_environment("registry", environment)
    assert "LIFEBOAT_REGISTRY_*" in failed.value.message
    assert "s3cret" not in failed.value.message


def test_the_address_is_not_optional() -> None:
    with pytest.raises(InvalidOption, match="url"):
        family_from_environment("registry", {"LIFEBOAT_REGISTRY_USERNAME": "me"})


@pytest.mark.parametrize("name", ["LIFEBOAT_REGISTRY_PASSWORD", "LIFEBOAT_REGISTRY_OAUTH_CLIENT_SECRET"])
def test_what_is_not_utf_8_is_refused(name: str) -> None:
    value = os.fsdecode(b"s3cret-\xff")
    with pytest.raises(InvalidOption, match=f"^The environment variable {name} is not UTF-8") as failed:
        family_from_environment("registry", {"LIFEBOAT_REGISTRY_URL": URL, name: value})
    assert "s3cret" not in failed.value.message
    path = os.fsdecode(b"/srv/\xff")
    assert family_from_environment("store", {"LIFEBOAT_STORE_PATH": path})[0] == {"path": path}
