# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas that follow others, on each make of registry: why one is not compatible stands in the module's message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry
from registries.karapace import Karapace
from registries.redpanda import Redpanda

from testbed.apicurio import Apicurio
from testbed.axonops import AxonOpsRegistry
from testbed.modules import Outcome, run_module

ORDER: dict[str, Any] = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
# The emulated makes judge by one of these two alone.
OTHER = {**ORDER, "fields": [{"name": "id", "type": "string"}, {"name": "customer", "type": "string"}]}
MAKES: dict[str, Callable[[], Any]] = {
    "axonops": AxonOpsRegistry,
    "apicurio": Apicurio,
    "confluent": partial(EmulatedRegistry, Confluent),
    "karapace": partial(EmulatedRegistry, Karapace),
    "redpanda": partial(EmulatedRegistry, partial(Redpanda, has_import=True)),
    "redpanda before 25.3": partial(EmulatedRegistry, partial(Redpanda, has_import=False)),
}


@pytest.fixture(params=list(MAKES))
def subject(request: pytest.FixtureRequest) -> Iterator[Callable[..., Outcome]]:
    """Runs the module on a registry that compares a version with the one before it."""
    with MAKES[request.param]() as server:
        run = partial(run_module, registry={"url": server.endpoint})
        run("schema_registry_compatibility", compatibility="BACKWARD").succeeded()
        yield partial(run, "schema_registry_subject")


def test_the_reasons_are_told(subject: Callable[..., Outcome]) -> None:
    assert subject(subject="orders", schema=ORDER).succeeded()["subjects"][0]["version"] == 1
    for check in (True, False):
        failed = subject(subject="orders", schema=OTHER, check=check).failed()
        assert failed["failure"]["code"] == "incompatible"
        assert failed["failure"]["reasons"]
        assert all(reason in failed["msg"] for reason in failed["failure"]["reasons"])
        assert any(word in failed["msg"] for word in ("customer", "(id)", "/fields/0"))
    assert not subject(subject="orders", schema=ORDER).succeeded()["changed"]
    told = subject(subject="orders", schema={**ORDER, "doc": "newer"}).succeeded()["subjects"][0]
    assert told["version"] in (1, 2)  # not all take a comment for another schema
    gone = subject(subject="orders", state="purged", versions="all").succeeded()["subjects"][0]
    assert gone["purged"] == list(range(1, told["version"] + 1))


def test_the_reasons_of_what_could_not_be_tried_are_told(subject: Callable[..., Outcome]) -> None:
    """A version that refers to another of the task can only be tried when that one is there."""
    route = {"type": "record", "name": "Route", "fields": [{"name": "id", "type": "long"}]}
    subject(subject="routes", schema=route).succeeded()
    fields = [{"name": "id", "type": "string"}, {"name": "to", "type": "Order"}]
    reference = {"name": "Order", "subject": "orders", "version": 1}
    both = [
        {"subject": "orders", "schema": ORDER},
        {"subject": "routes", "schema": {**route, "fields": fields}, "references": [reference]},
    ]
    failed = subject(subjects=both).failed()
    assert (failed["failure"]["code"], failed["failure"]["object"]) == ("incompatible", "routes")
    assert failed["failure"]["reasons"]
    assert "The registry says: " in failed["msg"]
    assert failed["msg"].endswith("Registered before it: orders version 1.")


def test_a_schema_with_references_follows_another(subject: Callable[..., Outcome]) -> None:
    subject(subject="orders", schema=ORDER).succeeded()
    subject(subject="routes", schema={**ORDER, "name": "Route"}).succeeded()
    fields = [*ORDER["fields"], {"name": "to", "type": ["null", "Order"], "default": None}]
    references = [{"name": "Order", "subject": "orders", "version": 1}]
    options = {"subject": "routes", "schema": {**ORDER, "name": "Route", "fields": fields}, "references": references}
    assert subject(**options, check=True).succeeded()["changed"]
    assert subject(**options).succeeded()["subjects"][0]["version"] == 2
    assert not subject(**options).succeeded()["changed"]


@pytest.mark.parametrize("subject", ["axonops", "apicurio"], indirect=True)
def test_what_is_no_schema_is_said(subject: Callable[..., Outcome]) -> None:
    subject(subject="orders", schema=ORDER).succeeded()
    failed = subject(subject="orders", schema='{"type": "nonsense"}').failed()
    assert failed["failure"]["registry_code"] == 42201
