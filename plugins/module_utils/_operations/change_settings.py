# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting and removing modes and compatibility levels of many scopes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._core.change import Difference, Report
from .._core.errors import InvalidOption, Refused, RegistryError
from .._core.settings import RegistrySettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.model import GLOBAL_SCOPE, Setting, context_scope

LEVEL = "compatibilityLevel"
IMPORT = "IMPORT"

NOT_PERMITTED = 42205
"""A registry's code for an operation that its state does not permit."""


@dataclass(frozen=True)
class ScopesChange(ABC):
    """The plan to set or remove the same thing at some scopes.

    Args:
        registry: Whose scopes.
        current: The scopes and what they have.
        wanted: What to set, or None to remove it.
    """

    registry: Registry
    current: dict[str, Setting]
    wanted: str | None

    result: ClassVar[str]
    """The key of the scopes in the report."""

    @property
    def changed(self) -> bool:
        """Whether any scope has something else."""
        return any(map(self._differs, self.current.values()))

    def difference(self) -> Difference:
        """Show the scopes that change."""
        differing = [scope for scope, setting in self.current.items() if self._differs(setting)]
        return Difference(
            {scope_name(scope): self._value(self.current[scope]) for scope in differing},
            dict.fromkeys(map(scope_name, differing), self.wanted),
        )

    def preview(self) -> Report:
        """Report all scopes."""
        scopes = []
        for scope, setting in self.current.items():
            before, differs = self._value(setting), self._differs(setting)
            after = self.wanted if differs else before
            scopes.append({"scope": scope, "before": before, "after": after, "changed": differs})
        return Report({self.result: scopes})

    def apply(self) -> Report:
        """Set or remove what differs."""
        for scope, setting in self.current.items():
            if self._differs(setting):
                self._make(scope, setting)
        return self.preview()

    def _differs(self, setting: Setting) -> bool:
        """What may be a default counts as set when something is wanted, and as unset when nothing is."""
        return setting.is_set is True if self.wanted is None else self._value(setting) != self.wanted

    @abstractmethod
    def _value(self, setting: Setting) -> Any:
        """Return what is compared with what is wanted."""

    @abstractmethod
    def _make(self, scope: str, setting: Setting) -> None:
        """Set or remove it at one scope."""


@dataclass(frozen=True)
class ModeChange(ScopesChange):
    """The plan to set or remove modes.

    Args:
        force: Whether IMPORT is entered where there are schemas.
    """

    force: bool

    result = "modes"

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        *,
        subjects: Sequence[str] | None,
        contexts: Sequence[str] | None,
        mode: str | None,
        force: bool,
    ) -> ModeChange:
        """Read the modes.

        Raises:
            InvalidOption: The registry has no such mode, or a name is none.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        registry.require_writable()
        known = registry.capabilities.modes
        if mode is not None and known and mode not in known:
            raise InvalidOption(
                f"{registry.implementation} has no mode {mode}; it has {', '.join(sorted(known))}.",
                object_name="mode",
            )
        return cls(registry, {s: registry.get_mode(s) for s in scopes_of(subjects, contexts)}, mode, force)

    def _value(self, setting: Setting) -> Any:
        return setting.value

    def _make(self, scope: str, setting: Setting) -> None:
        if self.wanted is None:
            self.registry.delete_mode(scope)
            return
        try:
            self.registry.set_mode(scope, self.wanted, force=self.force)
        except RegistryError as error:
            if self.wanted == IMPORT and not self.force and error.facts.get("registry_code") == NOT_PERMITTED:
                error.message += " With force: true the mode is set although there are schemas."
            raise


@dataclass(frozen=True)
class CompatibilityChange(ScopesChange):
    """The plan to set compatibility levels, or to remove the configs."""

    result = "configs"

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        *,
        subjects: Sequence[str] | None,
        contexts: Sequence[str] | None,
        compatibility: str | None,
    ) -> CompatibilityChange:
        """Read the configs.

        Raises:
            InvalidOption: A name is none.
            Refused: A config that is to be removed says more than a compatibility level.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        registry.require_writable()
        current = {scope: registry.get_config(scope) for scope in scopes_of(subjects, contexts)}
        if compatibility is None:
            _refuse_to_remove_more(current)
        return cls(registry, current, compatibility)

    def _value(self, setting: Setting) -> Any:
        return (setting.value or {}).get(LEVEL)

    def _make(self, scope: str, setting: Setting) -> None:
        if self.wanted is None:
            self.registry.delete_config(scope)
        else:
            # A registry may replace the whole config, so its other fields go along.
            self.registry.set_config(scope, {**(setting.value or {}), LEVEL: self.wanted})


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
        if not context.startswith(".") or ":" in context:
            raise InvalidOption(
                f"A context's name begins with a dot and has no colon, such as .eu, unlike {context!r}.",
                object_name="contexts",
            )
    return list(dict.fromkeys([*map(context_scope, contexts or ()), *(subjects or ())]))


def scope_name(scope: str) -> str:
    """Name a scope for people."""
    return scope or "(global)"


def _refuse_to_remove_more(current: dict[str, Setting]) -> None:
    for scope, setting in current.items():
        more = sorted(set(setting.value or {}) - {LEVEL})
        if more:
            raise Refused(
                f"The config of {scope_name(scope)} also has {', '.join(more)}, which would go with its compatibility "
                "level. Set a level instead, or remove the config with the registry's own tools.",
                object_name=scope,
            )
