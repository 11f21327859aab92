# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The highest ids that a registry has given out, which may be of schemas that are gone."""

from __future__ import annotations

from collections.abc import Iterable

from .._registry.dialect import Registry
from .._schemas.model import DEFAULT_CONTEXT, SchemaVersion, context_of
from .schemas_topic import SchemasTopic


def highest_ids(
    registry: Registry,
    versions: Iterable[SchemaVersion],
    topic: SchemasTopic | None = None,
    *,
    all_contexts: bool = False,
) -> dict[str, int]:
    """Find out the highest id that a registry has given in each context: as it tells, else as its versions show.

    Args:
        registry: Which one.
        versions: All that it holds.
        topic: The topic that it keeps them in, where that was read.
        all_contexts: Whether contexts without versions are wanted too, as far as the topic tells of versions that were
            deleted for good; nothing else does.
    """
    known: dict[str, int] = {}
    for version in versions:
        context = context_of(version.subject)
        known[context] = max(version.id, known.get(context, version.id))
    highest = {context: registry.highest_id(context, at_least) or at_least for context, at_least in known.items()}
    for context, given in _given_in_topic(registry, topic, known).items():
        if all_contexts or context in known:
            highest[context] = max(given, highest.get(context, given))
    return dict(sorted(highest.items()))


def _given_in_topic(registry: Registry, topic: SchemasTopic | None, contexts: Iterable[str]) -> dict[str, int]:
    """Return the highest ids that a topic tells; without contexts, a registry gives ids once for all names."""
    in_log = topic.log.highest_ids if topic is not None else {}
    if registry.declared.contexts or not in_log:
        return in_log
    return dict.fromkeys([DEFAULT_CONTEXT, *contexts], max(in_log.values()))
