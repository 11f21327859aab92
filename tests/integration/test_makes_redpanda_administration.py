# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that administer a registry, on an emulated Redpanda, before 25.3 and from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from registries.redpanda import Redpanda
from registries.serving import RegistryServer

from testbed.modules import Outcome, run_module

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}


@pytest.fixture(params=[False, True], ids=["before 25.3", "from 25.3"])
def server(request: pytest.FixtureRequest) -> Iterator[RegistryServer]:
    """An empty registry."""
    with RegistryServer(Redpanda(has_import=request.param)) as served:
        yield served


def run(server: RegistryServer, module: str, **options: Any) -> Outcome:
    return run_module(f"schema_registry_{module}", registry={"url": server.endpoint}, **options)


def written(server: RegistryServer, module: str, **options: Any) -> list[tuple[str, str]]:
    """Check, apply, apply again; return the writing requests of the second: method and path."""
    checked = run(server, module, check=True, diff=True, **options).succeeded()
    begin = len(server.requests)
    made = run(server, module, diff=True, **options).succeeded()
    assert (made["changed"], made["diff"]) == (checked["changed"], checked["diff"]) == (True, checked["diff"])
    sent = [(request.method, request.target) for request in server.requests[begin:] if request.method != "GET"]
    begin = len(server.requests)
    assert not run(server, module, **options).succeeded()["changed"]
    assert {request.method for request in server.requests[begin:]} <= {"GET", "POST"}
    return [each for each in sent if each[0] != "POST" or each[1].endswith("/versions")]


def test_a_schema_comes_and_goes(server: RegistryServer) -> None:
    one = {"subject": "orders"}
    assert written(server, "subject", **one, schema=ORDER) == [("POST", "/subjects/orders/versions")]
    assert written(server, "subject", **one, state="absent") == [("DELETE", "/subjects/orders")]
    assert written(server, "subject", **one, schema=ORDER) == [("POST", "/subjects/orders/versions")]
    assert written(server, "subject", **one, state="purged", versions="all") == [
        ("DELETE", "/subjects/orders"),
        ("DELETE", "/subjects/orders?permanent=true"),
    ]


def test_modes_are_set_and_removed(server: RegistryServer) -> None:
    run(server, "subject", subject="orders", schema=ORDER).succeeded()
    scope = {"subjects": ["orders"]}
    assert written(server, "mode", mode="READONLY", **scope) == [("PUT", "/mode/orders")]
    assert written(server, "mode", mode="READONLY") == [("PUT", "/mode")]
    # There is nothing to remove the global one, so it is brought back to what it was.
    assert written(server, "mode", state="absent", recursive=True) == [("PUT", "/mode"), ("DELETE", "/mode/orders")]


def test_import_is_a_mode_of_later_ones(server: RegistryServer) -> None:
    run(server, "subject", subject="orders", schema=ORDER).succeeded()
    failed = run(server, "mode", mode="IMPORT").failed()
    if isinstance(server.make, Redpanda) and not server.make.state.has_import:
        assert failed["failure"] == {"code": "invalid_option", "object": "mode"}
        return
    assert failed["failure"]["registry_code"] == 42205
    assert "force: true" in failed["msg"]
    assert written(server, "mode", mode="IMPORT", force=True) == [("PUT", "/mode?force=true")]


def test_levels_are_set_and_removed(server: RegistryServer) -> None:
    scope = {"subjects": ["orders"]}
    assert written(server, "compatibility", compatibility="NONE", **scope) == [("PUT", "/config/orders")]
    assert written(server, "compatibility", state="absent", **scope) == [("DELETE", "/config/orders")]
    assert not run(server, "compatibility", state="absent").succeeded()["changed"]
    assert written(server, "compatibility", compatibility="FULL") == [("PUT", "/config")]
    for options in ({"state": "absent"}, {"clear": ["compatibility"]}):
        assert "cannot remove" in run(server, "compatibility", **options).failed()["msg"]
    for options in ({"normalize": True}, {"compatibility": "FULL", "contexts": [".eu"]}):
        assert run(server, "compatibility", **options).failed()["failure"]["code"] == "invalid_option"
