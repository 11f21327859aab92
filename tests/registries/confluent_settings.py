# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs and modes of the emulated Confluent Schema Registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registries.confluent_content import (
    DEFAULT,
    OVERALL,
    full_rule_set,
    merged_metadata,
    merged_rule_set,
    sorted_metadata,
    split,
    stored_name,
)
from registries.confluent_routes import Call, Fault, Route, not_permitted, subject_not_found
from registries.confluent_store import Store

LEVELS = ("NONE", "BACKWARD", "FORWARD", "FULL", "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE")
MODES = ("READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD")
FIELDS = (
    "alias",
    "aliasForDeks",
    "normalize",
    "validateFields",
    "validateNewSchemas",
    "validateRules",
    "compatibilityLevel",
    "compatibilityPolicy",
    "compatibilityGroup",
    "defaultMetadata",
    "overrideMetadata",
    "defaultRuleSet",
    "overrideRuleSet",
)
WIDEST = ("", OVERALL)


def scope_of(subject: str) -> str:
    """Return the scope of the context that a subject is in; empty for the default context, whose scope is global."""
    context, _name = split(subject)
    return "" if context == DEFAULT else f":{context}:"


class Settings:
    """Configs and modes; a resource.

    Args:
        store: The versions, since some modes are not for scopes with versions.
        keeps_rule_sets: Whether rule sets in configs are kept.
    """

    def __init__(self, store: Store, *, keeps_rule_sets: bool) -> None:
        self.keeps_rule_sets = keeps_rule_sets
        self.configs: dict[str, dict[str, Any]] = {}
        self.modes: dict[str, str] = {}
        self._store = store

    def routes(self) -> Iterable[Route]:
        """Return all its methods."""
        for what, get, put, delete in (
            ("config", self._get_config, self._put_config, self._delete_config),
            ("mode", self._get_mode, self._put_mode, self._delete_mode),
        ):
            for pattern in (what, f"{what}/*"):
                yield Route("GET", pattern, get)
                yield Route("PUT", pattern, put)
                yield Route("DELETE", pattern, delete)

    # What counts

    def config(self, subject: str) -> dict[str, Any]:
        """Return the config in force for a subject, without the server's own default."""
        scopes = (subject, scope_of(subject), OVERALL)
        return next((self.configs[scope] for scope in scopes if scope in self.configs), {})

    def mode(self, subject: str) -> str:
        """Return the mode in force for a subject or a scope."""
        scopes = (subject, scope_of(subject), OVERALL)
        return next((self.modes[scope] for scope in scopes if scope in self.modes), "READWRITE")

    def normalizes(self, subject: str) -> bool:
        """Whether texts of a subject are normalised; a config that does not say so leaves it to its context's."""
        scopes = (subject, scope_of(subject), OVERALL)
        told = (self.configs.get(scope, {}).get("normalize") for scope in scopes)
        return next((bool(value) for value in told if value is not None), False)

    def alias(self, subject: str, field: str = "alias") -> str:
        """Return what a subject is an alias of: itself in most cases."""
        return str(self.configs.get(stored_name(subject), {}).get(field) or subject)

    def require_writable(self, subject: str) -> None:
        """Raise unless a subject may be written to."""
        if self.mode(subject) in ("READONLY", "READONLY_OVERRIDE"):
            raise not_permitted(f"Subject {subject} in context {scope_of(subject)} is in read-only mode")

    def require_mode_for(self, subject: str, *, with_id: bool) -> None:
        """Raise unless a subject's mode is for registering with an id, or for registering without."""
        self.require_writable(subject)
        mode = self.mode(subject)
        if with_id and mode not in ("IMPORT", "FORWARD"):
            raise not_permitted(f"Subject {subject} in context {scope_of(subject)} is not in import mode")
        if not with_id and mode != "READWRITE":
            raise not_permitted(f"Subject {subject} in context {scope_of(subject)} is not in read-write mode")

    def inherited(self, subject: str, metadata: Any, rule_set: Any) -> tuple[Any, Any]:
        """Return metadata and rule set with the config's defaults under and overrides over them."""
        config = self.config(subject)
        return (
            merged_metadata(config.get("defaultMetadata"), metadata, config.get("overrideMetadata")),
            merged_rule_set(config.get("defaultRuleSet"), rule_set, config.get("overrideRuleSet")),
        )

    # Configs

    def _get_config(self, call: Call, subject: str = "") -> Any:
        scope = stored_name(subject)
        config = self.configs.get(scope)
        if config is None and scope not in WIDEST:
            if not call.flag("defaultToGlobal"):
                raise Fault(40408, f"Subject '{scope}' does not have subject-level compatibility configured")
            config = self.config(scope)
        return {"compatibilityLevel": "BACKWARD"} | (config or {})

    def _put_config(self, call: Call, subject: str = "") -> Any:
        scope = stored_name(subject)
        sent = {("compatibilityLevel" if name == "compatibility" else name): v for name, v in call.body.items()}
        level = sent.get("compatibilityLevel")
        if level is not None and str(level).upper() not in LEVELS:
            raise Fault(
                42203,
                "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, "
                "forward_transitive, and full_transitive",
            )
        self.require_writable(scope)
        merged = dict(self.configs.get(scope, {}))
        merged.update({name: self._kept(name, value) for name, value in sent.items() if name in FIELDS})
        if not self.keeps_rule_sets:
            merged |= {name: self.configs.get(scope, {}).get(name) for name in ("defaultRuleSet", "overrideRuleSet")}
        self.configs[scope] = {name: merged[name] for name in FIELDS if merged.get(name) is not None}
        self._store.log.settle("CONFIG", scope)
        told = dict(self.configs[scope])
        if "compatibilityLevel" in told:
            told["compatibility"] = told.pop("compatibilityLevel")
        return told

    def _kept(self, name: str, value: Any) -> Any:
        if name == "compatibilityLevel":
            return value and str(value).upper()
        if name.endswith("Metadata"):
            return sorted_metadata(value)
        return full_rule_set(value) if name.endswith("RuleSet") else value

    def _delete_config(self, call: Call, subject: str = "") -> Any:
        scope = stored_name(subject)
        self.require_writable(scope)
        if scope not in self.configs and scope not in WIDEST:
            raise subject_not_found(scope)
        config = self.configs.pop(scope, {})
        self._store.log.settle("CONFIG", scope, tombstone=True)
        return {"compatibilityLevel": "BACKWARD"} | config

    # Modes

    def _get_mode(self, call: Call, subject: str = "") -> Any:
        scope = stored_name(subject)
        if scope not in self.modes and scope not in WIDEST and not call.flag("defaultToGlobal"):
            raise Fault(40409, f"Subject '{scope}' does not have subject-level mode configured")
        return {"mode": self.mode(scope)}

    def _put_mode(self, call: Call, subject: str = "") -> Any:
        scope, mode = stored_name(subject), str(call.body.get("mode")).upper()
        if mode not in MODES:
            raise Fault(42204, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")
        if mode == "FORWARD" and scope not in WIDEST:
            raise Fault(42204, "Forward mode only supported on global level")
        if mode == "IMPORT" and self.mode(scope) != "IMPORT" and not call.flag("force"):
            self._clear(scope)
        self.modes[scope] = mode
        self._store.log.settle("MODE", scope)
        return {"mode": mode}

    def _delete_mode(self, call: Call, subject: str = "") -> Any:
        scope = stored_name(subject)
        inner = [held for held in self.modes if held != scope and scope_of(held) == scope]
        found = inner if call.flag("recursive") else []
        if scope not in self.modes and scope not in WIDEST and not found:
            raise subject_not_found(scope)
        mode = self.mode(scope)
        for held in [scope, *found]:
            if self.modes.pop(held, None) is not None:
                self._store.log.settle("MODE", held, tombstone=True)
        return {"mode": mode}

    def _clear(self, scope: str) -> None:
        """Erase what is soft-deleted in a scope that is to be imported into, if there is nothing else."""
        versions = [version for version in self._store.every() if _within(version.subject, scope)]
        if any(not version.deleted for version in versions):
            raise not_permitted("Cannot import since found existing subjects")
        for version in versions:
            if self._store.referrers(version.subject, version.version, deleted=True):
                raise reference_exists(version.subject, version.version)
        for version in versions:
            self._store.purge(version)
        self._store.log.settle("CLEAR_SUBJECT", scope)


def reference_exists(subject: str, version: int) -> Fault:
    """42206."""
    key = f"{{magic=1,keytype=SCHEMA,subject={subject},version={version}}}"
    return Fault(42206, f"One or more references exist to the schema {key}.")


def _within(subject: str, scope: str) -> bool:
    """The global scope means all contexts here."""
    return scope in WIDEST or subject == scope or scope_of(subject) == scope
