# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding out what kind of schema registry answers at a URL."""

from __future__ import annotations

from typing import Any

from .._core.errors import RegistryError
from .._core.settings import RegistrySettings
from .axonops import AxonOpsRegistry
from .client import RegistryClient
from .confluent import ConfluentRegistry
from .dialect import Registry

NOT_KNOWN_HERE = (400, 404, 405)
"""HTTP statuses of a server that knows nothing of what it is asked; 400 is also a TLS port's answer to plain HTTP."""

DIALECTS: dict[str, type[Registry]] = {kind.implementation: kind for kind in (ConfluentRegistry, AxonOpsRegistry)}


def connect(settings: RegistrySettings, *, client: RegistryClient | None = None) -> Registry:
    """Connect to a schema registry and speak its dialect.

    Args:
        settings: How it is reached; with ``implementation`` other than ``auto`` that dialect is spoken, whatever the
            server says.
        client: What to reach it with, when not a client of those settings.

    Returns:
        A registry; one of an unknown make only reads (``capabilities.writes`` is False).

    Raises:
        RegistryError: No schema registry answers there.
    """
    client = client or RegistryClient(settings)
    facts = _version_facts(client)
    version = facts.get("version")
    kind = DIALECTS.get(settings.implementation) or _kind(facts)
    if not facts or kind is Registry:
        _check_is_registry(client)
    return kind(client, version if isinstance(version, str) else None)


def _kind(facts: dict[str, Any]) -> type[Registry]:
    """Both implementations tell their commit: Confluent as ``commitId``, AxonOps as ``commit``."""
    if "commitId" in facts:
        return ConfluentRegistry
    return AxonOpsRegistry if "commit" in facts else Registry


def _version_facts(client: RegistryClient) -> dict[str, Any]:
    """Ask for the version; empty where the server has no such path (Confluent before 7.1.2, and other makes)."""
    try:
        value = client.get("/v1/metadata/version", "detection")
    except RegistryError as error:
        if error.facts.get("http_status") in NOT_KNOWN_HERE:
            return {}
        raise
    return value if isinstance(value, dict) else {}


def _check_is_registry(client: RegistryClient) -> None:
    """Raise unless the URL lists subjects as a registry does: a list of texts, or null for none."""
    try:
        value = client.get("/subjects", "detection")
    except RegistryError as error:
        if error.facts.get("http_status") in NOT_KNOWN_HERE:
            raise RegistryError(
                f"No schema registry answers at {client.url}: {error.message} Check the path in registry.url.",
                code="not_a_registry",
                object_name=client.url,
                **{name: error.facts.get(name) for name in ("http_status", "method", "path")},
            ) from error
        raise
    if value is not None and not (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        raise client.unexpected("/subjects", value, "a list of subjects")
