# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that an import is planned with: options, steps, problems, and the plan itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

from .content import same as same_content
from .encryption_keys import DekKey
from .key_steps import KeyPlan
from .losses import Loss
from .model import RegistryState, SchemaContent, SchemaVersion, Setting, VersionKey, context_of, context_scope
from .naming import Names

PRESERVE, SKIP, OVERWRITE = "preserve", "skip", "overwrite"
KEEP, ASSIGN = "keep", "assign"

IDENTICAL = "identical"
NEW = "new"
ID_CONFLICT = "id_conflict"
VERSION_CONFLICT = "version_conflict"
CONTENT_CONFLICT = "content_conflict"
SOFT_DELETED_ON_TARGET = "soft_deleted_on_target"
LIVE_ON_TARGET = "live_on_target"
CLASSES = (
    IDENTICAL,
    NEW,
    ID_CONFLICT,
    VERSION_CONFLICT,
    CONTENT_CONFLICT,
    SOFT_DELETED_ON_TARGET,
    LIVE_ON_TARGET,
)

UNKNOWN_UNTIL_APPLIED = "unknown until applied"


@dataclass(frozen=True)
class ImportOptions:
    """How an import treats what the target already holds.

    Args:
        strategy: ``preserve``, ``skip`` or ``overwrite``.
        ids: ``keep`` or ``assign``.
        subject_mapping: As in `naming.Names`.
        context_mapping: As in `naming.Names`.
        accept_losses: Kinds of `losses.LOSS_KINDS` that do not stop the import.
        allow_purge: Whether ``overwrite`` may purge subjects.
        unfinished: Versions, in the target's names, that an earlier and unfinished import into this target was to
            register. Where the target holds them as the archive does, they count as this import's own.
        unfinished_keys: Encryption keys that such an import was to create, in the same way.
        keep_highest_id: Whether, with ``ids: keep``, the target is kept from giving ids again that the source had
            given to what is gone.
    """

    strategy: str = PRESERVE
    ids: str = KEEP
    subject_mapping: Mapping[str, str] = field(default_factory=dict)
    context_mapping: Mapping[str, str] = field(default_factory=dict)
    accept_losses: frozenset[str] = frozenset()
    allow_purge: bool = False
    unfinished: frozenset[VersionKey] = frozenset()
    unfinished_keys: frozenset[DekKey] = frozenset()
    keep_highest_id: bool = True

    @cached_property
    def names(self) -> Names:
        """What the archive's subjects, contexts and scopes are called in the target."""
        return Names(self.subject_mapping, self.context_mapping)


@dataclass(frozen=True)
class Register:
    """Registers a version.

    Args:
        source: The archive's version.
        version: What is registered, under the target's name, as the target will store it. With ``ids: assign`` its
            number is a prediction, its id is 0, and its references name the archive's version numbers: see
            `ImportPlan.content`.
        with_id: Whether its id and number are sent, which needs IMPORT.
        needs_number: Whether a later step refers to it, so that the number that the target gave must be known then.
    """

    source: VersionKey
    version: SchemaVersion
    with_id: bool
    needs_number: bool = False

    @property
    def subject(self) -> str:
        """The subject that it writes to."""
        return self.version.subject


@dataclass(frozen=True)
class SoftDelete:
    """Soft-deletes a version.

    Args:
        key: The target's version; with ``ids: assign`` and a ``source``, its number is a prediction.
        source: The archive's version, when this run has it registered.
    """

    key: VersionKey
    source: VersionKey | None = None

    @property
    def subject(self) -> str:
        """The subject that it writes to."""
        return self.key.subject


@dataclass(frozen=True)
class PurgeSubject:
    """Deletes a subject for good, all of whose versions are soft-deleted by then.

    A server may forget the subject's mode with it: a temporary one must be set again.

    Args:
        subject: The qualified subject.
        versions: Its versions.
    """

    subject: str
    versions: tuple[int, ...]


Step: TypeAlias = "Register | SoftDelete | PurgeSubject"


@dataclass(frozen=True)
class SettingChange:
    """Sets a config or a mode for good.

    Args:
        scope: As in `RegistryState.settings`.
        kind: ``config`` or ``mode``.
        value: What is set; a config replaces the whole object.
        before: What is there now.
    """

    scope: str
    kind: str
    value: Any
    before: Setting


@dataclass(frozen=True)
class TemporarySetting:
    """A config or a mode that holds while the steps are made, and is put back afterwards.

    Args:
        scope: As in `RegistryState.settings`.
        kind: ``config`` or ``mode``.
        value: What is set.
        force: Whether the mode must be forced, since there are versions in the scope already.
        before: What is there now, and is put back.
    """

    scope: str
    kind: str
    value: Any
    force: bool
    before: Setting


@dataclass(frozen=True)
class Item:
    """What becomes of one version of the archive.

    Args:
        source: The archive's version.
        source_id: Its id there.
        subject: Its subject's name in the target.
        classification: One of `CLASSES`.
        action: ``register``, ``soft_delete``, ``keep``, ``leave``, or ``omit`` for what a loss leaves out.
        why: For people, where it is left or omitted; else empty.
    """

    source: VersionKey
    source_id: int
    subject: str
    classification: str
    action: str
    why: str = ""


@dataclass(frozen=True)
class Assigned:
    """The number and the id that a target has for a version of the archive."""

    version: int
    id: int


@dataclass(frozen=True)
class ImportPlan:
    """What an import does.

    In order: temporary settings, steps, temporary configs put back, configs, temporary modes put back, modes.

    Args:
        options: What was asked for.
        target: What the target holds now.
        after: What it holds afterwards, but for the versions that ``ids: assign`` registers.
        items: What becomes of each version of the archive, sorted by source.
        steps: Purges, registrations and soft deletes.
        temporary: Modes (with ``ids: assign`` configs too) to set before the first step, wide scopes first.
        settings: What is set after the last step: configs, those with an alias last; then modes, wide scopes last.
        losses: What the target cannot hold; all of it accepted.
        keys: What it does about encryption keys, between the other steps and the configs.
        notes: For people: what else to know, a sentence each.
        old_names: The archive's names of its subjects, by those in the target.
        known: With ``ids: assign``: what the target already holds, by source.
        same: With ``ids: assign``: versions that are registered only once, since their subject has the content under
            a lower number; by source, the source of that one.
        uncertain: Versions that may be gone afterwards, since the same content is registered anew.
    """

    options: ImportOptions
    target: RegistryState
    after: RegistryState
    items: tuple[Item, ...]
    steps: tuple[Step, ...]
    temporary: tuple[TemporarySetting, ...]
    settings: tuple[SettingChange, ...]
    losses: tuple[Loss, ...]
    keys: KeyPlan = field(default_factory=KeyPlan)
    notes: tuple[str, ...] = ()
    old_names: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[VersionKey, Assigned] = field(default_factory=dict)
    same: Mapping[VersionKey, VersionKey] = field(default_factory=dict)
    uncertain: frozenset[VersionKey] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written."""
        return not self.steps and not self.settings and not self.keys.steps

    @property
    def classes(self) -> dict[str, int]:
        """How many versions of the archive are in each class, those with none left out."""
        found = Counter(item.classification for item in self.items)
        return {name: found[name] for name in CLASSES if found[name]}

    @property
    def actions(self) -> dict[str, int]:
        """How many of each are written: ``register``, ``soft_delete``, ``purge`` (subjects), ``config``, ``mode``."""
        steps = Counter(type(step) for step in self.steps)
        settings = Counter(change.kind for change in self.settings)
        return {
            "register": steps[Register],
            "soft_delete": steps[SoftDelete],
            "purge": steps[PurgeSubject],
            "config": settings["config"],
            "mode": settings["mode"],
        }

    @property
    def left(self) -> tuple[Item, ...]:
        """What is not made as the archive has it, with the reason."""
        return tuple(item for item in self.items if item.why)

    @property
    def registered(self) -> frozenset[VersionKey]:
        """The target's versions that this plan registers: `ImportOptions.unfinished` of a run that takes it up."""
        return frozenset(step.version.key for step in self.steps if isinstance(step, Register))

    @property
    def purged(self) -> frozenset[str]:
        """The target's subjects that this plan purges."""
        return frozenset(step.subject for step in self.steps if isinstance(step, PurgeSubject))

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The target's subjects that the steps write to; made once, since every version is looked up in it."""
        return frozenset(step.subject for step in self.steps)

    def incomplete_scopes(self, done: int) -> list[str]:
        """Return the scopes of temporary modes in which steps are left, with the subjects in a wide one among them.

        Such a subject has a mode of its own, through which a producer could take an id that the others still need.

        Args:
            done: How many steps have been made.
        """
        modes = [temporary.scope for temporary in self.temporary if temporary.kind == "mode"]
        left = {step.subject for step in self.steps[done:]} | self.keys.subjects
        found = {scope for scope in modes if any(covers(scope, subject) for subject in left)}
        return [scope for scope in modes if scope in found or context_scope(context_of(scope)) in found]

    def content(self, step: Register, numbers: Mapping[VersionKey, int]) -> SchemaContent:
        """Return what a step sends, with this target's version numbers in its references.

        Args:
            step: One of the steps.
            numbers: With ``ids: assign``: the numbers that the target gave in this run, by source; those of steps
                with ``needs_number`` must be there once they are made.
        """
        content = step.version.content
        if step.with_id:
            return content
        references = []
        for reference in content.references:
            target = reference.target(step.subject)
            if target.subject in self.old_names:
                named = VersionKey(self.old_names[target.subject], target.version)
                source = self.same.get(named, named)
                known = self.known[source].version if source in self.known else reference.version
                reference = replace(reference, version=numbers.get(source, known))
            references.append(reference)
        return replace(content, references=tuple(references))

    def assigned(self, ids: Mapping[VersionKey, int], actual: RegistryState) -> dict[VersionKey, Assigned]:
        """Find out what the target made of each version of the archive.

        Args:
            ids: The ids that the registrations of this run returned, by source.
            actual: What the target holds now.

        Returns:
            By source; what the target lacks is left out.
        """
        found = dict(self.known)
        numbers = {source: one.version for source, one in found.items()}
        there: dict[tuple[str, int], list[SchemaVersion]] = defaultdict(list)
        for key in sorted(actual.versions):
            there[key.subject, actual.versions[key].id].append(actual.versions[key])
        for step in self.steps:
            if isinstance(step, Register) and step.source in ids:
                content = self.content(step, numbers)
                for version in there[step.subject, ids[step.source]]:
                    if same_content(version.content, content):
                        found[step.source] = Assigned(version.version, version.id)
                        numbers[step.source] = version.version
        for source, other in self.same.items():
            if other in found:
                found[source] = found[other]
        return found

    def expected(self, assigned: Mapping[VersionKey, Assigned]) -> RegistryState:
        """Return what the target must hold once the plan is carried out.

        Args:
            assigned: With ``ids: assign``, what `assigned` found; what it lacks is expected under its predicted
                number with id 0. Not looked at with ``ids: keep``.
        """
        versions = dict(self.after.versions)
        if self.options.ids == ASSIGN:
            numbers = {source: one.version for source, one in assigned.items()}
            deleted = {step.source for step in self.steps if isinstance(step, SoftDelete)}
            for step in self.steps:
                if isinstance(step, Register):
                    given = assigned.get(step.source, Assigned(step.version.version, 0))
                    made = replace(
                        step.version,
                        version=given.version,
                        id=given.id,
                        content=self.content(step, numbers),
                        deleted=step.source in deleted,
                    )
                    versions[made.key] = made
        return replace(self.after, versions=versions)

    def id_map(self, assigned: Mapping[VersionKey, Assigned]) -> dict[str, dict[int, int]]:
        """Return the new id by context of the archive and old id.

        Args:
            assigned: What `assigned` found.
        """
        ids: dict[str, dict[int, int]] = {}
        for item in self.items:
            if item.source in assigned:
                ids.setdefault(context_of(item.source.subject), {})[item.source_id] = assigned[item.source].id
        return ids


def covers(scope: str, subject: str) -> bool:
    """Tell whether a subject takes a mode or a config from a scope when no nearer one sets it."""
    return scope in (subject, context_scope(context_of(subject)))
