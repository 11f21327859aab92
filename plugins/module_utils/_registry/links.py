# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confluent's exporters and importers, which carry schemas from one of its registries into another ("Schema Linking").

They belong to Confluent Platform Enterprise and Confluent Cloud. Paths, fields and codes are those of Confluent's
documentation of the exporter API. Of importers only what Confluent's own Ansible collection asks of them is published
(``cp-ansible:roles/schema_importer``: make, change, pause, resume, status); the rest is taken to be as with exporters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._core.errors import Refused
from .codes import NO_SUCH_PATH
from .confluent import ConfluentRegistry
from .dialect import Registry

EXPORTER, IMPORTER = "exporter", "importer"

_ABSENT = frozenset({NO_SUCH_PATH, *range(40400, 40500)})
_RUNS_ALREADY = 40961
_NO_SUCH_VERB = (NO_SUCH_PATH, 405)


@dataclass(frozen=True)
class LinkStatus:
    """How an exporter or importer is.

    Args:
        state: ``STARTING``, ``RUNNING``, ``PAUSED``, or what the server says.
        offset: How far it is, where the server tells it.
        trace: Why it stopped; None where it did not.
    """

    state: str
    offset: int | None
    trace: str | None


class Links:
    """The exporters, or the importers, of a registry.

    Args:
        registry: Whose.
        kind: `EXPORTER` or `IMPORTER`.

    Raises:
        Refused: The registry has none of the kind.
    """

    def __init__(self, registry: Registry, kind: str) -> None:
        self.registry = registry
        self.kind = kind
        if not isinstance(registry, ConfluentRegistry):
            raise self._unknown(f"{registry.implementation} does not carry schemas by {kind}s")
        if registry.client.get(f"/{kind}s", kind, absent=(NO_SUCH_PATH,)) is None:
            raise self._unknown(f"this edition of Confluent's registry has no {kind}s")

    def read(self, name: str) -> dict[str, Any] | None:
        """Return what one is to do, with the API's names, its config among it; None when there is none."""
        value = self.registry.client.get(self._path(name), self.kind, absent=_ABSENT)
        if value is None:
            return None
        if not isinstance(value, dict) or not isinstance(value.get("subjects") or [], list):
            raise self.registry.client.unexpected(self._path(name), value, f"an {self.kind}")
        if not isinstance(value.get("config"), dict):
            value["config"] = self._config(name)
        return value

    def status(self, name: str) -> LinkStatus:
        """Return how one is."""
        path = self._path(name, "status")
        value = self.registry.client.get(path, self.kind)
        if not isinstance(value, dict) or not isinstance(value.get("state"), str):
            raise self.registry.client.unexpected(path, value, f"the status of an {self.kind}")
        trace = value.get("trace")
        return LinkStatus(value["state"], value.get("offset"), str(trace) if trace else None)

    def create(self, name: str, definition: dict[str, Any]) -> None:
        """Make a new one, which the server starts."""
        path, body = f"/{self.kind}s", {"name": name, **definition}
        self.registry.client.send("POST", path, self.kind, body=body, repeatable=False)

    def update(self, name: str, definition: dict[str, Any]) -> None:
        """Change some fields; it must be paused. A ``config`` among them replaces the whole one."""
        self.registry.client.send("PUT", self._path(name), self.kind, body=definition)

    def pause(self, name: str) -> None:
        """Let it stop for a while."""
        self.registry.client.send("PUT", self._path(name, "pause"), self.kind)

    def resume(self, name: str) -> None:
        """Let it go on; nothing happens where it runs already."""
        self.registry.client.send("PUT", self._path(name, "resume"), self.kind, accept=(_RUNS_ALREADY,))

    def reset(self, name: str) -> None:
        """Let it start over from the first schema; it must be paused.

        Raises:
            Refused: The registry cannot do that, as may be with importers.
        """
        answer = self.registry.client.send("PUT", self._path(name, "reset"), self.kind, accept=_NO_SUCH_VERB)
        if answer.code is not None:
            raise Refused(
                f"The schema registry at {self.registry.client.url} does not know how to reset the {self.kind} {name}. "
                "To let it start over, remove it and make it anew.",
                code="unsupported",
                object_name=name,
            )

    def delete(self, name: str) -> None:
        """Remove it; nothing happens where there is none."""
        self.registry.client.send("DELETE", self._path(name), self.kind, accept=_ABSENT)

    def _config(self, name: str) -> dict[str, Any]:
        path = self._path(name, "config")
        value = self.registry.client.get(path, self.kind, absent=_ABSENT)
        if value is not None and not isinstance(value, dict):
            raise self.registry.client.unexpected(path, value, f"the config of an {self.kind}")
        return value or {}

    def _path(self, name: str, *below: str) -> str:
        return "/".join((f"/{self.kind}s", quote(name, safe=""), *below))

    def _unknown(self, reason: str) -> Refused:
        url = self.registry.client.url
        return Refused(
            f"The schema registry at {url} cannot have the {self.kind}: {reason}. Only Confluent Platform Enterprise "
            "and Confluent Cloud do.",
            code="unsupported",
            object_name=url,
        )
