# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema registry in memory that behaves as its capabilities say, and carries out plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import (
    Again,
    Capabilities,
    Identity,
    TopicDeletes,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import identity, same
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.graph import Versions
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    ImportPlan,
    PurgeSubject,
    Register,
    SoftDelete,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import stored_content
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    context_of,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.settings_plan import (
    effective_config,
    effective_mode,
)

CONFLUENT = Capabilities(
    writes=True,
    ids_in="IMPORT",
    ids_at_once=False,
    forced_import=True,
    modes=frozenset({"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT"}),
    contexts=True,
    references_across_contexts=True,
    references_to_soft_deleted=True,
    floating_references=True,
    reference_types=frozenset({"AVRO", "JSON", "PROTOBUF"}),
    register_keeps_metadata=True,
    register_keeps_rule_sets=True,
    import_keeps_metadata=True,
    import_keeps_rule_sets=True,
    identity=Identity.CONTENT,
    same_content_again=Again.ALWAYS,
    second_id_for_content=True,
    soft_delete=True,
    soft_delete_below_soft_deleted=True,
    undelete_by_register=True,
    register_purges_lower=True,
    parallel_registrations=1,
    encryption_keys=True,
    deletes_used_keks=False,
    configs_need_level=False,
    soft_delete_clears_config=False,
    reads_past_aliases=True,
    config_fields=None,
    lowest_id=0,
    highest_id=2**31 - 1,
    exact_numbers=True,
    topic_deletes=TopicDeletes.NO_TOPIC,
    reserved_names=frozenset({"__GLOBAL", "__EMPTY"}),
    guesses_types=False,
    one_type_a_subject=False,
    forbidden_characters=frozenset("\\"),
    longest_name=None,
)
AXONOPS = replace(
    CONFLUENT,
    references_across_contexts=False,
    references_to_soft_deleted=False,
    import_keeps_metadata=False,
    import_keeps_rule_sets=False,
    identity=Identity.PARSING_FORM,
    same_content_again=Again.AFTER_SOFT_DELETE,
    second_id_for_content=False,
    undelete_by_register=False,
    register_purges_lower=False,
    parallel_registrations=4,
    deletes_used_keks=True,
    reads_past_aliases=False,
    lowest_id=1,
    topic_deletes=TopicDeletes.NO_TOPIC,
    forbidden_characters=frozenset(),
)


class Refusal(Exception):
    """The registry does not take a request."""


class ModelRegistry:
    """A registry in memory.

    Args:
        capabilities: How it behaves.
        state: What it holds; it is changed in place.
    """

    def __init__(self, capabilities: Capabilities, state: RegistryState | None = None) -> None:
        self.capabilities = capabilities
        self.state = state if state is not None else RegistryState()
        if "" not in self.state.settings:
            backward, readwrite = Setting({"compatibilityLevel": "BACKWARD"}, None), Setting("READWRITE", None)
            self.state.settings[""] = ScopeSettings(backward, readwrite)

    def apply(self, plan: ImportPlan, *, steps: int | None = None) -> dict[VersionKey, int]:
        """Carry a plan out, or only some of its first steps and no settings after them; return the ids by source."""
        for temporary in plan.temporary:
            self._set(temporary.scope, temporary.kind, temporary.value, force=temporary.force)
        ids = self._make(plan, len(plan.steps) if steps is None else steps)
        for kind in ("config", "mode"):
            for temporary in reversed(plan.temporary):
                if temporary.kind == kind:
                    self._put_back(temporary.scope, kind, temporary.before)
            for change in plan.settings if steps is None else ():
                if change.kind == kind:
                    self._set(change.scope, kind, change.value)
        return ids

    def _make(self, plan: ImportPlan, steps: int) -> dict[VersionKey, int]:
        ids: dict[VersionKey, int] = {}
        numbers: dict[VersionKey, int] = {}
        for step in plan.steps[:steps]:
            if isinstance(step, Register):
                key = self.register(replace(step.version, content=plan.content(step, numbers)), with_id=step.with_id)
                ids[step.source] = self.state.versions[key].id
                if step.needs_number:
                    numbers[step.source] = key.version
            elif isinstance(step, SoftDelete):
                number = step.key.version if step.source is None else numbers[step.source]
                self.soft_delete(VersionKey(step.subject, number))
            else:
                self.purge(step)
                for temporary in plan.temporary:
                    if temporary.scope == step.subject:
                        self._set(temporary.scope, temporary.kind, temporary.value, force=True)
        return ids

    def register(self, version: SchemaVersion, *, with_id: bool) -> VersionKey:
        """Register as the server does, silently dropping what it drops."""
        mode = effective_mode(self.state, version.subject)
        if mode != ("IMPORT" if with_id else "READWRITE"):
            raise Refusal(f"{version.key} in mode {mode}")
        config = self.state.settings.get(version.subject, ScopeSettings()).config
        if config.is_set and config.value.get("alias"):
            raise Refusal(f"{version.subject} is an alias")
        self._resolve(version.key, version.content, with_id)
        content, _lost = stored_content(version.content, self.capabilities, with_id=with_id)
        if effective_config(self.state, version.subject).get("normalize"):
            raise Refusal(f"{version.key} would be rewritten")
        return self._import(replace(version, content=content)) if with_id else self._assign(version.subject, content)

    def _resolve(self, key: VersionKey, content: SchemaContent, with_id: bool) -> None:
        known = Versions(self.state.versions)
        for reference in content.references:
            target = known.target(key, reference)
            if target is None:
                raise Refusal(f"{key} refers to {reference}")
            soft_deleted_resolve = with_id and self.capabilities.references_to_soft_deleted
            if self.state.versions[target].deleted and not soft_deleted_resolve:
                raise Refusal(f"{key} refers to soft-deleted {target}")

    def _import(self, version: SchemaVersion) -> VersionKey:
        subject = self.state.of_subject(version.subject)
        if self.capabilities.same_content_again is Again.AFTER_SOFT_DELETE:
            for other in subject:
                if not other.deleted and self._identity(other) == self._identity(version):
                    return other.key  # silently, nothing is stored
        self._refuse_rivals(version)
        there = self.state.versions.get(version.key)
        if there is not None and not self.capabilities.undelete_by_register:
            return there.key  # silently, nothing is stored
        if there is not None and (there.id != version.id or not same(there.content, version.content)):
            raise Refusal(f"{version.key} would be overwritten")
        for other in subject if self.capabilities.register_purges_lower else ():
            if other.deleted and other.id == version.id and other.version < version.version:
                del self.state.versions[other.key]
        self.state.versions[version.key] = replace(version, deleted=False)
        return version.key

    def _refuse_rivals(self, version: SchemaVersion) -> None:
        for other in self.state.versions.values():
            if context_of(other.subject) == context_of(version.subject):
                equal = self._identity(other) == self._identity(version)
                if other.id == version.id and not equal:
                    raise Refusal(f"the id {version.id} holds other content")
                if other.id != version.id and equal and not self.capabilities.second_id_for_content:
                    raise Refusal(f"{version.key} has its content under the id {other.id}")

    def _identity(self, version: SchemaVersion) -> str:
        return identity(version.content, self.capabilities.identity)

    def _assign(self, subject: str, content: SchemaContent) -> VersionKey:
        versions = self.state.of_subject(subject)
        live = [version for version in versions if not version.deleted]
        for other in live:
            if self._takes_for_same(other.content, content):
                return other.key
        config = effective_config(self.state, subject)
        if live and config.get("compatibilityLevel") != "NONE":
            raise Refusal(f"{subject}: incompatible")
        if live:
            inherited = live[-1].content
            content = replace(
                content,
                metadata=inherited.metadata if content.metadata is None else content.metadata,
                rule_set=inherited.rule_set if content.rule_set is None else content.rule_set,
            )
        context = [v for v in self.state.versions.values() if context_of(v.subject) == context_of(subject)]
        kind = self.capabilities.identity
        equal = [v.id for v in context if identity(v.content, kind) == identity(content, kind)]
        new_id = equal[0] if equal else max((version.id for version in context), default=0) + 1
        number = max((version.version for version in versions), default=0) + 1
        made = SchemaVersion(subject, number, new_id, content)
        self.state.versions[made.key] = made
        return made.key

    def _takes_for_same(self, one: SchemaContent, other: SchemaContent) -> bool:
        kind = self.capabilities.identity
        settings = [(content.metadata or None, content.rule_set or None) for content in (one, other)]
        return identity(one, kind) == identity(other, kind) and settings[0] == settings[1]

    def soft_delete(self, key: VersionKey) -> None:
        """Soft-delete a version to which no live one refers."""
        if effective_mode(self.state, key.subject) == "READONLY":
            raise Refusal(f"{key} is read-only")
        for other in self.state.versions.values():
            if not other.deleted and key in other.reference_targets():
                raise Refusal(f"{other.key} refers to {key}")
        if self.state.versions[key].deleted:
            raise Refusal(f"{key} is soft-deleted already")
        self.state.versions[key] = replace(self.state.versions[key], deleted=True)

    def purge(self, step: PurgeSubject) -> None:
        """Delete a subject for good, and its settings."""
        versions = self.state.of_subject(step.subject)
        if [version.version for version in versions] != list(step.versions):
            raise Refusal(f"{step.subject} has other versions")
        for version in versions:
            if not version.deleted:
                raise Refusal(f"{version.key} is live")
        for other in self.state.versions.values():
            if other.subject != step.subject and any(t.subject == step.subject for t in other.reference_targets()):
                raise Refusal(f"{other.key} refers to {step.subject}")
        for version in versions:
            del self.state.versions[version.key]
        self.state.settings.pop(step.subject, None)

    def _set(self, scope: str, kind: str, value: Any, *, force: bool = False) -> None:
        if kind == "config" and effective_mode(self.state, scope) == "READONLY":
            raise Refusal(f"{scope} is read-only")
        entered = value == "IMPORT" and effective_mode(self.state, scope) != "IMPORT"
        if entered and not force and self.state.versions:
            raise Refusal(f"{scope} holds versions")
        there = self.state.settings.get(scope, ScopeSettings())
        before: Setting = getattr(there, kind)
        self.state.settings[scope] = replace(there, **{kind: Setting(value, None if before.is_set is None else True)})

    def _put_back(self, scope: str, kind: str, before: Setting) -> None:
        there = self.state.settings.get(scope, ScopeSettings())
        self.state.settings[scope] = replace(there, **{kind: before})
