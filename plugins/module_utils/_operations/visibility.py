# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a registry was read, and what tells that it showed all: some hide in silence what a user may not see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.counting import counted
from .._core.settings import ANONYMOUS
from .._registry.dialect import Registry
from .._schemas.model import RegistryState, context_of
from .read_registry import WHOLE_REGISTRY, Scope
from .schemas_topic import SchemasTopic

_SHOWN = 5


@dataclass(frozen=True)
class Visibility:
    """What could be counted.

    Args:
        read_as: As whom the registry was asked.
        may_hide: The make of registry, where it leaves out what this user may not see; else None.
        unseen_ids: By context, how many ids up to the highest are not of any version that was read; None where only a
            part of the registry was read.
        unseen_versions: How many versions the registry's topic has that the registry did not show; None without the
            topic, or where only a part was read.
    """

    read_as: str
    may_hide: str | None
    unseen_ids: Mapping[str, int] | None
    unseen_versions: int | None

    def values(self) -> dict[str, Any]:
        """Return it for a module's result."""
        return {
            "read_as": self.read_as,
            "unseen_ids": None if self.unseen_ids is None else sum(self.unseen_ids.values()),
            "unseen_versions": self.unseen_versions,
        }

    def notes(self) -> Iterator[str]:
        """Say that something may be missing, where anything points to it."""
        if self.unseen_versions:
            yield (
                f"The registry did not show {counted(self.unseen_versions, 'version')} that its topic holds: it was "
                f"read as {self.read_as}, which may not see all. What it did not show is not in the restore point."
            )
        elif self.may_hide and self.unseen_ids and self.unseen_versions is None:
            count = sum(self.unseen_ids.values())
            contexts = sorted(self.unseen_ids)
            named = ", ".join(contexts[:_SHOWN]) + (", …" if len(contexts) > _SHOWN else "")
            yield (
                f"The registry was read as {self.read_as}, and {self.may_hide} leaves out what a user may not see: "
                f"{counted(count, 'id')} up to the highest (contexts: {named}) stood for no version that it showed. "
                "What they stood for was deleted for good, or is hidden and not in the restore point. A user who may "
                "read all subjects, or the option kafka, tells which."
            )


def visibility(registry: Registry, state: RegistryState, scope: Scope, topic: SchemasTopic | None) -> Visibility:
    """Count what a registry did not show.

    Args:
        registry: It.
        state: What was read of it.
        scope: What was asked for.
        topic: Its topic, where that was read too.
    """
    settings = registry.client.settings
    asked = scope.document()
    whole = all(asked[name] == all_of_it for name, all_of_it in WHOLE_REGISTRY.items())
    return Visibility(
        read_as=settings.read_as,
        may_hide=registry.implementation if registry.hides_in_silence and settings.read_as != ANONYMOUS else None,
        unseen_ids=_unseen_ids(state) if whole else None,
        unseen_versions=len(topic.log.held - state.versions.keys()) if whole and topic is not None else None,
    )


def _unseen_ids(state: RegistryState) -> dict[str, int]:
    seen: dict[str, set[int]] = {}
    for version in state.versions.values():
        seen.setdefault(context_of(version.subject), set()).add(version.id)
    unseen = {
        context: highest - sum(1 <= number <= highest for number in seen.get(context, ()))
        for context, highest in state.highest_ids.items()
    }
    return {context: count for context, count in unseen.items() if count > 0}
