# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confluent Schema Registry, and what answers like it; facts are from recorded answers of 8.3.1 and its source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from .._core.errors import RegistryError
from .._core.releases import release_of
from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes
from .._schemas.model import GLOBAL_SCOPE, OVERALL_SCOPE, VersionKey, context_of
from .codes import NO_SUCH_PATH
from .dek_registry import has_dek_registry
from .dialect import Registry
from .listing import ListedVersion, Listing

_STORING_NUMBERS = (8,)
"""Older releases keep references to -1 as they are written, so far as is known."""

PAGE = 1000
"""The server's own page size, and since 7.4.1 its largest: a larger limit is silently replaced by it."""

COMMUNITY_CONFIG_FIELDS = frozenset(
    {
        "alias",
        "aliasForDeks",
        "compatibilityGroup",
        "compatibilityLevel",
        "compatibilityPolicy",
        "defaultMetadata",
        "normalize",
        "overrideMetadata",
        "validateFields",
        "validateNewSchemas",
        "validateRules",
    }
)
"""The fields of a config that 8.3.1 keeps without exporters: all that it knows, but for rule sets."""


class ConfluentRegistry(Registry):
    """Lists all contexts whole, a page of versions a request."""

    implementation: ClassVar[str] = "confluent"
    declared: ClassVar[Capabilities] = Capabilities(
        writes=True,
        ids_in="IMPORT",
        ids_at_once=False,
        forced_import=True,
        modes=frozenset({"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"}),
        contexts=True,
        references_across_contexts=True,
        references_to_soft_deleted=True,
        floating_references=False,  # 8.3.1 stores the number that a reference to -1 leads to
        reference_types=frozenset({"AVRO", "JSON", "PROTOBUF"}),
        register_keeps_metadata=True,
        register_keeps_rule_sets=False,
        import_keeps_metadata=True,
        import_keeps_rule_sets=False,
        identity=Identity.CONTENT,
        same_content_again=Again.ALWAYS,
        second_id_for_content=True,
        soft_delete=True,
        soft_delete_below_soft_deleted=True,
        undelete_by_register=True,
        register_purges_lower=True,
        parallel_registrations=1,  # its leader holds one lock until a record has gone to the topic and come back
        encryption_keys=True,  # where the DEK registry is switched on
        deletes_used_keks=False,
        configs_need_level=False,
        soft_delete_clears_config=False,
        reads_past_aliases=True,
        config_fields=None,
        lowest_id=0,
        highest_id=2**31 - 2,  # after 2^31 - 1 the next one is negative
        exact_numbers=True,
        topic_deletes=TopicDeletes.NULL,
        reserved_names=frozenset({"__GLOBAL", "__EMPTY"}),
        guesses_types=False,
        one_type_a_subject=False,
        forbidden_characters=frozenset({"\\", *map(chr, (*range(32), *range(127, 160)))}),
        longest_name=None,
    )
    health_path: ClassVar[str] = "/"

    @cached_property
    def capabilities(self) -> Capabilities:
        """The community edition drops rule sets, those of configs too, and answers 200; those with exporters do not."""
        path = "/exporters"
        try:
            keeps = self.client.get(path, "capabilities", absent=(NO_SUCH_PATH,)) is not None
        except RegistryError as error:
            if error.facts.get("http_status") not in (401, 403):
                raise
            keeps = False
        return replace(
            self.declared,
            register_keeps_rule_sets=keeps,
            import_keeps_rule_sets=keeps,
            floating_references=release_of(self.version or "") < _STORING_NUMBERS,
            config_fields=None if keeps else COMMUNITY_CONFIG_FIELDS,
            encryption_keys=has_dek_registry(self.client),
        )

    def identity(self) -> str:
        """Return the ids of the Kafka cluster and of the registry in it, where the server tells them."""
        value = self.client.get("/v1/metadata/id", "metadata", absent=(NO_SUCH_PATH,))
        scope = value.get("scope") if isinstance(value, dict) else None
        clusters = scope.get("clusters") if isinstance(scope, dict) else None
        if not isinstance(clusters, dict) or "kafka-cluster" not in clusters:
            return super().identity()
        return f"confluent:{clusters['kafka-cluster']}/{clusters.get('schema-registry-cluster', '')}"

    def setting_scopes(self, contexts: Iterable[str]) -> tuple[str, ...]:
        """Return the scopes wider than a subject; ``:.__GLOBAL:`` is what contexts fall back to."""
        return tuple(sorted({*super().setting_scopes(contexts), OVERALL_SCOPE}))

    def list_versions(self) -> Listing:
        """List all contexts by pages; subjects that those leave out are listed one by one."""
        listing = Listing()
        subjects = {str(subject) for subject in self._list("/subjects?deleted=true", "subjects")}
        pages = self._pages(deleted=True)
        # Before 7.0 items do not say whether they are deleted: then the live ones are told by a second listing.
        live = None if all("deleted" in item for item in pages) else _keys(self._pages(deleted=False))
        for item in pages:
            key = _key(item)
            told = self._parsed(item, key.subject, "/schemas", deleted=live is not None and key not in live)
            listing.versions[key] = ListedVersion(key, told.deleted, told, whole=True)
        self._list_by_subject(sorted(subjects - {key.subject for key in listing.versions}), listing)
        listing.without_versions = _aliases(pages, {key.subject for key in listing.versions})
        # A context is listed once it has a record of its own, which some with subjects lack.
        listing.contexts = tuple(sorted({*self.contexts(), *(context_of(key.subject) for key in listing.versions)}))
        return listing

    def set_config(self, scope: str, value: Mapping[str, Any]) -> None:
        """Make a scope's config exactly this.

        The server merges: only what differs is sent, and null for what goes. A server that does not take null for that
        has the config deleted first.
        """
        held = self.get_config(scope)
        present = held.value or {}
        beyond = dict.fromkeys(set(present) - set(value))
        changed = [name for name in value if name not in present or present[name] != value[name]]
        if changed or beyond or held.is_set is False:
            self.change_config(scope, {**value, **beyond}, [*changed, *beyond])
        if beyond and not set(self.get_config(scope).value or {}) <= set(value):
            self.delete_config(scope)
            self.change_config(scope, value, value)

    def change_config(self, scope: str, value: Mapping[str, Any], changed: Iterable[str]) -> None:
        """Send only what changes: the server keeps the rest, of which it may tell a level that is not set at all."""
        super().set_config(scope, {name: value[name] for name in changed})

    def _pages(self, *, deleted: bool) -> list[dict[str, Any]]:
        """Read ``GET /schemas`` to its end, which is an empty page: page sizes are the server's to choose.

        Nothing else than ``aliases=true`` tells of configs of subjects that have no versions, and only of these.
        """
        items: list[dict[str, Any]] = []
        page: list[dict[str, Any]] = []
        while True:
            query = f"subjectPrefix=:*:&aliases=true&deleted={str(deleted).lower()}&offset={len(items)}&limit={PAGE}"
            last, page = page, self._list(f"/schemas?{query}", "listing", absent=(NO_SUCH_PATH,))
            if not page:
                return items
            if page == last:
                raise self._pageless(query)
            if not all(_is_told(item) for item in page):
                raise self.client.unexpected(f"/schemas?{query}", page[:1], "a list of versions")
            items += page

    def _pageless(self, query: str) -> RegistryError:
        """The error for a server that knows no offsets, whose list would never end."""
        return RegistryError(
            f"GET /schemas?{query} at the schema registry {self.client.url} gave the same versions as the page before "
            "it, which Confluent's registry never does. Check registry.implementation.",
            code="not_a_registry",
            object_name=self.client.url,
            path=f"/schemas?{query}",
        )

    def _is_config_set(self, scope: str, value: dict[str, Any]) -> bool | None:
        """The global config answers with the server's level where none is set; more than a level must be set."""
        return None if scope in (GLOBAL_SCOPE, OVERALL_SCOPE) and set(value) <= {"compatibilityLevel"} else True

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if scope in (GLOBAL_SCOPE, OVERALL_SCOPE) and mode == "READWRITE" else True


def _is_told(item: Any) -> bool:
    """Tell whether something looks like a version so far as `_key` and `_aliases` read it."""
    return (
        isinstance(item, dict) and isinstance(item.get("subject"), str) and isinstance(item.get("aliases") or [], list)
    )


def _key(item: dict[str, Any]) -> VersionKey:
    version = item.get("version")
    return VersionKey(item["subject"], version if isinstance(version, int) else 0)


def _aliases(items: Iterable[dict[str, Any]], subjects: Collection[str]) -> tuple[str, ...]:
    """Return the aliases of subjects that are no subjects themselves."""
    told = {str(alias) for item in items for alias in item.get("aliases") or ()}
    return tuple(sorted(told.difference(subjects)))


def _keys(items: Iterable[dict[str, Any]]) -> set[VersionKey]:
    return {_key(item) for item in items}
