# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes subjects for good, so that they can be imported anew: how, and when that would destroy something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from .content import same
from .graph import CycleError, dependency_order, ordered
from .import_plan import PurgeSubject, SoftDelete, Step
from .model import SchemaVersion, VersionKey
from .problems import Problem
from .wanted import Wanted

Versions = Mapping[VersionKey, SchemaVersion]


def unsafe(purged: Collection[str], versions: Versions, registered: Iterable[Wanted]) -> list[Problem]:
    """Find what a purge would destroy for good, and who else refers to what is purged.

    Args:
        purged: The subjects.
        versions: All that the target holds.
        registered: What is registered afterwards.
    """
    problems: list[Problem] = []
    brought: dict[tuple[str, int], list[Wanted]] = defaultdict(list)
    for wanted in registered:
        brought[wanted.key.subject, wanted.version.id].append(wanted)
    for key in sorted(versions):
        there = versions[key]
        if key.subject not in purged:
            named = {reference.target(key.subject).subject for reference in there.content.references}
            why = f"it cannot be purged, since {key} refers to it"
            problems.extend(Problem(subject, 0, "purge_unsafe", why) for subject in named if subject in purged)
        elif not any(same(there.content, wanted.version.content) for wanted in brought[key.subject, there.id]):
            why = f"to purge the subject would destroy the id {there.id}, whose content does not come back as it is"
            problems.append(Problem(key.subject, key.version, "purge_unsafe", why))
    return problems


def purge(purged: Collection[str], versions: Versions) -> tuple[list[Step], list[Problem]]:
    """Return the steps that delete subjects for good, what refers to others first; or why there is no such order.

    Args:
        purged: The subjects.
        versions: All that the target holds.
    """
    doomed = {key: version for key, version in versions.items() if key.subject in purged}
    referred_by: dict[tuple[str, ...], set[tuple[str, ...]]] = {(subject,): set() for subject in purged}
    for key, version in doomed.items():
        for reference in version.content.references:
            subject = reference.target(key.subject).subject
            if subject in purged and subject != key.subject:
                referred_by[subject,].add((key.subject,))
    order, circle = ordered(referred_by)
    if circle:
        path = " -> ".join(subject for (subject,) in circle)
        why = f"subjects that refer to each other cannot be purged: {path}"
        return [], [Problem(circle[0][0], 0, "purge_unsafe", why)]
    try:
        ascending = dependency_order(doomed)
    except CycleError as error:
        return [], [Problem(*error.path[0], "purge_unsafe", f"it cannot be purged: {error.message}")]
    steps: list[Step] = [SoftDelete(key) for key in reversed(ascending) if not doomed[key].deleted]
    numbers: dict[str, list[int]] = defaultdict(list)
    for key in sorted(doomed):
        numbers[key.subject].append(key.version)
    return [*steps, *(PurgeSubject(subject, tuple(numbers[subject])) for (subject,) in order)], []
