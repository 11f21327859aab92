# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configs and modes of a registry: for all of it, for a context, for a subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._schemas.model import GLOBAL_SCOPE, UNSET, ScopeSettings, Setting, context_scope
from . import items
from .codes import NO_CONFIG, NO_MODE, NO_SUBJECT
from .server import Server


class Scopes(Server):
    """What holds in the scopes of a registry, and how it is changed."""

    def setting_scopes(self, contexts: Iterable[str]) -> tuple[str, ...]:
        """Return the scopes wider than a subject that may have a config and a mode."""
        return tuple(sorted({GLOBAL_SCOPE, *map(context_scope, contexts)}))

    def get_config(self, scope: str) -> Setting:
        """Read the config of a scope: its value has Confluent's GET names (``compatibilityLevel``, …)."""
        value = self._get_setting("config", scope, (NO_CONFIG, NO_SUBJECT))
        if value is None:
            return UNSET
        return Setting(value, self._is_config_set(scope, value))

    def get_mode(self, scope: str) -> Setting:
        """Read the mode of a scope: its value is the mode's name."""
        value = self._get_setting("mode", scope, (NO_MODE, NO_SUBJECT))
        if value is None:
            return UNSET
        mode = str(value.get("mode"))
        return Setting(mode, self._is_mode_set(scope, mode))

    def read_settings(self, scopes: Iterable[str]) -> dict[str, ScopeSettings]:
        """Read config and mode of some scopes, several at once; what cannot be addressed is left out."""
        wanted = [scope for scope in scopes if scope == GLOBAL_SCOPE or self.name_problem(scope) is None]
        configs = self.client.map_concurrently(self.get_config, wanted)
        modes = self.client.map_concurrently(self.get_mode, wanted)
        pairs = zip(configs, modes, strict=True)
        return {scope: ScopeSettings(config, mode) for scope, (config, mode) in zip(wanted, pairs, strict=True)}

    def set_config(self, scope: str, value: Mapping[str, Any]) -> None:
        """Make a scope's config exactly this; ``value`` has Confluent's GET names."""
        self._write("PUT", self._scope_path("config", scope), "config", body=items.config_body(value))

    def change_config(self, scope: str, value: Mapping[str, Any], changed: Iterable[str]) -> None:
        """Make a scope's config exactly this, where only the fields ``changed`` are not yet so, none too many."""
        self.set_config(scope, value)

    def delete_config(self, scope: str) -> None:
        """Remove a scope's config; nothing happens where there is none."""
        self._write("DELETE", self._scope_path("config", scope), "config", accept=(NO_SUBJECT, NO_CONFIG))

    def set_mode(self, scope: str, mode: str, *, force: bool = False) -> None:
        """Set a scope's mode.

        Args:
            scope: The scope.
            mode: ``READWRITE``, ``READONLY``, ``IMPORT``, …
            force: Whether IMPORT is entered although the scope holds schemas.
        """
        path = self._scope_path("mode", scope) + ("?force=true" if force else "")
        self._write("PUT", path, "mode", body={"mode": mode})

    def delete_mode(self, scope: str) -> None:
        """Remove a scope's mode, so that it inherits again; nothing happens where there is none."""
        self._write("DELETE", self._scope_path("mode", scope), "mode", accept=(NO_SUBJECT, NO_MODE))

    # For dialects

    def _is_config_set(self, scope: str, value: dict[str, Any]) -> bool | None:
        """Tell whether a config that was answered is set at this scope; None when the answer may be a default."""
        return None if scope == GLOBAL_SCOPE else True

    def _is_mode_set(self, scope: str, mode: str) -> bool | None:
        return None if scope == GLOBAL_SCOPE else True

    # Shared

    def _scope_path(self, what: str, scope: str) -> str:
        return f"/{what}" if scope == GLOBAL_SCOPE else f"/{what}/{self.address(scope)}"

    def _get_setting(self, what: str, scope: str, absent: tuple[int, ...]) -> dict[str, Any] | None:
        path = self._scope_path(what, scope)
        value = self.client.get(path, what, absent=absent)
        if value is not None and not isinstance(value, dict):
            raise self.client.unexpected(path, value, f"a {what}")
        return value
