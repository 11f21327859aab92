# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the topic of a schema registry tells that its API does not: which configs, modes and contexts were really set.

The records are those of Confluent's registry (io.confluent.kafka.schemaregistry.storage, classes ``*Key`` and
``*Value``), which others follow. They are read as that registry reads them: keys are compared as parsed, the last one
counts, and what cannot be understood is passed over, so that an older record stays in force.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .._core.canonical import compact_bytes
from .capabilities import TopicDeletes
from .model import (
    DEFAULT_CONTEXT,
    GLOBAL_SCOPE,
    OVERALL_SCOPE,
    UNSET,
    ScopeSettings,
    Setting,
    VersionKey,
    context_of,
    context_scope,
    split_subject,
)

_LEVELS = frozenset(
    {"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}
)
_MODES = frozenset({"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"})


@dataclass
class TopicLog:
    """What the records of such a topic say, taken one after the other in the order of their offsets.

    Args:
        deletes: What deletes a key, beside no value at all.
        configs: The config objects that are set, by scope; some are empty.
        modes: The modes that are set, by scope.
        highest_ids: The highest id by context of all versions in the log, deleted ones too.
        versions: The last id of each version in the log, deleted ones too.
        held: The versions that were not purged, nor cleared away when their registry was set to IMPORT.
        associations: The keys of associations of subjects with topics, which no request lists.
        passed_over: How many records could not be understood.
    """

    deletes: TopicDeletes
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    highest_ids: dict[str, int] = field(default_factory=dict)
    versions: dict[VersionKey, int] = field(default_factory=dict)
    held: set[VersionKey] = field(default_factory=set)
    associations: set[str] = field(default_factory=set)
    passed_over: int = 0
    _named: set[str] = field(default_factory=set)
    _soft_deleted: set[VersionKey] = field(default_factory=set)

    @property
    def contexts(self) -> set[str]:
        """The names of all contexts with a record of their own, or with a subject or a setting."""
        scopes = {*self.configs, *self.modes, *(key.subject for key in self.held)}
        return {DEFAULT_CONTEXT, *self._named, *map(context_of, scopes)} - {split_subject(OVERALL_SCOPE)[0]}

    @property
    def left_out(self) -> tuple[str, ...]:
        """What it holds of kinds that have no place in an archive: how many of what, for people."""
        return (f"{len(self.associations)} associations of subjects with topics",) if self.associations else ()

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take the next record."""
        try:
            self._take(_parsed(key or b""), self._value(value))
        except (ValueError, LookupError):
            self.passed_over += 1

    def settings(self, scope: str) -> ScopeSettings:
        """Return what is set at a scope, and nothing that is inherited."""
        config, mode = self.configs.get(scope), self.modes.get(scope)
        return ScopeSettings(
            UNSET if config is None else Setting(config, is_set=True),
            UNSET if mode is None else Setting(mode, is_set=True),
        )

    def scopes(self) -> Iterator[str]:
        """Yield the scopes at which anything is set, sorted."""
        yield from sorted({*self.configs, *self.modes})

    def _value(self, value: bytes | None) -> dict[str, Any] | None:
        if value is None or (value == b"" and self.deletes is TopicDeletes.NULL_OR_EMPTY):
            return None
        parsed = json.loads(value)
        if parsed is not None and not isinstance(parsed, dict):
            raise ValueError("not an object")
        return parsed

    def _take(self, key: dict[str, Any], value: dict[str, Any] | None) -> None:
        kind = key["keytype"]
        if kind == "SCHEMA":
            self._take_version(key, value)
        elif kind == "DELETE_SUBJECT" and value is not None:
            subject, newest = _text(value, "subject"), int(value["version"])
            self._soft_deleted |= {held for held in self.held if held.subject == subject and held.version <= newest}
        elif kind == "CLEAR_SUBJECT":
            scope = _scope(key)
            self.held -= {held for held in self.held & self._soft_deleted if _covers(scope, held.subject)}
        elif kind == "CONFIG":
            self._set(self.configs, key, None if value is None else _config(value))
        elif kind == "MODE":
            self._set(self.modes, key, None if value is None else _mode(value))
        elif kind == "CONTEXT":
            (self._named.discard if value is None else self._named.add)(_text(key, "context"))
        elif kind == "ASSOC":
            (self.associations.discard if value is None else self.associations.add)(compact_bytes(key).decode())

    def _take_version(self, key: dict[str, Any], value: dict[str, Any] | None) -> None:
        if value is None:
            self._purge(VersionKey(_text(key, "subject"), int(key["version"])))
            return
        told, schema_id = VersionKey(_text(value, "subject"), int(value["version"])), int(value["id"])
        self.versions[told] = schema_id
        self.held.add(told)
        (self._soft_deleted.add if value.get("deleted") else self._soft_deleted.discard)(told)
        context = context_of(told.subject)
        self.highest_ids[context] = max(schema_id, self.highest_ids.get(context, schema_id))

    def _purge(self, key: VersionKey) -> None:
        self.held.discard(key)
        if self.deletes is TopicDeletes.NULL_OR_EMPTY and all(held.subject != key.subject for held in self.held):
            self.configs.pop(key.subject, None)  # Karapace forgets it with the last version, and writes no record of it

    def _set(self, place: dict[str, Any], key: dict[str, Any], value: Any) -> None:
        scope = _scope(key)
        if value is None:
            place.pop(scope, None)
        else:
            place[scope] = value


def _parsed(key: bytes) -> dict[str, Any]:
    parsed = json.loads(key)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def _text(value: dict[str, Any], name: str) -> str:
    found = value[name]
    if not isinstance(found, str):
        raise ValueError(f"{name} is not a text")
    return found


def _scope(key: dict[str, Any]) -> str:
    """Return the scope that a key names; the registry's own is without a subject, or with null in its place."""
    return GLOBAL_SCOPE if key.get("subject") is None else _text(key, "subject")


def _covers(scope: str, subject: str) -> bool:
    """Tell whether a subject lies in a scope; the registry's own is all contexts here."""
    return scope in (GLOBAL_SCOPE, OVERALL_SCOPE, subject, context_scope(context_of(subject)))


def _config(value: dict[str, Any]) -> dict[str, Any]:
    """Return a config under Confluent's GET names, which are those of the topic. Raises ValueError."""
    config = {name: member for name, member in value.items() if name != "subject" and member not in (None, {}, [])}
    if config.get("compatibilityLevel", "NONE") not in _LEVELS:
        raise ValueError("no such compatibility level")
    return config


def _mode(value: dict[str, Any]) -> str:
    mode = _text(value, "mode")
    if mode not in _MODES:
        raise ValueError("no such mode")
    return mode
