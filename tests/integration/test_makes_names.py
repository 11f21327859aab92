# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that some makes of registry take and others do not: brought along, or refused before the first write."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry
from registries.karapace import Karapace
from registries.redpanda import Redpanda

from testbed.apicurio import NATIVE, Apicurio
from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, holding, register
from testbed.modules import Outcome, run_module

Run = Callable[..., Outcome]

CONTROLS = ["tab\there", "del\x7f", "\x80high\x9f", "new\nline"]


@pytest.fixture
def filled(registry: AxonOpsRegistry) -> AxonOpsRegistry:
    """A registry whose subjects have control characters in their names, in two contexts."""
    for name in CONTROLS:
        register(registry, name, avro("Record"))
        register(registry, f":.eu:{name}", avro("Record", "a"))
    return registry


def forbidden(outcome: Outcome) -> set[str]:
    """Return the subjects whose names a target does not take."""
    return {each["subject"] for each in outcome.failed()["failure"]["conflicts"] if each["kind"] == "forbidden_name"}


@pytest.mark.parametrize("storage", ["memory", "postgresql", "mariadb"])
def test_axonops_takes_control_characters(
    filled: AxonOpsRegistry, registry_factory: Callable[..., AxonOpsRegistry], run_in_store: Run, storage: str
) -> None:
    target = registry_factory(storage=storage)
    run_in_store("schema_registry_export", filled).succeeded()
    run_in_store("schema_registry_import", target).succeeded()
    assert holding(target)["versions"] == holding(filled)["versions"]
    assert not run_in_store("schema_registry_import", target).succeeded()["changed"]


@pytest.mark.parametrize(
    ("make", "refused"),
    [
        (Confluent, {*CONTROLS, *(f":.eu:{name}" for name in CONTROLS)}),
        (Karapace, set(CONTROLS)),
        (partial(Redpanda, has_import=True), {"tab\there", "del\x7f", "new\nline"}),
    ],
)
def test_others_take_fewer_or_none(filled: AxonOpsRegistry, run_in_store: Run, make: Any, refused: set[str]) -> None:
    run_in_store("schema_registry_export", filled).succeeded()
    with EmulatedRegistry(make) as target:
        options = {"ids": "assign", "accept_losses": ["contexts"]}
        assert forbidden(run_in_store("schema_registry_import", target, **options)) == refused
        assert target.writes() == []


def test_apicurio_takes_all_that_does_not_end_a_line(
    filled: AxonOpsRegistry, apicurio: Apicurio, run_in_store: Run
) -> None:
    run_in_store("schema_registry_export", filled).succeeded()
    options = {"ids": "assign", "accept_losses": ["contexts"]}
    assert forbidden(run_in_store("schema_registry_import", apicurio, **options)) == {"new\nline"}
    run_in_store("schema_registry_import", apicurio, subject_mapping={"new\nline": "line"}, **options).succeeded()
    held = {item["artifactId"] for item in apicurio.call("GET", f"{NATIVE}/search/artifacts")["artifacts"]}
    assert held == {"tab\there", "del\x7f", "\x80high\x9f", "line"}


def test_a_name_that_is_too_long_is_refused_before_the_first_write(
    registry: AxonOpsRegistry, apicurio: Apicurio, run_in_store: Run
) -> None:
    for length in (512, 513):
        register(registry, "x" * length, avro("Record", f"f{length}"))
    run_in_store("schema_registry_export", registry).succeeded()
    for ids in ("keep", "assign"):
        assert forbidden(run_in_store("schema_registry_import", apicurio, ids=ids)) == {"x" * 513}
    assert apicurio.call("GET", f"{NATIVE}/search/artifacts")["count"] == 0


def test_axonops_takes_no_nul_in_a_database(registry_factory: Callable[..., AxonOpsRegistry]) -> None:
    target = registry_factory(storage="postgresql")
    with pytest.raises(urllib.error.HTTPError, match="500"):
        register(target, "a\0b", avro("Record"))
    values = {"schema": '"string"', "subject": "a\0b"}
    failed = run_module("schema_registry_subject", registry={"url": target.endpoint}, **values).failed()
    assert failed["failure"]["code"] == "unaddressable_name"


def test_names_that_mariadb_takes_for_one_stop_an_import(
    registry: AxonOpsRegistry, registry_factory: Callable[..., AxonOpsRegistry], run_in_store: Run
) -> None:
    """Its collation compares names without case, accents and blanks at the end."""
    for name in ("Orders", "orders"):
        register(registry, name, avro(name))
    run_in_store("schema_registry_export", registry).succeeded()
    target = registry_factory(storage="mariadb")
    failed = run_in_store("schema_registry_import", target).failed()
    assert failed["failure"] == {"code": "verification_failed", "object": "orders version 1"}
    run_in_store("schema_registry_import", target, subject_mapping={"orders": "orders-small"}).succeeded()
    assert sorted(target.call("GET", "/subjects")) == ["Orders", "orders-small"]
