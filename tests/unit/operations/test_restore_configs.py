# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs of target topics: what is held, what holds in the end, what the target would refuse or delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import FIRST, PartitionState
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Refused
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_partitions import (
    ArchivedPartition,
    Slice,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_configs import (
    Standing,
    check_limits,
    doomed,
    held_configs,
    wanted_configs,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = 86_400_000
BROKER = {"message.max.bytes": "1000", "min.insync.replicas": "2", "log.retention.hours": "168", "log.retention.ms": ""}


def partition(*slices: tuple[int, int, int]) -> ArchivedPartition:
    """A partition by the records, bytes and ages in days of its slices."""
    now = int(NOW.timestamp() * 1000)
    pieces = [
        Slice("f", 0, size, "", 0, 0, records, True, False, False, size, now - days * DAY)
        for records, size, days in slices
    ]
    return ArchivedPartition("orders", PartitionState(0, "0" * 16, FIRST, 0, 0, 0, None), tuple(pieces))


def standing(**fields: Any) -> Standing:
    values: dict[str, Any] = {"own": {}, "effective": {}, "held": (), "broker": BROKER, **fields}
    return Standing(**values)


def test_limits_for_times_are_lifted_by_the_names_that_the_cluster_knows() -> None:
    new = {"message.timestamp.before.max.ms", "message.timestamp.after.max.ms"}
    assert new < held_configs([]).keys()
    assert new < held_configs(["log.message.timestamp.before.max.ms", "message.timestamp.difference.max.ms"]).keys()
    old = held_configs(["log.message.timestamp.difference.max.ms"])
    assert "message.timestamp.difference.max.ms" in old
    assert not new & old.keys()
    assert (old["retention.ms"], old["cleanup.policy"]) == ("-1", "delete")


def test_overrides_take_the_place_of_archived_configs() -> None:
    archived = {"retention.ms": "5", "cleanup.policy": "compact", "leader.replication.throttled.replicas": "0:1"}
    overrides = {"retention.ms": -1, "preallocate": True, "cleanup.policy": None}
    assert wanted_configs(archived, overrides) == {"preallocate": "true", "retention.ms": "-1"}


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({}, "max.message.bytes", 1000),
        ({}, "retention.ms", 7 * DAY),
        ({"broker": {"log.retention.minutes": "2", "log.retention.hours": "168"}}, "retention.ms", 120_000),
        ({"broker": {"log.retention.ms": "9", "log.retention.hours": "168"}}, "retention.ms", 9),
        ({"broker": {}}, "retention.ms", None),
        ({"broker": {}}, "max.message.bytes", None),
        ({"own": {"max.message.bytes": "5"}, "effective": {"max.message.bytes": "6"}}, "max.message.bytes", 5),
        ({"effective": {"max.message.bytes": "6"}}, "max.message.bytes", 6),
        ({"effective": {"retention.ms": "-1"}, "held": ["retention.ms"]}, "retention.ms", 7 * DAY),
        ({"own": {"retention.ms": "long"}}, "retention.ms", None),
    ],
)
def test_what_holds_in_the_end(fields: dict[str, Any], name: str, value: int | None) -> None:
    assert standing(**fields).number(name) == value


def test_a_batch_that_is_too_large_is_refused_with_what_to_set() -> None:
    large = [partition((1, 1001, 0))]
    with pytest.raises(Refused, match=r"config_overrides: \{max.message.bytes: 1001\}"):
        check_limits("copy", standing(), 3, large, is_new=True)
    with pytest.raises(Refused, match=r"Set max.message.bytes of the topic to 1001"):
        check_limits("copy", standing(), 3, large, is_new=False)
    check_limits("copy", standing(own={"max.message.bytes": "1001"}), 3, large, is_new=True)
    check_limits("copy", standing(), 3, [], is_new=True)


def test_too_few_replicas_to_take_anything_are_refused() -> None:
    with pytest.raises(Refused, match=r"min\.insync\.replicas") as raised:
        check_limits("copy", standing(), 1, [], is_new=True)
    assert raised.value.code == "not_enough_replicas"
    check_limits("copy", standing(), 2, [], is_new=True)
    check_limits("copy", standing(), -1, [], is_new=True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (30, f"retention.ms={7 * DAY}")),
        ({"own": {"retention.ms": "-1"}}, None),
        ({"own": {"cleanup.policy": "compact"}}, None),
        ({"own": {"cleanup.policy": "compact,delete"}}, (30, f"retention.ms={7 * DAY}")),
        ({"own": {"retention.ms": str(15 * DAY)}}, (10, f"retention.ms={15 * DAY}")),
        ({"own": {"retention.ms": "-1", "retention.bytes": "100"}}, (10, "retention.bytes=100")),
        ({"own": {"retention.ms": "-1", "retention.bytes": "0"}}, (60, "retention.bytes=0")),
        ({"own": {"retention.bytes": "0"}}, (60, "retention.bytes=0")),
        ({"own": {"retention.bytes": "100"}}, (30, f"retention.ms={7 * DAY}")),
        ({"broker": {}}, None),
    ],
)
def test_what_retention_would_delete_is_counted(fields: dict[str, Any], expected: tuple[int, str] | None) -> None:
    assert doomed(standing(**fields), [partition((10, 100, 20), (20, 100, 10), (30, 20, 1))], NOW) == expected
