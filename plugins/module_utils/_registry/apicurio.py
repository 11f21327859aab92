# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apicurio Registry; facts were seen on 3.3.3.

Written through its interface for Confluent's clients ("ccompat"), where a subject is an artifact of one group. That
interface lists no more than 1,000 artifacts, from which it then takes those of other types; it lists no more than 500
versions of one, cannot read the versions of a soft-deleted subject, and answers for a subject without a config with the
level that applies. So what there is, and what is set, is read through the server's own interface.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from .._core.errors import Refused, RegistryError
from .._schemas.capabilities import Again, Capabilities, Identity, TopicDeletes
from .._schemas.model import DEFAULT_CONTEXT, GLOBAL_SCOPE, UNSET, SchemaVersion, Setting, VersionKey, context_of
from .apicurio_zip import packed
from .client import RegistryClient
from .codes import NO_SCHEMA, NO_SUBJECT
from .dialect import Registry
from .listing import ListedVersion, Listing
from .transport import MEDIA_TYPE

PAGE = 1000
"""The largest page of a search; a larger one is cut to it."""

READWRITE = "READWRITE"
DEFAULT_GROUP = "default"
GROUP_HEADER = "x-registry-groupid"
"""The request header by which a client chooses the group that subjects are artifacts of."""

_NOT_FOUND, _CONFLICT = 404, 409
_IMPORTING = {
    "Content-Type": "application/zip",
    "X-Registry-Preserve-GlobalId": "true",
    "X-Registry-Preserve-ContentId": "true",
}
_LISTED = 500  # how many versions of one subject the interface for Confluent's clients lists
_KNOWN_TYPES = frozenset({"AVRO", "JSON", "PROTOBUF"})
_INTERFACE = re.compile(r"/apis(/(?P<compatible>ccompat/v\d+)|/registry/v\d+)?$")


def native(client: RegistryClient) -> RegistryClient:
    """Return a client of the server's own interface, whichever of its URLs the given client has."""
    urls = [f"{_INTERFACE.sub('', url)}/apis/registry/v3" for url in client.settings.urls]
    return client.beside(urls, {"Accept": "application/json"})


def compatible(client: RegistryClient) -> RegistryClient:
    """Return a client of the interface for Confluent's clients: of the version in the given client's URL, or of 7."""
    urls = []
    for url in client.settings.urls:
        found = _INTERFACE.search(url)
        interface = (found and found["compatible"]) or "ccompat/v7"
        urls.append(f"{_INTERFACE.sub('', url)}/apis/{interface}")
    return client.beside(urls, {"Accept": MEDIA_TYPE})


class ApicurioRegistry(Registry):
    """Is read version by version, and has no ids but its own, unless it is filled all at once."""

    implementation: ClassVar[str] = "apicurio"
    declared: ClassVar[Capabilities] = Capabilities(
        writes=True,
        ids_in=READWRITE,  # but not in a registration, where ids and numbers are ignored, in IMPORT too
        ids_at_once=True,
        forced_import=False,
        modes=frozenset({READWRITE}),  # READONLY and IMPORT are taken, and change nothing
        contexts=False,
        references_across_contexts=False,
        references_to_soft_deleted=False,
        floating_references=False,
        reference_types=_KNOWN_TYPES,
        register_keeps_metadata=False,
        register_keeps_rule_sets=False,
        import_keeps_metadata=False,
        import_keeps_rule_sets=False,
        identity=Identity.WITHOUT_DOCS,
        same_content_again=Again.ALWAYS,  # all at once
        second_id_for_content=True,  # for texts that differ, if only in white space
        soft_delete=True,
        soft_delete_below_soft_deleted=True,
        undelete_by_register=False,
        register_purges_lower=False,
        parallel_registrations=4,  # 1.3 times as fast as one by one; at a latency of 5 ms 2.9 times
        encryption_keys=False,
        deletes_used_keks=False,
        configs_need_level=True,
        soft_delete_clears_config=False,
        reads_past_aliases=True,
        config_fields=frozenset({"compatibilityLevel"}),
        lowest_id=1,
        highest_id=2**31 - 3,  # the next registration takes up to two, and fails beyond 2^31 - 1
        exact_numbers=True,
        topic_deletes=TopicDeletes.NO_TOPIC,
        reserved_names=frozenset({".."}),
        guesses_types=True,
        one_type_a_subject=True,
        forbidden_characters=frozenset("\n\r\x85\u2028\u2029"),  # what ends a line
        longest_name=512,
    )
    health_path: ClassVar[str] = "/config"

    def __init__(self, client: RegistryClient, version: str | None = None) -> None:
        super().__init__(compatible(client), version)
        self.native = native(client)

    @property
    def group(self) -> str:
        """The group whose artifacts are the subjects."""
        headers = {name.lower(): str(value) for name, value in self.client.settings.headers.items()}
        return headers.get(GROUP_HEADER, DEFAULT_GROUP)

    def server(self) -> dict[str, Any]:
        """Return what is known of the server, and the ``group`` whose artifacts are the subjects."""
        return {**super().server(), "group": self.group}

    def identity(self) -> str:
        """Return the smallest of the URLs, the same for its root and each interface; and the group, if it is chosen."""
        server = Registry(self.native).identity()
        return server if self.group == DEFAULT_GROUP else f"{server}#{self.group}"

    def name_problem(self, subject: str) -> str | None:
        """Return why a name cannot be used: also one like a context's, since there are none, but nothing forbids it."""
        if subject in self.declared.reserved_names:
            return "Apicurio fails when it is asked for its config and mode"
        if context_of(subject) != DEFAULT_CONTEXT:
            return "it would be taken for a name in a context, which Apicurio has none of"
        return super().name_problem(subject)

    def list_versions(self) -> Listing:
        """List the versions of a group's Avro, JSON and Protobuf artifacts by a search, page by page."""
        everything = self._search()
        subjects: dict[str, list[dict[str, Any]]] = defaultdict(list)
        left_out: Counter[str] = Counter()
        for item in everything:
            if str(item.get("artifactType")) not in _KNOWN_TYPES:
                left_out[f"versions of type {item.get('artifactType')}"] += 1
            elif item.get("state") == "DRAFT":
                left_out["drafts"] += 1
            else:
                subjects[str(item.get("artifactId"))].append(item)
        left_out[f"versions outside the group {self.group}"] = self._count() - len(everything)
        listing = Listing(left_out=tuple(f"{count} {what}" for what, count in sorted(left_out.items()) if count > 0))
        for subject, items in subjects.items():
            problem = self.name_problem(subject) or self._numbering_problem(subject, items)
            if problem is not None:
                listing.unaddressable[DEFAULT_CONTEXT, subject] = problem
                continue
            for item in items:
                key = VersionKey(subject, int(item["version"]))
                listing.versions[key] = ListedVersion(key, deleted=item.get("state") == "DISABLED")
        return listing

    def read_version(self, key: VersionKey, *, deleted: bool = False) -> SchemaVersion | None:
        """Read one version; soft-deleted ones also when no other of the subject lives."""
        found = super().read_version(key, deleted=deleted)
        return self._read_below_dead(key) if found is None and deleted else self._as_numbered(key, found)

    def fill(self, versions: Iterable[SchemaVersion]) -> None:
        """Bring all versions in at once, with their ids and numbers, by the server's own import.

        It answers HTTP 204 also when it could not bring in some of them: what it holds must be compared.

        Raises:
            Refused: The registry holds something, or did; or it is not spoken to as the import would need it.
        """
        self.require_writable()
        if self.group != DEFAULT_GROUP or self._id_field != "contentId":
            raise Refused(
                "Apicurio keeps ids only in the group default, and where clients get the ids of contents (not in its "
                "legacy mode). Use ids: assign.",
                object_name=self.client.url,
            )
        path = "/admin/import"
        archive = packed(versions)
        answer = self.native.beside(self.native.settings.urls, _IMPORTING).send(
            "POST", path, "register", body=archive, repeatable=False, accept=(_CONFLICT,)
        )
        if answer.code is not None:
            raise Refused(
                f"Apicurio at {self.client.url} takes schemas with their ids only while it holds nothing, not even "
                "contents that deleted versions left behind. Use a new instance, or ids: assign.",
                object_name=self.client.url,
            )

    def highest_id(self, context: str, known_id: int) -> int | None:
        """Return None: the server does not tell."""
        return None

    def get_config(self, scope: str) -> Setting:
        """Read the compatibility rule of a scope, which is there or not."""
        answer = self.native.send("GET", self._rule_path(scope), "config", accept=(_NOT_FOUND,))
        value = answer.value if isinstance(answer.value, dict) else {}
        if answer.code is None:
            return Setting({"compatibilityLevel": value.get("config")}, is_set=True)
        if scope == GLOBAL_SCOPE or value.get("name") != "ArtifactNotFoundException":
            return UNSET
        # A rule may wait for an artifact that nobody has made yet; only the other interface shows it.
        waiting = self._get_setting("config", scope, (NO_SUBJECT,))
        return UNSET if waiting is None else Setting(waiting, is_set=True)

    def delete_config(self, scope: str) -> None:
        """Remove the compatibility rule of a scope; the other interface would set a subject's to NONE."""
        self.require_writable()
        self.native.send("DELETE", self._rule_path(scope), "config", accept=(_NOT_FOUND,))

    def delete_mode(self, scope: str) -> None:
        """Remove a mode; the global one cannot be, but is READWRITE when it is not set."""
        if scope == GLOBAL_SCOPE:
            self.set_mode(scope, READWRITE)
        else:
            super().delete_mode(scope)

    def _search(self) -> list[dict[str, Any]]:
        """Find all versions of the group, in the order in which they were made."""
        items: list[dict[str, Any]] = []
        while True:
            page = self._page(f"groupId={quote(self.group, safe='')}&offset={len(items)}&limit={PAGE}")["versions"]
            if not page:
                return items
            items += page

    def _count(self) -> int:
        """Return how many versions there are in all groups."""
        count = self._page("limit=1").get("count")
        return count if isinstance(count, int) else 0

    def _page(self, query: str) -> dict[str, Any]:
        path = f"/search/versions?orderby=globalId&order=asc&{query}"
        page = self.native.get(path, "listing")
        versions = page.get("versions") if isinstance(page, dict) else None
        if not isinstance(versions, list) or not all(isinstance(item, dict) for item in versions):
            raise self.native.unexpected(path, page, "a page of versions")
        return dict(page)

    def _numbering_problem(self, subject: str, items: Iterable[dict[str, Any]]) -> str | None:
        """Return why the versions of a subject cannot be told by numbers.

        The server's own interface goes by names, which are the numbers unless somebody chose others; the one for
        Confluent's clients by numbers in the order of making, but a name that equals a number goes before it.
        """
        names = [str(item.get("version")) for item in items]
        numbers = [int(name) if re.fullmatch(r"[1-9]\d{0,9}", name) else 0 for name in names]
        if 0 not in numbers and numbers == sorted(numbers):
            in_a_row = numbers == list(range(1, len(numbers) + 1))
            path = f"/subjects/{self.address(subject)}/versions?deleted=true"
            if in_a_row or numbers[:_LISTED] == self._list(path, "versions", int, absent=(NO_SUBJECT,)):
                return None
        return f"its versions have names of their own ({', '.join(names[:3])}), which are not their numbers"

    def _read_listed(self, listed: ListedVersion) -> SchemaVersion | None:
        found = super()._read_listed(listed)
        if found is None and listed.deleted:
            return self._read_below_dead(listed.key)
        return found

    def _read_below_dead(self, key: VersionKey) -> SchemaVersion | None:
        """Read a version of a subject that is soft-deleted as a whole: by its id, which still has an answer."""
        path = f"/groups/{quote(self.group, safe='')}/artifacts/{quote(key.subject, safe='')}/versions/{key.version}"
        facts = self.native.get(path, "version", absent=(_NOT_FOUND,))
        schema_id = facts.get(self._id_field) if isinstance(facts, dict) else None
        if not isinstance(schema_id, int):
            return None
        path = f"/schemas/ids/{schema_id}"
        item = self.client.get(path, "version", absent=(NO_SCHEMA,))
        if not isinstance(item, dict):
            return None
        holders = self._list(f"{path}/versions?deleted=true", "version", absent=(NO_SCHEMA,))
        if {"subject": key.subject, "version": key.version} not in holders:
            raise self._misnumbered(key)
        whole = {**item, "subject": key.subject, "version": key.version, "id": schema_id}
        return self._parsed(whole, key.subject, path, deleted=True)

    def _as_numbered(self, key: VersionKey, found: SchemaVersion | None) -> SchemaVersion | None:
        if found is not None and found.key != key:
            raise self._misnumbered(key)
        return found

    def _misnumbered(self, key: VersionKey) -> RegistryError:
        return RegistryError(
            f"The versions of {key.subject!r} have names of their own in Apicurio, which are not their numbers: "
            f"what it calls {key.version} is another one. They cannot be read by number; exclude the subject.",
            code="unaddressable_name",
            object_name=key.subject,
        )

    @cached_property
    def _id_field(self) -> str:
        """Which of its two ids the server gives Confluent's clients: the text's, or in a legacy mode the other."""
        path = "/admin/config/properties/apicurio.ccompat.legacy-id-mode.enabled"
        value = self.native.get(path, "capabilities", absent=(_NOT_FOUND,))
        return "globalId" if isinstance(value, dict) and value.get("value") == "true" else "contentId"

    def _rule_path(self, scope: str) -> str:
        if scope == GLOBAL_SCOPE:
            return "/admin/rules/COMPATIBILITY"
        self.address(scope)  # refuses what is no name
        group, name = quote(self.group, safe=""), quote(scope, safe="")
        return f"/groups/{group}/artifacts/{name}/rules/COMPATIBILITY"

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if mode == READWRITE else True
