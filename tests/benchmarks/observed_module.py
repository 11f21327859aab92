# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does, and notes what it asked the registry for, when, and its own and its workers' memory.

Usage: observed_module.py MODULE ARGUMENTS NOTES, where the latter two are JSON files.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.processes import peak_memory

PLUGINS = "ansible_collections.lifeboat.kafka.plugins"
OBSERVED = {
    "list_versions": "read versions",
    "read_versions": "read versions",
    "read_settings": "read settings",
    "highest_id": "read highest ids",
    "register": "register",
    **dict.fromkeys(("set_mode", "delete_mode", "set_config", "delete_config"), "write settings"),
}
"""What is noted of a registry's methods, under which name."""


class Observer:
    """Notes calls; those under the same name that follow each other are one note."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._client: Any = None

    def observe(self, module: str) -> None:
        """Observe what a module does: its registry, the operation where it has none, or all after its start."""
        if module == "backup_verify":
            operation = _operation("verify_backup")
            operation.verify_backup = self._noting("verify", operation.verify_backup)
        elif module.startswith("schema_registry_"):
            operation = _operation(module.removeprefix("schema_registry_") + "_registry")
            operation.connect = self._observing(operation.connect)
        elif module.startswith("topic_"):
            runner = importlib.import_module(f"{PLUGINS}.module_utils._ansible.run")
            runner.reporting = self._noting_all("work", runner.reporting)

    def close(self) -> None:
        """Count the requests of the last note."""
        if self._client is not None:
            counts = Counter(self._client.requests)
            if self.notes:
                self.notes[-1]["requests"] = dict(counts - self._counts)
            self._counts = counts

    def _observing(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        """Return a connect that gives an observed registry."""

        @wraps(connect)
        def observed(*arguments: Any) -> Any:
            registry = connect(*arguments)
            self._client = registry.client
            for method, name in OBSERVED.items():
                setattr(registry, method, self._noting(name, getattr(registry, method)))
            return registry

        return observed

    def _noting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def noted(*arguments: Any, **options: Any) -> Any:
            if not self.notes or self.notes[-1]["name"] != name:
                self.close()
                self.notes.append({"name": name, "begin": time.perf_counter()})
            try:
                return method(*arguments, **options)
            finally:
                self.notes[-1]["end"] = time.perf_counter()

        return noted

    def _noting_all(self, name: str, context: Callable[..., Any]) -> Callable[..., Any]:
        """Return a context manager that is one note from its beginning to its end."""

        @contextmanager
        def noted(*arguments: Any) -> Iterator[Any]:
            note = {"name": name, "begin": time.perf_counter()}
            with context(*arguments) as inner:
                yield inner
            self.notes.append({**note, "end": time.perf_counter()})

        return noted


def _operation(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.module_utils._operations.{name}")


def note_workers(notes: Path) -> None:
    """Let every process that is forked off this one append its peak memory to a file when it ends."""
    end = os._exit

    def noted(status: int) -> NoReturn:
        with notes.open("a") as file:
            file.write(f"{peak_memory()}\n")
        end(status)

    def watch() -> None:
        os._exit = noted

    os.register_at_fork(after_in_child=watch)


def main() -> None:
    module, arguments, notes = sys.argv[1:]
    observer = Observer()
    observer.observe(module)
    workers = Path(notes).with_suffix(".workers")
    workers.write_text("")
    note_workers(workers)
    sys.argv = [module, arguments]
    try:
        runpy.run_module(f"{PLUGINS}.modules.{module}", run_name="__main__")
    finally:
        observer.close()
        found = [float(peak) for peak in workers.read_text().split()]
        Path(notes).write_text(json.dumps({"calls": observer.notes, "peak_mb": peak_memory(), "workers_mb": found}))


if __name__ == "__main__":
    main()
