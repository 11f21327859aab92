# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding out what kind of schema registry answers at a URL."""

from __future__ import annotations

from typing import Any

from .._core.errors import RegistryError
from .._core.settings import RegistrySettings
from .apicurio import ApicurioRegistry, native
from .axonops import AxonOpsRegistry
from .client import Answer, RegistryClient
from .confluent import ConfluentRegistry
from .dialect import Registry
from .karapace import KarapaceRegistry
from .redpanda import RedpandaRegistry

NOT_KNOWN_HERE = (400, 404, 405)
"""HTTP statuses of a server that knows nothing of what it is asked; 400 is also a TLS port's answer to plain HTTP."""

NOT_READY = 503

DIALECTS: dict[str, type[Registry]] = {
    kind.implementation: kind
    for kind in (ConfluentRegistry, AxonOpsRegistry, KarapaceRegistry, RedpandaRegistry, ApicurioRegistry)
}


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
    kind, version = _recognised(client)
    if kind is Registry:
        _check_is_registry(client)
    return DIALECTS.get(settings.implementation, kind)(client, version if isinstance(version, str) else None)


def _recognised(client: RegistryClient) -> tuple[type[Registry], Any]:
    """Return the make and the version that a server tells; `Registry` for one that is not known."""
    facts = _facts(client, "/v1/metadata/version")  # Confluent has it since 7.1.2
    for member, kind in (("commitId", ConfluentRegistry), ("commit", AxonOpsRegistry)):
        if member in facts:
            return kind, facts.get("version")
    health = _facts(client, KarapaceRegistry.health_path, NOT_READY)
    if "karapace_version" in health:
        return KarapaceRegistry, health["karapace_version"]
    ready = _answer(client, RedpandaRegistry.health_path)
    # Without a body, and it tells no version either: so does much that is no registry.
    if ready is not None and ready.value is None and _tells_types(client):
        return RedpandaRegistry, None
    about = _facts(native(client), "/system/info")
    if str(about.get("name")).startswith("Apicurio"):
        return ApicurioRegistry, about.get("version")
    return Registry, facts.get("version")


def _facts(client: RegistryClient, path: str, *accept: int) -> dict[str, Any]:
    """Ask for facts about the server; empty where there is no such path. ``accept``: statuses of usable answers."""
    answer = _answer(client, path, *accept)
    return answer.value if answer is not None and isinstance(answer.value, dict) else {}


def _answer(client: RegistryClient, path: str, *accept: int) -> Answer | None:
    """Ask for something; None where there is no such path."""
    try:
        return client.send("GET", path, "detection", accept=accept)
    except RegistryError as error:
        if error.facts.get("http_status") in NOT_KNOWN_HERE:
            return None
        raise


def _tells_types(client: RegistryClient) -> bool:
    """Tell whether the server names the types of schemas that it takes, as registries do."""
    answer = _answer(client, "/schemas/types")
    return answer is not None and isinstance(answer.value, list) and "AVRO" in answer.value


def _check_is_registry(client: RegistryClient) -> None:
    """Raise unless the URL lists subjects as a registry does: a list of texts; or null, if it tells types as well."""
    try:
        value = client.get("/subjects", "detection", null=True)
    except RegistryError as error:
        if error.facts.get("http_status") in NOT_KNOWN_HERE:
            raise RegistryError(
                f"No schema registry answers at {client.url}: {error.message} Check the path in registry.url.",
                code="not_a_registry",
                object_name=client.url,
                **{name: error.facts.get(name) for name in ("http_status", "method", "path")},
            ) from error
        raise
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return
    if value is not None or not _tells_types(client):
        raise client.unexpected("/subjects", value, "a list of subjects")
