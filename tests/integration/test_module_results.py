# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results and diffs of modules that are given hundreds of long names stay below 64 KiB, and tell what is missing."""

from __future__ import annotations

import json
from typing import Any

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro
from testbed.modules import Outcome, run_module

LIMIT = 64 * 1024
LONG = ["".join(chr(97 + (number + place) % 26) for place in range(240)) + f"-{number:04}" for number in range(300)]


def bounded(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    """Return a list of a result that had to be cut."""
    told = outcome.succeeded()
    told.pop("invocation")
    diff = told.pop("diff", {})
    assert len(json.dumps(told)) < LIMIT
    assert len(json.dumps(diff)) < LIMIT
    assert "more differences" in json.dumps(diff)
    assert 0 < len(told[name]) < len(LONG)
    assert len(told[name]) + told[f"{name}_omitted"] == len(LONG)
    return list(told[name])


def test_administration(registry: AxonOpsRegistry) -> None:
    def run(module: str, **options: Any) -> Outcome:
        return run_module(f"schema_registry_{module}", registry={"url": registry.endpoint}, diff=True, **options)

    subjects = [{"subject": name, "schema": avro("A", "b")["schema"]} for name in LONG]
    assert bounded(run("subject", subjects=subjects, check=True), "subjects")[0]["subject"] == LONG[0]
    assert bounded(run("subject", subjects=subjects), "subjects")[0]["version"] == 1
    assert bounded(run("compatibility", subjects=LONG, compatibility="NONE"), "configs")[0]["scope"] == LONG[0]
    assert bounded(run("mode", subjects=LONG, mode="READONLY"), "modes")[0]["scope"] == LONG[0]
    run("mode", subjects=LONG, mode="READWRITE").succeeded()
    gone = [{"subject": name, "versions": ["all"]} for name in LONG]
    assert bounded(run("subject", subjects=gone, state="purged"), "subjects")[0]["purged"] == [1]
