# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listing and reading versions of the emulated Confluent Schema Registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from registries.confluent_content import DEFAULT, RULES, Version, guid, qualified, split, stored_name
from registries.confluent_routes import (
    Broken,
    Call,
    Fault,
    NotAllowed,
    Route,
    subject_not_found,
    version_not_found,
    whole,
)
from registries.confluent_settings import Settings
from registries.confluent_store import LARGEST, Store, target_of
from registries.confluent_texts import Texts
from registries.serving import Answer

PAGE = 1000
"""``schema.search.max.limit``: how many versions ``GET /schemas`` gives at most."""


class Reading:
    """All that only reads versions; a resource.

    Args:
        store: The versions.
        settings: Configs, for aliases.
        texts: The formats of texts.
    """

    def __init__(self, store: Store, settings: Settings, texts: Texts) -> None:
        self._store = store
        self._settings = settings
        self._texts = texts

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        yield Route("GET", "contexts", self._contexts)
        yield Route("GET", "subjects", self._subjects)
        yield Route("GET", "subjects/*", self._subject)
        yield Route("GET", "subjects/*/versions", self._versions)
        yield Route("GET", "subjects/*/versions/*", self._version)
        yield Route("GET", "subjects/*/versions/*/schema", self._version_text)
        yield Route("GET", "subjects/*/versions/*/referencedby", self._referenced_by)
        yield Route("GET", "subjects/*/metadata", self._by_metadata)
        yield Route("GET", "schemas", self._schemas)
        yield Route("GET", "schemas/types", _types)
        yield Route("GET", "schemas/ids/*", self._id)
        yield Route("GET", "schemas/ids/*/schema", self._id_text)
        yield Route("GET", "schemas/ids/*/subjects", self._id_subjects)
        yield Route("GET", "schemas/ids/*/versions", self._id_versions)
        yield Route("GET", "schemas/guids/*", self._guid)
        yield Route("GET", "schemas/guids/*/ids", self._guid_ids)

    # Subjects

    def _contexts(self, call: Call) -> Any:
        prefix = call.query.get("contextPrefix", "")
        return call.page([c for c in sorted({DEFAULT, *self._store.contexts}) if c.startswith(prefix)])

    def _subjects(self, call: Call) -> Any:
        matches = _matcher(call.query.get("subjectPrefix", ":*:"))
        only, deleted = call.flag("deletedOnly"), call.flag("deleted")
        live = set(self._store.subjects(deleted=False))
        found = self._store.subjects(deleted=deleted or only)
        return call.page([s for s in found if matches(s) and not (only and s in live)])

    def _subject(self, _call: Call, _subject: str) -> Any:
        raise NotAllowed

    def _versions(self, call: Call, subject: str) -> Any:
        only, negative = call.flag("deletedOnly"), call.flag("deletedAsNegative")
        deleted = call.flag("deleted") or only
        subject = existing_subject(self._store, subject, deleted=deleted)
        found = self._store.all(subject, deleted=deleted or negative)
        numbers = [-v.version if negative and v.deleted else v.version for v in found if not only or v.deleted]
        return call.page(numbers)

    def _version(self, call: Call, subject: str, version: str) -> Any:
        return self._told(call, self._found(subject, version, deleted=call.flag("deleted")))

    def _version_text(self, call: Call, subject: str, version: str) -> Any:
        return _text(self._formatted(call, self._found(subject, version, deleted=call.flag("deleted"))))

    def _found(self, subject: str, version: str, *, deleted: bool) -> Version:
        """Return a version; a name that the default context does not have is looked for in the others."""
        number, subject = version_number(version), stored_name(subject)
        found = self._store.get(subject, number, deleted=deleted)
        if found is None and split(subject)[0] == DEFAULT:
            others = (qualified(context, subject) for context in sorted(self._store.contexts))
            everywhere = (self._store.get(other, number, deleted=deleted) for other in others)
            found = next((other for other in everywhere if other), None)
        if found is None:
            existing_subject(self._store, subject, deleted=deleted)
            raise version_not_found(number)
        return found

    def _referenced_by(self, call: Call, subject: str, version: str) -> Any:
        found = self._found(subject, version, deleted=True)
        return [v.id for v in self._store.referrers(found.subject, found.version, deleted=call.flag("deleted"))]

    def _by_metadata(self, call: Call, subject: str) -> Any:
        subject = existing_subject(self._store, subject, deleted=call.flag("deleted"))
        key, value = call.query.get("key"), call.query.get("value")
        for version in reversed(self._store.all(subject, deleted=call.flag("deleted"))):
            if (version.metadata or {}).get("properties", {}).get(key) == value:
                return version.entity()
        raise Fault(40403, "Schema not found")

    # All versions

    def _schemas(self, call: Call) -> Any:
        prefix = call.query.get("subjectPrefix", "")
        matches = _matcher(prefix)
        deleted = call.flag("deleted")
        wanted = {subject for subject in self._store.subjects(deleted=True) if matches(subject)}
        aliases = self._aliases(matches) if call.flag("aliases") else {}
        wanted |= set(aliases)
        found = [version for version in self._store.every() if version.subject in wanted]
        found = [version for version in found if deleted or not version.deleted]
        if call.flag("latestOnly"):
            found = list({version.subject: version for version in found}.values())
        if "ruleType" in call.query:
            found = [version for version in found if _has_rule(version, call.query["ruleType"])]
        return [_with_aliases(version, aliases) for version in call.page(found, PAGE)]

    def _aliases(self, matches: Callable[[str], bool]) -> dict[str, list[str]]:
        """Return the names that stand for a subject, for each that has some."""
        found: dict[str, list[str]] = {}
        for subject, config in sorted(self._settings.configs.items()):
            if "alias" in config and matches(subject):
                found.setdefault(config["alias"], []).append(subject)
        return found

    # Ids and GUIDs

    def _id(self, call: Call, schema_id: str) -> Any:
        number = whole(schema_id)
        found = self._by_id(call.query.get("subject", ""), number)
        if found is None:
            raise Fault(40403, f"Schema {schema_id} not found")
        told = self._told(call, found)
        del told["id"]
        return told | ({"maxId": self._store.last_id(found.context)} if call.flag("fetchMaxId") else {})

    def _id_text(self, call: Call, schema_id: str) -> Any:
        found = self._by_id(call.query.get("subject", ""), whole(schema_id))
        if found is None:
            raise Broken
        return _text(self._formatted(call, found))

    def _id_subjects(self, call: Call, schema_id: str) -> Any:
        return [version["subject"] for version in self._id_versions(call, schema_id)]

    def _id_versions(self, call: Call, schema_id: str) -> Any:
        """The content's last id counts, even where another one was asked for."""
        found = self._by_id(call.query.get("subject", ""), whole(schema_id))
        if found is None:
            raise Fault(40403, "Schema not found")
        last = self._store.id_of(found)
        holders = self._store.holders(found.context, found.id if last is None else last)
        told = [(s, v) for s, v in holders.items() if self._store.get(s, v, deleted=call.flag("deleted"))]
        return call.page([{"subject": subject, "version": version} for subject, version in told])

    def _by_id(self, subject: str, schema_id: int) -> Version | None:
        """Return what an id leads to. A name without a context that has no such id does not count in the end."""
        found = self._store.by_id(schema_id, subject)
        if found is None and subject and split(subject)[0] == DEFAULT:
            others = (qualified(context, subject) for context in sorted(self._store.contexts))
            everywhere = (self._store.by_id(schema_id, other) for other in others)
            found = next((other for other in everywhere if other), None) or self._store.by_id(schema_id, "")
        return found

    def _guid(self, _call: Call, wanted: str) -> Any:
        """The first context counts in which the content ever was, even where it is no more.

        The name of the default context is taken for a subject's, so that a subject ``.`` comes first.
        """
        for context, schema_id in self._store.ids_of_guid(wanted).items():
            found = self._by_id(DEFAULT if context == DEFAULT else qualified(context, ""), schema_id)
            if found is None:
                raise Broken
            return found.entity("subject", "version", "id")
        raise Fault(40403, f"Schema {wanted} not found")

    def _guid_ids(self, _call: Call, wanted: str) -> Any:
        return [{"context": context, "id": held} for context, held in self._store.ids_of_guid(wanted).items()]

    # Shapes

    def _formatted(self, call: Call, version: Version) -> str:
        return self._texts.formatted.get((version.guid, call.query.get("format", "")), version.schema)

    def _told(self, call: Call, version: Version) -> dict[str, Any]:
        value = version.entity() | {"schema": self._formatted(call, version)}
        if call.query.get("referenceFormat", "").upper() == "QUALIFIED" and version.references:
            references = [held | {"subject": target_of(version.subject, held)} for held in version.references]
            value["references"] = references
            value["guid"] = guid(version.schema, references, version.metadata, version.rule_set)
        return value


def existing_subject(store: Store, subject: str, *, deleted: bool) -> str:
    """Return the name by which a subject is stored; raise where it has no versions."""
    subject = stored_name(subject)
    if not store.has(subject, deleted=deleted):
        raise subject_not_found(subject)
    return subject


def version_number(text: str) -> int:
    """Return the number of a version in a path; -1 for the latest."""
    if text == "latest":
        return -1
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number != -1 and not 1 <= number <= LARGEST:
        allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
        raise Fault(42202, f"The specified version '{text}' is not a valid version id. {allowed}")
    return number


def _matcher(prefix: str) -> Callable[[str], bool]:
    """Return whether subjects begin with a prefix; ``:*:`` stands for any context."""
    if prefix.startswith(":*:"):
        return lambda subject: split(subject)[1].startswith(prefix[3:])
    if prefix == ":.":
        return lambda subject: True
    context, name = split(prefix)
    return lambda subject: split(subject)[0] == context and split(subject)[1].startswith(name)


def _has_rule(version: Version, kind: str) -> bool:
    rules = [rule for part in RULES for rule in (version.rule_set or {}).get(part) or []]
    return any(rule.get("type") == kind for rule in rules)


def _with_aliases(version: Version, aliases: dict[str, list[str]]) -> dict[str, Any]:
    names = aliases.get(version.subject)
    return version.entity() | ({"aliases": names} if names else {})


def _text(text: str) -> Answer:
    return Answer(200, text.encode(errors="surrogatepass"))


def _types(_call: Call) -> Any:
    return ["JSON", "PROTOBUF", "AVRO"]
