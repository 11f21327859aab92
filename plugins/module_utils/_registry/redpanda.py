# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema registry of Redpanda; facts are from its source and documents, none was seen on a running one."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from .._core.errors import RegistryError
from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes
from .._schemas.content import same_text
from .._schemas.model import GLOBAL_SCOPE, SchemaContent, SchemaVersion
from . import items
from .codes import NO_SCHEMA, NO_SUCH_PATH
from .plain import PlainRegistry

READWRITE, IMPORT = "READWRITE", "IMPORT"
ID_IS_TAKEN = 42207

DESCRIPTION = "/v1"
"""Where the server describes its API, as Swagger."""


class RedpandaRegistry(PlainRegistry):
    """Is read version by version, since it has no ``GET /schemas``.

    Before 25.3 it takes ids and version numbers at any time, and compares versions with each other all the same; from
    then on only in IMPORT, as Confluent does.
    """

    implementation: ClassVar[str] = "redpanda"
    declared: ClassVar[Capabilities] = Capabilities(
        writes=True,
        ids_in=READWRITE,
        ids_at_once=False,
        forced_import=True,
        modes=frozenset({READWRITE, "READONLY"}),
        contexts=False,  # from 26.1, where a property of the cluster allows them: never tried
        references_across_contexts=False,
        references_to_soft_deleted=False,
        floating_references=False,
        reference_types=frozenset({"AVRO", "JSON", "PROTOBUF"}),
        register_keeps_metadata=False,
        register_keeps_rule_sets=False,
        import_keeps_metadata=False,
        import_keeps_rule_sets=False,
        identity=Identity.CONTENT,
        same_content_again=Again.AFTER_SOFT_DELETE,
        second_id_for_content=False,  # from 25.3 it can, but no further version can have the second one
        soft_delete=True,
        soft_delete_below_soft_deleted=False,
        undelete_by_register=True,
        register_purges_lower=False,
        parallel_registrations=1,  # one core writes to the topic, one record after the other
        encryption_keys=False,
        deletes_used_keks=False,
        configs_need_level=True,
        soft_delete_clears_config=True,
        reads_past_aliases=True,
        config_fields=frozenset({"compatibilityLevel"}),
        lowest_id=1,
        highest_id=2**31 - 2,
        exact_numbers=True,
        topic_deletes=TopicDeletes.NULL_OR_EMPTY,
        reserved_names=frozenset(),
        guesses_types=False,
        one_type_a_subject=False,
        forbidden_characters=frozenset(map(chr, (*range(32), 127))),
        longest_name=None,
    )
    health_path: ClassVar[str] = "/status/ready"

    @cached_property
    def capabilities(self) -> Capabilities:
        """The description of its own API names the modes that there are."""
        described = self.client.get(DESCRIPTION, "capabilities", absent=(NO_SUCH_PATH,))
        if IMPORT not in _modes(described):
            return self.declared
        return replace(self.declared, ids_in=IMPORT, modes=self.declared.modes | {IMPORT})

    def register(self, version: SchemaVersion, *, with_id: bool) -> int:
        """Register a version; see `Registry.register`.

        Before 25.3 an id that is there already is refused even for the content that it stands for. Without the id, that
        content gets the same one.
        """
        try:
            return super().register(version, with_id=with_id)
        except RegistryError as error:
            refused = with_id and error.facts.get("registry_code") == ID_IS_TAKEN
            if not refused or not self._stands_for(version.id, version.content):
                raise
        body = items.registration(version, with_id=True)
        del body["id"]
        return self._register(version, body, with_id=True)

    def delete_mode(self, scope: str) -> None:
        """Remove a scope's mode; the global one is brought back to READWRITE, since there is nothing to remove it."""
        if scope != GLOBAL_SCOPE:
            super().delete_mode(scope)
        elif self.get_mode(scope).value != READWRITE:
            self.set_mode(scope, READWRITE)

    def _stands_for(self, schema_id: int, content: SchemaContent) -> bool:
        path = f"/schemas/ids/{schema_id}"
        item = self.client.get(path, "schema", absent=(NO_SCHEMA,))
        if item is None:
            return False
        try:
            held = items.read_content(item)
        except ValueError as error:
            raise self.client.unexpected(path, item, f"a schema ({error})") from error
        return same_text(held, content) and held.references == content.references

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if scope == GLOBAL_SCOPE and mode == READWRITE else True


def _modes(described: Any) -> list[Any]:
    """Return the modes that Swagger lists under ``definitions.mode.properties.mode.enum``."""
    for name in ("definitions", "mode", "properties", "mode", "enum"):
        described = described.get(name) if isinstance(described, dict) else None
    return described if isinstance(described, list) else []
