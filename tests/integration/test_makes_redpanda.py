# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips of Redpanda's registry, before 25.3 and from then on, emulated as its source has it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from registries.filled import ask, filled, held, record
from registries.redpanda import Redpanda
from registries.serving import RegistryServer

from testbed.modules import run_module

BOTH = pytest.mark.parametrize("has_import", [False, True], ids=["before 25.3", "from 25.3"])


@pytest.fixture
def serve() -> Any:
    """Serve registries until the test ends."""
    with ExitStack() as stack:
        yield lambda make: stack.enter_context(RegistryServer(make))


def texts(server: RegistryServer) -> set[tuple[str, str, bool]]:
    """Return what a registry holds without ids and numbers: subject, text, whether it is deleted."""
    versions = held(server.make)["versions"].items()
    return {(name, content.text, deleted) for (name, _number), (_id, content, deleted) in versions}


@BOTH
def test_it_is_recognised_and_says_in_which_mode_it_takes_ids(serve, run_in_store, has_import):
    told = run_module("schema_registry_info", registry={"url": serve(Redpanda(has_import=has_import)).endpoint})
    registry = told.succeeded()["registry"]
    assert registry["implementation"] == "redpanda"
    assert registry["healthy"]
    assert registry["capabilities"]["ids_in"] == ("IMPORT" if has_import else "READWRITE")


@BOTH
@pytest.mark.parametrize("from_import", [False, True], ids=["of before", "of later"])
def test_a_registry_comes_back_to_the_number_and_a_second_import_changes_nothing(
    serve, run_in_store, has_import, from_import
):
    source, target = serve(filled(has_import=from_import)), serve(Redpanda(has_import=has_import))
    run_in_store("schema_registry_export", source).succeeded()
    assert run_in_store("schema_registry_import", target).succeeded()["changed"]
    assert held(target.make) == held(source.make)
    writes = len(target.writes())
    assert not run_in_store("schema_registry_import", target).succeeded()["changed"]
    assert len(target.writes()) == writes


@BOTH
def test_what_others_registered_stays_and_what_is_missing_is_added(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    ask(target.make, "POST", "/subjects/theirs/versions", {"schema": record("Theirs", "a")})
    run_in_store("schema_registry_export", source).succeeded()
    run_in_store("schema_registry_import", target).succeeded()
    after, wanted = held(target.make)["versions"], held(source.make)["versions"]
    assert after.pop(("theirs", 1))[0] == 1
    assert after == wanted
    assert held(target.make)["modes"] == held(source.make)["modes"]


@BOTH
def test_an_id_that_is_taken_stops_an_import_before_it_writes(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    ask(target.make, "PUT", "/config", {"compatibility": "NONE"})
    for number in range(1, 8):
        ask(target.make, "POST", "/subjects/theirs/versions", {"schema": record("Theirs", f"f{number}")})
    before = held(target.make)
    run_in_store("schema_registry_export", source).succeeded()
    failed = run_in_store("schema_registry_import", target).failed()
    assert "user" in failed["msg"]
    assert target.writes() == []
    assert held(target.make) == before


@BOTH
def test_ids_can_be_assigned(serve, run_in_store, has_import):
    source, target = serve(filled(has_import=has_import)), serve(Redpanda(has_import=has_import))
    run_in_store("schema_registry_export", source).succeeded()
    run_in_store("schema_registry_import", target, ids="assign").succeeded()
    assert texts(target) == texts(source)
    assert not run_in_store("schema_registry_import", target, ids="assign").succeeded()["changed"]
