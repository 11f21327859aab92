# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a registration arrived whose answer was lost."""

from __future__ import annotations

from typing import Any

from .._schemas.attachments import comparable
from .._schemas.content import same_text
from .._schemas.model import SchemaContent, SchemaVersion
from .versions import Versions


def arrived(registry: Versions, wanted: SchemaVersion) -> dict[str, Any] | None:
    """Look whether a subject's newest live version is the one that was to be registered without an id.

    Where it is not, others have registered since, or it never arrived; and to register it again gives nothing new in
    the first case: a registry takes a content that is live in the subject for the version that has it.

    Returns:
        What the answer would have said, or None.

    Raises:
        RegistryError: The registry gave no usable answer.
    """
    live = [listed.key for listed in registry.list_subject(wanted.subject) if not listed.deleted]
    newest = registry.read_version(max(live)) if live else None
    return {"id": newest.id} if newest is not None and _holds(newest.content, wanted.content) else None


def _holds(held: SchemaContent, wanted: SchemaContent) -> bool:
    """Compare what was asked for; metadata and rules that were not given are inherited from an earlier version."""
    pairs = ((held.metadata, wanted.metadata), (held.rule_set, wanted.rule_set))
    return (
        same_text(held, wanted)
        and held.references == wanted.references
        and all(theirs is None or comparable(ours or {}) == comparable(theirs) for ours, theirs in pairs)
    )
