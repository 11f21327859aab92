# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering versions in the emulated Confluent Schema Registry.

The order of the checks is the source's (``core/src/main/java/io/confluent/kafka/schemaregistry/storage``,
``KafkaSchemaRegistry.register`` and ``registerOrForward``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from registries.confluent_content import (
    DEFAULT,
    Version,
    full_rule_set,
    merged_metadata,
    sorted_metadata,
    split,
    stored_name,
)
from registries.confluent_reading import existing_subject, version_number
from registries.confluent_routes import Call, Fault, Route, not_permitted, version_not_found
from registries.confluent_settings import Settings, scope_of
from registries.confluent_store import Store, target_of
from registries.confluent_texts import Checker, Texts, Unparsable, incompatible, normalised, tagged

DEFAULTS = ("defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet")


class Registering:
    """Registering, and looking up what would be registered; a resource.

    Args:
        store: The versions.
        settings: Configs and modes.
        texts: What is stored for a text.
        keeps_rule_sets: Whether rule sets are kept.
    """

    def __init__(self, store: Store, settings: Settings, texts: Texts, *, keeps_rule_sets: bool) -> None:
        self.keeps_rule_sets = keeps_rule_sets
        self._store = store
        self._settings = settings
        self._texts = texts
        self._checker = Checker()
        self._resolved: set[str] = set()

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        yield Route("POST", "subjects/*/versions", self._register)
        yield Route("POST", "subjects/*", self._look_up)
        yield Route("POST", "subjects/*/versions/*/tags", self._tag)
        yield Route("POST", "compatibility/subjects/*/versions", self._compatible)
        yield Route("POST", "compatibility/subjects/*/versions/*", self._compatible)

    # Registering

    def register(self, subject: str, body: dict[str, Any], *, normalize: bool = False) -> Version:
        """Register a version, or return the one that is there."""
        subject = stored_name(subject)
        context, name = split(subject)
        if name in ("__GLOBAL", "__EMPTY") or (not name and context == DEFAULT):
            raise Fault(42208, f"The specified subject '{subject}' is not a valid.")
        schema_id, number = body.get("id"), body.get("version") or 0
        with_id = schema_id is not None and schema_id >= 0
        if not any(name in self._settings.config(subject) for name in DEFAULTS):
            found = self._same(self._draft(subject, body, normalize, with_id=with_id), deleted=False)
            if found and number in (0, found.version) and (not with_id or schema_id == found.id):
                return found
        self._settings.require_mode_for(subject, with_id=with_id)
        draft = self._draft(subject, body, normalize, with_id=with_id, inherit=not with_id)
        return self._put(draft, schema_id if with_id else None, number)

    def _put(self, draft: Version, schema_id: int | None, number: int) -> Version:
        """Give a version its number and id, and write it."""
        known = self._store.id_of(draft)
        if known is not None and schema_id in (None, known):
            holder = self._store.holders(draft.context, known).get(draft.subject)
            held = holder and self._store.get(draft.subject, holder, deleted=False)
            if held and number == 0:
                return held
            schema_id = known
        every = self._store.all(draft.subject, deleted=True)
        following = every[-1].version + 1 if every else 1
        importing = self._settings.mode(draft.subject) in ("IMPORT", "FORWARD")
        if not importing:
            self._require_compatible(draft, [version for version in every if not version.deleted])
            if number > 0 and number != following:
                raise Fault(42201, "Version is not one more than previous version")
        draft.version = number if number > 0 else following
        if not importing and "confluent:version" in (draft.metadata or {}).get("properties", {}):
            own = {"properties": {"confluent:version": str(draft.version)}}
            draft.metadata = merged_metadata(draft.metadata, own)
        if schema_id is None:
            schema_id = self._store.id_of(draft)
        draft.id = self._store.next_id(draft.context) if schema_id is None else schema_id
        self._require_same_content(draft)
        self._purge_lower(draft, every)
        self._store.put(draft)
        return draft

    def _draft(
        self, subject: str, body: dict[str, Any], normalize: bool, *, with_id: bool, inherit: bool = False
    ) -> Version:
        """Return what a request would register, without number and id.

        A request without metadata or rule set takes those of the latest version; the config goes under and over.
        """
        metadata = sorted_metadata(body.get("metadata"))
        rule_set = full_rule_set(body.get("ruleSet")) if self.keeps_rule_sets else None
        if inherit:
            latest = self._store.get(subject, -1, deleted=False)
            if latest:
                metadata = latest.metadata if metadata is None else metadata
                rule_set = latest.rule_set if rule_set is None else rule_set
            metadata, rule_set = self._settings.inherited(subject, metadata, rule_set)
        schema_type = body.get("schemaType") or "AVRO"
        draft = Version(subject, 0, 0, schema_type, body["schema"], body.get("references") or [], metadata, rule_set)
        references = self._checked(draft, with_id=with_id)
        text = self._texts.store(schema_type, draft.schema)
        if normalize or self._settings.normalizes(subject):
            text = normalised(schema_type, text)
        return replace(draft, schema=text, references=references)

    def _checked(self, draft: Version, *, with_id: bool) -> list[dict[str, Any]]:
        """Return the references with the versions that -1 stands for; raise where one is missing, or the text is bad.

        What once resolved still does, as the source keeps parsed schemas.
        """
        try:
            self._checker.check(draft.schema_type, draft.schema)
            key = json.dumps([draft.context, draft.schema_type, draft.schema, draft.references])
            with_deleted = with_id or key in self._resolved
            references = [self._resolve(draft, reference, deleted=with_deleted) for reference in draft.references]
        except Unparsable as error:
            raise _invalid(draft, str(error)) from None
        self._resolved.add(key)
        return references

    def _resolve(self, draft: Version, reference: dict[str, Any], *, deleted: bool) -> dict[str, Any]:
        found = self._store.get(target_of(draft.subject, reference), reference["version"], deleted=deleted)
        if found is None:
            subject, version = reference["subject"], reference["version"]
            raise Unparsable(f'No schema reference found for subject "{subject}" and version {version}')
        return {**reference, "version": found.version}

    def _same(self, draft: Version, *, deleted: bool) -> Version | None:
        """Return the newest version of the draft's subject with its content."""
        every = self._store.all(draft.subject, deleted=deleted)
        return next((version for version in reversed(every) if version.content == draft.content), None)

    def _require_same_content(self, draft: Version) -> None:
        """Raise where an id leads to another content."""
        held = self._store.by_id(draft.id, scope_of(draft.subject))
        if held is not None and held.content != draft.content:
            context = scope_of(draft.subject)
            raise not_permitted(f"Overwrite new schema with id {draft.id} in context {context} is not permitted.")

    def _purge_lower(self, draft: Version, every: list[Version]) -> None:
        """Erase lower soft-deleted versions with the same id, unless something refers to them."""
        for version in every:
            lower = version.deleted and version.version < draft.version and version.id == draft.id
            if lower and not self._store.referrers(version.subject, version.version, deleted=True):
                self._store.purge(version)

    def _require_compatible(self, draft: Version, live: list[Version]) -> None:
        config = self._settings.config(draft.subject)
        if config.get("compatibilityLevel") == "NONE" or draft.schema_type != "AVRO":
            return
        group = config.get("compatibilityGroup")
        same_group = [version for version in live if not group or _group(version, group) == _group(draft, group)]
        reason = incompatible(same_group[-1].schema, draft.schema) if same_group else None
        if reason:
            raise Fault(
                40901,
                "Schema being registered is incompatible with an earlier schema for subject "
                f'"{draft.subject}", details: [{{{reason}}}]',
            )

    def _register(self, call: Call, subject: str) -> Any:
        found = self.register(subject, call.body, normalize=call.flag("normalize"))
        return found.entity("subject", "ts", "deleted")

    def _look_up(self, call: Call, subject: str) -> Any:
        subject = existing_subject(self._store, subject, deleted=call.flag("deleted"))
        draft = self._draft(subject, call.body, call.flag("normalize"), with_id=True)
        found = self._same(draft, deleted=call.flag("deleted"))
        if found is None:
            raise Fault(40403, "Schema not found")
        return found.entity("ts", "deleted")

    def _tag(self, call: Call, subject: str, version: str) -> Any:
        """Register the next version with tags added to fields."""
        subject = stored_name(subject)
        held = self._store.get(subject, version_number(version), deleted=False)
        if held is None:
            raise version_not_found(version_number(version))
        self._settings.require_mode_for(subject, with_id=False)
        text = held.schema
        for entry in call.body.get("tagsToAdd") or []:
            text = tagged(text, entry["schemaEntity"]["entityPath"], entry["tags"])
        own = {"properties": {"confluent:version": str(call.body["newVersion"])}}
        draft = replace(held, schema=text, metadata=merged_metadata(held.metadata, own))
        return self._put(draft, None, call.body["newVersion"]).entity("subject", "ts", "deleted")

    def _compatible(self, call: Call, subject: str, version: str = "latest") -> Any:
        draft = self._draft(stored_name(subject), call.body, call.flag("normalize"), with_id=True)
        try:
            self._require_compatible(draft, self._store.all(draft.subject, deleted=False))
        except Fault as fault:
            return {"is_compatible": False} | ({"messages": [fault.message]} if call.flag("verbose") else {})
        return {"is_compatible": True}


def _group(version: Version, field: str) -> Any:
    return (version.metadata or {}).get("properties", {}).get(field)


def _invalid(draft: Version, details: str) -> Fault:
    """42201 with the whole schema, as Java writes it."""
    references = [f"{{name='{r['name']}', subject='{r['subject']}', version={r['version']}}}" for r in draft.references]
    told = f"[{', '.join(references)}]"
    metadata = "null"
    if draft.metadata is not None:
        parts = [f"{name}={_java(draft.metadata.get(name))}" for name in ("tags", "properties")]
        sensitive = f"sensitive=[{', '.join(draft.metadata.get('sensitive') or [])}]"
        metadata = f"Metadata{{{', '.join([*parts, sensitive])}}}"
    schema = (
        f"{{subject={draft.subject},version=null,id=null,guid={draft.guid},schemaType={draft.schema_type},"
        f"references={told},metadata={metadata},ruleSet=null,schema={draft.schema},schemaTags=null,ts=null,"
        "deleted=null}"
    )
    kind = draft.schema_type
    return Fault(
        42201,
        f"Invalid schema of type {kind}, details: Invalid schema {schema} with refs {told} of type {kind}, "
        f"details: {details}",
    )


def _java(value: dict[str, Any] | None) -> str:
    return "{" + ", ".join(f"{name}={held}" for name, held in (value or {}).items()) + "}"
