# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: a filled registry, an empty one, a store, and the modules as processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import bare, workload
from benchmarks.module_run import ModuleRun, run_module
from registries.emulated import AnyRegistry

from testbed.axonops import AxonOpsRegistry

BACKUP = "bench"
THREADS = 4  # the default of the option concurrency


class BenchBed:
    """Makes things when they are first asked for.

    Args:
        scratch: A folder for them.
        stack: Ends them.
        start: Makes a registry, which a context ends.
        subjects: How many subjects the filled one has.
    """

    def __init__(
        self,
        scratch: Path,
        stack: ExitStack,
        *,
        start: Callable[[], AnyRegistry] = AxonOpsRegistry,
        subjects: int = workload.SUBJECTS,
    ) -> None:
        self.scratch = scratch
        self.subjects = subjects
        self._stack = stack
        self._start = start
        self._stores = 0

    def beside(self, name: str, start: Callable[[], AnyRegistry], subjects: int = workload.SUBJECTS) -> BenchBed:
        """Return a bed with registries of another make or size, which ends with this one."""
        scratch = self.scratch / name
        scratch.mkdir()
        return BenchBed(scratch, self._stack, start=start, subjects=subjects)

    @cached_property
    def registrations(self) -> list[workload.Registration]:
        """All that is in the filled registry."""
        return workload.registrations(self.subjects)

    @cached_property
    def source(self) -> AnyRegistry:
        """A registry with all of the workload."""
        registry = self._stack.enter_context(self._start())
        print(f"Filling a registry with {self.subjects} subjects x {workload.VERSIONS} versions ...", flush=True)
        open_for_import(registry)
        bare.post(registry.endpoint, self.registrations)
        registry.call("PUT", "/mode", {"mode": "READWRITE"})
        for subject, config in workload.configs(self.subjects):
            registry.call("PUT", f"/config/{subject}", config)
        return registry

    @cached_property
    def target(self) -> AnyRegistry:
        """A registry to import into; ``wipe`` empties it."""
        return self._stack.enter_context(self._start())

    @cached_property
    def archive(self) -> Path:
        """A store that holds an export of the source."""
        store = self.new_store()
        self.export(store)
        return store

    def new_store(self, path: Path | None = None) -> Path:
        """Make an empty store, anywhere or at a path."""
        self._stores += 1
        path = path or self.scratch / f"store-{self._stores}"
        self.module("backup_store", store={"path": str(path)})
        return path

    def export(self, store: Path) -> ModuleRun:
        """Export the source into a store."""
        url = self.source.endpoint
        run = self.module(
            "schema_registry_export", registry={"url": [url]}, store={"path": str(store)}, backup_id=BACKUP
        )
        if run.result["schemas"]["versions"] != len(self.registrations) or not run.result["schemas"]["settled"]:
            raise RuntimeError(f"not all was exported: {run.result}")
        return run

    def module(self, name: str, **options: Any) -> ModuleRun:
        """Run a module as Ansible does, in a process of its own."""
        return run_module(self.scratch, name, options)


def open_for_import(registry: AnyRegistry) -> None:
    """Set the mode in which versions are registered with their ids."""
    registry.call("PUT", "/mode", {"mode": "IMPORT"})


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Do something; return the seconds that it took, and what it gave."""
    started = time.perf_counter()
    outcome = work()
    return time.perf_counter() - started, outcome
