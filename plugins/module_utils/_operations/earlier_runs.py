# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs, killed or ended half-way, left changed at a target, according to its journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .._archive.journal import JournalRun, UndoJournal
from .._archive.store import Store, storage_at, storage_of
from .._core.clock import Clock
from .._core.errors import InvalidOption
from .._core.settings import StoreSettings
from .._schemas.compare import same_setting
from .._schemas.encryption_keys import DekKey
from .._schemas.model import RegistryState, ScopeSettings, Setting, VersionKey

ScopeKind = tuple[str, str]


@dataclass(frozen=True)
class Leftover:
    """A setting that an earlier run changed for a while and did not put back.

    Args:
        kind: ``mode`` or ``config``.
        scope: Its scope.
        prior: What was there before.
        value: What that run set.
        replaced: What it had set before, and may have left.
        incomplete: Whether the run left the scope's import half-way.
        purged: Whether the run was to purge the subject, and its settings with it.
    """

    kind: str
    scope: str
    prior: Setting
    value: Any
    replaced: Any
    incomplete: bool
    purged: bool


def open_journal(target: str, clock: Clock, *, store: StoreSettings | None, directory: str | None) -> UndoJournal:
    """Return the journal of a target.

    Args:
        target: The target's identity.
        clock: Tells the time.
        store: The store that it lies in, unless ``directory`` is given.
        directory: An absolute directory of its own, made where it is missing.

    Raises:
        StoreError: There is no store.
        InvalidOption: The directory's name is none.
    """
    if directory is not None:
        if "\0" in directory:
            raise InvalidOption("journal must not have NUL characters.", object_name="journal")
        return UndoJournal(storage_at(directory), target, clock)
    if store is None:
        raise ValueError("a journal lies in a store or in a directory")
    return UndoJournal(Store.open(storage_of(store)).storage, target, clock)


def over_runs(journal: UndoJournal) -> list[JournalRun]:
    """Return the runs that ended without having undone all, the oldest first.

    Raises:
        Busy: A run on the target is alive.
        Damaged, UnsupportedFormat: The journal cannot be read.
    """
    runs = journal.runs()
    for run in runs:
        if not run.is_over():
            raise run.busy()
    return runs


def leftovers(runs: Iterable[JournalRun]) -> dict[ScopeKind, Leftover]:
    """Return what runs did not put back; the first run that changed a setting knows what was there before."""
    found: dict[ScopeKind, Leftover] = {}
    for run in runs:
        for change in run.changes.values():
            if change.undone:
                continue
            earlier = found.get(change.key)
            found[change.key] = Leftover(
                change.kind,
                change.scope,
                earlier.prior if earlier else change.prior,
                change.value,
                change.replaced or (earlier.value if earlier else None),
                change.scope in run.incomplete or bool(earlier and earlier.incomplete),
                change.scope in purged_subjects([run]) or bool(earlier and earlier.purged),
            )
    return found


def still_ours(leftover: Leftover, current: Setting) -> bool:
    """Tell whether a setting still is as the earlier run set it; otherwise somebody has changed it since."""
    if current.is_set is False:
        return leftover.purged
    values = [Setting(value, None) for value in (leftover.value, leftover.replaced) if value is not None]
    return any(same_setting(value, Setting(current.value, None)) for value in values)


def as_before(state: RegistryState, found: Iterable[Leftover]) -> RegistryState:
    """Return a state with the settings that were there before earlier runs changed them."""
    settings = dict(state.settings)
    for leftover in found:
        there = settings.get(leftover.scope, ScopeSettings())
        if leftover.kind == "mode":
            settings[leftover.scope] = replace(there, mode=leftover.prior)
        else:
            settings[leftover.scope] = replace(there, config=leftover.prior)
    return replace(state, settings=settings)


def unfinished_versions(runs: Iterable[JournalRun]) -> frozenset[VersionKey]:
    """Return the versions that earlier runs were to register and may have."""
    return frozenset(
        VersionKey(str(subject), int(version)) for run in runs for subject, version in run.facts.get("registers", [])
    )


def unfinished_keys(runs: Iterable[JournalRun]) -> frozenset[DekKey]:
    """Return the encryption keys that earlier runs were to create and may have."""
    return frozenset(
        DekKey(str(kek), str(subject), str(algorithm), int(version))
        for run in runs
        for kek, subject, algorithm, version in run.facts.get("keys", [])
    )


def purged_subjects(runs: Iterable[JournalRun]) -> frozenset[str]:
    """Return the subjects that earlier runs were to purge and may have."""
    return frozenset(str(subject) for run in runs for subject in run.facts.get("purges", []))
