# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans an import whose ids the target assigns: everything is registered as a producer would, in READWRITE."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from .._core.canonical import compact_bytes
from .attachments import comparable
from .capabilities import Capabilities, Identity
from .classify import KEPT, LEAVE, OMIT, REFUSE, REGISTER, SOFT_DELETE, Decision, Held
from .content import same, same_text, shows_type, without_own_number
from .draft import Draft
from .graph import LATEST, CycleError, dependency_order
from .import_plan import (
    CONTENT_CONFLICT,
    IDENTICAL,
    LIVE_ON_TARGET,
    NEW,
    OVERWRITE,
    SKIP,
    SOFT_DELETED_ON_TARGET,
    Assigned,
    ImportOptions,
    Item,
    Register,
    SoftDelete,
)
from .keep import STAYS_LIVE
from .losses import REFERENCES, SOFT_DELETES, Lost
from .model import RegistryState, SchemaContent, SchemaVersion, VersionKey, context_of
from .problems import Problem
from .settings_plan import effective_config
from .wanted import Wanted, Wish


def draft_assign(made: Wish, target: RegistryState, capabilities: Capabilities, options: ImportOptions) -> Draft:
    """Plan the versions of an import whose ids the target assigns.

    Args:
        made: What is to be brought in.
        target: What the target holds.
        capabilities: What it can hold.
        options: What was asked for.
    """
    try:
        order = dependency_order({key: w.version for key, w in made.versions.items()}, sequential_subjects=True)
    except CycleError as error:
        return Draft(problems=[Problem(*error.path[0], "reference_cycle", error.message)])
    return _Assignment(made, target, capabilities, options).draft(order)


@dataclass
class _Group:
    """Versions of one subject that a registry in READWRITE holds as one.

    Args:
        first: The one with the lowest number, which stands for all.
        content: What it says; its references, too, name the first of a group.
        deleted: Whether all of them are soft-deleted.
    """

    first: Wanted
    content: SchemaContent
    deleted: bool


class _Assignment:
    """One planning of an import.

    Args:
        made: What is to be brought in.
        target: What the target holds.
        capabilities: What it can hold.
        options: What was asked for.
    """

    def __init__(self, made: Wish, target: RegistryState, capabilities: Capabilities, options: ImportOptions) -> None:
        versions = {key: _numberless_wanted(wanted) for key, wanted in made.versions.items()}
        self._made, self._target, self._options = replace(made, versions=versions), target, options
        self._capabilities = capabilities
        self._held = Held({key: _numberless(version) for key, version in target.versions.items()}, capabilities)
        self._groups: dict[VersionKey, _Group] = {}
        self._first: dict[VersionKey, VersionKey] = {}
        self._decisions: dict[VersionKey, Decision] = {}
        self._twins: dict[VersionKey, SchemaVersion] = {}
        self._replaced: set[VersionKey] = set()
        self._texts: dict[tuple[bool, str, str], SchemaVersion] = {}
        if self._shares_texts:
            for version in self._held.versions.values():
                self._texts.setdefault((True, *self._place(version)), version)
        self._lost: list[Lost] = []

    def draft(self, order: list[VersionKey]) -> Draft:
        """Plan the versions, given in the order in which they can be registered."""
        self._group(order)
        for key in order:
            if key in self._groups:
                self._decisions[key] = self._decide(self._groups[key])
        doomed = {key for key, group in self._groups.items() if group.deleted and self._acts(key)}
        stay_live = self._stay_live(doomed, order)
        draft = Draft(lost=self._lost, versions=dict(self._target.versions))
        draft.lost.extend(Lost(SOFT_DELETES, key.subject, str(key)) for key in sorted(stay_live))
        self._add_steps(draft, order, doomed, stay_live)
        for key in order:
            self._add_item(draft, key, stay_live)
        return draft

    def _group(self, order: list[VersionKey]) -> None:
        """Find contents that a subject has more than once: only the first of them is registered."""
        found: dict[tuple[str, str], VersionKey] = {}
        for key in order:
            wanted = self._made.versions[key]
            content = self._with_first_references(wanted)
            first = found.setdefault((key.subject, self._registered_as(content)), key)
            self._first[key] = first
            if first == key:
                self._groups[key] = _Group(wanted, content, wanted.version.deleted)
            elif same(content, self._groups[first].content):
                self._groups[first].deleted &= wanted.version.deleted
            else:
                self._decisions[key] = self._conflict(wanted, first.version)

    def _with_first_references(self, wanted: Wanted) -> SchemaContent:
        references = []
        for reference in wanted.version.content.references:
            target = reference.target(wanted.key.subject)
            references.append(replace(reference, version=self._first.get(target, target).version))
        return replace(wanted.version.content, references=tuple(references))

    def _registered_as(self, content: SchemaContent) -> str:
        """Return what the target compares contents by when they are registered without an id."""
        rest = compact_bytes([comparable(value or {}) for value in (content.metadata, content.rule_set)]).decode()
        return f"{self._held.identity(content)} {rest}"

    @property
    def _shares_texts(self) -> bool:
        """Whether subjects of a context share a text, although what the target takes for the same may differ in it."""
        return not self._capabilities.second_id_for_content and self._capabilities.identity is not Identity.CONTENT

    def _place(self, version: SchemaVersion) -> tuple[str, str]:
        return context_of(version.subject), self._held.identity(version.content)

    def _conflict(self, wanted: Wanted, other: int | VersionKey) -> Decision:
        place = other if isinstance(other, VersionKey) else f"version {other}"
        why = f"the target takes its content for that of {place}"
        if self._options.strategy == OVERWRITE:
            why = f"{why}, and with ids: assign nothing is purged"
            return Decision(wanted, CONTENT_CONFLICT, REFUSE, why, CONTENT_CONFLICT)
        return Decision(wanted, CONTENT_CONFLICT, LEAVE, why)

    def _decide(self, group: _Group) -> Decision:
        wanted = group.first
        there = self._held.by_subject.get(wanted.key.subject, [])
        content = self._on_target(wanted.key.subject, group.content)
        if content is not None:
            original = replace(wanted.original, references=content.references)
            equal = [v for v in there if same(v.content, content) or same(v.content, original)]
            if equal:
                twin = min(equal, key=lambda v: (v.deleted != group.deleted, v.deleted, v.version))
                self._twins[wanted.key] = twin
                if not same(twin.content, original):
                    self._lost.extend(Lost(kind, wanted.key.subject, str(wanted.key)) for kind in wanted.lost)
                return self._of_twin(group, twin)
            kind = self._registered_as(content)
            for version in there:
                if not version.deleted and self._registered_as(version.content) == kind:
                    self._twins[wanted.key] = version
                    return self._conflict(wanted, version.version)
        if self._options.strategy == SKIP and any(v.key not in self._options.unfinished for v in there):
            return Decision(wanted, NEW, LEAVE, "the target has this subject")
        return self._registration(wanted, NEW)

    def _on_target(self, subject: str, content: SchemaContent) -> SchemaContent | None:
        """Return a content with the target's numbers in its references, or None where they are not known yet."""
        references = []
        for reference in content.references:
            target = reference.target(subject)
            if target in self._first:
                twin = self._twins.get(self._first[target])
                if twin is None:
                    return None
                reference = replace(reference, version=twin.version)
            references.append(reference)
        return replace(content, references=tuple(references))

    def _of_twin(self, group: _Group, twin: SchemaVersion) -> Decision:
        if twin.deleted == group.deleted:
            return Decision(group.first, IDENTICAL, KEPT)
        overwrite = self._options.strategy == OVERWRITE
        if group.deleted:
            if overwrite or twin.key in self._options.unfinished:
                return Decision(group.first, LIVE_ON_TARGET, SOFT_DELETE)
            why = "it is live on the target and soft-deleted in the backup"
            return Decision(group.first, LIVE_ON_TARGET, KEPT, why)
        if overwrite:
            del self._twins[group.first.key]
            self._replaced.add(twin.key)
            return self._registration(group.first, SOFT_DELETED_ON_TARGET)
        return Decision(group.first, SOFT_DELETED_ON_TARGET, LEAVE, "it is soft-deleted on the target")

    def _registration(self, wanted: Wanted, classification: str) -> Decision:
        """Decide to register a version, if the target takes it, and what it refers to will be there and live."""
        if self._capabilities.guesses_types and not shows_type(wanted.version.content):
            why = f"its text does not show to the target that it is {wanted.version.content.schema_type}; leave it out"
            return Decision(wanted, classification, REFUSE, why, "unrecognised_type")
        targets = list(wanted.version.reference_targets())
        decisions = [self._decisions.get(self._first.get(target, target)) for target in targets]
        for target, decision in zip(targets, decisions, strict=True):
            if (decision is not None and decision.action == OMIT) or target in self._made.omitted:
                self._lost.append(Lost(REFERENCES, wanted.key.subject, str(wanted.key)))
                return Decision(wanted, classification, OMIT, f"it refers to {target}, which is left out")
        for target, decision in zip(targets, decisions, strict=True):
            if self._is_open(target, decision):
                left = decision is not None and decision.action == LEAVE
                why = f"it refers to {target}, which the target has not, or not live"
                if left and self._options.strategy == SKIP:
                    return Decision(wanted, classification, LEAVE, why)
                return Decision(wanted, classification, REFUSE, why, "unresolved_reference")
        if self._shares_texts:
            first = self._groups[wanted.key].content
            content = self._on_target(wanted.key.subject, first)
            # Numbers of references that only this import will know are the archive's, which mean something else.
            version = replace(wanted.version, content=first if content is None else content)
            held = self._texts.setdefault((content is not None, *self._place(version)), version)
            if not same_text(held.content, version.content):
                return self._conflict(wanted, held.key)
        return Decision(wanted, classification, REGISTER)

    def _is_open(self, target: VersionKey, decision: Decision | None) -> bool:
        """Tell whether a reference leads to nothing that is live when versions are registered."""
        if target.version == LATEST:
            registered = any(key.subject == target.subject and self._acts(key) for key in self._decisions)
            return not registered and all(v.deleted for v in self._held.by_subject.get(target.subject, ()))
        if decision is not None and decision.action in (REGISTER, REFUSE):
            return False
        there = self._twins.get(self._first[target]) if target in self._first else self._held.versions.get(target)
        return there is None or there.deleted

    def _acts(self, key: VersionKey) -> bool:
        return self._decisions[key].action in (REGISTER, SOFT_DELETE)

    def _stay_live(self, doomed: set[VersionKey], order: list[VersionKey]) -> set[VersionKey]:
        """Find what cannot be soft-deleted, since something live refers to it."""
        if not self._capabilities.soft_delete:
            return doomed
        referrers: dict[VersionKey, set[VersionKey]] = defaultdict(set)
        for key, group in self._groups.items():
            for reference in group.content.references:
                referrers[reference.target(key.subject)].add(key)
        leaving = {self._twins[key].key for key in doomed if key in self._twins}
        deleted_ones_too = not self._capabilities.soft_delete_below_soft_deleted
        named = {
            target
            for version in self._target.versions.values()
            if deleted_ones_too or not (version.deleted or version.key in leaving)
            for target in version.reference_targets()
        }
        stay_live: set[VersionKey] = set()
        for key in reversed(order):
            if key in doomed:
                twin = self._twins.get(key)
                held = twin is not None and twin.key in named
                there = (by for by in referrers[key] if self._acts(by) or by in self._twins)
                if held or any(deleted_ones_too or self._is_live(by, stay_live) for by in there):
                    stay_live.add(key)
        return stay_live

    def _is_live(self, key: VersionKey, stay_live: set[VersionKey]) -> bool:
        if self._acts(key):
            return key in stay_live or not self._groups[key].deleted
        return key in self._twins and not self._twins[key].deleted

    def _add_steps(
        self, draft: Draft, order: list[VersionKey], doomed: set[VersionKey], stay_live: set[VersionKey]
    ) -> None:
        named = {r.target(key.subject) for key, group in self._groups.items() for r in group.content.references}
        before = {subject: list(versions) for subject, versions in self._held.by_subject.items()}
        numbers: dict[VersionKey, VersionKey] = {}
        for key in order:
            if key in self._groups and self._decisions[key].action == REGISTER:
                wanted, earlier = self._groups[key].first, before.setdefault(key.subject, [])
                number = max((version.version for version in earlier), default=0) + 1
                content = self._without_inheritance(wanted.version.content, earlier)
                version = replace(wanted.version, version=number, id=0, content=content)
                draft.steps.append(Register(wanted.source, version, False, key in named or key in doomed))
                draft.lost.extend(Lost(kind, key.subject, str(key)) for kind in wanted.lost)
                earlier.append(version)
                numbers[key] = version.key
        for key in reversed(order):
            if key in doomed - stay_live and key in numbers:
                draft.steps.append(SoftDelete(numbers[key], self._groups[key].first.source))
            elif key in doomed - stay_live:
                twin = self._twins[key]
                draft.steps.append(SoftDelete(twin.key))
                draft.versions[twin.key] = replace(self._target.versions[twin.key], deleted=True)
        draft.uncertain = frozenset(self._replaced)
        draft.needs_config = frozenset(key.subject for key in numbers if self._needs_config(before[key.subject]))

    def _without_inheritance(self, content: SchemaContent, earlier: list[SchemaVersion]) -> SchemaContent:
        """Say in so many words that a version has no metadata or rules, where it would inherit an earlier one's."""
        if content.metadata is None and any(version.content.metadata for version in earlier):
            content = replace(content, metadata={})
        if content.rule_set is None and any(version.content.rule_set for version in earlier):
            content = replace(content, rule_set={})
        return content

    def _needs_config(self, versions: list[SchemaVersion]) -> bool:
        """Tell whether a subject's config can matter: by comparing versions, or by changing what is registered."""
        config = effective_config(self._target, versions[0].subject)
        return len(versions) > 1 or any(value for name, value in config.items() if name != "compatibilityLevel")

    def _add_item(self, draft: Draft, key: VersionKey, stay_live: set[VersionKey]) -> None:
        wanted, first = self._made.versions[key], self._first[key]
        decision = self._decisions.get(key) or self._decisions[first]
        action, why = decision.action, decision.why
        if first != key:
            draft.same[wanted.source] = self._groups[first].first.source
            if key not in self._decisions and action in (REGISTER, SOFT_DELETE):
                action, why = KEPT, f"version {first.version} has the same content and stands for both"
        if first in stay_live:
            action, why = (KEPT if action == SOFT_DELETE else action), STAYS_LIVE
        if action == REFUSE and key in self._decisions:
            draft.problems.append(Problem(key.subject, key.version, decision.kind, why))
        if first in self._twins:
            draft.known[wanted.source] = Assigned(self._twins[first].version, self._twins[first].id)
        draft.items.append(Item(wanted.source, wanted.version.id, key.subject, decision.classification, action, why))


def _numberless(version: SchemaVersion) -> SchemaVersion:
    content = without_own_number(version.content)
    return version if content is version.content else replace(version, content=content)


def _numberless_wanted(wanted: Wanted) -> Wanted:
    original = without_own_number(wanted.original)
    return replace(wanted, original=original, version=_numberless(wanted.version))
