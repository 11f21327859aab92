# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New names of topics: whole names, patterns with one star, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, Refused
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_mapping import target_names

KNOWN = ["orders", "orders.eu", "payments", "payments.eu.old", "_schemas", "__debezium-heartbeat.x"]


@pytest.mark.parametrize(
    ("mapping", "topic", "name"),
    [
        ({}, "orders", "orders"),
        ({"orders": "bills"}, "orders", "bills"),
        ({"orders": "bills"}, "payments", "payments"),
        ({"*": "copy-*"}, "orders.eu", "copy-orders.eu"),
        ({"*": "*-copy"}, "orders.eu", "orders.eu-copy"),
        ({"orders*": "o*"}, "orders", "o"),
        ({"*.eu": "eu.*"}, "orders.eu", "eu.orders"),
        ({"*.eu": "eu.*"}, "payments.eu.old", "payments.eu.old"),
        ({"*": "all-*", "orders": "bills"}, "orders", "bills"),
        ({"*": "all-*", "orders.*": "o-*"}, "orders.eu", "o-eu"),
        ({"pay*": "p*", "payments*": "q*"}, "payments", "q"),
        ({"orders*": "__o*"}, "orders", "__o"),
        ({"orders": "__orders"}, "orders", "__orders"),
        ({}, "__debezium-heartbeat.x", "__debezium-heartbeat.x"),
    ],
)
def test_names(mapping: dict[str, str], topic: str, name: str) -> None:
    assert target_names(mapping, [topic], KNOWN) == {topic: name}


def test_what_is_before_the_star_and_behind_it_must_not_overlap() -> None:
    assert target_names({"orders*s": "x*"}, ["orders"], ["orders", "orders-s"]) == {"orders": "orders"}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"*": "same"}, "both must hold one \\*"),
        ({"orders": "copy-*"}, "both must hold one \\*"),
        ({"*.*": "*.*"}, "both must hold one \\*"),
        ({"order": "bills"}, "no topic 'order'"),
        ({"orders?": "bills"}, "not understood"),
        ({"ordres*": "restored-*"}, "no topic of the restore point matches 'ordres\\*'"),
        ({"[op]*": "br*"}, "not understood"),
        ({"orders": None}, "both must be text"),
        ({"orders": ["bills"]}, "both must be text"),
        ({"orders": 2026}, "in quotes"),
        ({7: "bills"}, "both must be text"),
        ({"orders": "payments"}, "several topics would become 'payments': orders, payments"),
        ({"*": "a b *"}, "no name of a topic"),
        ({"orders": ""}, "no name of a topic"),
        ({"orders": "."}, "no name of a topic"),
        ({"*": "n" * 249 + "*"}, "no name of a topic"),
    ],
)
def test_impossible_mappings_are_refused(mapping: dict[Any, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        target_names(mapping, ["orders", "payments"], KNOWN)


@pytest.mark.parametrize(
    ("mapping", "topic"),
    [({}, "_schemas"), ({"orders": "_schemas"}, "orders"), ({"orders": "__consumer_offsets"}, "orders")],
)
def test_topics_of_registries_and_of_kafka_are_refused(mapping: dict[str, str], topic: str) -> None:
    with pytest.raises(Refused, match="neither restored nor restored to"):
        target_names(mapping, [topic], KNOWN)
