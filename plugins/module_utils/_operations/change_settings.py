# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting and removing what many scopes have, their modes above all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._core.change import Difference, Report
from .._core.errors import InvalidOption, Refused, RegistryError
from .._core.settings import RegistrySettings
from .._registry import administration
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.model import GLOBAL_SCOPE, OVERALL_SCOPE, Setting, context_of, context_scope, is_wide_scope
from .._schemas.naming import check_context_name
from .._schemas.wanted import IMPORT, READWRITE
from .bounded import difference, listed

FORWARD = "FORWARD"

NOT_PERMITTED = 42205
"""A registry's code for an operation that its state does not permit."""


@dataclass(frozen=True)
class ScopesChange(ABC):
    """The plan to set or remove something at some scopes.

    Args:
        registry: Whose scopes.
        current: The scopes and what they have.
    """

    registry: Registry
    current: Mapping[str, Setting]

    result: ClassVar[str]
    """The key of the scopes in the report."""

    @property
    def changed(self) -> bool:
        """Whether any scope has something else."""
        return bool(self._differing())

    def difference(self) -> Difference:
        """Show the scopes that change."""
        differing = self._differing()
        return difference(
            {scope_name(scope): self._shown(scope) for scope in differing},
            {scope_name(scope): self._shown_after(scope) for scope in differing},
        )

    def preview(self) -> Report:
        """Report the scopes, as many as there is room for."""
        scopes = []
        for scope in self.current:
            before, differs = self._shown(scope), self._differs(scope)
            after = self._shown_after(scope) if differs else before
            scopes.append({"scope": scope, "before": before, "after": after, "changed": differs})
        return Report(listed({self.result: (scopes, len(scopes))}, most=None))

    def apply(self) -> Report:
        """Set or remove what differs."""
        for scope in self._differing():
            self._make(scope)
        return self.preview()

    def _differing(self) -> list[str]:
        return [scope for scope in self.current if self._differs(scope)]

    @abstractmethod
    def _differs(self, scope: str) -> bool:
        """Tell whether something is to be done at a scope.

        What may be a default counts as set when something is wanted, and as unset when nothing is.
        """

    @abstractmethod
    def _shown(self, scope: str) -> Any:
        """Return what there is at a scope, for people."""

    @abstractmethod
    def _shown_after(self, scope: str) -> Any:
        """Return what there will be."""

    @abstractmethod
    def _make(self, scope: str) -> None:
        """Set or remove it at one scope."""


@dataclass(frozen=True)
class ModeChange(ScopesChange):
    """The plan to set or remove modes.

    Args:
        wanted: What to set, or None to remove it.
        force: Whether IMPORT is entered where there are schemas.
        recursive: Whether the modes below contexts are removed with theirs.
    """

    wanted: str | None
    force: bool
    recursive: bool

    result = "modes"

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        *,
        subjects: Sequence[str] | None,
        contexts: Sequence[str] | None,
        mode: str | None,
        force: bool = False,
        recursive: bool = False,
    ) -> ModeChange:
        """Read the modes.

        Raises:
            InvalidOption: The registry has no such mode, or not there; a name is none; or an option does not go with
                another.
            Refused: ``would_purge``: the registry would delete soft-deleted versions for good.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        registry.require_writable()
        scopes = named_scopes(registry, subjects, contexts)
        _check_mode(registry, mode, scopes)
        if force and mode == IMPORT and not registry.capabilities.forced_import:
            raise InvalidOption(
                f"{registry.implementation} is never forced into IMPORT, since that is said to delete the schemas that "
                "are there. Leave force out.",
                object_name="force",
            )
        if recursive and (mode is not None or subjects):
            raise InvalidOption(
                "recursive goes with state: absent, and with contexts or the whole registry: a subject has nothing "
                "below it.",
                object_name="recursive",
            )
        current = {scope: registry.get_mode(scope) for scope in scopes}
        if mode == IMPORT and not force:
            for scope in (scope for scope, held in current.items() if held.value != IMPORT):
                _refuse_purge(registry, scope)
        if recursive:
            below = registry.read_settings(_scopes_below(registry, scopes))
            current |= {scope: held.mode for scope, held in below.items() if held.mode.is_set is not False}
        return cls(registry, current, mode, force, recursive)

    def apply(self) -> Report:
        """Set or remove what differs; with ``recursive`` also what cannot be seen, where the server does that."""
        for scope in self.current if self.recursive and self.changed else ():
            if is_wide_scope(scope) and scope != OVERALL_SCOPE:
                administration.delete_modes_below(self.registry, scope)
        return super().apply()

    def _differs(self, scope: str) -> bool:
        return self.current[scope].is_set is True if self.wanted is None else self._shown(scope) != self.wanted

    def _shown(self, scope: str) -> Any:
        held = self.current[scope].value
        is_untold = self.wanted == READWRITE and READWRITE not in self.registry.capabilities.modes
        return READWRITE if held is None and is_untold else held

    def _shown_after(self, scope: str) -> Any:
        return self.wanted

    def _make(self, scope: str) -> None:
        if self.wanted is None:
            self.registry.delete_mode(scope)
            return
        try:
            self.registry.set_mode(scope, self.wanted, force=self.force)
        except RegistryError as error:
            if self.wanted == IMPORT and not self.force and error.facts.get("registry_code") == NOT_PERMITTED:
                error.message += " With force: true the mode is set although there are schemas."
            raise


def named_scopes(registry: Registry, subjects: Sequence[str] | None, contexts: Sequence[str] | None) -> list[str]:
    """Return the scopes that a task names; the global one when it leaves both kinds out.

    Raises:
        InvalidOption: A name is none, or the registry has no contexts.
    """
    scopes = scopes_of(subjects, contexts)
    if not registry.capabilities.contexts and any(map(context_scope, contexts or ())):
        raise InvalidOption(
            f"{registry.implementation} has no contexts besides the default one.", object_name="contexts"
        )
    return scopes


def scopes_of(subjects: Sequence[str] | None, contexts: Sequence[str] | None) -> list[str]:
    """Return the scopes that a task names; the global one when it leaves both kinds out.

    Raises:
        InvalidOption: A subject's name is empty; or a context's name does not begin with a dot, or holds a colon.
    """
    if subjects is None and contexts is None:
        return [GLOBAL_SCOPE]
    if subjects and "" in subjects:
        raise InvalidOption(
            "A subject's name is empty. Leave subjects out altogether when the whole registry is meant.",
            object_name="subjects",
        )
    for context in contexts or ():
        check_context_name(context, "contexts")
    return list(dict.fromkeys([*map(context_scope, contexts or ()), *(subjects or ())]))


def scope_name(scope: str) -> str:
    """Name a scope for people."""
    return scope or "(global)"


def _check_mode(registry: Registry, mode: str | None, scopes: Sequence[str]) -> None:
    known = registry.capabilities.modes
    if mode is not None and mode not in known | {READWRITE}:
        held = ", ".join(sorted(known | {READWRITE}))
        raise InvalidOption(f"{registry.implementation} has no mode {mode}; it has {held}.", object_name="mode")
    if mode == FORWARD and not {GLOBAL_SCOPE, OVERALL_SCOPE}.issuperset(scopes):
        raise InvalidOption(
            "The mode FORWARD is only set for the whole registry: give contexts: ['.__GLOBAL'], and no subjects.",
            object_name="mode",
        )


def _refuse_purge(registry: Registry, scope: str) -> None:
    lost = administration.purged_by_import(registry, scope)
    if lost:
        raise Refused(
            f"{registry.implementation} would erase {len(lost)} soft-deleted versions for good, such as {lost[0]}, "
            f"when {scope_name(scope)} enters IMPORT. With force: true they stay. To be rid of them, purge them first, "
            "with lifeboat.kafka.schema_registry_subject.",
            code="would_purge",
            object_name=scope,
        )


def _scopes_below(registry: Registry, scopes: Sequence[str]) -> list[str]:
    """Return what lies below contexts: their subjects; and below the scope of all contexts everything else."""
    listing = registry.list_versions()
    subjects = sorted({key.subject for key in listing.versions})
    if OVERALL_SCOPE in scopes:
        return [scope for scope in (*registry.setting_scopes(listing.contexts), *subjects) if scope not in scopes]
    return [subject for subject in subjects if context_scope(context_of(subject)) in scopes]
