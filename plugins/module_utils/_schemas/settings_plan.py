# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configs and modes an import sets: for good when the schemas are in, and for the time until then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .capabilities import Capabilities
from .compare import LEVEL, same_setting
from .import_plan import KEEP, OVERWRITE, SKIP, ImportOptions, SettingChange, TemporarySetting
from .model import (
    GLOBAL_SCOPE,
    OVERALL_SCOPE,
    UNSET,
    RegistryState,
    ScopeSettings,
    Setting,
    context_of,
    context_scope,
    is_wide_scope,
)
from .naming import ALIASES
from .wanted import IMPORT, READWRITE

READONLY_OVERRIDE = "READONLY_OVERRIDE"
NO_COMPATIBILITY = "NONE"
NORMALIZE = "normalize"


def is_only_ours(target: RegistryState, options: ImportOptions) -> bool:
    """Tell whether a target holds nothing, soft-deleted versions included, but what this import's own run left."""
    return all(key in options.unfinished for key in target.versions)


def final_settings(
    wanted: Mapping[str, ScopeSettings],
    target: RegistryState,
    options: ImportOptions,
    *,
    purged: Collection[str],
    created: Collection[str],
) -> list[SettingChange]:
    """Plan what is set after the last step.

    Args:
        wanted: The archive's settings, by the target's scopes.
        target: What the target holds.
        options: What was asked for.
        purged: Subjects that lose their settings by being purged; what the archive lacks of them is set again.
        created: Subjects that only this import's versions make.

    Returns:
        In the order to set them: configs, wide scopes first and those with an alias last, since an alias redirects
        what follows; then modes, wide scopes last, since a mode may close what lies below.
    """
    changes = []
    empty = is_only_ours(target, options)
    for scope in sorted({*wanted, *purged}):
        asked, there = wanted.get(scope, ScopeSettings()), target.settings.get(scope, ScopeSettings())
        for kind, new, now in (("config", asked.config, there.config), ("mode", asked.mode, there.mode)):
            if scope in purged:
                new, now = (new if new.value is not None else now), UNSET
            if new.value is None or new.is_set is False or same_setting(new, now):
                continue
            if scope in purged or _may_set(scope, now, options, empty=empty, created=created):
                changes.append(SettingChange(scope, kind, new.value, now))
    return sorted(changes, key=_rank)


def _may_set(scope: str, now: Setting, options: ImportOptions, *, empty: bool, created: Collection[str]) -> bool:
    if options.strategy == OVERWRITE:
        return True
    if options.strategy == SKIP:
        return scope in created
    return now.is_set is False or (empty and now.is_set is None)


def _rank(change: SettingChange) -> tuple[Any, ...]:
    wide = is_wide_scope(change.scope)
    if change.kind == "config":
        return 0, any(change.value.get(field) for field in ALIASES), not wide, change.scope
    return 1, False, wide, change.scope == GLOBAL_SCOPE, change.scope


def settings_after(target: RegistryState, changes: Iterable[SettingChange]) -> dict[str, ScopeSettings]:
    """Return a target's settings once some changes are made."""
    settings = dict(target.settings)
    for change in changes:
        there = settings.get(change.scope, ScopeSettings())
        new = Setting(change.value, None if change.before.is_set is None else True)
        config, mode = (new, there.mode) if change.kind == "config" else (there.config, new)
        settings[change.scope] = ScopeSettings(config, mode)
    return settings


def temporary_modes(
    subjects: Collection[str],
    changes: Iterable[SettingChange],
    target: RegistryState,
    capabilities: Capabilities,
    options: ImportOptions,
) -> list[TemporarySetting]:
    """Plan the modes that hold while the steps and the configs are made.

    With ``ids: keep`` it is IMPORT, where the target takes ids in that: for the whole registry and each context that
    is written to where the target holds nothing of others, and for every subject that has a mode of its own; else for
    each subject. Otherwise it is READWRITE, for each subject that another mode closes. A scope that only gets a config
    is opened with IMPORT where a mode forbids that, since IMPORT lets nobody else register; without IMPORT, with
    READWRITE.

    Args:
        subjects: What is written to.
        changes: What is set for good.
        target: What the target holds.
        capabilities: What it can do.
        options: What was asked for.
    """
    modes: dict[str, str] = {}
    if options.ids == KEEP and capabilities.ids_in == IMPORT:
        if subjects and is_only_ours(target, options):
            modes = dict.fromkeys((GLOBAL_SCOPE, *(context_scope(context_of(s)) for s in subjects)), IMPORT)
            modes |= {s: IMPORT for s in subjects if own_mode(target, s).is_set}
        else:
            modes = dict.fromkeys(subjects, IMPORT)
    else:
        modes = {subject: READWRITE for subject in subjects if effective_mode(target, subject) != READWRITE}
    for change in changes:
        closed = effective_mode(target, change.scope) not in (READWRITE, IMPORT)
        if change.kind == "config" and closed and not _is_covered(change.scope, modes, target):
            modes[change.scope] = IMPORT if IMPORT in capabilities.modes else READWRITE
    return [
        TemporarySetting(scope, "mode", mode, bool(target.versions), own_mode(target, scope))
        for scope, mode in sorted(modes.items(), key=lambda item: (not is_wide_scope(item[0]), item[0]))
        if own_mode(target, scope).value != mode or not own_mode(target, scope).is_set
    ]


def _is_covered(scope: str, modes: Mapping[str, str], target: RegistryState) -> bool:
    return scope in modes or (not own_mode(target, scope).is_set and context_scope(context_of(scope)) in modes)


def own_mode(target: RegistryState, scope: str) -> Setting:
    """Return the mode of a scope itself."""
    return target.settings.get(scope, ScopeSettings()).mode


def effective_mode(target: RegistryState, scope: str) -> str:
    """Return the mode that holds in a scope: its own, its context's, that of all contexts, or READWRITE."""
    modes = (own_mode(target, place).value for place in _fallbacks(scope))
    return next((str(mode) for mode in modes if mode is not None), READWRITE)


def effective_config(target: RegistryState, subject: str) -> dict[str, Any]:
    """Return the config that holds for a subject: its own, its context's, or that of all contexts, as far as known."""
    configs = (_own_config(target, place).value for place in _fallbacks(subject))
    return next((config for config in configs if isinstance(config, dict)), {})


def _own_config(target: RegistryState, scope: str) -> Setting:
    return target.settings.get(scope, ScopeSettings()).config


def _fallbacks(scope: str) -> tuple[str, ...]:
    """Return the scopes that a server asks for what holds in one."""
    return scope, context_scope(context_of(scope)), OVERALL_SCOPE


def configs_that_keep_texts(
    subjects: Collection[str], target: RegistryState, options: ImportOptions
) -> list[TemporarySetting]:
    """Plan the configs without ``normalize``, which rewrites texts even in IMPORT.

    They are changed where they are set if the target holds nothing of others, and else for each subject.

    Args:
        subjects: What is registered to.
        target: What the target holds.
        options: What was asked for.
    """
    if is_only_ours(target, options):
        places = {place for subject in subjects for place in _fallbacks(subject)}
        scopes = {place for place in places if (_own_config(target, place).value or {}).get(NORMALIZE)}
    else:
        scopes = {subject for subject in subjects if _inherited(target, subject, NORMALIZE)}
    planned = []
    for scope in sorted(scopes, key=lambda scope: (not is_wide_scope(scope), scope)):
        before, level = _own_config(target, scope), _inherited(target, scope, LEVEL)
        value = {**({LEVEL: level} if level else {}), **(before.value or {}), NORMALIZE: False}
        planned.append(TemporarySetting(scope, "config", value, False, before))
    return planned


def _inherited(target: RegistryState, scope: str, field: str) -> Any:
    """Return a field of the config that holds for a scope; what a config lacks is taken from the next wider one."""
    values = ((_own_config(target, place).value or {}).get(field) for place in _fallbacks(scope))
    return next((value for value in values if value is not None), None)


def temporary_configs(subjects: Iterable[str], target: RegistryState) -> list[TemporarySetting]:
    """Plan the configs under which a target registers contents as they are, whatever they are compatible with.

    Args:
        subjects: What is registered to and needs it.
        target: What the target holds.
    """
    planned = []
    for subject in sorted(subjects):
        effective = effective_config(target, subject)
        value: dict[str, Any] = {LEVEL: NO_COMPATIBILITY}
        value |= {name: False for name in (NORMALIZE, "validateFields") if _inherited(target, subject, name)}
        if value != {name: field for name, field in effective.items() if field}:
            planned.append(TemporarySetting(subject, "config", value, False, _own_config(target, subject)))
    return planned
