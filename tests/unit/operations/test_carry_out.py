# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking over what earlier runs left, while the journal fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.journal import JournalRun, UndoJournal
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import StoreError
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.carry_out import Execution
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.earlier_runs import leftovers
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.confluent import ConfluentRegistry
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    ASSIGN,
    ImportOptions,
    ImportPlan,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import (
    RegistryState,
    ScopeSettings,
    Setting,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.archives import StillClock

FORWARD = Setting("FORWARD", True)


class Modes(ConfluentRegistry):
    """A registry that has modes and nothing else."""

    def __init__(self, **modes: str) -> None:
        self.modes = modes

    def read_settings(self, scopes: Iterable[str]) -> dict[str, ScopeSettings]:
        return {scope: ScopeSettings(mode=Setting(self.modes[scope], True)) for scope in scopes}

    def set_mode(self, scope: str, mode: str, *, force: bool = False) -> None:
        self.modes[scope] = mode


class Undeletable(JournalRun):
    """A run whose document cannot be deleted."""

    def settle(self) -> None:
        raise StoreError("The disk is gone.")


def run_that_left(journal: UndoJournal, scope: str) -> JournalRun:
    run = journal.begin("schema_registry_import", {})
    run.record("mode", scope, FORWARD, "IMPORT")
    run.finish()
    return run


def test_no_mode_that_was_taken_over_is_forgotten_when_an_earlier_run_cannot_be_settled(tmp_path: Path) -> None:
    journal = UndoJournal(FilesystemStorage(str(tmp_path)), "registry", StillClock())
    first, second = run_that_left(journal, "a"), run_that_left(journal, "b")
    stuck = Undeletable(**{field.name: getattr(second, field.name) for field in dataclasses.fields(second)})
    registry = Modes(a="IMPORT", b="IMPORT")
    empty = RegistryState()
    plan = ImportPlan(ImportOptions(ids=ASSIGN), empty, empty, (), (), (), (), ())
    found: dict[str, Any] = {
        "earlier": (first, stuck),
        "leftovers": tuple(leftovers([first, second]).values()),
        "reread": lambda _scopes: empty,
        "keep_closed": True,
    }
    with pytest.raises(StoreError, match="The disk is gone"):
        Execution(plan, registry, journal.begin("schema_registry_import", {}), **found).run()
    assert [run.id for run in journal.runs()] == [second.id]
    assert registry.modes == {"a": "FORWARD", "b": "FORWARD"}
