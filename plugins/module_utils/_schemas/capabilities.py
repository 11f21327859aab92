# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema registry can hold and do, as far as an import has to know it; each dialect states its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from typing import Any


class Identity(StrEnum):
    """What a server compares to tell whether two contents are the same one, and so may share an id."""

    CONTENT = "content"
    """Type, text (as parsed), references, metadata and rule set."""

    PARSING_FORM = "parsing_form"
    """Type, references and the text without what does not matter to a parser: for Avro no ``doc``, ``aliases``,
    ``order`` and unknown attributes of named types; neither metadata nor rule set."""

    WITHOUT_DOCS = "without_docs"
    """Type, references and the text without what describes it: for Avro no ``doc`` and ``aliases`` of named types and
    fields, and no ``default`` of enums; neither metadata nor rule set."""


class Again(StrEnum):
    """Whether one subject can hold the same content (by `Identity`) under two version numbers."""

    ALWAYS = "always"
    AFTER_SOFT_DELETE = "after_soft_delete"
    """Only while all earlier registered ones are soft-deleted."""


class TopicDeletes(StrEnum):
    """What deletes a key in the topic that a registry keeps its schemas in."""

    NO_TOPIC = "no_topic"
    """There is no such topic."""

    NULL = "null"
    """A record without a value."""

    NULL_OR_EMPTY = "null_or_empty"
    """Also one whose value has no bytes."""


@dataclass(frozen=True)
class Capabilities:
    """What a server can hold and do. No field has a default: every dialect answers every question.

    Args:
        writes: Whether anything is written to it at all; False for an implementation that is not known.
        ids_in: The mode in which ids and version numbers are taken, in any order and with gaps: ``IMPORT``, or
            ``READWRITE`` where that is so all the time; None where they never are.
        ids_at_once: Whether they are only taken for all versions at once, by a registry that never held anything; then
            what a registration does to contents does not matter, and equal texts with equal references share an id.
        forced_import: Whether IMPORT can be forced upon a scope that has live versions, and leaves them as they are.
        modes: The modes that can be set: ``READWRITE``, ``READONLY``, ``IMPORT``, … Without ``READWRITE`` where that
            is not told from no mode at all.
        contexts: Whether there are contexts besides the default one.
        references_across_contexts: Whether a reference may name a subject of another context.
        references_to_soft_deleted: Whether a registration may refer to a soft-deleted version in IMPORT.
        floating_references: Whether a reference to the latest version (-1) stays one, and is not stored with a number.
        reference_types: The schema types that may carry references.
        register_keeps_metadata: Whether a registration without an id keeps ``metadata``.
        register_keeps_rule_sets: Whether a registration without an id keeps ``ruleSet``.
        import_keeps_metadata: Whether a registration in IMPORT keeps ``metadata``.
        import_keeps_rule_sets: Whether a registration in IMPORT keeps ``ruleSet``.
        identity: How it tells whether contents are the same.
        same_content_again: Whether one subject can hold the same content twice, in IMPORT.
        second_id_for_content: Whether one context can hold the same content under two ids.
        soft_delete: Whether single versions can be soft-deleted.
        soft_delete_below_soft_deleted: Whether that can be done while other soft-deleted versions refer to it.
        undelete_by_register: Whether registering a soft-deleted version again, with its id, brings it back.
        register_purges_lower: Whether registering a version removes lower soft-deleted ones of the same id and subject.
        parallel_registrations: How many registrations without ids, and soft deletes among them, it gains from at once,
            where they have nothing to do with each other (`schedule.steps_before`); 1 where a lock lets them through
            one by one. Those with ids never go at once.
        encryption_keys: Whether it keeps key encryption keys and the data encryption keys that they wrap.
        deletes_used_keks: Whether a key encryption key can be soft-deleted while data encryption keys under it live.
        configs_need_level: Whether a config without ``compatibilityLevel`` is refused or ignored.
        soft_delete_clears_config: Whether a subject's config goes with its last live version.
        reads_past_aliases: Whether it tells of a version all there is, although its subject's config has an alias.
        config_fields: The fields of a config that it keeps, by Confluent's GET names; None when it keeps every field.
        lowest_id: The lowest schema id it takes.
        highest_id: The highest schema id it takes.
        exact_numbers: Whether numbers in a text keep their value although 64 bits cannot hold them.
        topic_deletes: Whether it keeps what it holds in a topic, and what deletes a key there.
        reserved_names: Subjects that it never takes; all registries refuse an empty name.
        guesses_types: Whether it finds out by a schema's text of which type it is, whatever is said, and refuses texts
            that do not show it (`content.shows_type`).
        one_type_a_subject: Whether all versions of a subject are of the type of its first one.
        forbidden_characters: Characters that no subject's or context's name can have over its API.
        longest_name: The most characters of a subject's name; None where only the size of a request limits it, or
            where nothing tells the limit.
    """

    writes: bool
    ids_in: str | None
    ids_at_once: bool
    forced_import: bool
    modes: frozenset[str]
    contexts: bool
    references_across_contexts: bool
    references_to_soft_deleted: bool
    floating_references: bool
    reference_types: frozenset[str]
    register_keeps_metadata: bool
    register_keeps_rule_sets: bool
    import_keeps_metadata: bool
    import_keeps_rule_sets: bool
    identity: Identity
    same_content_again: Again
    second_id_for_content: bool
    soft_delete: bool
    soft_delete_below_soft_deleted: bool
    undelete_by_register: bool
    register_purges_lower: bool
    parallel_registrations: int
    encryption_keys: bool
    deletes_used_keks: bool
    configs_need_level: bool
    soft_delete_clears_config: bool
    reads_past_aliases: bool
    config_fields: frozenset[str] | None
    lowest_id: int
    highest_id: int
    exact_numbers: bool
    topic_deletes: TopicDeletes
    reserved_names: frozenset[str]
    guesses_types: bool
    one_type_a_subject: bool
    forbidden_characters: frozenset[str]
    longest_name: int | None

    def describe(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, for a module's result."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return sorted(value) if isinstance(value, frozenset) else value
