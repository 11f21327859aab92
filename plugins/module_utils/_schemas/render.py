# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what an import plan changes, for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._core.change import omitted
from .import_plan import (
    KEEP,
    UNKNOWN_UNTIL_APPLIED,
    ImportPlan,
    PurgeSubject,
    Register,
    SettingChange,
    SoftDelete,
)
from .model import SchemaVersion, VersionKey

_SHOWN_OBJECTS = 100

View = dict[str, Any]


def rendered(plan: ImportPlan) -> tuple[View, View]:
    """Show what a plan changes.

    Args:
        plan: The plan.

    Returns:
        Before and after: the versions that change, by subject, and the settings, by scope; sorted, and bounded to
        `_SHOWN_OBJECTS` subjects and scopes, with the number of those that are omitted.
    """
    before: View = {}
    after: View = {}
    for step in plan.steps:
        _show_step(step, plan, before.setdefault(step.subject, {}), after.setdefault(step.subject, {}))
    for change in plan.settings:
        _show_setting(change, before, after)
    names = sorted({*before, *after})
    shown = names[:_SHOWN_OBJECTS]
    views = [{name: view[name] for name in shown if view.get(name)} for view in (before, after)]
    return views[0], views[1] | omitted(len(names) - len(shown), "subject or setting", "subjects and settings")


def _show_step(step: Register | SoftDelete | PurgeSubject, plan: ImportPlan, before: View, after: View) -> None:
    if isinstance(step, Register):
        live = replace(step.version, deleted=False)
        held = plan.target.versions.get(step.version.key)
        if held is not None:
            before.setdefault(_label(held.key), _described(held))
        after[_label(step.version.key)] = _described(live, known_id=plan.options.ids == KEEP)
    elif isinstance(step, SoftDelete):
        held = plan.target.versions.get(step.key)
        label = _label(step.key)
        if held is not None and label not in after:
            before.setdefault(label, _described(held))
        after[label] = f"{after.get(label) or (_described(held) if held else UNKNOWN_UNTIL_APPLIED)}, soft-deleted"
    else:
        before.update({_label(held.key): _described(held) for held in plan.target.of_subject(step.subject)})
        after.clear()


def _show_setting(change: SettingChange, before: View, after: View) -> None:
    label = f"{change.kind} of {change.scope or 'the registry'}"
    before[label] = change.before.value
    after[label] = change.value


def _label(key: VersionKey) -> str:
    return f"version {key.version}"


def _described(version: SchemaVersion, *, known_id: bool = True) -> str:
    schema_id = f"id {version.id}" if known_id else f"id {UNKNOWN_UNTIL_APPLIED}"
    deleted = ", soft-deleted" if version.deleted else ""
    return f"{schema_id}, {version.content.schema_type}{deleted}"
