# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that administer a registry, on an emulated Karapace, which has less than others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from registries.karapace import Karapace
from registries.karapace_modes import KarapaceWithModes
from registries.serving import RegistryServer

from testbed.modules import Outcome, run_module

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """An empty registry."""
    with RegistryServer(Karapace()) as served:
        yield served


def run(server: RegistryServer, module: str, **options: Any) -> Outcome:
    return run_module(f"schema_registry_{module}", registry={"url": server.endpoint}, **options)


def test_a_schema_comes_and_goes(server: RegistryServer) -> None:
    for state, more in (
        ("present", {"schema": ORDER}),
        ("absent", {"versions": [1]}),
        ("purged", {"versions": "all"}),
    ):
        begin = len(server.requests)
        assert run(server, "subject", subject="orders", state=state, check=True, **more).succeeded()["changed"]
        assert [r for r in server.requests[begin:] if r.method in ("PUT", "DELETE")] == []
        assert run(server, "subject", subject="orders", state=state, **more).succeeded()["changed"]
        assert not run(server, "subject", subject="orders", state=state, **more).succeeded()["changed"]
    assert server.count("POST", "/compatibility/subjects/orders/versions/latest") == 2


@pytest.mark.parametrize(
    ("module", "options", "named"),
    [
        ("subject", {"subject": "a", "schema": ORDER, "metadata": {"properties": {"a": "b"}}}, "metadata"),
        ("subject", {"subject": "a", "schema": ORDER, "rule_set": {"domainRules": [{"name": "r"}]}}, "rule_set"),
        ("compatibility", {"normalize": True}, "normalize"),
        ("compatibility", {"compatibility": "FULL", "contexts": [".eu"]}, "contexts"),
        ("mode", {"mode": "READONLY", "contexts": [".eu"]}, "contexts"),
        ("mode", {"mode": "READONLY"}, "mode"),
    ],
)
def test_what_it_does_not_have_is_refused(
    server: RegistryServer, module: str, options: dict[str, Any], named: str
) -> None:
    for check in (True, False):
        failed = run(server, module, check=check, **options).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": named}
    assert server.writes() == []


def test_later_versions_are_never_forced_into_import() -> None:
    with RegistryServer(Karapace("6.2.4")) as served:
        failed = run(served, "mode", mode="IMPORT", force=True).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": "force"}
        assert served.writes() == []


@pytest.mark.parametrize("removes", [True, False])
def test_readwrite_is_what_later_versions_have_without_a_mode(removes: bool) -> None:
    make = KarapaceWithModes(removes=removes)
    with RegistryServer(make) as served:

        def modes(changed: bool, **options: Any) -> list[Any]:
            outcome = run(served, "mode", check=True, **options).succeeded()
            made = run(served, "mode", **options).succeeded()
            assert outcome["modes"] == made["modes"]
            assert outcome["changed"] == made["changed"] == changed
            return [(each["before"], each["after"]) for each in made["modes"]]

        readwrite = {"mode": "READWRITE", "subjects": ["a"]}
        assert modes(False, mode="READWRITE") == [("READWRITE", "READWRITE")]
        assert modes(False, **readwrite) == [("READWRITE", "READWRITE")]
        assert modes(True, mode="IMPORT") == [(None, "IMPORT")]
        make.state.set_level("a", None)  # the subject is known
        assert modes(True, **readwrite) == [("IMPORT", "READWRITE")]
        assert modes(False, **readwrite) == [("READWRITE", "READWRITE")]
        assert modes(True, mode="READWRITE") == [("IMPORT", "READWRITE")]
        assert modes(True, mode="IMPORT", subjects=["a"]) == [(None, "IMPORT")]
        assert modes(True, state="absent", subjects=["a"]) == [("IMPORT", None)]
        assert modes(False, state="absent", subjects=["a"]) == [(None, None)]
        assert make.modes == {"": "READWRITE", **({} if removes else {"a": "READWRITE"})}
        # a subject's own IMPORT is not told from one that it inherits
        modes(True, mode="IMPORT")
        assert modes(False, state="absent", subjects=["a"]) == [("IMPORT" if removes else None,) * 2]
        assert modes(True, state="absent") == [("IMPORT", None)]
        assert make.modes[""] == "READWRITE"


def test_readwrite_is_what_earlier_versions_always_have(server: RegistryServer) -> None:
    assert not run(server, "mode", mode="READWRITE", subjects=["a"]).succeeded()["changed"]
    assert server.writes() == []


def test_the_global_level_is_not_removed(server: RegistryServer) -> None:
    assert not run(server, "compatibility", state="absent").succeeded()["changed"]
    run(server, "compatibility", compatibility="FULL").succeeded()
    written = len(server.writes())
    for check in (True, False):
        for options in ({"state": "absent"}, {"clear": ["compatibility"]}):
            assert "cannot remove" in run(server, "compatibility", check=check, **options).failed()["msg"]
    assert len(server.writes()) == written


def test_a_level_is_set_and_removed(server: RegistryServer) -> None:
    for options in ({"compatibility": "NONE"}, {"state": "absent"}):
        assert run(server, "compatibility", subjects=["orders"], **options).succeeded()["changed"]
        assert not run(server, "compatibility", subjects=["orders"], **options).succeeded()["changed"]
