# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata and rule sets: what is refused, and what says the same."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.attachments import (
    check_metadata,
    check_rule_set,
    comparable,
)

RULE = {"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tags": {"x": ["B", "A"]}}, {"tags": {"x": ["A", "B"]}}),
        ({"sensitive": ["b", "a"]}, {"sensitive": ["a", "b"], "properties": {}}),
        ({"tags": {"x": ["A", "A"]}, "sensitive": ["a", "a"]}, {"tags": {"x": ["A"]}, "sensitive": ["a"]}),
        ({"domainRules": [RULE]}, {"domainRules": [{**RULE, "disabled": False}], "migrationRules": []}),
        ({"domainRules": [{**RULE, "tags": ["b", "a"]}]}, {"domainRules": [{**RULE, "tags": ["a", "b"], "doc": None}]}),
        ({"defaultMetadata": {"properties": {}}, "alias": "a"}, {"alias": "a"}),
    ],
)
def test_what_servers_write_in_another_way_is_the_same(one: Any, other: Any) -> None:
    assert one != other
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"normalize": False}, {}),
        ({"domainRules": [RULE]}, {"domainRules": [{**RULE, "disabled": True}]}),
        ({"domainRules": [RULE, {**RULE, "name": "s"}]}, {"domainRules": [{**RULE, "name": "s"}, RULE]}),
        ({"properties": {"a": "1"}}, {"properties": {"a": "2"}}),
        ({"tags": {"x": ["A"]}}, {"tags": {"y": ["A"]}}),
        ({"properties": {"disabled": "false"}}, {}),
    ],
)
def test_what_means_something_differs(one: Any, other: Any) -> None:
    assert comparable(one) != comparable(other)


def test_what_a_registry_knows_is_taken() -> None:
    check_metadata("m", {"tags": {"x": ["A"]}, "properties": {"a": "b"}, "sensitive": ["a"]})
    check_rule_set("r", {"domainRules": [{**RULE, "params": {"a": "b"}, "disabled": True}], "enableAt": "x"})
    check_metadata("m", {"tags": None, "properties": None, "sensitive": None})


@pytest.mark.parametrize(
    ("check", "value", "named"),
    [
        (check_metadata, {"tag": {}}, "o"),
        (check_metadata, {"tags": {"x": "A"}}, "o.tags['x']"),
        (check_metadata, {"properties": {"x": True}}, "o.properties['x']"),
        (check_metadata, {"sensitive": "x"}, "o.sensitive"),
        (check_rule_set, {"domainRule": []}, "o"),
        (check_rule_set, {"encodingRules": {}}, "o.encodingRules"),
        (check_rule_set, {"migrationRules": [{**RULE, "params": ["x"]}]}, "o.migrationRules[0].params"),
        (check_rule_set, {"migrationRules": [{**RULE, "disabled": "no"}]}, "o.migrationRules[0].disabled"),
        (check_rule_set, {"migrationRules": [{**RULE, "tags": "PII"}]}, "o.migrationRules[0].tags"),
    ],
)
def test_what_a_registry_would_drop_is_refused(check: Any, value: Any, named: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        check("o", value)
    assert caught.value.object_name == named
