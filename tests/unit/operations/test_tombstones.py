# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long what is read of a compacted topic fits together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.tombstones import Tombstones

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = 24 * 3600 * 1000
HOUR = 3600


def archived(hours: float, **of: bool) -> Tombstones:
    return Tombstones.of(DAY, NOW - timedelta(hours=hours), NOW, 1000, **of)


def test_base_is_too_old_before_tombstones_go() -> None:
    assert not archived(21).may_be_gone
    assert archived(22).may_be_gone
    assert not Tombstones.of(0, None, NOW, 0).may_be_gone


def test_base_of_unknown_age_is_too_old() -> None:
    assert archived(-1).may_be_gone  # a clock went back
    assert archived(1, settled=False).may_be_gone


def test_the_longest_retention_that_kafka_knows_is_for_ever() -> None:
    assert not Tombstones.of(2**63 - 1, NOW - timedelta(days=100_000), NOW, 0).may_be_gone


def test_reading_may_outlive_them() -> None:
    fresh = Tombstones.of(DAY, None, NOW, 1000)
    assert not fresh.outlived(1000, 1000 + 21 * HOUR, goes_on=False)
    assert fresh.outlived(1000, 1000 + 22 * HOUR, goes_on=False)
    # What is read on belongs to what was archived 20 hours ago.
    assert not archived(20).outlived(1000, 1000 + HOUR, goes_on=True)
    assert archived(20).outlived(1000, 1000 + 2 * HOUR, goes_on=True)


def test_what_comes_in_one_piece_is_of_one_moment() -> None:
    assert not Tombstones.of(0, None, NOW, 1000).outlived(1005, 1005, goes_on=False)


def test_the_cleaner_takes_its_time() -> None:
    at_once = Tombstones.of(0, None, NOW, 1000)
    assert not at_once.outlived(1005, 1006, goes_on=False)
    assert at_once.outlived(1005, 1006.1, goes_on=False)
