# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module schema_registry_import on real registries where not all comes back as it was: names, ids, losses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, delete, holder, holding, place, register, set_config, set_mode
from testbed.modules import Run

METADATA = {"properties": {"owner": "shop"}, "tags": {"a": ["PII"]}}
RULES = {"domainRules": [{"name": "r", "kind": "CONDITION", "mode": "READ", "type": "CEL", "expr": "true"}]}


def test_subjects_get_new_names(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    export(filled_registry).succeeded()
    mapping = {"customer": "test.customer", "address": "test.address", "person": ":.eu:person"}
    options = {"subject_mapping": mapping, "subjects": ["orders-value", "person", "address"]}
    bring(registry, **options).succeeded()
    held, wanted = holding(registry), holding(filled_registry)
    assert set(held["versions"]) == {
        "test.address version 1",
        "test.address version 2",
        "test.customer version 1",
        "orders-value version 1",
        ":.eu:person version 1",
    }
    assert held["versions"]["test.customer version 1"]["references"][0]["subject"] == "test.address"
    assert held["versions"]["orders-value version 1"]["references"][0]["subject"] == "test.customer"
    assert held["versions"]["test.address version 2"] == wanted["versions"]["address version 2"]
    assert held["modes"][":.eu:person"] == {"mode": "READONLY"}
    assert not bring(registry, **options).succeeded()["changed"]

    for mapping, named in (
        ({"nobody": "x"}, "nobody"),
        ({"customer": "address"}, "address"),
        ({"customer": ":.eu:"}, "customer"),
    ):
        failed = bring(registry, subject_mapping=mapping).failed()
        assert failed["failure"] == {"code": "invalid_option", "object": named}
    failed = bring(registry, subject_mapping={"person": "a/b"}, ids="assign").failed()
    assert failed["failure"]["conflict_counts"] == {"forbidden_name": 1}


def test_new_ids_are_assigned_and_mapped(
    filled_registry: AxonOpsRegistry, export: Run, bring: Run, registry: AxonOpsRegistry
) -> None:
    register(registry, "mine", avro("Mine"), avro("Mine", "a"))
    set_config(registry, compatibility="FULL_TRANSITIVE")
    before = holding(registry)
    export(filled_registry).succeeded()
    checked = bring(registry, ids="assign", check=True, diff=True).succeeded()
    assert "id_map" not in checked
    assert "unknown until applied" in json.dumps(checked["diff"])
    assert holding(registry) == before

    made = bring(registry, ids="assign").succeeded()
    held, wanted = holding(registry), holding(filled_registry)
    pairs = {(pair["context"], pair["old"]): pair["new"] for pair in made["id_map"]}
    assert made["id_map_omitted"] == 0
    by_content = {told["schema"]: told for told in held["versions"].values()}
    for name, told in wanted["versions"].items():
        context = ".eu" if name.startswith(":.eu:") else "."
        assert pairs[context, told["id"]] == by_content[told["schema"]]["id"]
    written = json.loads(Path(made["id_map_file"]).read_text())
    assert {(context, int(old)): new for context, ids in written["ids"].items() for old, new in ids.items()} == pairs
    assert held["configs"][""] == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert {subject: told for subject, told in held["configs"].items() if subject} == {
        subject: told for subject, told in wanted["configs"].items() if subject
    }
    assert held["modes"] == wanted["modes"]
    again = bring(registry, ids="assign").succeeded()
    assert not again["changed"]
    assert again["plan"]["classes"]["identical"] == made["plan"]["classes"]["new"] == 11
    assert {name: again[name] for name in again if name.startswith("id_map")} == {
        name: made[name] for name in made if name.startswith("id_map")
    }
    assert holding(registry) == held


def test_runs_for_parts_of_a_restore_point_add_to_one_map(
    export: Run, bring: Run, registry: AxonOpsRegistry, registry_factory: Callable[..., AxonOpsRegistry]
) -> None:
    source = registry_factory()
    for name in ("a", "b", "c"):
        register(source, name, avro(name))
    register(registry, "mine", avro("Mine"))
    register(registry, ":.eu:mine", avro("Mine"), avro("Mine", "a"))
    export(source).succeeded()

    def mapped(*subjects: str, **options: Any) -> tuple[str, dict[str, int]]:
        made = bring(registry, ids="assign", subjects=list(subjects), **options).succeeded()
        assert [pair["old"] for pair in made["id_map"]] == sorted(ord(name) - ord("a") + 1 for name in subjects)
        return made["id_map_file"], json.loads(Path(made["id_map_file"]).read_text())["ids"]["."]

    file, ids = mapped("b")
    assert ids == {"2": 2}
    assert mapped("a") == (file, {"1": 3, "2": 2})
    elsewhere, ids = mapped("b", context_mapping={".": ".eu"})
    assert (elsewhere == file, ids) == (False, {"2": 3})
    assert mapped("c", context_mapping={".": ".eu"}) == (elsewhere, {"2": 3, "3": 4})
    assert mapped("a", "b") == (file, {"1": 3, "2": 2})


def test_references_follow_the_numbers_that_the_target_assigns(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "address", avro("Address"), avro("Address", "a"), avro("Address", "a", "b"))
    register(source, "customer", holder("Customer", "Address", "address", 3))
    delete(source, "address", 1, permanent=True)
    delete(source, "address", 2, permanent=True)
    export(source).succeeded()
    register(registry, "mine", avro("Mine"))
    bring(registry, ids="assign", subject_mapping={"address": "a"}).succeeded()
    held = holding(registry)["versions"]
    assert held["customer version 1"]["references"] == [{"name": "Address", "subject": "a", "version": 1}]
    assert not bring(registry, ids="assign", subject_mapping={"address": "a"}).succeeded()["changed"]


def test_assigned_versions_keep_metadata_and_rules(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "tagged", avro("Tagged", metadata=METADATA, ruleSet=RULES), avro("Tagged", "a", metadata={}))
    export(source).succeeded()
    made = bring(registry, ids="assign").succeeded()
    assert made["plan"]["lost"] == []
    held, wanted = holding(registry)["versions"], holding(source)["versions"]
    assert [told.get("metadata") for told in held.values()] == [told.get("metadata") for told in wanted.values()]
    assert [told.get("ruleSet") for told in held.values()] == [told.get("ruleSet") for told in wanted.values()]
    assert not bring(registry, ids="assign").succeeded()["changed"]


def test_what_the_target_drops_must_be_accepted(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    register(source, "tagged", avro("Tagged", metadata=METADATA))
    register(source, "ruled", avro("Ruled", ruleSet=RULES))
    register(source, "plain", avro("Plain"))
    export(source).succeeded()
    before = holding(registry)
    for check in (True, False):
        failed = bring(registry, check=check).failed()
        assert failed["failure"]["code"] == "loss_not_accepted"
        losses = {loss["kind"]: (loss["count"], loss["subjects"]) for loss in failed["failure"]["losses"]}
        assert losses == {"metadata": (1, ["tagged"]), "rules": (1, ["ruled"])}
        assert "To accept this, add metadata, rules to accept_losses. The roles have these options" in failed["msg"]
    assert bring(registry, accept_losses=["rules"]).failed()["failure"]["losses"][0]["kind"] == "metadata"
    assert holding(registry) == before

    made = bring(registry, accept_losses=["metadata", "rules"]).succeeded()
    assert [loss["kind"] for loss in made["plan"]["lost"]] == ["metadata", "rules"]
    assert len(made["warnings"]) == 2
    held, wanted = holding(registry)["versions"], holding(source)["versions"]
    for told in wanted.values():
        told.pop("metadata", None)
        told.pop("ruleSet", None)
    assert held == wanted
    again = bring(registry, accept_losses=["metadata", "rules"]).succeeded()
    assert (again["changed"], again["plan"]["lost"]) == (False, made["plan"]["lost"])
    assert bring(registry).failed()["failure"]["losses"] == made["plan"]["lost"]


def test_what_a_registry_shows_already_is_not_lost_on_it(export: Run, bring: Run, registry: AxonOpsRegistry) -> None:
    register(registry, "shop", avro("Shop", metadata=METADATA))
    policy = {"compatibility": "FULL", "compatibilityPolicy": "STRICT"}
    registry.call("PUT", "/config/shop", policy)
    before = holding(registry), registry.call("GET", "/config/shop")
    export(registry).succeeded()
    for strategy in ("preserve", "overwrite"):
        same = bring(registry, strategy=strategy).succeeded()
        assert (same["changed"], same["plan"]["exact"], same["plan"]["lost"]) == (False, True, [])
    registry.call("PUT", "/config/shop", policy | {"compatibility": "NONE"})
    bring(registry, strategy="overwrite").succeeded()
    assert (holding(registry), registry.call("GET", "/config/shop")) == before


def test_a_large_plan_is_told_in_short(
    export: Run,
    bring: Run,
    registry: AxonOpsRegistry,
    registry_factory: Callable[..., AxonOpsRegistry],
) -> None:
    source = registry_factory()
    for number in range(130):
        register(source, f"s{number:03d}", avro(f"S{number}", *(f"{'x' * 40}{n}" for n in range(20))))
    export(source).succeeded()
    set_mode(registry, "IMPORT")
    place(registry, "mine", 1000, 1, avro("Mine"))  # no new id is one of the old ones
    set_mode(registry, "READWRITE")
    made = bring(registry, ids="assign", diff=True).succeeded()
    diff = made.pop("diff")
    assert len(json.dumps(made)) < 64 * 1024
    assert len(json.dumps(diff)) < 64 * 1024
    assert diff["after"]["~ omitted"] == "30 more subjects and settings"
    assert (len(made["id_map"]), made["id_map_omitted"]) == (100, 30)
    skipped = bring(registry, strategy="skip").succeeded()
    assert (len(skipped["plan"]["left"]), skipped["plan"]["left_omitted"]) == (100, 30)
    assert len(json.dumps(skipped)) < 64 * 1024
    refused = bring(registry).failed()
    assert "And 110 more." in refused["msg"]
    assert len(json.dumps(refused)) < 64 * 1024
