# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph of references between schema versions: what is missing, what belongs together, what comes first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from .._core.errors import Refused
from .model import Reference, SchemaVersion, VersionKey

LATEST = -1
"""The version number of a reference that means the latest live version."""

Node = TypeVar("Node", bound=tuple[Any, ...])


class CycleError(Refused):
    """Schema versions refer to each other in a circle.

    Args:
        path: The circle, its first member again at its end.
    """

    default_code = "reference_cycle"

    def __init__(self, path: Sequence[VersionKey]) -> None:
        shown = " -> ".join(f"{key.subject} v{key.version}" for key in path)
        super().__init__(
            f"Schema versions refer to each other in a circle, so none of them can be registered first: {shown}.",
            object_name=path[0].subject,
            path=shown,
        )
        self.path = tuple(path)


@dataclass(frozen=True)
class MissingReference:
    """A reference whose target is not there.

    Args:
        referrer: The version that carries the reference.
        reference: The reference as written.
        target: What it names; version -1 where it names the latest version of a subject that has none.
    """

    referrer: VersionKey
    reference: Reference
    target: VersionKey


class Versions:
    """Schema versions with what finding a reference's target needs.

    Args:
        versions: All of them, soft-deleted ones too, by key.
    """

    def __init__(self, versions: Mapping[VersionKey, SchemaVersion]) -> None:
        self._versions = versions
        self._live: dict[str, list[int]] = {}
        for key in sorted(versions):
            if not versions[key].deleted:
                self._live.setdefault(key.subject, []).append(key.version)

    def target(self, referrer: VersionKey, reference: Reference) -> VersionKey | None:
        """Return the version that a reference means, or None when it is not there.

        Soft-deleted versions can be meant by their number. The latest one is the highest live version; for a
        reference to the referrer's own subject it is the highest live version below the referrer.
        """
        wanted = reference.target(referrer.subject)
        if wanted.version != LATEST:
            return wanted if wanted in self._versions else None
        own = wanted.subject == referrer.subject
        numbers = [n for n in self._live.get(wanted.subject, ()) if not own or n < referrer.version]
        return VersionKey(wanted.subject, numbers[-1]) if numbers else None

    def targets(self, key: VersionKey) -> Iterator[VersionKey]:
        """Yield those versions that a version refers to and that are there, in the order of its references."""
        for reference in self._versions[key].content.references:
            target = self.target(key, reference)
            if target is not None:
                yield target


def missing_references(
    versions: Mapping[VersionKey, SchemaVersion], selected: Iterable[VersionKey] | None = None
) -> list[MissingReference]:
    """Find the references that lead nowhere.

    Args:
        versions: All versions that a reference may mean.
        selected: Whose references are followed; all of them by default.

    Returns:
        Sorted by referrer, then in the order of its references.
    """
    known = Versions(versions)
    return [
        MissingReference(key, reference, reference.target(key.subject))
        for key in sorted(versions if selected is None else selected)
        for reference in versions[key].content.references
        if known.target(key, reference) is None
    ]


def closure(selected: Iterable[VersionKey], versions: Mapping[VersionKey, SchemaVersion]) -> set[VersionKey]:
    """Return some versions and all that they refer to, directly and indirectly, as exact versions.

    Args:
        selected: Keys of ``versions``.
        versions: All versions; what is referred to and not among them is left out.
    """
    known = Versions(versions)
    found = set(selected)
    pending = list(found)
    while pending:
        for target in known.targets(pending.pop()):
            if target not in found:
                found.add(target)
                pending.append(target)
    return found


def dependency_order(
    versions: Mapping[VersionKey, SchemaVersion], *, sequential_subjects: bool = False
) -> list[VersionKey]:
    """Return all versions so that each stands after what it refers to; ties by subject, then ascending version.

    Args:
        versions: The versions to order; references to others do not matter.
        sequential_subjects: Whether each version of a subject must also stand after its lower ones.

    Raises:
        CycleError: They refer to each other in a circle.
    """
    known = Versions(versions)
    needs = {key: set(known.targets(key)) for key in versions}
    if sequential_subjects:
        ascending = sorted(versions)
        for lower, higher in pairwise(ascending):
            if lower.subject == higher.subject:
                needs[higher].add(lower)
    order, circle = ordered(needs)
    if circle:
        raise CycleError(circle)
    return order


def ordered(needs: Mapping[Node, Iterable[Node]]) -> tuple[list[Node], list[Node]]:
    """Order nodes so that each stands after all that it needs; the smallest of those that are free comes first.

    Args:
        needs: What each node needs; nodes that are needed and not keys are ignored.

    Returns:
        The order, and an empty list; or what could be ordered, and a circle with its first member again at its end.
    """
    open_needs = {node: {need for need in wanted if need in needs} for node, wanted in needs.items()}
    needed_by: dict[Node, list[Node]] = {node: [] for node in needs}
    for node, wanted in open_needs.items():
        for need in wanted:
            needed_by[need].append(node)
    free = [node for node, wanted in open_needs.items() if not wanted]
    heapq.heapify(free)
    order: list[Node] = []
    while free:
        node = heapq.heappop(free)
        order.append(node)
        for dependent in needed_by[node]:
            open_needs[dependent].discard(node)
            if not open_needs[dependent]:
                heapq.heappush(free, dependent)
    left = {node: wanted for node, wanted in open_needs.items() if wanted}
    return order, _circle(left)


def _circle(needs: Mapping[Node, set[Node]]) -> list[Node]:
    """Return a circle among nodes each of which needs another of them, beginning with its smallest member."""
    if not needs:
        return []
    node = min(needs)
    seen: dict[Node, int] = {}
    walk: list[Node] = []
    while node not in seen:
        seen[node] = len(walk)
        walk.append(node)
        node = min(needs[node])
    circle = walk[seen[node] :]
    first = circle.index(min(circle))
    return [*circle[first:], *circle[:first], circle[first]]
