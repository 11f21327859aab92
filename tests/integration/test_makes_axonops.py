# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Confluent registry holds, an emulated one, and a real AxonOps holds in another way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from registries.confluent import Confluent
from registries.emulated import EmulatedRegistry

from testbed.axonops import AxonOpsRegistry
from testbed.contents import avro, holder, register, set_config
from testbed.modules import Run


@pytest.fixture
def source() -> Iterator[EmulatedRegistry]:
    """An empty registry to export from, of the edition that keeps rule sets."""
    with EmulatedRegistry(lambda: Confluent(edition="enterprise")) as server:
        yield server


def test_rules_of_a_make_that_says_more_of_them_are_the_same(
    source: EmulatedRegistry, run_in_store: Run, registry: AxonOpsRegistry
) -> None:
    """Confluent says of every rule whether it is disabled, AxonOps only of those that are."""
    rule = {"kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}
    rules = [{"name": f"r{off}", **rule, "disabled": off} for off in (False, True)]
    register(source, "orders", avro("Order", ruleSet={"domainRules": rules}))
    set_config(source, "orders", compatibility="FULL", overrideRuleSet={"domainRules": rules})
    run_in_store("schema_registry_export", source).succeeded()
    assert run_in_store("schema_registry_import", registry, ids="assign").succeeded()["plan"]["exact"]
    assert not run_in_store("schema_registry_import", registry, ids="assign").succeeded()["changed"]
    shown = registry.call("GET", "/subjects/orders/versions/1")["ruleSet"]["domainRules"]
    assert [rule.get("disabled") for rule in shown] == [None, True]


def test_an_alias_that_would_hide_versions_is_lost_only_when_that_is_accepted(
    source: EmulatedRegistry, run_in_store: Run, registry: AxonOpsRegistry
) -> None:
    register(source, "old", avro("T"))
    register(source, "new", avro("T", "a"))
    for name in ("old", "front"):
        set_config(source, name, compatibility="FULL", alias="new")
    run_in_store("schema_registry_export", source).succeeded()
    (loss,) = run_in_store("schema_registry_import", registry).failed()["failure"]["losses"]
    assert (loss["kind"], loss["subjects"]) == ("configs", ["old"])
    run_in_store("schema_registry_import", registry, accept_losses=["configs"]).succeeded()
    assert not run_in_store("schema_registry_import", registry, accept_losses=["configs"]).succeeded()["changed"]
    assert registry.call("GET", "/config/old") == {"compatibilityLevel": "FULL"}
    assert registry.call("GET", "/subjects/old/versions/1")["subject"] == "old"
    run_in_store("schema_registry_export", registry, backup_id="again").succeeded()


def test_subjects_do_not_share_a_text_where_texts_differ(
    source: EmulatedRegistry, run_in_store: Run, registry: AxonOpsRegistry
) -> None:
    """AxonOps gives one text for all schemas of a context that differ only in what a parser leaves out."""
    for subject in ("a", "b"):
        text = json.dumps({"type": "record", "name": "Key", "doc": subject, "fields": []})
        register(source, subject, {"schema": text})
    run_in_store("schema_registry_export", source).succeeded()
    (left,) = run_in_store("schema_registry_import", registry, ids="assign").succeeded()["plan"]["left"]
    assert (left["subject"], left["reason"]) == ("b", "the target takes its content for that of a version 1")
    assert registry.call("GET", "/subjects") == ["a"]
    assert not run_in_store("schema_registry_import", registry, ids="assign").succeeded()["changed"]
    register(registry, "b", {"schema": text})
    assert '"doc": "a"' in registry.call("GET", "/subjects/b/versions/1")["schema"]


def test_a_reference_to_the_latest_version_is_kept_or_named_as_a_loss(
    source: EmulatedRegistry, run_in_store: Run, registry_factory: Callable[..., AxonOpsRegistry]
) -> None:
    """AxonOps keeps -1 as it is written; Confluent 8.3.1 stores the number it leads to (recorded call 57)."""
    registry, other = registry_factory(), registry_factory()
    register(registry, "leaf", avro("Leaf"))
    register(registry, "user", holder("User", "Leaf", "leaf", -1))
    run_in_store("schema_registry_export", registry).succeeded()
    run_in_store("schema_registry_import", other).succeeded()
    assert other.call("GET", "/subjects/user/versions/1")["references"][0]["version"] == -1
    (loss,) = run_in_store("schema_registry_import", source).failed()["failure"]["losses"]
    assert (loss["kind"], loss["subjects"]) == ("references", ["user"])
    assert source.writes() == []
    run_in_store("schema_registry_import", source, accept_losses=["references"]).succeeded()
    assert source.call("GET", "/subjects") == ["leaf"]
