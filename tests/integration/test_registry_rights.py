# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that the guide names suffices, and the next lower one does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.axonops import AxonOpsRegistry
from testbed.contents import fill, holding
from testbed.documents import Document
from testbed.modules import run_module

Factory = Callable[..., AxonOpsRegistry]
GUIDE = Document("docs/guides/registry-connections.md")
ROLES = ["readonly", "developer", "admin", "super_admin"]


def role(purpose: str) -> str:
    rows = dict(re.findall(r"^\| (\w+)[^|]* \| `(\w+)` \|", GUIDE.marked("axonops"), re.MULTILINE))
    return rows[purpose]


@pytest.fixture
def server(registry_factory: Factory) -> AxonOpsRegistry:
    server = registry_factory(auth="basic")
    for name in ROLES:
        server.create_user(f"a-{name}", f"{name}-pw", name)
    return server


def family(server: AxonOpsRegistry, name: str) -> dict[str, Any]:
    return {"url": server.endpoint, "username": f"a-{name}", "password": f"{name}-pw"}


def test_the_guide_names_the_least_roles(server: AxonOpsRegistry, registry_factory: Factory, tmp_path: Path) -> None:
    source = registry_factory()
    fill(source)
    store = {"path": str(tmp_path / "store")}
    run_module("backup_store", store=store).succeeded()
    given = {"store": store, "backup_id": "prod", "accept_losses": ["metadata", "rules", "soft_deletes"]}
    run_module("schema_registry_export", registry={"url": source.endpoint}, store=store, backup_id="prod").succeeded()

    weaker = ROLES[ROLES.index(role("restore")) - 1]
    failed = run_module("schema_registry_import", registry=family(server, weaker), **given).failed()
    assert failed["failure"]["code"] == "permission_denied"
    assert f"asked as user a-{weaker}, which lacks the right" in failed["msg"]
    assert server.call("GET", "/subjects") in (None, [])
    run_module("schema_registry_import", registry=family(server, role("restore")), **given).succeeded()
    assert holding(server)["versions"].keys() == holding(source)["versions"].keys()

    assert role("back") == ROLES[0]
    weakest = family(server, role("back"))
    common = {"registry": weakest, "store": store, "backup_id": "copy"}
    made = run_module("schema_registry_export", **common).succeeded()
    assert made["schemas"]["versions"] == len(holding(source)["versions"])
    assert run_module("schema_registry_info", registry=weakest).succeeded()["counts"]["versions"]
    failed = run_module("schema_registry_mode", registry=weakest, mode="READONLY").failed()
    assert failed["failure"]["code"] == "permission_denied"
