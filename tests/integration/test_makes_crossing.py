# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves from one make of registry to another, of all that a real one was recorded to hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from registries.confluent import Confluent
from registries.confluent_recorded import recorded_state, texts
from registries.filled import held
from registries.karapace import Karapace
from registries.karapace_texts import RECORDINGS
from registries.recordings import read_calls
from registries.redpanda import Redpanda
from registries.serving import RegistryServer, Request

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import RegistrySettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import connect
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import VersionKey
from testbed.apicurio import Apicurio
from testbed.fixtures import RegistryFactory

EVERY_LOSS = ["metadata", "rules", "contexts", "references", "soft_deletes", "configs", "deks"]


@pytest.fixture(scope="module")
def confluent() -> Iterator[RegistryServer]:
    """A Confluent registry in the recorded state, which tests only read."""
    with RegistryServer(recorded_state()) as server:
        yield server


@pytest.fixture(scope="module")
def karapace() -> Iterator[RegistryServer]:
    """A Karapace in the recorded state, which tests only read."""
    make = Karapace()
    for call in read_calls(RECORDINGS / "calls.jsonl.gz"):
        make.answer(call.request())
    with RegistryServer(make) as server:
        yield server


def move(run: Callable[..., Any], target: RegistryServer, **options: Any) -> dict[str, Any]:
    """Import with every loss accepted, and once more, which changes nothing; return the first result."""
    options = {"accept_losses": EVERY_LOSS, **options}
    moved = run("schema_registry_import", target, **options).succeeded()
    writes = len(target.writes())
    assert not run("schema_registry_import", target, **options).succeeded()["changed"]
    assert len(target.writes()) == writes
    return moved


def losses(run: Callable[..., Any], target: RegistryServer, **options: Any) -> dict[str, int]:
    """Import with no loss accepted, which must be refused before any write; return how much is lost, by kind."""
    failed = run("schema_registry_import", target, **options).failed()
    assert target.writes() == []
    return {loss["kind"]: loss["count"] for loss in failed["failure"]["losses"]}


def test_from_confluent_to_karapace(confluent, run_in_store):
    run_in_store("schema_registry_export", confluent).succeeded()
    with RegistryServer(Karapace()) as target:
        refused = run_in_store("schema_registry_import", target, ids="assign").failed()
        assert "json-2020 version 1: the target cannot hold the number 1E+400 of its" in refused["msg"]
        without = {"ids": "assign", "exclude_subjects": ["json-2020"]}
        lost = losses(run_in_store, target, **without)
        assert lost.keys() == set(EVERY_LOSS)
        assert (lost["references"], lost["soft_deletes"]) == (1, 2)
        move(run_in_store, target, **without)
        names = {name for name, _number in held(target.make)["versions"]}
        assert names.isdisjoint({"json-person", "json-2020"})
        assert not [name for name in names if name.startswith(":.")]


@pytest.mark.parametrize("has_import", [False, True], ids=["before 25.3", "from 25.3"])
def test_from_confluent_to_redpanda(confluent, run_in_store, has_import):
    run_in_store("schema_registry_export", confluent).succeeded()
    with RegistryServer(Redpanda(has_import=has_import)) as target:
        refused = run_in_store("schema_registry_import", target).failed()
        twice = {(each["subject"], each["version"]) for each in refused["failure"]["conflicts"]}
        assert twice == {("imp-same", 6), ("imp-value", 3), ("meta-value", 1)}
        without = {"exclude_subjects": ["imp-same", "imp-value", "meta-value"]}
        assert losses(run_in_store, target, **without).keys() == set(EVERY_LOSS) - {"references"}
        move(run_in_store, target, **without)
        versions = held(target.make)["versions"]
        assert (versions["orders-value", 5][0], versions["orders-value", 4][2]) == (5, True)
        assert not versions["dref-leaf", 1][2]  # a soft-deleted version refers to it


def test_from_confluent_to_axonops(
    confluent: RegistryServer, run_in_store: Callable[..., Any], registry_factory: RegistryFactory
) -> None:
    """To a real one, on a database: in memory it takes keys of one algorithm only."""
    run_in_store("schema_registry_export", confluent).succeeded()
    target = registry_factory(storage="postgresql")
    refused = run_in_store("schema_registry_import", target).failed()["failure"]
    assert {(each["subject"], each["kind"]) for each in refused["conflicts"]} == {
        *((name, "forbidden_name") for name in ("a/b/c", "trailing/")),
        *((name, "content_conflict") for name in ("imp-same", "imp-value", "meta-rules", "meta-value")),
    }
    assert {loss["kind"]: loss["count"] for loss in refused["losses"]} == {
        "metadata": 34,
        "rules": 4,
        "soft_deletes": 1,
        "references": 1,
        "configs": 4,
    }
    unfit = {each["subject"] for each in refused["conflicts"]} | {"json-2020", "proto-order", "LLL*"}
    options = {"exclude_subjects": sorted(unfit), "accept_losses": EVERY_LOSS}
    run_in_store("schema_registry_import", target, **options).succeeded()
    assert not run_in_store("schema_registry_import", target, **options).succeeded()["changed"]
    recorded = json.loads(confluent.make.answer(Request("GET", "/schemas?subjectPrefix=:*:&deleted=true")).body)
    wanted = {
        VersionKey(item["subject"], item["version"]): (item["id"], item["schema"], item["deleted"])
        for item in recorded
        if item["subject"] not in unfit | {":.ctx2:ref-x"} and not item["subject"].startswith("LLL")
    }
    # A live version refers to the one; the other is the same as another version without its metadata.
    wanted["dref-leaf", 1] = (*wanted["dref-leaf", 1][:2], False)
    del wanted["imp-meta", 5]
    registry = connect(RegistrySettings.from_options({"url": [target.endpoint]}))
    told = registry.read_versions(registry.list_versions().versions.values())
    assert {version.key: (version.id, version.content.text, version.deleted) for version in told} == wanted


@pytest.mark.parametrize(
    ("ids", "unfit", "registered"),
    [("keep", ["..", "imp-meta", "imp-value", "meta-value"], 79), ("assign", ["..", "json-empty", "json-true"], 82)],
)
def test_from_confluent_to_apicurio(
    confluent: RegistryServer,
    run_in_store: Callable[..., Any],
    new_apicurio: Apicurio,
    ids: str,
    unfit: list[str],
    registered: int,
) -> None:
    """To a real one, either way; what was written is read again and compared by each import."""
    run_in_store("schema_registry_export", confluent).succeeded()
    options: dict[str, Any] = {"ids": ids, "accept_losses": EVERY_LOSS}
    refused = run_in_store("schema_registry_import", new_apicurio, **options).failed()["failure"]
    assert sorted({each["subject"] for each in refused["conflicts"]}) == unfit
    options["exclude_subjects"] = unfit
    made = run_in_store("schema_registry_import", new_apicurio, **options).succeeded()
    assert made["plan"]["actions"]["register"] == registered
    assert not run_in_store("schema_registry_import", new_apicurio, **options).succeeded()["changed"]


def test_from_karapace_to_confluent(karapace, run_in_store):
    run_in_store("schema_registry_export", karapace, exclude_subjects=[":.:explicit-default"]).succeeded()
    renamed = {"subject_mapping": {"__GLOBAL": "global", "back\\slash": "slash"}}
    with RegistryServer(Confluent(texts=texts())) as target:
        refused = run_in_store("schema_registry_import", target).failed()
        forbidden = {each["subject"] for each in refused["failure"]["conflicts"] if each["kind"] == "forbidden_name"}
        assert forbidden == {"__GLOBAL", "back\\slash"}
        move(run_in_store, target, accept_losses=[], **renamed)
        listed = json.loads(target.make.answer(Request("GET", "/schemas?subjectPrefix=:*:&deleted=true")).body)
    there = {(item["subject"], item["version"]): item for item in listed}
    names = {"__GLOBAL": "global", "back\\slash": "slash"}
    expected = {(names.get(name, name), number): v for (name, number), v in held(karapace.make)["versions"].items()}
    del expected[":.:explicit-default", 1]
    assert {key: (item["id"], item["deleted"]) for key, item in there.items()} == {
        key: (schema_id, deleted) for key, (schema_id, _content, deleted) in expected.items()
    }
    # What is a plain name there leads into the default context here, also from a name that is now in another one.
    assert there[":.ctx:ref-x", 1]["references"] == [{"name": "r.A", "subject": ":.:ref-a", "version": 1}]
