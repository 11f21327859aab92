# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans an import: what an archive changes in a target, found out before the first write."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from .._core.counting import counted, named
from .._core.errors import InvalidOption, Refused
from .assign import draft_assign
from .capabilities import Capabilities
from .classify import OMIT
from .compare import same_setting
from .draft import Draft
from .highest import reserve_highest_ids
from .import_plan import (
    KEEP,
    NEW,
    ImportOptions,
    ImportPlan,
    Item,
    PurgeSubject,
    Register,
    SettingChange,
    SoftDelete,
    TemporarySetting,
)
from .keep import draft_keep
from .key_plan import draft_keys
from .losses import summed
from .merging import check_ids
from .model import DEFAULT_CONTEXT, RegistryState, ScopeSettings, context_of
from .problems import ImportRefused, Problem
from .settings_plan import (
    READONLY_OVERRIDE,
    configs_that_keep_texts,
    effective_mode,
    final_settings,
    is_only_ours,
    settings_after,
    temporary_configs,
    temporary_modes,
)
from .wanted import IMPORT, Wish, wish


def plan_import(
    archive: RegistryState, target: RegistryState, capabilities: Capabilities, options: ImportOptions
) -> ImportPlan:
    """Plan how a target comes to hold what an archive holds.

    Args:
        archive: The selected part of a restore point.
        target: All that the target holds, soft-deleted versions and every context included; with the settings of
            `wanted.scopes_to_read` and of its own scopes, as they were before temporary changes of an earlier run.
        capabilities: What the target can hold.
        options: What was asked for.

    Raises:
        ImportRefused: There are conflicts, references that lead nowhere, names or ids that the target cannot have, or
            losses that are not accepted; all of them are named.
        InvalidOption: A mapping cannot be used, or the target does not take ids.
        Refused: The target cannot be written to at all.
    """
    _check(capabilities, options)
    made = wish(archive, target, capabilities, options)
    check_ids(made.versions.values(), options)
    draft = (draft_keep if options.ids == KEEP else draft_assign)(made, target, capabilities, options)
    reserve_highest_ids(made, draft, target, capabilities, options)
    settings = _settings(made, draft, target, capabilities, options)
    keys = draft_keys(archive.keys, target.keys, capabilities, options)
    losses = summed([*made.lost, *draft.lost, *keys.lost])
    closed = _closed({step.subject for step in draft.steps}, keys.plan.subjects, settings, target)
    obstacles = _not_at_once(draft, target) if _is_at_once(capabilities, options) else ()
    mixed = _mixed_types(draft) if capabilities.one_type_a_subject else ()
    problems = [*made.problems, *draft.problems, *keys.problems, *closed, *obstacles, *mixed]
    refused = [loss for loss in losses if loss.kind not in options.accept_losses]
    if problems or refused:
        raise ImportRefused(set(problems), refused)
    after = _after(target, draft, settings)
    return ImportPlan(
        options=options,
        target=target,
        after=after,
        items=tuple(sorted([*draft.items, *_omitted(made)], key=lambda item: item.source)),
        steps=tuple(draft.steps),
        temporary=_temporary(draft, keys.plan.subjects, settings, target, capabilities, options),
        settings=tuple(settings),
        losses=losses,
        keys=keys.plan,
        notes=(
            *made.notes,
            *draft.notes,
            *_about_settings(made, after),
            *_about_contexts(archive, after, capabilities, options),
        ),
        old_names=made.old_names,
        known=draft.known,
        same=draft.same,
        uncertain=draft.uncertain,
    )


def _check(capabilities: Capabilities, options: ImportOptions) -> None:
    if not capabilities.writes:
        raise Refused(
            "This registry's implementation is not known, so that nothing is written to it. "
            "Set registry.implementation when it behaves like one of those named there."
        )
    if options.ids == KEEP and capabilities.ids_in is None:
        raise InvalidOption(
            "The target has no mode IMPORT, so that schemas cannot keep their ids: it gives every schema an id of its "
            "own. Use ids: assign, whose result maps old ids to new ones.",
            object_name="ids",
        )


def _settings(
    made: Wish, draft: Draft, target: RegistryState, capabilities: Capabilities, options: ImportOptions
) -> Collection[SettingChange]:
    """Decide which configs and modes the target is to have in the end."""
    purged = {step.subject for step in draft.steps if isinstance(step, PurgeSubject)}
    if capabilities.soft_delete_clears_config:
        live = {key.subject for key, version in draft.versions.items() if not version.deleted}
        live |= {step.subject for step in draft.steps if isinstance(step, Register) and not step.version.deleted}
        purged |= {step.subject for step in draft.steps if isinstance(step, SoftDelete)} - live
    subjects = {*(step.subject for step in draft.steps), *(key.subject for key in draft.versions)}
    created = subjects - _foreign_subjects(target, options)
    return final_settings(made.settings, target, options, purged=purged, created=created)


def _temporary(
    draft: Draft,
    of_keys: Collection[str],
    settings: Collection[SettingChange],
    target: RegistryState,
    capabilities: Capabilities,
    options: ImportOptions,
) -> tuple[TemporarySetting, ...]:
    """Decide which modes and configs hold while the import writes."""
    subjects = {step.subject for step in draft.steps}
    modes = temporary_modes(subjects.union(of_keys), settings, target, capabilities, options)
    _check_force(modes, target, capabilities, options)
    if _is_at_once(capabilities, options):
        return tuple(modes)
    configs = temporary_configs(draft.needs_config, target)
    if options.ids == KEEP:
        registered = {step.subject for step in draft.steps if isinstance(step, Register)} - draft.needs_config
        configs += configs_that_keep_texts(registered, target, options)
    return (*modes, *configs)


def _is_at_once(capabilities: Capabilities, options: ImportOptions) -> bool:
    """Tell whether the target takes all versions at once, with their ids."""
    return options.ids == KEEP and capabilities.ids_at_once


def _check_force(
    modes: Iterable[TemporarySetting], target: RegistryState, capabilities: Capabilities, options: ImportOptions
) -> None:
    forced = any(mode.force and mode.value == IMPORT for mode in modes)
    if forced and not capabilities.forced_import and not is_only_ours(target, options):
        raise InvalidOption(
            "The target holds schemas already, and its make must not be forced into the mode IMPORT, which may delete "
            "them. Use ids: assign, or import into an empty registry.",
            object_name="ids",
        )


def _not_at_once(draft: Draft, target: RegistryState) -> Iterable[Problem]:
    """Find what keeps a target that takes ids only for all versions at once from taking these."""
    if draft.steps and target.versions:
        why = "it holds schemas already, and takes ids only while it is empty; use ids: assign, or an empty registry"
        yield Problem("the registry", 0, "not_empty", why)
    ids: dict[str, int] = {}
    for key, version in sorted(draft.versions.items()):
        text = replace(version.content, metadata=None, rule_set=None).fingerprint()
        other = ids.setdefault(text, version.id)
        if other != version.id:
            why = f"the target cannot hold its text under the id {version.id}, since that is the schema {other}"
            yield Problem(*key, "content_conflict", why)


def _mixed_types(draft: Draft) -> Iterable[Problem]:
    """Find what a target that keeps one type for a whole subject would take for that type, or refuse."""
    types = {key.subject: version.content.schema_type for key, version in sorted(draft.versions.items(), reverse=True)}
    for step in draft.steps:
        if isinstance(step, Register):
            wanted = step.version.content.schema_type
            first = types.setdefault(step.subject, wanted)
            if first != wanted:
                why = (
                    f"the target keeps one type for all versions of a subject, which is {first} here, not {wanted}; "
                    "leave the subject out with exclude_subjects"
                )
                yield Problem(step.subject, step.version.version, "mixed_types", why)


def _foreign_subjects(target: RegistryState, options: ImportOptions) -> set[str]:
    """Return the subjects of the target that hold more than this import's own versions."""
    return {key.subject for key in target.versions if key not in options.unfinished}


def _closed(
    subjects: Collection[str], of_keys: Collection[str], settings: Collection[SettingChange], target: RegistryState
) -> Iterable[Problem]:
    """Find what makes writes fail, or lead elsewhere, without a way around it."""
    if (subjects or of_keys or settings) and effective_mode(target, "") == READONLY_OVERRIDE:
        why = f"its mode {READONLY_OVERRIDE} closes the whole target; set another before the import"
        yield Problem("the registry", 0, "read_only_target", why)
    for field, names in (("alias", subjects), ("aliasForDeks", of_keys)):
        for subject in sorted(names):
            config = target.settings.get(subject, ScopeSettings()).config
            if config.is_set and config.value.get(field):
                named = config.value[field]
                why = f"the {field} {named} in its config on the target would redirect writes; remove it first"
                yield Problem(subject, 0, "alias_on_target", why)


def _after(target: RegistryState, draft: Draft, settings: Collection[SettingChange]) -> RegistryState:
    subjects = {*(key.subject for key in draft.versions), *(step.subject for step in draft.steps)}
    contexts = {*target.contexts, *map(context_of, subjects), DEFAULT_CONTEXT}
    return replace(
        target,
        versions=draft.versions,
        settings=settings_after(target, settings),
        contexts=tuple(sorted(contexts)),
    )


def _omitted(made: Wish) -> Iterable[Item]:
    for wanted, why in made.omitted.values():
        yield Item(wanted.source, wanted.version.id, wanted.key.subject, NEW, OMIT, why)


def _about_settings(made: Wish, after: RegistryState) -> Iterable[str]:
    """Tell which settings are left unlike the archive's, and what stays closed to everybody else."""
    differing, closed = [], []
    for scope in sorted({*made.settings, *after.settings}):
        wanted, held = made.settings.get(scope, ScopeSettings()), after.settings.get(scope, ScopeSettings())
        for kind, asked, stays in (("config", wanted.config, held.config), ("mode", wanted.mode, held.mode)):
            if asked.value is not None and asked.is_set is not False and not same_setting(asked, stays):
                differing.append(f"{kind} of {scope or 'the registry'}")
        if held.mode.value == IMPORT and held.mode.is_set is not None:
            closed.append(scope or "the registry")
    if differing:
        yield (
            f"{counted(len(differing), 'setting stays', 'settings stay')} as in the target, unlike the backup's "
            f"({named(differing)}); strategy: overwrite restores what the backup has."
        )
    if closed:
        yield (
            f"The mode of {named(closed)} was IMPORT before and stays so: no producer can register there. "
            "lifeboat.kafka.schema_registry_mode sets another."
        )


def _about_contexts(
    archive: RegistryState, after: RegistryState, capabilities: Capabilities, options: ImportOptions
) -> Iterable[str]:
    """Tell which contexts are not made, since a registry makes one with its first version."""
    empty = sorted(set(map(options.names.context, archive.contexts)) - set(after.contexts))
    if empty and capabilities.contexts:
        yield (
            f"{counted(len(empty), 'context holds', 'contexts hold')} no version in the backup ({named(empty)}). The "
            "target lists a context only after something is registered there, whatever is set for it."
        )
