# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting and removing modes and compatibility levels of many scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._core.change import Difference, Report
from .._core.errors import InvalidOption, Refused
from .._core.settings import RegistrySettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.model import GLOBAL_SCOPE, Setting, context_scope

LEVEL = "compatibilityLevel"


@dataclass(frozen=True)
class ModeChange:
    """The plan to set or remove the modes of some scopes.

    Args:
        registry: Whose.
        current: The scopes and what they have.
        mode: The mode to set, or None to remove them.
        force: Whether IMPORT is entered where there are schemas.
    """

    registry: Registry
    current: dict[str, Setting]
    mode: str | None
    force: bool

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        *,
        subjects: Sequence[str],
        contexts: Sequence[str],
        mode: str | None,
        force: bool,
    ) -> ModeChange:
        """Read the modes.

        Raises:
            InvalidOption: The registry has no such mode, or a context's name is none.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        known = registry.capabilities.modes
        if mode is not None and known and mode not in known:
            raise InvalidOption(
                f"{registry.implementation} has no mode {mode}; it has {', '.join(sorted(known))}.",
                object_name="mode",
            )
        current = {scope: registry.get_mode(scope) for scope in scopes_of(subjects, contexts)}
        return cls(registry, current, mode, force)

    @property
    def changed(self) -> bool:
        """Whether any scope has another mode."""
        return any(map(self._differs, self.current.values()))

    def difference(self) -> Difference:
        """Show the modes that change."""
        differing = [scope for scope, setting in self.current.items() if self._differs(setting)]
        return Difference(
            {scope_name(scope): self.current[scope].value for scope in differing},
            {scope_name(scope): self.mode for scope in differing},
        )

    def preview(self) -> Report:
        """Report all scopes."""
        return Report(
            {
                "modes": [
                    {
                        "scope": scope,
                        "before": setting.value,
                        "after": self.mode if self._differs(setting) else setting.value,
                        "changed": self._differs(setting),
                    }
                    for scope, setting in self.current.items()
                ]
            }
        )

    def apply(self) -> Report:
        """Set or remove what differs."""
        for scope, setting in self.current.items():
            if not self._differs(setting):
                continue
            if self.mode is None:
                self.registry.delete_mode(scope)
            else:
                self.registry.set_mode(scope, self.mode, force=self.force)
        return self.preview()

    def _differs(self, setting: Setting) -> bool:
        """A mode that may be a default counts as set when a mode is wanted, and as unset when none is."""
        return setting.is_set is True if self.mode is None else setting.value != self.mode


@dataclass(frozen=True)
class CompatibilityChange:
    """The plan to set or remove the compatibility level of some scopes.

    Args:
        registry: Whose.
        current: The scopes and their configs.
        compatibility: The level to set, or None to remove the configs.
    """

    registry: Registry
    current: dict[str, Setting]
    compatibility: str | None

    @classmethod
    def plan(
        cls, settings: RegistrySettings, *, subjects: Sequence[str], contexts: Sequence[str], compatibility: str | None
    ) -> CompatibilityChange:
        """Read the configs.

        Raises:
            InvalidOption: A context's name is none.
            Refused: A config that is to be removed says more than a compatibility level.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        current = {scope: registry.get_config(scope) for scope in scopes_of(subjects, contexts)}
        if compatibility is None:
            _refuse_to_remove_more(current)
        return cls(registry, current, compatibility)

    @property
    def changed(self) -> bool:
        """Whether any scope has another level."""
        return any(map(self._differs, self.current.values()))

    def difference(self) -> Difference:
        """Show the levels that change."""
        differing = [scope for scope, setting in self.current.items() if self._differs(setting)]
        return Difference(
            {scope_name(scope): _level(self.current[scope]) for scope in differing},
            {scope_name(scope): self.compatibility for scope in differing},
        )

    def preview(self) -> Report:
        """Report all scopes."""
        return Report(
            {
                "configs": [
                    {
                        "scope": scope,
                        "before": _level(setting),
                        "after": self.compatibility if self._differs(setting) else _level(setting),
                        "changed": self._differs(setting),
                    }
                    for scope, setting in self.current.items()
                ]
            }
        )

    def apply(self) -> Report:
        """Set or remove what differs; the other fields of a config are kept."""
        for scope, setting in self.current.items():
            if not self._differs(setting):
                continue
            if self.compatibility is None:
                self.registry.delete_config(scope)
            else:
                self.registry.set_config(scope, {**(setting.value or {}), LEVEL: self.compatibility})
        return self.preview()

    def _differs(self, setting: Setting) -> bool:
        return setting.is_set is True if self.compatibility is None else _level(setting) != self.compatibility


def scopes_of(subjects: Sequence[str], contexts: Sequence[str]) -> list[str]:
    """Return the scopes that a task names; the global one when it names none.

    Raises:
        InvalidOption: A context's name does not begin with a dot, or holds a colon.
    """
    for context in contexts:
        if not context.startswith(".") or ":" in context:
            raise InvalidOption(
                f"A context's name begins with a dot and has no colon, such as .eu, unlike {context!r}.",
                object_name="contexts",
            )
    return list(dict.fromkeys([*map(context_scope, contexts), *subjects])) or [GLOBAL_SCOPE]


def scope_name(scope: str) -> str:
    """Name a scope for people."""
    return scope or "(global)"


def _level(setting: Setting) -> Any:
    return (setting.value or {}).get(LEVEL)


def _refuse_to_remove_more(current: dict[str, Setting]) -> None:
    for scope, setting in current.items():
        more = sorted(set(setting.value or {}) - {LEVEL})
        if more:
            raise Refused(
                f"The config of {scope_name(scope)} also has {', '.join(more)}, which would go with its compatibility "
                "level. Set a level instead, or remove the config with the registry's own tools.",
                object_name=scope,
            )
