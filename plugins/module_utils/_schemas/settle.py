# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settles what is registered and soft-deleted with ids kept, until no decision changes another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from .attachments import comparable
from .capabilities import Again, Capabilities
from .classify import KEPT, LEAVE, OMIT, PURGE, REFUSE, REGISTER, SOFT_DELETE, Decision, Held, conflict, id_place
from .content import same
from .graph import LATEST
from .import_plan import CONTENT_CONFLICT, ID_CONFLICT, SKIP, SOFT_DELETED_ON_TARGET, ImportOptions
from .losses import METADATA, REFERENCES, RULES, SOFT_DELETES, Lost
from .model import Reference, SchemaContent, SchemaVersion, VersionKey, context_of
from .wanted import Wanted, Wish


@dataclass(frozen=True)
class _Change:
    decision: Decision
    lost: tuple[Lost, ...] = ()


class Settling:
    """Decisions about all versions of an archive that fit together.

    Args:
        decisions: The first decisions, by key; they are replaced in place.
        made: What is to be brought in.
        held: What the target holds, without the subjects that are purged.
        options: What was asked for.
    """

    def __init__(self, decisions: dict[VersionKey, Decision], made: Wish, held: Held, options: ImportOptions) -> None:
        self.decisions = decisions
        self.lost: list[Lost] = []
        self.stay_live: set[VersionKey] = set()
        self._made = made
        self._held = held
        self._options = options
        self._capabilities: Capabilities = held.capabilities
        while True:
            self._find_stay_live()
            changes = dict(self._duplicates()) or self._references()
            if not changes:
                break
            for key, change in changes.items():
                self.decisions[key] = change.decision
                self.lost.extend(change.lost)
        self.lost.extend(Lost(SOFT_DELETES, key.subject, str(key)) for key in sorted(self.stay_live))

    def registered(self) -> dict[VersionKey, Wanted]:
        """Return what is registered."""
        return {key: one.wanted for key, one in self.decisions.items() if one.action == REGISTER}

    def deleted(self) -> set[VersionKey]:
        """Return what is soft-deleted in the end by this import."""
        return self._to_delete() - self.stay_live

    def contents(self) -> Iterator[tuple[VersionKey, SchemaContent]]:
        """Yield all that the target holds in the end."""
        registered = self.registered()
        for key, version in self._held.versions.items():
            if key not in registered:
                yield key, version.content
        for key, wanted in registered.items():
            yield key, wanted.version.content

    def is_live(self, key: VersionKey) -> bool:
        """Tell whether a version is live in the end."""
        decision = self.decisions.get(key)
        if decision is not None and decision.action in (REGISTER, SOFT_DELETE):
            return key in self.stay_live or not decision.wanted.version.deleted
        there = self._held.versions.get(key)
        return there is not None and not there.deleted

    def referrers(self, wanted: Collection[VersionKey]) -> dict[VersionKey, list[VersionKey]]:
        """Return by key who refers to some versions, by number."""
        found: dict[VersionKey, list[VersionKey]] = defaultdict(list)
        if wanted:
            for key, content in self.contents():
                for target in {reference.target(key.subject) for reference in content.references}:
                    if target in wanted:
                        found[target].append(key)
        return found

    def _to_delete(self) -> set[VersionKey]:
        return {
            key
            for key, one in self.decisions.items()
            if one.action == SOFT_DELETE or (one.action == REGISTER and one.wanted.version.deleted)
        }

    def _find_stay_live(self) -> None:
        """Find what cannot be soft-deleted since a version refers to it that is not registered afterwards."""
        self.stay_live = set()
        if self._capabilities.ids_at_once:
            return  # all come in as they are
        doomed = self._to_delete()
        if not self._capabilities.soft_delete:
            self.stay_live = doomed
            return
        referrers = self.referrers(doomed)
        refers_to: dict[VersionKey, list[VersionKey]] = defaultdict(list)
        for target, by in referrers.items():
            for key in by:
                refers_to[key].append(target)
        pending = sorted(doomed)
        while pending:
            key = pending.pop()
            if key not in self.stay_live and any(self._blocks(referrer) for referrer in referrers.get(key, ())):
                self.stay_live.add(key)
                pending.extend(refers_to.get(key, ()))

    def _blocks(self, referrer: VersionKey) -> bool:
        if not self.is_live(referrer):
            return not self._capabilities.soft_delete_below_soft_deleted
        return not (self._is_registered(referrer) and self._capabilities.references_to_soft_deleted)

    def _duplicates(self) -> Iterator[tuple[VersionKey, _Change]]:
        """Find what an id cannot stand for, or a subject cannot hold, since something else is in the way."""
        yield from self._rivals()
        by_subject: dict[str, list[Wanted]] = defaultdict(list)
        for wanted in self.registered().values():
            by_subject[wanted.key.subject].append(wanted)
        for subject in sorted(by_subject):
            if self._capabilities.register_purges_lower:
                yield from self._purged_by_higher(by_subject[subject])
            if not (self._capabilities.same_content_again is Again.ALWAYS and self._capabilities.second_id_for_content):
                yield from self._repeated(subject, by_subject[subject])

    def _rivals(self) -> Iterator[tuple[VersionKey, _Change]]:
        """Find ids that the archive has for two contents, and contents that stand under another id already."""
        by_id: dict[tuple[str, int], Wanted] = {}
        by_identity: dict[tuple[str, str], SchemaVersion] = {}
        for key, wanted in sorted(self.registered().items()):
            version = wanted.version
            first = by_id.get(id_place(version), wanted)
            if not self._held.same_identity(first.version.content, version.content):
                why = f"the target cannot hold its id {version.id} for the content of {first.key} too"
                yield key, _Change(conflict(wanted, ID_CONFLICT, why, self._options, purge=False))
                continue
            if not self._capabilities.second_id_for_content:
                place = context_of(key.subject), self._held.identity(version.content)
                others = [*self._held.under_other_id(version), by_identity.get(place, version)]
                if others[0].id != version.id:
                    if others[0].subject != key.subject:
                        why = f"the target cannot hold its content under the id {others[0].id} of {others[0].key} too"
                        yield key, _Change(conflict(wanted, CONTENT_CONFLICT, why, self._options, purge=False))
                    continue  # what is not registered itself stands in nobody's way
                by_identity[place] = version
            by_id[id_place(version)] = first

    def _purged_by_higher(self, registered: list[Wanted]) -> Iterator[tuple[VersionKey, _Change]]:
        for wanted in registered:
            for there in self._held.by_subject.get(wanted.key.subject, ()):
                if not there.deleted or there.id != wanted.version.id or there.version >= wanted.key.version:
                    continue
                decision = self.decisions.get(there.key)
                if decision is None or decision.action == LEAVE:
                    why = f"registering it would remove the soft-deleted {there.key} from the target"
                    yield wanted.key, self._conflict(wanted, why, there.key)
                elif decision.action == KEPT:
                    yield there.key, _Change(replace(decision, action=REGISTER))

    def _repeated(self, subject: str, registered: list[Wanted]) -> Iterator[tuple[VersionKey, _Change]]:
        """Find contents that a subject cannot hold once more; a live version goes before soft-deleted ones."""
        groups: dict[str, list[Wanted]] = defaultdict(list)
        for wanted in registered:
            groups[self._held.identity(wanted.version.content)].append(wanted)
        for kind in sorted(groups):
            there: list[SchemaVersion] = [
                version
                for version in self._held.by_subject.get(subject, ())
                if not self._is_registered(version.key)
                if self._held.identity(version.content) == kind
            ]
            for wanted in sorted(groups[kind], key=lambda one: (not self.is_live(one.key), one.key)):
                rival = next((version for version in there if self._excludes(version, wanted)), None)
                if rival is None:
                    there.append(wanted.version)
                else:
                    yield wanted.key, self._repetition(wanted, rival.key)

    def _excludes(self, version: SchemaVersion, wanted: Wanted) -> bool:
        """Tell whether a subject that has a version cannot hold another of the same content."""
        if version.id != wanted.version.id and not self._capabilities.second_id_for_content:
            return True
        if self._capabilities.same_content_again is Again.ALWAYS or not self.is_live(version.key):
            return False
        return not self._is_registered(version.key) or self.is_live(wanted.key)

    def _is_registered(self, key: VersionKey) -> bool:
        decision = self.decisions.get(key)
        return decision is not None and decision.action == REGISTER

    def _repetition(self, wanted: Wanted, other: VersionKey) -> _Change:
        kinds = self._lost_between(wanted, other)
        if kinds:
            why = f"the target keeps no {' and '.join(kinds)}, and without it this is version {other.version} again"
            lost = tuple(Lost(kind, wanted.key.subject, str(wanted.key)) for kind in kinds)
            return _Change(replace(self.decisions[wanted.key], action=OMIT, why=why), lost)
        return self._conflict(wanted, f"the target takes its content for that of version {other.version}", other)

    def _lost_between(self, wanted: Wanted, other: VersionKey) -> list[str]:
        """Return by which lost fields alone a version differs from another, if so."""
        decision = self.decisions.get(other)
        made_or_kept = decision is not None and decision.action in (REGISTER, KEPT, SOFT_DELETE)
        one = wanted.original
        two = decision.wanted.original if decision and made_or_kept else self._held.versions[other].content
        if not same(replace(one, metadata=None, rule_set=None), replace(two, metadata=None, rule_set=None)):
            return []
        attached = (
            (METADATA, one.metadata, two.metadata, self._capabilities.import_keeps_metadata),
            (RULES, one.rule_set, two.rule_set, self._capabilities.import_keeps_rule_sets),
        )
        return [
            kind
            for kind, ours, other, kept in attached
            if not kept and comparable(ours or {}) != comparable(other or {})
        ]

    def _conflict(self, wanted: Wanted, why: str, other: VersionKey) -> _Change:
        purge = other in self._held.versions and other not in self.decisions
        return _Change(conflict(wanted, CONTENT_CONFLICT, why, self._options, purge=purge))

    def _references(self) -> dict[VersionKey, _Change]:
        """Find what cannot be registered since something it refers to is not there.

        What must be omitted or left comes first, since others may refer to that; refusals last.
        """
        live = self._live_subjects()
        found: dict[str, dict[VersionKey, _Change]] = {OMIT: {}, LEAVE: {}, REFUSE: {}}
        for key, wanted in self.registered().items():
            for reference in wanted.version.content.references:
                change = self._unresolved(wanted, reference, live)
                if change is not None:
                    found[change.decision.action].setdefault(key, change)
        return found[OMIT] or found[LEAVE] or found[REFUSE]

    def _live_subjects(self) -> Mapping[str, int]:
        """Return the lowest version of each subject that is live while versions are registered."""
        lowest: dict[str, int] = {}
        live = (key for key, version in self._held.versions.items() if not version.deleted)
        for key in (*live, *self.registered()):
            lowest[key.subject] = min(key.version, lowest.get(key.subject, key.version))
        return lowest

    def _unresolved(self, wanted: Wanted, reference: Reference, live: Mapping[str, int]) -> _Change | None:
        target = reference.target(wanted.key.subject)
        why = f"it refers to {target}, which neither the backup nor the target has"
        if target.version == LATEST:
            lowest = live.get(target.subject)
            own = target.subject == wanted.key.subject
            found = lowest is not None and (not own or lowest < wanted.key.version)
            return None if found else self._missing(wanted, why, left=False)
        decision, there = self.decisions.get(target), self._held.versions.get(target)
        if (decision is not None and decision.action == OMIT) or target in self._made.omitted:
            why = f"it refers to {target}, which is left out"
            lost = Lost(REFERENCES, wanted.key.subject, str(wanted.key))
            return _Change(replace(self.decisions[wanted.key], action=OMIT, why=why), (lost,))
        if decision is not None and decision.action in (REGISTER, REFUSE, PURGE):
            return None
        left = decision is not None and decision.action == LEAVE
        if left and decision is not None and decision.classification != SOFT_DELETED_ON_TARGET:
            return self._missing(wanted, f"it refers to {target}, which is left as the target has it", left=True)
        if there is None:
            return self._missing(wanted, why, left=False)
        if there.deleted and not self._capabilities.references_to_soft_deleted:
            return self._missing(wanted, f"it refers to {target}, which is soft-deleted on the target", left=left)
        return None

    def _missing(self, wanted: Wanted, why: str, *, left: bool) -> _Change:
        decision = self.decisions[wanted.key]
        if left and self._options.strategy == SKIP:
            return _Change(replace(decision, action=LEAVE, why=why))
        return _Change(replace(decision, action=REFUSE, why=why, kind="unresolved_reference"))
