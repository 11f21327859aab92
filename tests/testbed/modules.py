# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one module in a process of its own, without ansible-playbook around it.

result = run_module("schema_registry_export", registry={"url": url}, store={"path": path}, backup_id="prod").succeeded()

running = start_module("schema_registry_import", ...)
os.kill(running.pid, signal.SIGKILL)
assert running.wait().status == -signal.SIGKILL
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.ansible import FOREIGN

PACKAGE = "ansible_collections.lifeboat.kafka.plugins.modules"
MODULES = tuple(sorted(path.stem for path in (Path(__file__).parents[2] / "plugins" / "modules").glob("*.py")))

# Processes are forked off a server that has all modules loaded, since to load one takes longer than to run it.
_PROCESSES = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Outcome:
    """What a run of a module came to.

    Args:
        status: Its exit status; the negative number of the signal that ended it.
        values: Its result, with warnings as plain texts; empty when it did not live to tell one.
        text: All that it wrote to standard output and standard error.
    """

    status: int
    values: Mapping[str, Any]
    text: str

    def succeeded(self) -> dict[str, Any]:
        """Return the result of a run that must have succeeded."""
        assert self.status == 0, self.text
        assert not self.values.get("failed"), self.text
        return dict(self.values)

    def failed(self) -> dict[str, Any]:
        """Return the result of a run that must have failed with a message, and without a traceback."""
        assert self.status == 1, self.text
        assert self.values.get("failed"), self.text
        assert "Traceback" not in self.text, self.text
        return dict(self.values)


Run = Callable[..., Outcome]
"""What runs a module with the options that a test gives."""


class RunningModule:
    """A module at work."""

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str],
        mishap: Callable[[], object] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="module-")
        home = Path(self._folder.name)
        (home / "arguments").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        for stream in ("output", "errors"):  # it may be killed before it comes to that
            (home / stream).touch()
        self._process = _PROCESSES.Process(target=_execute, args=(name, home, dict(environment), mishap))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()

    def wait(self) -> Outcome:
        """Wait for its end."""
        self._process.join()
        with self._folder as folder:
            output, errors = ((Path(folder) / name).read_text(errors="replace") for name in ("output", "errors"))
        assert self._process.exitcode is not None
        values = json.loads(output) if output.strip() else {}
        if "warnings" in values:
            values["warnings"] = [_text(warning) for warning in values["warnings"]]
        return Outcome(self._process.exitcode, values, output + errors)


def start_module(
    module: str,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    environment: Mapping[str, str] | None = None,
    mishap: Callable[[], object] | None = None,
    **options: Any,
) -> RunningModule:
    """Start a module.

    Args:
        module: Its name without the collection's.
        check: Whether in check mode.
        diff: Whether in diff mode.
        environment: What is set in its environment besides; no ``LIFEBOAT_*`` is inherited.
        mishap: Called in its process before it begins, such as `testbed.mishaps.die_at_step`; it is pickled.
        **options: Its options.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
    _start_server()
    return RunningModule(module, arguments, kept | dict(environment or {}), mishap)


def run_module(module: str, /, **options: Any) -> Outcome:
    """Run a module to its end; takes what `start_module` does."""
    return start_module(module, **options).wait()


def _text(warning: Any) -> str:
    """Newer releases of Ansible hand a warning to the controller as an event."""
    return str(warning if isinstance(warning, str) else warning["event"]["msg"])


def _start_server() -> None:
    """Start the server unless it runs; what it is to load must be found by its own search path."""
    _PROCESSES.set_forkserver_preload([f"{PACKAGE}.{module}" for module in MODULES])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        importlib.import_module("multiprocessing.forkserver").ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _execute(name: str, home: Path, environment: Mapping[str, str], mishap: Callable[[], object] | None) -> None:
    """Run a module in this process, as its own program would."""
    for descriptor, file in ((1, "output"), (2, "errors")):
        os.dup2(os.open(home / file, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [name, str(home / "arguments")]
    if mishap:
        mishap()
    importlib.import_module(f"{PACKAGE}.{name}").main()
