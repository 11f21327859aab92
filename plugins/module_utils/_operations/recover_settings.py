# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting back what interrupted imports left changed, without running them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._archive.journal import JournalRun
from .._core.change import Difference, Report
from .._core.clock import SystemClock
from .._core.counting import named
from .._core.errors import Refused
from .._core.settings import RegistrySettings, StoreSettings
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._schemas.compare import same_setting
from .._schemas.model import ScopeSettings, Setting
from .bounded import difference, listed
from .change_settings import scope_name
from .earlier_runs import Leftover, leftovers, open_journal, over_runs, still_ours
from .put_back import put_back

PUT_BACK = "put back"
WAS_BACK = "was put back already"
CHANGED_SINCE = "left, since somebody has changed it meanwhile"

_WARNED = 10


@dataclass(frozen=True)
class Recovery:
    """The plan to put back what dead runs left changed.

    Args:
        registry: Where.
        runs: The runs.
        found: What they left changed, each with what becomes of it and what is there now.
    """

    registry: Registry
    runs: tuple[JournalRun, ...]
    found: tuple[tuple[Leftover, str, Setting], ...]

    @classmethod
    def plan(
        cls,
        settings: RegistrySettings,
        store: StoreSettings | None,
        *,
        journal: str | None,
        reopen_incomplete: bool,
    ) -> Recovery:
        """Read the journal of a registry, and what is there now.

        Args:
            settings: Which registry.
            store: The store that the journal lies in, unless ``journal`` is given.
            journal: The directory that it lies in.
            reopen_incomplete: Whether scopes whose import is not complete are opened to writers again.

        Raises:
            StoreError: There is no store.
            Busy: A run on the registry is alive.
            Refused: A scope's import is not complete, and it may not be opened.
            RegistryError: The registry gave no usable answer.
        """
        registry = connect(settings)
        runs = over_runs(open_journal(registry.identity(), SystemClock(), store=store, directory=journal))
        left = list(leftovers(runs).values())
        now = registry.read_settings(sorted({each.scope for each in left}))
        found = tuple((each, *_outcome(each, now[each.scope])) for each in left)
        incomplete = [each.scope for each, outcome, _now in found if each.incomplete and outcome == PUT_BACK]
        if incomplete and not reopen_incomplete:
            raise Refused(
                f"The import into {registry.identity()} is not complete, so {named([*map(scope_name, incomplete)])} "
                "stay closed to writers. Run the import again to complete it; or open them all the same, so that "
                "producers may take the missing ids, with on_failure: prior_modes.",
                code="incomplete_import",
                object_name=incomplete[0],
            )
        return cls(registry, tuple(runs), found)

    @property
    def changed(self) -> bool:
        """Whether anything is put back."""
        return any(outcome == PUT_BACK for _each, outcome, _now in self.found)

    def difference(self) -> Difference:
        """Show what is put back."""
        back = [each for each, outcome, _now in self.found if outcome == PUT_BACK]
        return difference(
            {f"{each.kind} of {scope_name(each.scope)}": each.value for each in back},
            {f"{each.kind} of {scope_name(each.scope)}": each.prior.value for each in back},
        )

    def preview(self) -> Report:
        """Report what becomes of everything that was left."""
        recovered = [
            {
                "kind": each.kind,
                "scope": each.scope,
                "prior": each.prior.value,
                "set": each.value,
                "found": now.value,
                "result": outcome,
            }
            for each, outcome, now in self.found
        ]
        modes = _modes(self.found)
        lists = {"modes": (modes, len(modes)), "recovered": (recovered, len(recovered))}
        return Report(listed(lists, most=None), _warnings(self.found))

    def apply(self) -> Report:
        """Put it back, configs first since a mode may forbid them, and end the runs in the journal."""
        for each, outcome, _now in sorted(self.found, key=lambda found: found[0].kind == "mode"):
            if outcome == PUT_BACK:
                put_back(self.registry, each.kind, each.scope, each.prior)
        for run in self.runs:
            run.settle()
        return self.preview()


def _outcome(left: Leftover, now: ScopeSettings) -> tuple[str, Setting]:
    current = now.mode if left.kind == "mode" else now.config
    if still_ours(left, current):
        return PUT_BACK, current
    return (WAS_BACK if same_setting(current, left.prior) else CHANGED_SINCE), current


def _modes(found: Iterable[tuple[Leftover, str, Setting]]) -> list[dict[str, Any]]:
    return [
        {
            "scope": each.scope,
            "before": now.value,
            "after": each.prior.value if outcome == PUT_BACK else now.value,
            "changed": outcome == PUT_BACK,
        }
        for each, outcome, now in found
        if each.kind == "mode"
    ]


def _warnings(found: Iterable[tuple[Leftover, str, Setting]]) -> tuple[str, ...]:
    changed = [(each, now) for each, outcome, now in found if outcome == CHANGED_SINCE]
    told = [
        f"The {each.kind} of {scope_name(each.scope)} was {each.prior.value} before an interrupted import set it to "
        f"{each.value}; now it is {now.value}, so somebody has changed it since, and it stays as it is."
        for each, now in changed[:_WARNED]
    ]
    more = len(changed) - len(told)
    return (*told, *([f"{more} more settings were changed since, and stay as they are."] if more else []))
