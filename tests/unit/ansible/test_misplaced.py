# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in options that are shown."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.misplaced import misplaced_secrets


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        ({"registry": {"url": ["http://a", "https://me:word@b:8081/x@y"]}}, {"me:word@"}),
        ({"registry": {"url": ["http://word@b"]}}, {"word@"}),
        ({"registry": {"url": ["http://me:w@rd@b"]}}, {"me:w@rd@"}),
        ({"registry": {"url": ["http://me:w/o?r#d@b:8081/x"]}}, {"me:w/o?r#d@"}),
        ({"registry": {"url": ["http://a:8081/x@y", "http://[::1]:8081/x@y", "http://a/?x@y"]}}, set()),
        ({"registry": {"url": ["http://a/?page=1&access_token=word&x=2"]}}, {"access_token=word"}),
        ({"registry": {"proxy": "http://me:word@b", "oauth": {"token_url": "http://me:w2@b"}}}, {"me:word@", "me:w2@"}),
        ({"registry": {"headers": {"Authorization": "Basic word", "X-Tenant": "a"}}}, {"Basic word"}),
        ({"registry": {"headers": {"X-Api-Key": 5, "Cookie": None}}}, {"5"}),
        ({"kafka": {"bootstrap_servers": ["SASL_SSL://me:word@b:9092", "c:9092"]}}, {"me:word@"}),
        ({"kafka": {"client_options": {"sasl.password": "word", "client.id": "a"}}}, {"word"}),
        ({"config": {"schema.registry.url": "http://me:w1@a,http://w2@b", "c": "d"}}, {"me:w1@", "w2@"}),
        ({"config": {"basic.auth.user.info": "me:word", "basic.auth.credentials.source": "USER_INFO"}}, {"me:word"}),
        ({"schema": '{"$id": "http://me@a"}', "registry": None, "query": "x://y@z"}, set()),
    ],
)
def test_what_looks_secret_is_found(options: dict[str, Any], secrets: set[str]) -> None:
    assert misplaced_secrets(options) == secrets
