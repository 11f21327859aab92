# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema registry holds, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .._core.canonical import compact_bytes, sha256_hex
from .encryption_keys import EncryptionKeys

DEFAULT_CONTEXT = "."

GLOBAL_SCOPE = ""
"""The scope of the global config and mode; a context's scope is ``:.name:``, a subject's its qualified name."""

OVERALL_SCOPE = ":.__GLOBAL:"
"""The scope that contexts fall back to, where a registry has it (Confluent since 7.9.3)."""


class VersionKey(NamedTuple):
    """Names one version of one subject.

    Args:
        subject: The qualified subject name: plain in the default context, ``:.context:subject`` in others.
        version: The version number, from 1.
    """

    subject: str
    version: int

    def __str__(self) -> str:
        return f"{self.subject} version {self.version}"


@dataclass(frozen=True)
class Reference:
    """A schema's reference to another, as it was written.

    Args:
        name: How the schema's text names the other one.
        subject: The other one's subject; unqualified means the referring subject's context.
        version: Its version; -1 means the latest.
    """

    name: str
    subject: str
    version: int

    def key(self) -> tuple[str, str, int]:
        """Return its fields, to compare and to hash them."""
        return self.name, self.subject, self.version

    def target(self, referrer: str) -> VersionKey:
        """Return what this refers to when the subject ``referrer`` (qualified) carries it."""
        if self.subject.startswith(":"):
            context, subject = split_subject(self.subject)
            return VersionKey(join_subject(context, subject), self.version)
        return VersionKey(join_subject(context_of(referrer), self.subject), self.version)


@dataclass(frozen=True)
class SchemaContent:
    """What a schema says: all of it that belongs to its identity.

    Args:
        schema_type: ``AVRO``, ``JSON`` or ``PROTOBUF``.
        text: The schema's text as the registry stores it.
        references: In the order of the registry.
        metadata: The metadata object (``tags``, ``properties``, ``sensitive``), or None.
        rule_set: The rule set object, or None.
    """

    schema_type: str
    text: str
    references: tuple[Reference, ...] = ()
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = None

    def fingerprint(self) -> str:
        """Return 64 hexadecimal digits that are equal for contents that are equal to the letter."""
        references = [list(reference.key()) for reference in self.references]
        return sha256_hex(compact_bytes([self.schema_type, self.text, references, self.metadata, self.rule_set]))


@dataclass(frozen=True)
class SchemaVersion:
    """One version of one subject.

    Args:
        subject: Its qualified subject name.
        version: Its number.
        id: Its schema id, unique within the context.
        content: What it says.
        deleted: Whether it is soft-deleted.
        guid: The content's GUID where the registry tells it.
        tags: The schema tags where the registry tells them.
        created_ms: When it was registered, milliseconds since 1970, where the registry tells it.
    """

    subject: str
    version: int
    id: int
    content: SchemaContent
    deleted: bool = False
    guid: str | None = None
    tags: tuple[Any, ...] = ()
    created_ms: int | None = None

    @property
    def key(self) -> VersionKey:
        """Its subject and version."""
        return VersionKey(self.subject, self.version)

    def reference_targets(self) -> Iterator[VersionKey]:
        """Yield what it refers to, in order."""
        for reference in self.content.references:
            yield reference.target(self.subject)


@dataclass(frozen=True)
class Setting:
    """A config or a mode at one scope.

    Args:
        value: A config object or a mode's name; the effective value where ``is_set`` is None; None where unset.
        is_set: True and False as the registry tells them; None where it does not tell set from inherited.
    """

    value: Any
    is_set: bool | None


UNSET = Setting(value=None, is_set=False)


@dataclass(frozen=True)
class ScopeSettings:
    """Config and mode of one scope.

    Args:
        config: A Setting whose value is the config object with Confluent's GET names (``compatibilityLevel``, …).
        mode: A Setting whose value is ``READWRITE``, ``READONLY``, ``IMPORT``, …
    """

    config: Setting = UNSET
    mode: Setting = UNSET


@dataclass
class RegistryState:
    """All that is known of a registry at one time.

    Args:
        versions: Every version, soft-deleted ones too, by key.
        settings: Config and mode by scope: `GLOBAL_SCOPE`, ``:.context:``, or a qualified subject.
        contexts: Names of all contexts, ``.`` among them, sorted.
        highest_ids: The highest id known per context, where the registry tells it or versions show it.
        settled: Whether two readings agreed.
        keys: Its encryption keys; None where nothing is known of them, as where a registry keeps none.
        left_out: What else it holds, of kinds that have no place here: how many of what, for people; not archived.
    """

    versions: dict[VersionKey, SchemaVersion] = field(default_factory=dict)
    settings: dict[str, ScopeSettings] = field(default_factory=dict)
    contexts: tuple[str, ...] = (DEFAULT_CONTEXT,)
    highest_ids: dict[str, int] = field(default_factory=dict)
    settled: bool = True
    keys: EncryptionKeys | None = None
    left_out: tuple[str, ...] = ()

    def subjects(self) -> list[str]:
        """Return the qualified names of all subjects that have versions, soft-deleted ones too, sorted."""
        return sorted({key.subject for key in self.versions})

    def of_subject(self, subject: str) -> list[SchemaVersion]:
        """Return a subject's versions, ascending."""
        return [self.versions[key] for key in sorted(key for key in self.versions if key.subject == subject)]


def split_subject(qualified: str) -> tuple[str, str]:
    """Split a qualified subject into its context's name and the bare subject.

    Args:
        qualified: ``subject``, ``:.context:subject`` or a context's scope ``:.context:``.

    Returns:
        For example ``(".", "orders")`` or ``(".eu", "orders")``; a context's scope gives an empty subject.
        What begins with a colon but not with ``:.`` is a plain name in the default context.
    """
    if not qualified.startswith(":."):
        return DEFAULT_CONTEXT, qualified
    context, _colon, subject = qualified[1:].partition(":")
    return context, subject


def join_subject(context: str, subject: str) -> str:
    """Return the qualified name of a subject in a context; the inverse of `split_subject`."""
    return subject if context == DEFAULT_CONTEXT else f":{context}:{subject}"


def context_of(qualified: str) -> str:
    """Return the name of the context that a qualified subject lies in."""
    return split_subject(qualified)[0]


def context_scope(context: str) -> str:
    """Return the scope of a context's config and mode: ``:.name:``; the default context's is the global scope."""
    return GLOBAL_SCOPE if context == DEFAULT_CONTEXT else f":{context}:"


def is_wide_scope(scope: str) -> bool:
    """Tell whether a scope of settings is the registry's or a context's, and not a subject's."""
    return scope == GLOBAL_SCOPE or (scope.startswith(":.") and split_subject(scope)[1] == "")
