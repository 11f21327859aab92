# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out an import plan: opening the target, writing, checking, and closing or opening it again.

Every temporary change is in the journal before it is made. The target is checked while it is still closed to others;
only then is what was there before put back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from .._archive.journal import Change, JournalRun
from .._core.counting import named
from .._core.errors import LifeboatError, Refused, VerificationFailed
from .._registry.dialect import Registry
from .._schemas.compare import differences, same_setting
from .._schemas.import_plan import (
    ASSIGN,
    KEEP,
    Assigned,
    ImportPlan,
    SettingChange,
    TemporarySetting,
)
from .._schemas.model import (
    GLOBAL_SCOPE,
    UNSET,
    RegistryState,
    ScopeSettings,
    Setting,
    VersionKey,
    is_wide_scope,
)
from .._schemas.wanted import IMPORT
from .carry_out_keys import check_keys_unchanged, differing_keys, make_keys
from .change_settings import scope_name
from .earlier_runs import Leftover
from .make_steps import Steps
from .put_back import READWRITE, put_back

READONLY = "READONLY"
_SHOWN = 20


@dataclass
class Execution:
    """One run of an import plan.

    Args:
        plan: What to do.
        registry: Where.
        journal: This run's journal, begun.
        earlier: Runs that did not put everything back.
        leftovers: What these left changed and nobody changed since: this run puts it back.
        reread: Reads all versions that the target holds, and the settings of some scopes.
        keep_closed: Whether what is not complete stays closed to writers when the run stops half-way.
    """

    plan: ImportPlan
    registry: Registry
    journal: JournalRun
    earlier: tuple[JournalRun, ...]
    leftovers: tuple[Leftover, ...]
    reread: Callable[[Collection[str]], RegistryState]
    keep_closed: bool
    writing: bool = False
    opened: set[tuple[str, str]] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        self.steps = Steps(self.plan, self.registry)

    def run(self) -> Mapping[VersionKey, Assigned]:
        """Do all of it.

        Returns:
            With ``ids: assign``, what the target made of each version of the archive.

        Raises:
            RegistryError: The target refused something, or could not be reached.
            VerificationFailed: The target does not hold what it should.
            StoreError: The journal cannot be written to.
        """
        try:
            self._open()
            self._check_unchanged()
            check_keys_unchanged(self.plan.keys, self.registry)
            self.writing = True
            self.steps.make_all()
            # In IMPORT, a registry does not ask a KMS about keys; and an alias among the configs may lead to others.
            make_keys(self.plan.keys, self.registry)
            _raise_for(differing_keys(self.plan.keys, self.registry))
            self._set_configs()
            assigned = self._check_content()
            self.journal.mark_incomplete(())
        except BaseException as error:
            self._stop_half_way(error)
            raise
        try:
            self._reopen()
            self._check_modes()
        except BaseException as error:
            self._end(error, " The schemas are in. Run the import again for what is missing.")
            raise
        self.journal.finish()
        return assigned

    def _open(self) -> None:
        """Set the temporary modes and configs, each one after it was journaled.

        What earlier runs left is then in this run's journal, so that theirs are no longer needed.
        """
        self._check_settings_unchanged()
        temporary = [*self.plan.temporary, *self._still_closed()]
        if self.plan.options.ids == KEEP:
            self.journal.mark_incomplete(
                {each.scope for each in temporary if each.kind == "mode"}
                | {left.scope for left in self.leftovers if left.kind == "mode"}
            )
        priors = [Change(left.kind, left.scope, left.prior, left.value) for left in self.leftovers]
        priors += self._doomed_configs()
        self.journal.record_all(
            [*priors, *(Change(each.kind, each.scope, each.before, each.value) for each in temporary)]
        )
        self.opened = {change.key for change in priors}  # from here on it is this run that puts these back
        for run in self.earlier:
            run.settle()
        for each in temporary:
            self.opened.add((each.kind, each.scope))
            if each.kind == "mode":
                self.registry.set_mode(each.scope, each.value, force=each.force)
            else:
                self.registry.set_config(each.scope, each.value)

    def _doomed_configs(self) -> list[Change]:
        """Return the configs that go with the subjects that are purged, since a server may forget them."""
        held = {subject: self.plan.target.settings.get(subject, ScopeSettings()).config for subject in self.plan.purged}
        return [Change("config", subject, held[subject], None) for subject in sorted(held) if held[subject].is_set]

    def _still_closed(self) -> list[TemporarySetting]:
        """Return what opens, for this run, the scopes that an earlier one has closed and the plan takes for open.

        The plan sees what was there before that one; what it leaves as it was may still be READONLY.
        """
        keeps = self.plan.options.ids == KEEP and self.registry.capabilities.ids_in == IMPORT
        value = IMPORT if keeps else READWRITE
        planned = {(each.kind, each.scope) for each in self.plan.temporary}
        return [
            TemporarySetting(left.scope, left.kind, value, True, left.prior)
            for left in self.leftovers
            if left.kind == "mode" and left.value != value and (left.kind, left.scope) not in planned
        ]

    def _check_settings_unchanged(self) -> None:
        """Stop if what would be put back is no longer what the plan has read: it may be what another run had set."""
        expected = {(each.kind, each.scope): each.before for each in self.plan.temporary}
        for left in self.leftovers:
            expected[left.kind, left.scope] = UNSET if left.value is None else Setting(left.value, None)
        now = self.registry.read_settings(sorted({scope for _kind, scope in expected}))
        for (kind, scope), before in expected.items():
            held = now[scope].mode if kind == "mode" else now[scope].config
            if not same_setting(held, before):
                raise Refused(
                    f"The {kind} of {scope_name(scope)} was {before.value or 'not set'} when the import was planned, "
                    f"and is {held.value or 'not set'} now: somebody else is at work on the registry. Run it again.",
                    code="target_changed",
                    object_name=scope,
                )

    def _check_unchanged(self) -> None:
        """Stop if others have written, since the plan was made, to what is now closed to them.

        A registry in IMPORT may overwrite a version that is there, or keep it, without a word.
        """
        listed = self.registry.list_versions().versions
        now = {key: version.deleted for key, version in listed.items() if key.subject in self.plan.subjects}
        planned = {
            key: version.deleted
            for key, version in self.plan.target.versions.items()
            if key.subject in self.plan.subjects
        }
        changed = sorted({key.subject for key, _deleted in set(now.items()) ^ set(planned.items())})
        if changed:
            raise Refused(
                f"Somebody has written to {len(changed)} subjects since the import was planned, such as {changed[0]}. "
                "Nothing was imported; run it again.",
                code="target_changed",
                object_name=changed[0],
            )

    def _set_configs(self) -> None:
        """Set the configs of the archive.

        Where one takes the place of a temporary one, the journal has it first: a later run must not take it for
        somebody else's.
        """
        final = {("config", change.scope): change.value for change in self.plan.settings if change.kind == "config"}
        self.journal.record_all(replace(c, value=final[c.key]) for c in self.journal.pending() if c.key in final)
        for (_kind, scope), value in final.items():
            self.registry.set_config(scope, value)

    def _check_content(self) -> Mapping[VersionKey, Assigned]:
        """Read the target again, and compare it with the plan.

        What others have registered meanwhile, under subjects that this import does not write to, is theirs.
        """
        temporary = {each.scope for each in self.plan.temporary if each.kind == "config"}
        configs = {each.scope for each in self.plan.settings if each.kind == "config"} - temporary
        actual = self.reread(configs)
        assigned = self.plan.assigned(self.steps.ids, actual) if self.plan.options.ids == ASSIGN else {}
        expected = self.plan.expected(assigned)
        settings = {scope: replace(actual.settings[scope], config=expected.settings[scope].config) for scope in configs}
        others = {key for key in actual.versions if key.subject not in self.plan.subjects} - set(expected.versions)
        _raise_for(differences(replace(expected, settings=settings), actual, ignored=self.plan.uncertain | others))
        return assigned

    def _reopen(self) -> None:
        """Put the modes and configs in place that stay: those of the archive, else those that were there before."""
        final = {(change.kind, change.scope): change for change in self.plan.settings}
        pending = sorted(self.journal.pending(), key=lambda c: (is_wide_scope(c.scope), c.scope == GLOBAL_SCOPE))
        # A scope that is READONLY again takes no config: the journal must then have none that is to be put back.
        self._put_back([change for change in pending if change.kind == "config"], final)
        self._put_back([change for change in pending if change.kind == "mode" and change.key not in final])
        left = {change.key: change for change in self.journal.pending()}
        self.journal.record_all(replace(change, value=final[key].value) for key, change in left.items())
        made = []
        try:
            for setting in self.plan.settings:
                if setting.kind == "mode":
                    self.registry.set_mode(setting.scope, setting.value)
                    made.append((setting.kind, setting.scope))
        finally:
            self.journal.mark_undone([key for key in made if key in left])

    def _put_back(
        self, changes: Iterable[Change], instead: Mapping[tuple[str, str], SettingChange] | None = None
    ) -> None:
        """Put some settings back, and note those that are, also when one cannot be."""
        back = []
        try:
            for change in changes:
                put_back(self.registry, change.kind, change.scope, change.prior, (instead or {}).get(change.key))
                back.append(change.key)
        finally:
            self.journal.mark_undone(back)

    def _check_modes(self) -> None:
        touched = {each.scope for each in self.plan.temporary} | {each.scope for each in self.plan.settings}
        touched |= {left.scope for left in self.leftovers}
        expected = {scope: held for scope, held in self.plan.after.settings.items() if scope in touched}
        actual = self.registry.read_settings(sorted(expected))
        _raise_for(differences(RegistryState(settings=expected), RegistryState(settings=actual)))

    def _stop_half_way(self, error: BaseException) -> None:
        """Leave what is not complete closed to writers, or put everything back, and say so in the error."""
        half_way = self.writing or any(left.incomplete for left in self.leftovers)
        # Whatever cannot be done now is in the journal, for the next run; the cause of the stop must not be hidden.
        with contextlib.suppress(LifeboatError):
            if half_way and self.plan.options.ids == KEEP and self.keep_closed:
                self._close()
            else:
                self._put_all_back()
        said = "" if self.journal.pending() or not self.opened else " The modes are as they were before."
        self._end(error, said, unfinished=self.writing or bool(self.plan.options.unfinished))

    def _end(self, error: BaseException, said: str, *, unfinished: bool = False) -> None:
        """End the run in the journal, and tell in the error what is not as it was, and how to go on."""
        with contextlib.suppress(LifeboatError):
            self.journal.finish(unfinished=unfinished)
        if isinstance(error, LifeboatError):
            error.message += self._left_behind() or said

    def _left_behind(self) -> str:
        """Say what is not as it was before, and how to go on; nothing where all of it is."""
        left = self.journal.pending()[::-1]  # as they were opened, the wide ones first
        modes = [change.scope for change in left if change.kind == "mode"]
        if modes and self.journal.incomplete:
            closed = [scope for scope in modes if scope in self.closed]
            unsure = [scope for scope in modes if scope not in self.closed]
            said = " The import is not complete."
            if closed:
                said += f" So these stay closed to writers: {_shown(closed)}."
            if unsure:
                said += f" These could not be closed, or opened again: {_shown(unsure)}; as long as they have the mode "
                said += "IMPORT, no producer can register there."
            return (
                f"{said} Run the import again to complete it; or open them all the same, so that producers may take "
                "the missing ids, with lifeboat.kafka.schema_registry_mode, state: recovered, on_failure: prior_modes."
            )
        if left:
            return (
                f" The {'mode' if modes else 'config'} of these is not put back, and is in the journal: "
                f"{_shown(modes or [change.scope for change in left])}. When the registry answers again, run the "
                "import again, or lifeboat.kafka.schema_registry_mode with state: recovered."
            )
        return ""

    def _close(self) -> None:
        """Close what is not complete to writers, and put back the rest; what fails is left to the next run."""
        done = self.steps.done
        all_done = done == len(self.plan.steps)
        left = set(self.plan.incomplete_scopes(done))
        left |= {held.scope for held in self.leftovers if held.incomplete and not all_done}
        if all_done:
            # Every step is made, but what they made is not what it should be, or could not be checked.
            left = {change.scope for change in self.journal.pending() if change.kind == "mode"}
        self.journal.mark_incomplete(left)
        configs = {each.scope for each in self.plan.temporary if each.kind == "config"}
        with contextlib.suppress(LifeboatError):  # what is closed may take no config any more
            self._put_back([c for c in self.journal.pending() if c.kind == "config" and c.scope in configs])
        closing = [change for change in self.journal.pending()[::-1] if change.kind == "mode" and change.scope in left]
        if READONLY in self.registry.capabilities.modes:
            self.journal.record_all(replace(change, value=READONLY) for change in closing)
            for change in closing:
                self.registry.set_mode(change.scope, READONLY)
                self.closed.add(change.scope)
        self.closed |= {change.scope for change in closing}  # in IMPORT, where there is no READONLY
        self._put_back([change for change in self.journal.pending() if change.scope not in left])

    def _put_all_back(self) -> None:
        self.journal.mark_incomplete(())
        pending = self.journal.pending()
        self.journal.mark_undone([change.key for change in pending if change.key not in self.opened])
        self._put_back([change for change in pending if change.key in self.opened])


def _shown(scopes: Iterable[str]) -> str:
    return named([*map(scope_name, scopes)])


def _raise_for(mismatches: Iterable[object]) -> None:
    found = [str(mismatch) for mismatch in mismatches]
    if found:
        more = f" And {len(found) - _SHOWN} more." if len(found) > _SHOWN else ""
        raise VerificationFailed(
            f"The registry does not hold what it should after the import: {'; '.join(found[:_SHOWN])}.{more}",
            differences=found[:_SHOWN],
            differences_omitted=max(0, len(found) - _SHOWN) or None,
        )
