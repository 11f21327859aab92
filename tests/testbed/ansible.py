# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the real ansible-playbook as a user does, apart from the settings of whoever runs the tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("ansible-playbook")
FOREIGN = ("ANSIBLE_", "LIFEBOAT_")


@dataclass(frozen=True)
class Outcome:
    """What a run of ansible-playbook came to."""

    status: int
    output: str

    def messages(self, host: str) -> list[str]:
        """The messages of the tasks that failed on a host or spoke for it, in their order."""
        shown = re.compile(rf"^(?:ok|fatal): \[{re.escape(host)}\](?:: FAILED!)? => ", re.MULTILINE)
        decoder = json.JSONDecoder()
        results = [decoder.raw_decode(self.output, found.end())[0] for found in shown.finditer(self.output)]
        return [result["msg"] for result in results]

    def count(self, host: str, what: str) -> int:
        """A number of the recap: of ``ok``, ``changed``, ``failed``, ``skipped``."""
        line = re.search(rf"^{re.escape(host)} +: .*\b{what}=(\d+)", self.output.split("PLAY RECAP")[-1], re.MULTILINE)
        if line is None:
            raise AssertionError(f"{host} is not in the recap:\n{self.output}")
        return int(line[1])


@dataclass(frozen=True)
class Ansible:
    """Runs playbooks of the collection in a folder of their own."""

    folder: Path

    def play(
        self,
        playbook: str,
        *arguments: str,
        inventories: tuple[Path | str, ...] = (),
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run ``lifeboat.kafka.<playbook>``; its output is standard output and standard error together.

        A name that ends in ``.yml`` is that of a file in the folder.
        """
        process = subprocess.run(
            self.command(playbook, *arguments, inventories=inventories, variables=variables),
            cwd=self.folder,
            env=self.environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(process.returncode, process.stdout)

    def command(
        self,
        playbook: str,
        *arguments: str,
        inventories: tuple[Path | str, ...] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """The command line that ``play`` runs in the folder."""
        command = [str(PROGRAM), playbook if playbook.endswith(".yml") else f"lifeboat.kafka.{playbook}", *arguments]
        for inventory in inventories:
            command += ["--inventory", str(inventory)]
        if variables:
            command += ["--extra-vars", json.dumps(variables)]
        return command

    def environment(self) -> dict[str, str]:
        """The environment that ansible-playbook gets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        home = str(self.folder / ".ansible")
        configuration = self.folder / "ansible.cfg"
        configuration.touch()
        return kept | {
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_HOME": home,
            "ANSIBLE_INVENTORY": os.devnull,  # instead of that of the machine
            "ANSIBLE_REMOTE_TEMP": home,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",  # quicker
            "LC_ALL": "C.UTF-8",
        }
