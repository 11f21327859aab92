# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order versions are registered and soft-deleted, so that a server takes each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from .capabilities import Again
from .classify import Held
from .graph import LATEST, ordered
from .import_plan import Register, SoftDelete, Step
from .model import VersionKey
from .problems import Problem
from .settle import Settling
from .wanted import Wanted

_REGISTER, _DELETE = 0, 1
_Event = tuple[int, str, int]


def _register(key: VersionKey) -> _Event:
    return _REGISTER, *key


def _delete(key: VersionKey) -> _Event:
    return _DELETE, *key


class Order:
    """Puts what was settled in order: registrations as early, soft deletes as late as they can.

    Args:
        settling: What is registered and soft-deleted.
        held: What the target holds, without the subjects that are purged.
    """

    def __init__(self, settling: Settling, held: Held) -> None:
        self._settling = settling
        self._held = held
        self._registered: Mapping[VersionKey, Wanted] = settling.registered()
        self._deleted = settling.deleted()
        events = [*map(_register, self._registered), *map(_delete, self._deleted)]
        self._needs: dict[_Event, set[_Event]] = {event: set() for event in events}
        for key in self._deleted & self._registered.keys():
            self._needs[_delete(key)].add(_register(key))
        self._targets_before_referrers()
        self._soft_deletes_and_referrers()
        self._same_contents()

    def steps(self) -> tuple[list[Step], list[Problem]]:
        """Return the steps, or why there is no order."""
        order, circle = ordered(self._needs)
        if circle:
            words = ("", " (soft delete)")
            path = " -> ".join(f"{subject} v{version}{words[kind]}" for kind, subject, version in circle)
            _kind, subject, version = circle[0]
            return [], [Problem(subject, version, "reference_cycle", f"each of these must come after the next: {path}")]
        return [self._step(event) for event in order], []

    def _step(self, event: _Event) -> Step:
        kind, subject, version = event
        key = VersionKey(subject, version)
        if kind == _DELETE:
            return SoftDelete(key)
        wanted = self._registered[key]
        return Register(wanted.source, wanted.version, with_id=True)

    def _targets_before_referrers(self) -> None:
        latest: dict[str, list[int]] = defaultdict(list)
        for key in sorted({*self._held.versions, *self._registered}):
            if self._settling.is_live(key):
                latest[key.subject].append(key.version)
        for key, wanted in self._registered.items():
            for reference in wanted.version.content.references:
                target = reference.target(key.subject)
                if target.version == LATEST:
                    own = target.subject == key.subject
                    numbers = [n for n in latest[target.subject] if not own or n < key.version]
                    target = VersionKey(target.subject, numbers[-1]) if numbers else target
                if target in self._registered:
                    self._needs[_register(key)].add(_register(target))

    def _soft_deletes_and_referrers(self) -> None:
        """A server refuses to soft-delete what a live version refers to.

        So referrers are soft-deleted before what they refer to; but where one of them stays live, what it refers to
        is soft-deleted before any of them is registered, which only happens where the server allows that.
        """
        for target, referrers in self._settling.referrers(self._deleted).items():
            early = any(self._settling.is_live(key) for key in referrers)
            for key in referrers:
                if early and key in self._registered:
                    self._needs[_register(key)].add(_delete(target))
                elif key in self._deleted:
                    self._needs[_delete(target)].add(_delete(key))

    def _same_contents(self) -> None:
        by_subject: dict[str, list[Wanted]] = defaultdict(list)
        for wanted in self._registered.values():
            by_subject[wanted.key.subject].append(wanted)
        deleted: dict[str, list[VersionKey]] = defaultdict(list)
        for key in sorted(self._deleted):
            deleted[key.subject].append(key)
        for subject, registered in by_subject.items():
            if self._held.capabilities.register_purges_lower:
                self._deletes_after_higher(registered, deleted[subject])
            if self._held.capabilities.same_content_again is Again.AFTER_SOFT_DELETE:
                self._one_after_the_other(registered, deleted[subject])

    def _deletes_after_higher(self, registered: list[Wanted], deleted: list[VersionKey]) -> None:
        by_id: dict[int, list[VersionKey]] = defaultdict(list)
        for wanted in registered:
            by_id[wanted.version.id].append(wanted.key)
        for key in deleted:
            there = self._registered[key].version if key in self._registered else self._held.versions[key]
            for higher in by_id.get(there.id, ()):
                if higher.version > key.version:
                    self._needs[_delete(key)].add(_register(higher))

    def _one_after_the_other(self, registered: list[Wanted], deleted: list[VersionKey]) -> None:
        groups: dict[str, list[VersionKey]] = defaultdict(list)
        for wanted in sorted(registered, key=lambda one: (self._settling.is_live(one.key), one.key)):
            groups[self._held.identity(wanted.version.content)].append(wanted.key)
        for key in deleted:
            if key not in self._registered:
                group = groups.get(self._held.identity(self._held.versions[key].content))
                if group:
                    self._needs[_register(group[0])].add(_delete(key))
        for group in groups.values():
            for before, after in pairwise(group):
                self._needs[_register(after)].add(_delete(before))
