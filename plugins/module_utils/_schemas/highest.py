# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a target from giving ids again that its source had given to schemas that are gone.

A registry gives the id after the highest that it has seen. Where the source's highest ids belong to schemas that were
deleted for good, a restored registry would give them to other schemas, and data that still carries them would be read
with these. So one soft-deleted version keeps the highest of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from .capabilities import Capabilities
from .content import same
from .draft import Draft
from .import_plan import KEEP, ImportOptions, Register, SoftDelete, Step
from .losses import CONTEXTS, Lost
from .model import (
    DEFAULT_CONTEXT,
    RegistryState,
    SchemaContent,
    SchemaVersion,
    context_of,
    context_scope,
    join_subject,
)
from .naming import HIGHEST_ID_SUBJECT
from .wanted import Wish


def reserve_highest_ids(
    made: Wish, draft: Draft, target: RegistryState, capabilities: Capabilities, options: ImportOptions
) -> None:
    """Add to a draft what keeps the source's highest ids, where the import alone does not reach them, and say so.

    Args:
        made: What is to be brought in.
        draft: The versions' part of the plan.
        target: What the target holds, with the highest ids that it tells.
        capabilities: What it can hold.
        options: What was asked for.
    """
    if options.ids != KEEP:
        return
    brought = [wanted.version for wanted in (*made.versions.values(), *(one for one, _why in made.omitted.values()))]
    known, reached = _highest(brought, {}), _highest(draft.versions.values(), target.highest_ids)
    for context, highest in sorted(made.highest_ids.items()):
        kept = placeholder(context, highest)
        held = draft.versions.get(kept.key)
        if held is not None and not held.deleted and kept.key not in made.versions and same(held.content, kept.content):
            _add(draft, kept, (SoftDelete(kept.key),))  # a run that was stopped has left it live
        elif context != DEFAULT_CONTEXT and not capabilities.contexts:
            if context not in known and options.keep_highest_id:
                draft.lost.append(Lost(CONTEXTS, context_scope(context), f"highest id of {context}"))
        elif max(known.get(context, 0), reached.get(context, 0)) < highest:
            obstacle = _obstacle(kept, capabilities, options)
            if obstacle is None:
                _add(draft, kept, (Register(kept.key, kept, with_id=True), SoftDelete(kept.key)))
            draft.notes.append(_told(kept, known.get(context), obstacle))


def placeholder(context: str, schema_id: int) -> SchemaVersion:
    """Return the soft-deleted version that keeps an id in a context."""
    text = {"type": "record", "name": f"highest_id_{schema_id}", "namespace": "lifeboat.kafka", "fields": []}
    content = SchemaContent("AVRO", json.dumps(text, separators=(",", ":")))
    return SchemaVersion(join_subject(context, HIGHEST_ID_SUBJECT), schema_id, schema_id, content, deleted=True)


def _highest(versions: Iterable[SchemaVersion], told: Mapping[str, int]) -> dict[str, int]:
    """Return the highest id in each context, of versions and of what a server tells."""
    highest = dict(told)
    for version in versions:
        context = context_of(version.subject)
        highest[context] = max(version.id, highest.get(context, version.id))
    return highest


def _told(kept: SchemaVersion, known: int | None, obstacle: str | None) -> str:
    which = "all of them" if known is None else f"those above {known}"
    gone = (
        f"The source had given ids up to {kept.id} in the context {context_of(kept.subject)}, of which {which} are "
        "gone; "
    )
    if obstacle:
        return f"{gone}the target may give them to other schemas, since {obstacle}."
    return (
        f"{gone}so that the target does not give them again, {kept.subject} keeps the highest of them, soft-deleted. "
        "keep_highest_id: false leaves that out."
    )


def _obstacle(kept: SchemaVersion, capabilities: Capabilities, options: ImportOptions) -> str | None:
    """Return why an id is not kept, or None where it is."""
    if not options.keep_highest_id:
        return "keep_highest_id is false"
    if kept.id > capabilities.highest_id:
        return f"it takes ids up to {capabilities.highest_id} only"
    return None if capabilities.soft_delete else "it has no soft delete"


def _add(draft: Draft, kept: SchemaVersion, steps: Iterable[Step]) -> None:
    draft.steps.extend(steps)
    draft.versions[kept.key] = kept
