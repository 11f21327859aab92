# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing a schema registry from a restore point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._archive.id_maps import keep_id_map
from .._archive.journal import JournalRun, UndoJournal
from .._archive.liveness import Heartbeat
from .._archive.parts import SCHEMA_REGISTRY
from .._archive.points import RestorePoint, find_point
from .._archive.store import Store, storage_of
from .._core.change import Difference, Report
from .._core.clock import SystemClock
from .._core.counting import counted
from .._core.errors import Damaged, InvalidOption
from .._core.selection import Selection
from .._core.settings import RegistrySettings, StoreSettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.classify import KEPT, LEAVE
from .._schemas.compare import same_setting
from .._schemas.import_plan import ASSIGN, KEEP, LIVE_ON_TARGET, OVERWRITE, Assigned, ImportOptions, ImportPlan, Item
from .._schemas.keep import STAYS_LIVE
from .._schemas.model import RegistryState, VersionKey
from .._schemas.plan import plan_import
from .._schemas.render import rendered
from .._schemas.wanted import scopes_to_read
from .backup_object import describe_point
from .carry_out import Execution
from .earlier_runs import (
    Leftover,
    as_before,
    leftovers,
    open_journal,
    over_runs,
    purged_subjects,
    still_ours,
    unfinished_keys,
    unfinished_versions,
)
from .read_archive import read_archive
from .read_highest_ids import highest_ids
from .read_keys import read_keys
from .read_registry import WHOLE_REGISTRY, read_everything

OPERATION = "schema_registry_import"
_SHOWN = 100
_WHEN_DAMAGED = (
    " Nothing was written to the registry. Import another restore point, or bring the file back from a copy of the "
    "store; damage of single subjects can be left out with on_damage: skip. lifeboat.kafka.backup_verify lists it all."
)


@dataclass(frozen=True)
class ImportRequest:
    """What a user asks for; the module's options.

    Args:
        backup_id: Which backup.
        restore_point: A number, or ``latest``.
        subjects: Which subjects; what they refer to comes along.
        strategy: ``preserve``, ``skip`` or ``overwrite``.
        ids: ``keep`` or ``assign``.
        subject_mapping: New names of subjects by old ones, and by patterns of these.
        context_mapping: New contexts by old ones.
        accept_losses: Losses that do not stop the import.
        allow_purge: Whether subjects of the target may be deleted for good.
        on_damage: ``fail`` or ``skip``.
        on_failure: ``keep_closed`` or ``prior_modes``.
        journal: A directory for the journal, or None for the store.
        keep_highest_id: Whether ids that the source had given to what is gone are kept from being given again.
    """

    backup_id: str
    restore_point: str
    subjects: Selection
    strategy: str
    ids: str
    subject_mapping: Mapping[str, str]
    context_mapping: Mapping[str, str]
    accept_losses: frozenset[str]
    allow_purge: bool
    on_damage: str
    on_failure: str
    journal: str | None
    keep_highest_id: bool


@dataclass(frozen=True)
class RegistryImport:
    """The plan of an import.

    Args:
        request: What was asked for.
        store: Where the backup lies.
        point: The restore point.
        damaged: What had to be left out of it.
        registry: The target.
        journal: The target's journal.
        earlier: Runs that did not put everything back.
        ours: What these left as they had set it; this run puts it back.
        foreign: What these left and somebody has changed since; it stays.
        plan: What is to be done.
    """

    request: ImportRequest
    store: Store
    point: RestorePoint
    damaged: tuple[dict[str, str], ...]
    registry: Registry
    journal: UndoJournal
    earlier: tuple[JournalRun, ...]
    ours: tuple[Leftover, ...]
    foreign: tuple[Leftover, ...]
    plan: ImportPlan

    @classmethod
    def prepare(
        cls, registry_settings: RegistrySettings, store_settings: StoreSettings, request: ImportRequest
    ) -> RegistryImport:
        """Read the restore point and the target, and plan.

        Raises:
            StoreError: There is no store.
            NotFound: There is no such backup, restore point or subject.
            Damaged: The restore point is damaged.
            Busy: Another run is at work on the target.
            RegistryError: The target gave no usable answer.
            ImportRefused, Refused, InvalidOption: As `plan_import`; or `InvalidOption` for a purge that can never be.
        """
        _check_effect(request)
        store = Store.open(storage_of(store_settings))
        try:
            point = find_point(store, request.backup_id, request.restore_point, [SCHEMA_REGISTRY])
            archived = read_archive(store, point, request.subjects, on_damage=request.on_damage)
        except Damaged as error:
            error.message += _WHEN_DAMAGED
            raise
        registry = connect(registry_settings)
        journal = open_journal(registry.identity(), SystemClock(), store=store_settings, directory=request.journal)
        earlier = over_runs(journal)
        options = ImportOptions(
            strategy=request.strategy,
            ids=request.ids,
            subject_mapping=request.subject_mapping,
            context_mapping=request.context_mapping,
            accept_losses=request.accept_losses,
            allow_purge=request.allow_purge,
            unfinished=unfinished_versions(earlier),
            unfinished_keys=unfinished_keys(earlier),
            keep_highest_id=request.keep_highest_id,
        )
        left = leftovers(earlier)
        target = _read_target(registry, archived.state, options, [each.scope for each in left.values()])
        ours, foreign = _sorted_out(left.values(), target)
        plan = plan_import(archived.state, as_before(target, ours), registry.capabilities, options)
        return cls(request, store, point, archived.damaged, registry, journal, tuple(earlier), ours, foreign, plan)

    @property
    def changed(self) -> bool:
        """Whether anything is written: to the registry, or put back after an earlier run."""
        return not self.plan.is_empty or bool(self.earlier)

    def difference(self) -> Difference:
        """Show what changes in the target, bounded."""
        before, after = (
            {**versions, **keys} for versions, keys in zip(rendered(self.plan), self.plan.keys.rendered(), strict=True)
        )
        for left in self.ours:
            before[f"{left.kind} of {left.scope or 'the registry'}, left by an interrupted run"] = left.value
            after[f"{left.kind} of {left.scope or 'the registry'}, left by an interrupted run"] = left.prior.value
        return Difference(before, after)

    def preview(self) -> Report:
        """Report the plan."""
        return Report(self._values(), self._warnings())

    def apply(self) -> Report:
        """Carry the plan out, check the target, and put back what was changed for a while."""
        if self.request.journal is not None and (self.changed or self.request.ids == ASSIGN):
            self.journal.storage.prepare()
        assigned = self._carry_out() if self.changed else self.plan.assigned({}, self.plan.target)
        verified = {"versions": len(self.plan.items) - len(self.plan.left), "left": len(self.plan.left)}
        if self.plan.keys.items:
            verified["keys"] = len(self.plan.keys.items) - len(self.plan.keys.left)
        values = {**self._values(), "verified": verified}
        if self.request.ids == ASSIGN:
            values.update(self._id_map(self.plan.id_map(assigned)))
        return Report(values, self._warnings())

    def _carry_out(self) -> Mapping[VersionKey, Assigned]:
        run = self.journal.begin(OPERATION, self._facts())
        execution = Execution(
            self.plan,
            self.registry,
            run,
            self.earlier,
            self.ours,
            lambda scopes: read_everything(self.registry, scopes),
            keep_closed=self.request.on_failure == "keep_closed",
        )
        with Heartbeat(run.refresh):
            return execution.run()

    def _facts(self) -> dict[str, Any]:
        registers = [list(key) for key in sorted(self.plan.registered | self.plan.options.unfinished)]
        return {
            "backup_id": self.request.backup_id,
            "restore_point": self.point.sequence,
            "ids": self.request.ids,
            "registers": registers,
            "keys": [list(key) for key in sorted(self.plan.keys.created | self.plan.options.unfinished_keys)],
            "purges": sorted(self.plan.purged | purged_subjects(self.earlier)),
        }

    def _values(self) -> dict[str, Any]:
        left = self.plan.left
        return {
            "backup": describe_point(self.store, self.point),
            "plan": {
                "classes": self.plan.classes,
                "actions": {**self.plan.actions, "put_back": len(self.ours)},
                "left": [
                    {
                        "subject": item.subject,
                        "version": item.source.version,
                        "id": item.source_id,
                        "class": item.classification,
                        "reason": item.why,
                    }
                    for item in left[:_SHOWN]
                ],
                "left_omitted": max(0, len(left) - _SHOWN),
                "exact": not self.damaged and not any(map(_differs, left)) and self.plan.keys.is_exact,
                **({"keys": self.plan.keys.describe()} if self.plan.keys.items else {}),
                "lost": [loss.describe() for loss in self.plan.losses],
                "damaged": list(self.damaged[:_SHOWN]),
                "damaged_omitted": max(0, len(self.damaged) - _SHOWN),
            },
        }

    def _warnings(self) -> tuple[str, ...]:
        warnings = [*self.plan.notes, *self._not_in_the_point()]
        if self.plan.left:
            warnings.append(
                f"{counted(len(self.plan.left), 'version is', 'versions are')} not made as in the restore point; "
                "plan.left tells which."
            )
        if self.plan.keys.left:
            warnings.append(
                f"{counted(len(self.plan.keys.left), 'encryption key is', 'encryption keys are')} not made as in the "
                "restore point; plan.keys.left tells which."
            )
        warnings += [f"Accepted loss, {loss.kind} ({loss.count}): {loss.why}" for loss in self.plan.losses]
        if self.damaged:
            warnings.append(
                f"{counted(len(self.damaged), 'damaged document is', 'damaged documents are')} left out; "
                "plan.damaged tells which."
            )
        for left in self.foreign:
            warnings.append(
                f"An interrupted run had set the {left.kind} of {left.scope or 'the registry'} to {left.value}; "
                "somebody has changed it since, so it stays as it is."
            )
        return tuple(warnings)

    def _not_in_the_point(self) -> Iterator[str]:
        """Say what a restore point was never asked to hold, where all of it is restored."""
        scope = self.point.scope[SCHEMA_REGISTRY]
        narrowed = {name: scope.get(name) for name, whole in WHOLE_REGISTRY.items() if scope.get(name) != whole}
        if narrowed and self.request.subjects == Selection():
            asked = ", ".join(f"{name}: {value}" for name, value in sorted(narrowed.items()))
            yield (
                f"Restore point {self.point.sequence} holds only a part of the registry, as it was asked to ({asked}). "
                "Nothing else is imported; if more is wanted, name another restore point."
            )

    def _id_map(self, ids: Mapping[str, Mapping[int, int]]) -> dict[str, Any]:
        mapped = self.request.context_mapping
        where = keep_id_map(self.journal, self.request.backup_id, self.point.sequence, mapped, ids)
        pairs = [
            {"context": context, "old": old, "new": new}
            for context, found in sorted(ids.items())
            for old, new in sorted(found.items())
        ]
        return {"id_map": pairs[:_SHOWN], "id_map_omitted": max(0, len(pairs) - _SHOWN), "id_map_file": where}


def _check_effect(request: ImportRequest) -> None:
    """Refuse what is allowed and can never happen, since whoever allows it seems to expect it."""
    if request.allow_purge and (request.strategy, request.ids) != (OVERWRITE, KEEP):
        raise InvalidOption(
            "allow_purge goes with strategy: overwrite and ids: keep. Nothing is purged with strategy: "
            f"{request.strategy} and ids: {request.ids}; leave allow_purge out.",
            object_name="allow_purge",
        )


def _differs(left: Item) -> bool:
    """Tell whether what is left is in the target otherwise than in the archive, for no loss that was accepted."""
    if (left.action, left.classification) == (KEPT, LIVE_ON_TARGET):
        return left.why != STAYS_LIVE
    return left.action == LEAVE


def _read_target(
    registry: Registry, archive: RegistryState, options: ImportOptions, changed: Iterable[str]
) -> RegistryState:
    """Read all that a target holds, with the settings of its own scopes, the archive's, and those once changed."""
    state = read_everything(registry, ())
    scopes = {*registry.setting_scopes(state.contexts), *state.subjects(), *scopes_to_read(archive, options), *changed}
    highest = highest_ids(registry, state.versions.values()) if options.ids == KEEP else {}
    keys = read_keys(registry) if archive.keys else None
    return replace(state, settings=registry.read_settings(sorted(scopes)), highest_ids=highest, keys=keys)


def _sorted_out(found: Iterable[Leftover], target: RegistryState) -> tuple[tuple[Leftover, ...], tuple[Leftover, ...]]:
    """Divide what earlier runs left into what still is as they set it, and what somebody has changed since."""
    ours, foreign = [], []
    for left in found:
        held = target.settings[left.scope]
        current = held.mode if left.kind == "mode" else held.config
        if still_ours(left, current):
            ours.append(replace(left, value=current.value, replaced=None))
        elif not same_setting(current, left.prior):
            foreign.append(left)
    return tuple(ours), tuple(foreign)
