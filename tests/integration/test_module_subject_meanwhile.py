# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting whole subjects, on a real registry, while somebody else registers versions of them."""

from __future__ import annotations

import pytest
from faults.registry_proxy import Fault, RegistryProxy

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, holding, register
from testbed.modules import Outcome, run_module

NOTHING = "Nothing of the subject was deleted"
SOFT_DELETED = "The versions before it are soft-deleted, and none is purged"


def delete(proxy: RegistryProxy, state: str) -> Outcome:
    subjects = [{"subject": name, "versions": ["all"]} for name in ("before", "orders")]
    return run_module("schema_registry_subject", registry={"url": proxy.endpoint}, subjects=subjects, state=state)


@pytest.mark.parametrize(
    ("state", "request_before_it", "nth", "so_far", "left"),
    [
        ("absent", ("GET", "/subjects/orders/versions?deleted=true"), 2, NOTHING, "LLL"),
        ("purged", ("GET", "/subjects/orders/versions?deleted=true"), 2, NOTHING, "LLL"),
        ("purged", ("DELETE", "/subjects/orders"), 1, SOFT_DELETED, "DDD"),
        ("purged", ("DELETE", "/subjects/orders?permanent=true"), 1, SOFT_DELETED, "DDL"),
    ],
    ids=["absent", "before", "soft-deleted", "refused"],
)
def test_a_version_that_comes_meanwhile_is_not_purged(
    registry: AxonOpsRegistry, state: str, request_before_it: tuple[str, str], nth: int, so_far: str, left: str
) -> None:
    register(registry, "before", avro("Before"))
    register(registry, "orders", avro("Order"), avro("Order", "a"))
    came = avro("Order", "a", "b")
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault(*request_before_it, nth=nth, before=lambda _request: register(registry, "orders", came)))
        failed = delete(proxy, state).failed()
    assert failed["failure"] == {"code": "target_changed", "object": "orders"}
    assert failed["msg"].startswith("orders version 3 was registered")
    assert so_far in failed["msg"]
    assert failed["msg"].endswith("Done before it: before.")
    held = holding(registry)["versions"]
    assert "".join("D" if held[f"orders version {number}"].get("deleted") else "L" for number in (1, 2, 3)) == left
    with RegistryProxy(registry.endpoint) as proxy:
        made = delete(proxy, state).succeeded()
    assert made["subjects"][1]["purged"] == ([1, 2, 3] if state == "purged" else [])


def test_a_version_that_comes_back_meanwhile_is_not_purged_when_live(registry: AxonOpsRegistry) -> None:
    """The number was known, so that only the registry itself notices."""
    ids = register(registry, "orders", avro("Order"), avro("Order", "a"))
    again = {**avro("Order", "a"), "id": ids[1], "version": 2}

    def bring_back(_request: object) -> None:
        registry.call("DELETE", "/subjects/orders/versions/2?permanent=true")
        registry.call("PUT", "/mode/orders?force=true", {"mode": "IMPORT"})
        register(registry, "orders", again)

    register(registry, "before", avro("Before"))
    with RegistryProxy(registry.endpoint) as proxy:
        proxy.add(Fault("DELETE", "/subjects/orders?permanent=true", before=bring_back))
        failed = delete(proxy, "purged").failed()
    assert failed["failure"] == {"code": "target_changed", "object": "orders"}
    assert "A version of orders was registered again" in failed["msg"]
    assert "deleted" not in holding(registry)["versions"]["orders version 2"]
