# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive's versions and settings as a target is to hold them: renamed, and without what it cannot hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .capabilities import Capabilities
from .compare import DEFAULT_LEVEL, LEVEL
from .content import number_beyond_64_bits
from .import_plan import KEEP, ImportOptions
from .losses import CONFIGS, CONTEXTS, REFERENCES, Lost, stored_content
from .model import (
    DEFAULT_CONTEXT,
    UNSET,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    context_of,
    context_scope,
    is_wide_scope,
    split_subject,
)
from .naming import ALIASES, Names
from .problems import Problem

IMPORT = "IMPORT"
READWRITE = "READWRITE"
_SHOWN_DIGITS = 40


@dataclass(frozen=True)
class Wanted:
    """One version of the archive as the target is to hold it.

    Args:
        source: The archive's version.
        original: What the archive has, under the target's names.
        version: The same as the target will store it.
        lost: The kinds of loss between the two.
    """

    source: VersionKey
    original: SchemaContent
    version: SchemaVersion
    lost: tuple[str, ...] = ()

    @property
    def key(self) -> VersionKey:
        """Its subject in the target, and its number in the archive."""
        return self.version.key


@dataclass
class Wish:
    """All that an import is to bring in.

    Args:
        versions: By subject in the target and number in the archive.
        omitted: Versions that the target cannot hold at all, with the reason.
        settings: By scope in the target.
        highest_ids: The highest id that the source had given, by context in the target.
        old_names: As in `ImportPlan`.
        lost: What is lost of settings and of what is omitted.
        problems: What forbids the import.
        notes: For people, a sentence each.
    """

    versions: dict[VersionKey, Wanted] = field(default_factory=dict)
    omitted: dict[VersionKey, tuple[Wanted, str]] = field(default_factory=dict)
    settings: dict[str, ScopeSettings] = field(default_factory=dict)
    highest_ids: dict[str, int] = field(default_factory=dict)
    old_names: dict[str, str] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scopes_to_read(archive: RegistryState, options: ImportOptions) -> list[str]:
    """Return the scopes whose settings a plan must know of the target, beside those of its own subjects."""
    with_keys = archive.keys.subjects() if archive.keys else ()
    scopes = set(map(options.names.of, {*archive.subjects(), *archive.settings, *with_keys}))
    return sorted({*scopes, *(context_scope(context_of(scope)) for scope in scopes)})


def wish(archive: RegistryState, target: RegistryState, capabilities: Capabilities, options: ImportOptions) -> Wish:
    """Turn an archive into what a target is to hold.

    Args:
        archive: The selected part of a restore point.
        target: What the target holds.
        capabilities: What it can hold.
        options: What was asked for.

    Raises:
        InvalidOption: A mapping names what the archive lacks, or brings two subjects to one name.
    """
    names = options.names
    made = Wish(notes=names.check(archive), old_names={names.of(old): old for old in archive.subjects()})
    for key in sorted(archive.versions):
        wanted = _wanted(archive.versions[key], capabilities, options)
        reason = _cannot_hold(wanted, capabilities)
        if reason is None:
            made.versions[wanted.key] = wanted
            made.problems.extend(_id_problem(wanted.version, capabilities, options))
            made.problems.extend(_number_problem(wanted.version, capabilities))
        else:
            made.omitted[wanted.key] = (wanted, reason[1])
            made.lost.append(Lost(reason[0], wanted.key.subject, str(wanted.key)))
    for context, highest in archive.highest_ids.items():
        new = names.context(context)
        made.highest_ids[new] = max(highest, made.highest_ids.get(new, highest))
    _add_all_settings(archive.settings, target.settings, names, capabilities, made)
    for scope in {*(key.subject for key in made.versions), *made.settings}:
        if not is_wide_scope(scope):
            made.problems.extend(_name_problem(scope, capabilities))
    return made


def _wanted(version: SchemaVersion, capabilities: Capabilities, options: ImportOptions) -> Wanted:
    names, original = options.names, version.content
    references = tuple(names.reference(reference, version.subject) for reference in original.references)
    if references != original.references:
        original = replace(original, references=references)
    stored, lost = stored_content(original, capabilities, with_id=options.ids == KEEP)
    kept = SchemaVersion(names.of(version.subject), version.version, version.id, stored, version.deleted)
    return Wanted(version.key, original, kept, lost)


def _cannot_hold(wanted: Wanted, capabilities: Capabilities) -> tuple[str, str] | None:
    """Return the kind of loss and the reason why a target cannot hold a version at all, or None."""
    references = wanted.original.references
    if context_of(wanted.key.subject) != DEFAULT_CONTEXT and not capabilities.contexts:
        return CONTEXTS, "the target has no contexts"
    if references and wanted.original.schema_type not in capabilities.reference_types:
        return REFERENCES, f"the target has no references in schemas of type {wanted.original.schema_type}"
    if not capabilities.floating_references and any(reference.version < 0 for reference in references):
        return REFERENCES, "the target has no references to the latest version"
    if not capabilities.references_across_contexts and any(r.subject.startswith(":.") for r in references):
        return REFERENCES, "the target has no references that name a context"
    return None


def _name_problem(subject: str, capabilities: Capabilities) -> Iterator[Problem]:
    wrong = sorted(set(subject) & capabilities.forbidden_characters)
    if split_subject(subject)[1] in {"", *capabilities.reserved_names}:
        yield Problem(subject, 0, "forbidden_name", "the target takes no such name; give another in subject_mapping")
    elif wrong:
        shown = ", ".join(map(repr, wrong))
        why = f"the target cannot be asked for names with {shown}; give another name in subject_mapping"
        yield Problem(subject, 0, "forbidden_name", why)
    elif capabilities.longest_name is not None and len(subject) > capabilities.longest_name:
        why = f"the target takes up to {capabilities.longest_name} characters; give another name in subject_mapping"
        yield Problem(subject, 0, "forbidden_name", why)


def _id_problem(version: SchemaVersion, capabilities: Capabilities, options: ImportOptions) -> Iterator[Problem]:
    lowest, highest = capabilities.lowest_id, capabilities.highest_id
    if options.ids == KEEP and not lowest <= version.id <= highest:
        why = f"the target takes ids from {lowest} to {highest}, not {version.id}"
        yield Problem(version.subject, version.version, "id_out_of_range", why)


def _number_problem(version: SchemaVersion, capabilities: Capabilities) -> Iterator[Problem]:
    number = None if capabilities.exact_numbers else number_beyond_64_bits(version.content)
    if number is not None:
        shown = number if len(number) <= _SHOWN_DIGITS else f"{number[:_SHOWN_DIGITS]}…"
        why = f"the target cannot hold the number {shown} of its text; leave the subject out with exclude_subjects"
        yield Problem(version.subject, version.version, "number_beyond_64_bits", why)


def _add_all_settings(
    settings: Mapping[str, ScopeSettings],
    there: Mapping[str, ScopeSettings],
    names: Names,
    capabilities: Capabilities,
    made: Wish,
) -> None:
    """Add the settings under the target's scopes; where contexts come together, those of the one that stays there."""
    for scope in sorted(settings, key=lambda scope: (names.of(scope) != scope, scope)):
        new, held = names.of(scope), settings[scope]
        if new in made.settings:
            if held != made.settings[new]:
                made.notes.append(
                    f"The settings of {scope or 'the registry'} are not applied to {new or 'the registry'}."
                )
        else:
            shown = there.get(new, ScopeSettings()).config.value or {}
            _add_settings(new, held if new == scope else _moved(held), shown, names, capabilities, made)


def _moved(settings: ScopeSettings) -> ScopeSettings:
    """Return the settings of a scope that becomes another, without a mode that may well be unset."""
    unset = settings.mode.is_set is None and settings.mode.value == READWRITE
    return replace(settings, mode=UNSET) if unset else settings


def _add_settings(
    scope: str,
    settings: ScopeSettings,
    shown: Collection[str],
    names: Names,
    capabilities: Capabilities,
    made: Wish,
) -> None:
    """Add the settings of one of the target's scopes; ``shown``: the fields that its config there has already."""
    if context_of(scope) != DEFAULT_CONTEXT and not capabilities.contexts:
        if not _says_nothing(settings):
            made.lost.append(Lost(CONTEXTS, scope, f"settings of {scope}"))
        return
    mode = settings.mode
    if mode.value == IMPORT:
        made.notes.append(f"The mode IMPORT of {scope or 'the registry'} in the backup is not applied.")
        mode = UNSET
    elif mode.value is not None and mode.value not in capabilities.modes:
        if mode.value != READWRITE:  # a target without modes is always in READWRITE
            made.lost.append(Lost(CONFIGS, scope, f"mode {mode.value}"))
        mode = UNSET
    made.settings[scope] = ScopeSettings(_config(scope, settings.config, shown, names, capabilities, made), mode)


def _says_nothing(settings: ScopeSettings) -> bool:
    """Tell whether settings are those that hold without any, in a registry that does not tell the two apart."""
    config, mode = settings.config, settings.mode
    defaults = config.value in (None, {LEVEL: DEFAULT_LEVEL}) and mode.value in (None, READWRITE)
    return defaults and True not in (config.is_set, mode.is_set)


def _config(
    scope: str, config: Setting, shown: Collection[str], names: Names, capabilities: Capabilities, made: Wish
) -> Setting:
    if not isinstance(config.value, dict):
        return config
    value = {name: field for name, field in config.value.items() if field is not None}
    for alias in ALIASES:
        if isinstance(value.get(alias), str) and not is_wide_scope(value[alias]):
            value[alias] = names.of(value[alias])
    known = capabilities.config_fields
    for name in sorted(set(value) - known - set(shown)) if known is not None else ():
        made.lost.append(Lost(CONFIGS, scope, f"config field {name}"))
        del value[name]
    if scope in made.old_names and not capabilities.reads_past_aliases and value.pop(ALIASES[0], None):
        made.lost.append(Lost(CONFIGS, scope, f"config field {ALIASES[0]}"))  # it would hide the subject's versions
    if capabilities.configs_need_level and LEVEL not in value:
        value[LEVEL] = DEFAULT_LEVEL
        made.notes.append(
            f"The config of {scope or 'the registry'} has no compatibility level in the backup. The target needs one, "
            f"and gets {DEFAULT_LEVEL}, which holds without one."
        )
    return Setting(value, config.is_set)
