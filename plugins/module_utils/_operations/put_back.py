# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a mode or a config back that was changed for a while."""

from __future__ import annotations

from .._registry.dialect import Registry
from .._schemas.import_plan import SettingChange
from .._schemas.model import Setting

READWRITE = "READWRITE"


def put_back(registry: Registry, kind: str, scope: str, prior: Setting, instead: SettingChange | None = None) -> None:
    """Put a setting back.

    Args:
        registry: Where.
        kind: ``mode`` or ``config``.
        scope: Its scope.
        prior: What was there before.
        instead: What is to be there from now on.
    """
    value = instead.value if instead else prior.value
    if kind == "config":
        if value is None:
            registry.delete_config(scope)
        else:
            registry.set_config(scope, value)
    elif value is None or _may_have_been_unset(prior, value):
        registry.delete_mode(scope)
        if value is not None and registry.get_mode(scope).value != value:
            registry.set_mode(scope, str(value))
    else:
        registry.set_mode(scope, str(value), force=True)


def _may_have_been_unset(prior: Setting, value: object) -> bool:
    """A registry that does not tell set from inherited gets the mode unset, where that gives the same.

    Only READWRITE: unsetting any other mode may open the scope for a moment.
    """
    return prior.is_set is None and value == READWRITE
