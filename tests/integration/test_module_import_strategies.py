# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What schema_registry_import does with each class of version by each strategy, on a real registry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults.registry_proxy import RegistryProxy

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, holding, place, set_mode
from testbed.modules import run_module

FIRST, SECOND, THIRD = avro("Order", "a"), avro("Order", "a", "b"), avro("Order", "a", "b", "c")
FOREIGN = avro("Foreign", "x")

LIVE, DELETED = True, False
ARCHIVED = {1: (100, LIVE), 2: (101, LIVE), 3: (102, DELETED)}

Fill = Callable[[AxonOpsRegistry], None]


def place_orders(server: AxonOpsRegistry, versions: dict[int, tuple[int, bool]]) -> None:
    """Place versions of the subject orders as the source has them, but for whether they are soft-deleted."""
    for version, (schema_id, _live) in versions.items():
        place(server, "orders", schema_id, version, (FIRST, SECOND, THIRD)[version - 1])
    for version, (_schema_id, live) in versions.items():
        if not live:
            delete(server, "orders", version)


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose backup has the subject orders with three versions, the last of them soft-deleted."""
    store = tmp_path_factory.mktemp("backup") / "store"
    run_module("backup_store", store={"path": str(store)}).succeeded()
    with AxonOpsRegistry() as server:
        set_mode(server, "IMPORT")
        place_orders(server, ARCHIVED)
        set_mode(server, "READWRITE")
        options = {"registry": {"url": server.endpoint}, "store": {"path": str(store)}, "backup_id": "prod"}
        run_module("schema_registry_export", **options).succeeded()
    return store


def others_only(server: AxonOpsRegistry) -> None:
    place(server, "other", 500, 1, FOREIGN)


def first_only(server: AxonOpsRegistry) -> None:
    place_orders(server, {1: ARCHIVED[1]})


def the_same(server: AxonOpsRegistry) -> None:
    place_orders(server, ARCHIVED)


def first_soft_deleted(server: AxonOpsRegistry) -> None:
    place_orders(server, ARCHIVED | {1: (100, DELETED)})


def third_live(server: AxonOpsRegistry) -> None:
    place_orders(server, ARCHIVED | {3: (102, LIVE)})


def id_taken(server: AxonOpsRegistry) -> None:
    place(server, "other", 100, 1, FOREIGN)


def version_taken(server: AxonOpsRegistry) -> None:
    place(server, "orders", 101, 1, SECOND)


def version_taken_by_others(server: AxonOpsRegistry) -> None:
    place(server, "orders", 700, 1, FOREIGN)


def content_elsewhere(server: AxonOpsRegistry) -> None:
    place(server, "other", 500, 1, FIRST)


def more_than_the_backup(server: AxonOpsRegistry) -> None:
    place_orders(server, ARCHIVED)
    place(server, "orders", 700, 4, FOREIGN)


@dataclass(frozen=True)
class Case:
    """What a strategy makes of a target.

    Args:
        target: Fills it.
        strategy: The strategy.
        orders: Its versions of the subject orders afterwards; None where they stay as they are.
        classes: How many versions are in which class.
        actions: What is done, without what is done zero times.
        left: The versions that are not made as in the backup.
        refused: The kinds of conflicts that forbid the import, with their numbers.
        purge: Whether subjects may be purged.
    """

    target: Fill
    strategy: str
    orders: dict[int, tuple[int, bool]] | None = None
    classes: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    left: tuple[int, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    purge: bool = False

    def __str__(self) -> str:
        return f"{self.target.__name__}-{self.strategy}{'-purge' if self.purge else ''}"


ALL_NEW = {"register": 3, "soft_delete": 1}
NEW_AND_SAME = {"identical": 1, "new": 2}
LIVE_THIRD = ARCHIVED | {3: (102, LIVE)}
PURGED = {"purge": 1, "register": 3}
CASES = [
    *(Case(others_only, strategy, ARCHIVED, {"new": 3}, ALL_NEW) for strategy in ("preserve", "skip", "overwrite")),
    Case(first_only, "preserve", ARCHIVED, NEW_AND_SAME, {"register": 2, "soft_delete": 1}),
    Case(first_only, "skip", None, NEW_AND_SAME, left=(2, 3)),
    Case(first_only, "overwrite", ARCHIVED, NEW_AND_SAME, {"register": 2, "soft_delete": 1}),
    *(Case(the_same, strategy, None, {"identical": 3}) for strategy in ("preserve", "skip", "overwrite")),
    *(
        Case(first_soft_deleted, strategy, None, {"identical": 2, "soft_deleted_on_target": 1}, left=(1,))
        for strategy in ("preserve", "skip")
    ),
    Case(first_soft_deleted, "overwrite", refused={"purge_not_allowed": 1}),
    Case(
        first_soft_deleted, "overwrite", ARCHIVED, {"identical": 2, "soft_deleted_on_target": 1},
        PURGED | {"soft_delete": 2}, purge=True,
    ),
    *(
        Case(third_live, strategy, None, {"identical": 2, "live_on_target": 1}, left=(3,))
        for strategy in ("preserve", "skip")
    ),
    Case(third_live, "overwrite", ARCHIVED, {"identical": 2, "live_on_target": 1}, {"soft_delete": 1}),
    Case(id_taken, "preserve", refused={"id_conflict": 1}),
    Case(id_taken, "skip", {2: (101, LIVE), 3: (102, DELETED)}, {"new": 2, "id_conflict": 1},
         {"register": 2, "soft_delete": 1}, left=(1,)),
    Case(id_taken, "overwrite", refused={"id_conflict": 1}, purge=True),
    Case(version_taken, "preserve", refused={"content_conflict": 1, "version_conflict": 1}),
    Case(version_taken, "skip", None, {"new": 2, "version_conflict": 1}, left=(1, 2, 3)),
    Case(version_taken, "overwrite", refused={"content_conflict": 1, "purge_not_allowed": 1}),
    Case(version_taken, "overwrite", ARCHIVED, {"new": 2, "version_conflict": 1}, PURGED | {"soft_delete": 2},
         purge=True),
    Case(version_taken_by_others, "overwrite", refused={"purge_unsafe": 1}, purge=True),
    Case(content_elsewhere, "preserve", refused={"content_conflict": 1}),
    Case(content_elsewhere, "skip", {2: (101, LIVE), 3: (102, DELETED)}, {"new": 2, "content_conflict": 1},
         {"register": 2, "soft_delete": 1}, left=(1,)),
    Case(content_elsewhere, "overwrite", refused={"content_conflict": 1}, purge=True),
    *(Case(more_than_the_backup, strategy, None, {"identical": 3}) for strategy in ("preserve", "overwrite")),
]  # fmt: skip


def orders(server: AxonOpsRegistry) -> dict[int, tuple[int, bool]]:
    """Return a registry's versions of the subject orders."""
    found = {}
    for name, told in holding(server)["versions"].items():
        subject, _word, version = name.rpartition(" version ")
        if subject == "orders":
            found[int(version)] = (told["id"], not told.get("deleted", False))
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_strategy(case: Case, backup: Path, registry: AxonOpsRegistry, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(backup, store)
    set_mode(registry, "IMPORT")
    case.target(registry)
    set_mode(registry, "READWRITE")
    before = holding(registry)
    others = {name: told for name, told in before["versions"].items() if not name.startswith("orders ")}
    wanted = orders(registry) if case.orders is None else case.orders

    def run(url: str, *, check: bool = False) -> Any:
        options = {"strategy": case.strategy, "allow_purge": case.purge, "store": {"path": str(store)}}
        return run_module(
            "schema_registry_import", registry={"url": url}, backup_id="prod", check=check, diff=True, **options
        )

    with RegistryProxy(registry.endpoint) as proxy:
        checked = run(proxy.endpoint, check=True)
        assert proxy.writes() == []
        if case.refused:
            for refused in (checked.failed(), run(proxy.endpoint).failed()):
                assert refused["failure"]["code"] == "import_conflict"
                assert refused["failure"]["conflict_counts"] == case.refused
                assert "refused before any write" in refused["msg"]
            assert proxy.writes() == []
            assert holding(registry) == before
            return

    promised = checked.succeeded()
    made = run(registry.endpoint).succeeded()
    assert (made["changed"], made["plan"]) == (promised["changed"], promised["plan"])
    assert made.get("diff") == promised.get("diff")
    assert made["changed"] is bool(case.actions)
    assert made["plan"]["classes"] == case.classes
    assert {name: count for name, count in made["plan"]["actions"].items() if count} == case.actions
    assert tuple(item["version"] for item in made["plan"]["left"]) == case.left
    assert made["plan"]["exact"] is not bool(case.left)
    assert orders(registry) == wanted
    after = holding(registry)
    assert after["versions"].items() >= others.items()
    assert (after["configs"], after["modes"]) == (before["configs"], before["modes"])

    again = run(registry.endpoint).succeeded()
    assert not again["changed"]
    assert "diff" not in again
    assert holding(registry) == after
