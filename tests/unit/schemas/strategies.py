# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated registries: references, gaps, soft deletes, contexts, shared contents, settings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import meaning
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.graph import Versions, dependency_order
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    DEFAULT_CONTEXT,
    UNSET,
    Reference,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    ScopeSettings,
    Setting,
    VersionKey,
    context_of,
    context_scope,
    join_subject,
)

CONTEXTS = (DEFAULT_CONTEXT, ".eu")
SUBJECTS = ("orders", "parts/ü", "shop")
METADATA = (None, None, {"properties": {"owner": "x"}}, {"properties": {"pin": "1"}, "sensitive": ["pin"]})
RULE_SETS = (None, None, {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE"}]})
CONFIGS = (
    {"compatibilityLevel": "FULL"},
    {"compatibilityLevel": "NONE", "normalize": True},
    {"compatibilityLevel": "BACKWARD", "alias": "shop"},
)


def record(number: int, *, doc: str = "") -> str:
    """Return an Avro text; those of the same number differ by what a parser ignores."""
    return json.dumps({"type": "record", "name": f"t{number}", "doc": doc, "fields": []})


@st.composite
def settings(draw: st.DrawFn, *, wide: bool) -> ScopeSettings:
    """Draw a scope's settings; the global ones as a server tells them that does not tell set from unset."""
    if wide:
        config: Any = draw(st.sampled_from(CONFIGS[:2]))
        return ScopeSettings(Setting(config, None), Setting(draw(st.sampled_from(["READWRITE", "READONLY"])), None))
    return ScopeSettings(
        draw(st.sampled_from([UNSET, *(Setting(config, True) for config in CONFIGS)])),
        draw(st.sampled_from([UNSET, *(Setting(mode, True) for mode in ("READWRITE", "READONLY", "IMPORT"))])),
    )


@st.composite
def registries(draw: st.DrawFn, *, most: int = 8, seed: RegistryState | None = None) -> RegistryState:
    """Draw what a Confluent-like registry can hold.

    Args:
        draw: Given by hypothesis.
        most: How many versions at most, beside those of the seed.
        seed: Some of its versions are held too, now and then renumbered, soft-deleted or live again; then no mode
            forbids anything, and no alias redirects writes.
    """
    state = RegistryState(contexts=CONTEXTS)
    ids: dict[tuple[str, str], int] = {}
    if seed is not None:
        _add_some(draw, state, seed)
        ids = {(context_of(v.subject), meaning(v.content)): v.id for v in state.versions.values()}
    for _count in range(draw(st.integers(0, most))):
        _add_version(draw, state, ids)
    scopes = [context_scope(context) for context in CONTEXTS] + [join_subject(c, s) for c in CONTEXTS for s in SUBJECTS]
    for scope in scopes:
        if scope in state.subjects() or scope in map(context_scope, CONTEXTS) or draw(st.booleans()):
            drawn = draw(settings(wide=scope == ""))
            if seed is not None:
                alias = drawn.config.value is not None and "alias" in drawn.config.value
                drawn = ScopeSettings(UNSET if alias else drawn.config)
            state.settings[scope] = drawn
    return state


def _add_some(draw: st.DrawFn, state: RegistryState, seed: RegistryState) -> None:
    known = Versions(seed.versions)
    moved: dict[VersionKey, VersionKey] = {}
    close_gaps = draw(st.sampled_from([False, False, True]))
    for key in dependency_order(seed.versions, sequential_subjects=True):
        targets = list(known.targets(key))
        if draw(st.booleans()) and all(moved.get(target) == target for target in targets):
            used = [held.version for held in state.versions if held.subject == key.subject]
            moved[key] = VersionKey(key.subject, max(used, default=0) + 1) if close_gaps else key
            deleted = seed.versions[key].deleted ^ draw(st.sampled_from([False, False, False, True]))
            state.versions[moved[key]] = replace(seed.versions[key], version=moved[key].version, deleted=deleted)


def _add_version(draw: st.DrawFn, state: RegistryState, ids: dict[tuple[str, str], int]) -> None:
    context = draw(st.sampled_from(CONTEXTS))
    subject = join_subject(context, draw(st.sampled_from(SUBJECTS)))
    numbers = [key.version for key in state.versions if key.subject == subject]
    number = max(numbers, default=0) + draw(st.integers(1, 3))
    near = sorted(key for key in state.versions if context_of(key.subject) == context)
    wanted = draw(st.lists(st.sampled_from(near), max_size=2, unique=True)) if near else []
    references = tuple(Reference(f"n{i}", key.subject, key.version) for i, key in enumerate(wanted))
    text = record(draw(st.integers(0, 3)), doc=draw(st.sampled_from(["", "", "note"])))
    content = SchemaContent("AVRO", text, references, draw(st.sampled_from(METADATA)), draw(st.sampled_from(RULE_SETS)))
    place = (context, meaning(content))
    if place not in ids:
        ids[place] = max([known for (at, _meaning), known in ids.items() if at == context], default=0) + draw(
            st.integers(1, 3)
        )
    key = VersionKey(subject, number)
    state.versions[key] = SchemaVersion(
        subject, number, ids[place], content, deleted=draw(st.sampled_from([False, False, True]))
    )
