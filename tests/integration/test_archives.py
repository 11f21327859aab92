# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of every format version that was ever released verify, and come back as they were written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from testbed.axonops import AxonOpsRegistry
from testbed.contents import holding
from testbed.keys import keys_held
from testbed.modules import run_module

ARCHIVES = sorted((Path(__file__).parents[1] / "fixtures" / "archives").iterdir())
LOSSES = ["metadata"]


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an archive, with what its source held at each restore point."""
    return Path(shutil.copytree(request.param, tmp_path / "archive"))


def without_metadata(state: dict[str, Any]) -> dict[str, Any]:
    versions = {
        key: {name: value for name, value in version.items() if name != "metadata"}
        for key, version in state["versions"].items()
    }
    return {**state, "versions": versions}


def test_it_verifies(archive: Path) -> None:
    result = run_module(
        "backup_verify", store={"path": f"{archive}/store"}, backup_id="shop", restore_points=["all"]
    ).succeeded()
    assert [point["restore_point"] for point in result["verified"]] == [1, 2]


@pytest.mark.parametrize("point", ["1", "2"])
def test_it_comes_back_as_it_was(archive: Path, point: str, registry: AxonOpsRegistry) -> None:
    task = {
        "registry": {"url": registry.endpoint},
        "store": {"path": f"{archive}/store"},
        "backup_id": "shop",
        "restore_point": point,
        "accept_losses": LOSSES,
    }
    assert run_module("schema_registry_import", **task).succeeded()["changed"]
    was = json.loads((archive / f"restore-point-{point}.json").read_text())
    held = {**holding(registry), "keys": keys_held(registry)}
    assert without_metadata(held) == without_metadata({"keys": {}, **was})
    assert not run_module("schema_registry_import", **task).succeeded()["changed"]
