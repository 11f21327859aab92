# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option families and the options that several modules share: one place for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import InvalidOption
from .._core.settings import REGISTRY_IMPLEMENTATIONS, SASL_MECHANISMS, SECURITY_PROTOCOLS

Spec = dict[str, Any]

PARTS = ("schema-registry", "topics", "groups")
"""What a restore point may hold."""

OAUTH: Spec = {
    "token_url": {"type": "str", "required": True, "no_log": False},
    "client_id": {"type": "str", "required": True},
    "client_secret": {"type": "str", "required": True, "no_log": True},
    "scope": {"type": "str"},
}

REGISTRY: Spec = {
    "url": {"type": "list", "elements": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "oauth": {
        "type": "dict",
        "options": {**OAUTH, "logical_cluster": {"type": "str"}, "identity_pool": {"type": "str"}},
    },
    "api_key": {"type": "str", "no_log": True},
    "proxy": {"type": "str"},
    "proxy_username": {"type": "str"},
    "proxy_password": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool", "default": True},
    "headers": {"type": "dict"},
    "timeout": {"type": "float", "default": 30},
    "retries": {"type": "int", "default": 3},
    "retry_backoff": {"type": "float", "default": 1},
    "rate_limit": {"type": "float", "default": 0},
    "concurrency": {"type": "int", "default": 4},
    "implementation": {"type": "str", "choices": list(REGISTRY_IMPLEMENTATIONS), "default": "auto"},
}

KAFKA: Spec = {
    "bootstrap_servers": {"type": "list", "elements": "str", "required": True},
    "security_protocol": {"type": "str", "choices": list(SECURITY_PROTOCOLS), "default": "PLAINTEXT"},
    "sasl_mechanism": {"type": "str", "choices": list(SASL_MECHANISMS)},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "oauth": {"type": "dict", "options": OAUTH},
    "ca_cert": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "validate_certs": {"type": "bool", "default": True},
    "client_options": {"type": "dict"},
}

STORE: Spec = {"path": {"type": "path", "required": True}}

FAMILIES: dict[str, Spec] = {"registry": REGISTRY, "kafka": KAFKA, "store": STORE}

BACKUP_ID: Spec = {"backup_id": {"type": "str", "required": True}}

SUBJECTS: Spec = {
    "subjects": {"type": "list", "elements": "str", "default": ["*"]},
    "exclude_subjects": {"type": "list", "elements": "str", "default": []},
}

TOPICS: Spec = {
    "topics": {"type": "list", "elements": "str", "default": ["*"]},
    "exclude_topics": {"type": "list", "elements": "str", "default": []},
}

# Without a default: an empty list must not be taken for the whole registry, which an option left out means.
SCOPES: Spec = {
    "subjects": {"type": "list", "elements": "str"},
    "contexts": {"type": "list", "elements": "str"},
}

LINK: Spec = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "running", "paused", "absent"], "default": "present"},
    "context_type": {"type": "str", "choices": ["AUTO", "CUSTOM", "NONE", "DEFAULT"]},
    "context": {"type": "str"},
    "subjects": {"type": "list", "elements": "str"},
    "config": {"type": "dict"},
    "secrets": {"type": "dict", "no_log": True},
    "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
    "reset": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 60},
}

# A run gives a sign of life each minute, and must not count as dead between two of them.
LEASE_TIMEOUTS = range(120, 365 * 24 * 3600 + 1)

LEASE: Spec = {"lease_timeout": {"type": "int", "default": 900}}

# Of modules that take long. It is not among a task's options: what becomes of it is the task's progress.
PROGRESS: Spec = {"progress_file": {"type": "path"}}


def families(*names: str) -> Spec:
    """Return the argument spec of some option families.

    Args:
        *names: Keys of `FAMILIES`.

    Returns:
        One dict option each, not required: an absent family is read from the environment.
    """
    return {name: {"type": "dict", "options": FAMILIES[name]} for name in names}


def check_ranges(given: Mapping[str, Any]) -> None:
    """Check the numbers among a module's own options that several modules have.

    Raises:
        InvalidOption: One is out of its range.
    """
    timeout = given.get("lease_timeout")
    if timeout is not None and timeout not in LEASE_TIMEOUTS:
        raise InvalidOption(
            f"lease_timeout is {timeout}; give {LEASE_TIMEOUTS[0]} to {LEASE_TIMEOUTS[-1]} seconds. To go on at "
            "once after a run that is certainly dead, give it up with lifeboat.kafka.restore_point, state: aborted.",
            object_name="lease_timeout",
        )
