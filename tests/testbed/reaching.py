# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaching a registry with options of the family ``registry``, and failing to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.dialect import Registry

SECRETS = {"password", "api_key", "token", "proxy_password", "client_secret"}


def reach(*urls: str, **options: Any) -> Registry:
    """Connect, with two quick repetitions unless the options say otherwise."""
    return connect(RegistrySettings.from_options({"url": list(urls), "retries": 2, "retry_backoff": 0.01, **options}))


def failure(*urls: str, **options: Any) -> RegistryError:
    """Return how reading a registry fails, which must not show any secret among the options."""
    with pytest.raises(RegistryError) as caught:
        reach(*urls, **options).list_versions()
    told = caught.value.message + str(caught.value.failure())
    assert not any(secret in told for secret in _secrets(options))
    return caught.value


def _secrets(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif name in SECRETS:
            yield str(value)
