# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AxonOps Schema Registry; what differs was seen on 0.2.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from .._core.errors import RegistryError
from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes
from .._schemas.model import DEFAULT_CONTEXT, OVERALL_SCOPE, context_of, is_wide_scope, join_subject, split_subject
from .dialect import Registry
from .listing import ListedVersion, Listing

_UNUSED_SCOPE = ":.lifeboat-never-set:"


class AxonOpsRegistry(Registry):
    """Lists each context in two requests, which tell neither metadata nor rule sets: those take one a version."""

    implementation: ClassVar[str] = "axonops"
    declared: ClassVar[Capabilities] = Capabilities(
        writes=True,
        ids_in="IMPORT",
        ids_at_once=False,
        forced_import=True,
        modes=frozenset({"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT"}),
        contexts=True,
        references_across_contexts=False,
        references_to_soft_deleted=False,
        floating_references=True,
        reference_types=frozenset({"AVRO", "JSON", "PROTOBUF"}),
        register_keeps_metadata=True,
        register_keeps_rule_sets=True,
        import_keeps_metadata=False,
        import_keeps_rule_sets=False,
        identity=Identity.PARSING_FORM,
        same_content_again=Again.AFTER_SOFT_DELETE,
        second_id_for_content=False,  # in memory it can; on a database it answers the second id and stores the first
        soft_delete=True,
        soft_delete_below_soft_deleted=True,
        undelete_by_register=False,  # HTTP 500
        register_purges_lower=False,
        # As fast as one by one in memory, 1.3 times on PostgreSQL, 1.5 on MariaDB; at a latency of 5 ms 3.4, 2.6
        # and 2.8 times; with eight it is no faster on a database. With ids given it would not do: it reads and sets
        # its counter of ids without a lock, and where MariaDB has innodb_snapshot_isolation (by default from 11.6.2
        # on) some registrations are answered with 200 and lost.
        parallel_registrations=4,
        encryption_keys=True,
        deletes_used_keks=True,
        configs_need_level=True,
        soft_delete_clears_config=False,
        reads_past_aliases=False,
        config_fields=frozenset(  # aliasForDeks and compatibilityPolicy are kept in memory only
            {
                "alias",
                "compatibilityGroup",
                "compatibilityLevel",
                "defaultMetadata",
                "defaultRuleSet",
                "normalize",
                "overrideMetadata",
                "overrideRuleSet",
                "validateFields",
            }
        ),
        lowest_id=1,
        highest_id=2**31 - 2,  # the one after 2^31 - 1 would be handed out next, and does not fit into a message
        exact_numbers=True,
        topic_deletes=TopicDeletes.NO_TOPIC,
        reserved_names=frozenset({"__GLOBAL", "__EMPTY"}),
        guesses_types=False,
        one_type_a_subject=False,
        forbidden_characters=frozenset("/\0"),  # PostgreSQL stores no NUL, so that it answers with 500
        longest_name=None,  # 255 on a database, which it does not tell
    )
    health_path: ClassVar[str] = "/health/ready"
    hides_in_silence: ClassVar[bool] = False  # every role may read everything

    # The server compares a path to its own encoding of it, and takes the encoded text for the name where they differ:
    # %3A or %2B would become part of a name, and hide a context. So these stay as they are, and all else is encoded.
    literal_in_paths: ClassVar[str] = "$&+,:;=@"

    def identity(self) -> str:
        """Return the cluster id that the server was configured with, if any, else what its URLs give."""
        value = self.client.get("/v1/metadata/id", "metadata")
        cluster = value.get("id") if isinstance(value, dict) else None
        return f"axonops:{cluster}" if cluster else super().identity()

    def setting_scopes(self, contexts: Iterable[str]) -> tuple[str, ...]:
        """Return the scopes wider than a subject; ``:.__GLOBAL:`` is what contexts fall back to."""
        return tuple(sorted({*super().setting_scopes(contexts), OVERALL_SCOPE}))

    def list_versions(self) -> Listing:
        """List each context at once: all versions, and the live ones; the difference is soft-deleted.

        Without a limit, since the order changes from one request to the next, so that pages would overlap.
        """
        listing = Listing(contexts=tuple(name for name in self.contexts() if join_subject(name, "") != OVERALL_SCOPE))
        for context in listing.contexts:
            every = self._list(f"{self._below(context)}/schemas?deleted=true", "listing")
            live = self._list(f"{self._below(context)}/schemas", "listing")
            # The second request may show what was registered after the first.
            items = {_name_and_version(item): item for item in (*live, *every)}
            living = set(map(_name_and_version, live))
            for key, item in items.items():
                self._add(item, context, listing, deleted=key not in living)
        return listing

    def set_config(self, scope: str, value: Mapping[str, Any]) -> None:
        """Make a scope's config exactly this.

        Raises:
            RegistryError: ``compatibilityLevel`` is missing; the server would ignore the whole config.
        """
        if not value.get("compatibilityLevel"):
            raise RegistryError(
                f"A config without compatibilityLevel cannot be set at {scope or 'global scope'}: AxonOps ignores it.",
                object_name=scope,
            )
        super().set_config(scope, value)

    def _add(self, item: Any, context: str, listing: Listing, *, deleted: bool) -> None:
        name = item.get("subject") if isinstance(item, dict) else None
        path = f"{self._below(context)}/schemas"
        if not isinstance(name, str):
            raise self.client.unexpected(path, item, "a version")
        subject = join_subject(context, name)
        misread = split_subject(subject) != (context, name)
        problem = "it would be read as a name in another context" if misread else self.name_problem(subject)
        if problem is not None:
            listing.unaddressable[context, name] = problem
            return
        told = self._parsed(item, subject, path, deleted=deleted)
        listing.versions[told.key] = ListedVersion(told.key, deleted, told)

    def _below(self, context: str) -> str:
        return "" if context == DEFAULT_CONTEXT else f"/contexts/{self.address(context)}"

    def _id_path(self, context: str, schema_id: int) -> str:
        return f"{self._below(context)}/schemas/ids/{schema_id}"  # ?subject= gives the default context's schema

    def _told_subject(self, told: str, wanted: str) -> str:
        return join_subject(context_of(wanted), told)  # answers leave the context out

    def _without_inventions(self, item: Any) -> Any:
        """Every version's metadata has its number as ``confluent:version``, also where there is no metadata."""
        metadata = item.get("metadata") if isinstance(item, dict) else None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("properties"), dict):
            return item
        properties = {name: value for name, value in metadata["properties"].items() if name != "confluent:version"}
        return {**item, "metadata": {**metadata, "properties": properties}}

    @cached_property
    def _server_level(self) -> Any:
        """The compatibility level that applies where none is set."""
        return (self._get_setting("config", _UNUSED_SCOPE, ()) or {}).get("compatibilityLevel")

    def _is_config_set(self, scope: str, value: dict[str, Any]) -> bool | None:
        """A wide scope without a config answers with the server's default, as one that was set to it."""
        return None if is_wide_scope(scope) and value == {"compatibilityLevel": self._server_level} else True

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if is_wide_scope(scope) and mode == "READWRITE" else True


def _name_and_version(item: Any) -> tuple[str, int] | None:
    name, version = (item.get("subject"), item.get("version")) if isinstance(item, dict) else (None, None)
    return (name, version) if isinstance(name, str) and isinstance(version, int) else None
