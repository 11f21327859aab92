# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules' documentation says, as ansible-doc shows it."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from testbed.modules import MODULES

PROGRAM = Path(sys.executable).with_name("ansible-doc")
OF_ANSIBLE = {"changed", "diff", "warnings", "deprecations", "invocation", "failed"}

COUNTS_BY_NAME = {"plan.classes"}
"""Objects whose keys are those names of a closed list that occur."""


@functools.cache
def module_docs() -> dict[str, dict[str, Any]]:
    """Return by module its ``doc`` (fragments merged), ``examples`` as text, and ``return``."""
    names = [f"lifeboat.kafka.{name}" for name in MODULES]
    command = [str(PROGRAM), "--json", "--type", "module", *names]
    environment = {**os.environ, "ANSIBLE_INVENTORY": os.devnull}
    told = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    return {name.rpartition(".")[2]: docs for name, docs in told.items()}


def misfits(module: str, result: Mapping[str, Any]) -> list[str]:
    """Return in what a module's result is not what its documentation says."""
    told = {name: value for name, value in result.items() if name not in OF_ANSIBLE}
    return [f"{module}: {problem}" for problem in _misfits(told, module_docs()[module]["return"], "")]


def _misfits(value: Mapping[str, Any], documented: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}{name} is not documented" for name in sorted(set(value) - set(documented)))
    for name in sorted(set(value) & set(documented)):
        yield from _misfit(value[name], documented[name], f"{where}{name}")


def _misfit(value: Any, documented: Mapping[str, Any], place: str) -> Iterator[str]:
    kinds = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict, "raw": object}
    if value is None:
        return
    if not isinstance(value, kinds[documented["type"]]):
        yield f"{place} is no {documented['type']}"
        return
    members = value if isinstance(value, list) else [value]
    samples = documented.get("sample") if isinstance(value, list) else [documented.get("sample")]
    for member in members:
        if "contains" in documented:
            yield from _misfits(member, documented["contains"], f"{place}.")
        elif isinstance(member, dict) and place not in COUNTS_BY_NAME and samples and isinstance(samples[0], dict):
            # Without a list of what it contains, the sample shows what there is.
            wrong = sorted({*samples[0]} - {*member})
            yield from (f"{place}.{name} is in the sample alone" for name in wrong)
