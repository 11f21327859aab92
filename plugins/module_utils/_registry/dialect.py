# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every schema registry can be asked, by the requests that all implementations have in common.

A dialect is a subclass that states its capabilities and overrides what its implementation does in another way. As it
stands the class serves implementations that are not known: it reads one version at a time, and refuses to write.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from .._core.errors import Refused
from .._schemas.model import SchemaVersion, VersionKey
from . import items
from .arrival import arrived
from .codes import NO_SUBJECT, NO_VERSION, SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED
from .scopes import Scopes
from .versions import Versions


class Registry(Versions, Scopes):
    """A schema registry: what it holds, what it is told to do, and here, how schemas are written to it."""

    def register(self, version: SchemaVersion, *, with_id: bool) -> int:
        """Register a version.

        Args:
            version: What to register; its references must exist. Without ids a registry lets it inherit the metadata
                and the rule set of the subject's newest version, unless it has empty ones of its own.
            with_id: Whether under its id and version number (the mode must be IMPORT); else the registry chooses.

        Returns:
            The id that the registry answered, which need not be the wanted one.

        Raises:
            RegistryError: It was refused; ``registry_code`` is among the facts.
        """
        return self._register(version, items.registration(version, with_id=with_id), with_id=with_id)

    def _register(self, version: SchemaVersion, body: dict[str, Any], *, with_id: bool) -> int:
        """Send a registration; see `register`."""
        path = f"/subjects/{self.address(version.subject)}/versions"
        # With id and number a second registration changes nothing; without, a lost answer might hide a first one.
        look = None if with_id else partial(arrived, self, version)
        answer = self._write("POST", path, "register", body=body, repeatable=with_id, look=look)
        schema_id = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(schema_id, int):
            raise self.client.unexpected(path, answer, "the id of the registered schema", method="POST")
        return schema_id

    def fill(self, versions: Iterable[SchemaVersion]) -> None:
        """Bring all versions at once into an empty registry, where that is the way to keep ids (`ids_at_once`)."""
        raise Refused(f"{self.implementation} takes versions one by one.")

    def soft_delete(self, key: VersionKey) -> None:
        """Soft-delete one version; one that already is stays so."""
        path = f"/subjects/{self.address(key.subject)}/versions/{key.version}"
        done = (NO_SUBJECT, NO_VERSION, SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED)
        self._write("DELETE", path, "soft delete", accept=done)

    def purge_subject(self, subject: str) -> None:
        """Delete a subject with all its versions for good; nothing happens where there is none."""
        path = f"/subjects/{self.address(subject)}"
        self._write("DELETE", path, "purge", accept=(NO_SUBJECT, SUBJECT_SOFT_DELETED))
        self._write("DELETE", f"{path}?permanent=true", "purge", accept=(NO_SUBJECT,))
