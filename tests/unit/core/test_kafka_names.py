# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which topics are Kafka's own or a registry's, and which selection takes them."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import NotFound
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.kafka_names import (
    is_internal,
    is_registry_topic,
    needs_naming,
    select_topics,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection

REGISTRY = ("_schemas", "_schema_encoders", "_dek_registry_keys", "_exporter_configs", "_exporter_states")
INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state")
ORDINARY = ("orders", "_orders", "_schemas2", "schemas", "exporter_x", "my_schemas", "_schemas_backup")


def test_names_are_told_apart() -> None:
    assert [is_registry_topic(name) for name in REGISTRY + INTERNAL + ORDINARY] == [True] * 5 + [False] * 10
    assert [is_internal(name) for name in REGISTRY + INTERNAL + ORDINARY] == [False] * 5 + [True] * 3 + [False] * 7
    assert [name for name in REGISTRY + INTERNAL + ORDINARY if not needs_naming(name)] == list(ORDINARY)


@pytest.mark.parametrize(
    ("include", "taken"),
    [
        (("*",), ORDINARY),
        (("~.*",), ORDINARY),
        (("?*", "[_]*"), ORDINARY),
        (("_schemas",), ("_schemas",)),
        (("orders", "__consumer_offsets"), ("orders", "__consumer_offsets")),
        (("_*",), (*REGISTRY, "_orders", "_schemas2", "_schemas_backup")),
        (("__*",), INTERNAL),
        (("~__.*",), INTERNAL),
        (("~^_exporter_.*",), ("_exporter_configs", "_exporter_states")),
        (("*", "__s*"), (*ORDINARY, "__share_group_state")),
    ],
)
def test_topics_that_need_naming_are_only_taken_when_named(include: tuple[str, ...], taken: tuple[str, ...]) -> None:
    assert select_topics(Selection(include), REGISTRY + INTERNAL + ORDINARY) == sorted(taken)


def test_what_is_excluded_is_not_taken() -> None:
    assert select_topics(Selection(("_*",), ("_s*", "_o*")), REGISTRY) == sorted(REGISTRY[2:])


def test_a_literal_name_must_exist() -> None:
    with pytest.raises(NotFound, match="No such topic: _schemas"):
        select_topics(Selection(("*", "_schemas")), ORDINARY)
