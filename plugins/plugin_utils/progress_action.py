# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins of modules that take long have in common: they show how far the module is."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from typing import Any

from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ..module_utils._ansible.progress_watch import Watch

# Plugins are loaded by ansible-playbook itself, but work in processes of their own, which have no terminal.
# Ansible's runner, and so AWX, gives it one that goes into a log.
_ON_TERMINAL = sys.stderr.isatty() and "AWX_ISOLATED_DATA_DIR" not in os.environ
_PATIENCE = 5.0 if _ON_TERMINAL else 30.0  # seconds

display = Display()


class ProgressAction(NormalAction):
    """Runs the module of the same name as Ansible itself would, and meanwhile shows how far it is."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        if not self._can_be_shown():
            return super().run(tmp, task_vars)
        # Ansible removes the directory when it ends, even when this process is killed before it can do so.
        descriptor, path = tempfile.mkstemp(prefix="progress-", dir=constants.DEFAULT_LOCAL_TMP)
        os.close(descriptor)
        given = self._task.args
        self._task.args = {**given, "progress_file": path}
        try:
            with Watch(path, (task_vars or {})["inventory_hostname"], _PATIENCE, _show):
                result = super().run(tmp, task_vars)
        finally:
            self._task.args = given
            with suppress(OSError):
                os.unlink(path)
        result.get("invocation", {}).get("module_args", {}).pop("progress_file", None)
        return result

    def _can_be_shown(self) -> bool:
        """Whether the module writes to a file that can be read here, while this waits for it, for all to see."""
        local = self._connection.transport == "local" and not self._connection.become
        task = self._task
        return local and not task.async_val and not task.no_log and "progress_file" not in task.args


def _show(line: str) -> None:
    # Standard output may be one document, as that of the callback json, and is held back where it is no terminal.
    display.display(line, stderr=True)
