# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes of topics with many slices: an increment is a layer, and layers are merged when that is better."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point, list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from testbed.archived_topics import (
    LARGE,
    Log,
    back_up_topics,
    covered,
    grow,
    latest,
    orders,
    page_files,
    read_topics,
    topic_id,
)
from testbed.archives import BACKUP


def layers(store: Store) -> list[int]:
    """Return how many slices each layer of the newest point's index has."""
    reader = latest(store)
    return [layer.entries for layer in reader.index.layers]


@pytest.mark.usefixtures("layered")
def test_increments_of_many_slices_are_layers(store: Store, tmp_path: Path) -> None:
    logs = orders(3)
    seen = []
    for _turn in range(7):
        back_up_topics(store, logs)
        assert not back_up_topics(store, logs).created
        seen.append(layers(store))
        assert read_topics(latest(store)) == {key: log.content(*key) for key, log in logs.items()}
        assert latest(store).part.files == sum(seen[-1]) + 2
        before = page_files(tmp_path)
        grow(logs)
    assert seen == [[3], [6], [6, 3], [6, 3, 3], [15], [15, 3], [15, 3, 3]]
    back_up_topics(store, logs)
    assert [sum(1 for _entry in TopicsReader(store, point).segments()) for point in list_points(store, BACKUP)] == [
        3, 6, 9, 12, 15, 18, 21, 24,
    ]  # fmt: skip
    assert before


@pytest.mark.usefixtures("layered")
@pytest.mark.parametrize("change", ["a topic goes", "a lineage ends", "a partition is damaged"])
def test_layers_are_merged_when_a_part_of_them_is_of_no_use(store: Store, tmp_path: Path, change: str) -> None:
    logs = orders(3) | {("users", 0): Log([(10, LARGE)])}
    for _turn in range(3):
        back_up_topics(store, logs)
        grow(logs)
    assert layers(store) == [8, 4]
    if change == "a topic goes":
        del logs["users", 0]
    elif change == "a lineage ends":
        logs["users", 0].lineage = f"{topic_id('users')[:16]}-2"
    else:
        (path,) = (tmp_path / BACKUP / "topics" / "users").rglob("*.log")
        path.unlink()
    back_up_topics(store, logs)
    assert len(layers(store)) == 1
    assert read_topics(latest(store)) == {key: log.content(*key) for key, log in logs.items()}
    assert verify_point(store, find_point(store, BACKUP, LATEST)).damaged == ()


@pytest.mark.usefixtures("layered")
def test_what_retention_deleted_is_not_read_from_layers(store: Store) -> None:
    logs = orders(3)
    for _turn in range(3):
        back_up_topics(store, logs)
        grow(logs)
    for log in logs.values():
        log.start = 20
    back_up_topics(store, logs)
    assert layers(store) == [6, 3, 3]
    assert covered(latest(store), "orders", 0) == [(20, 30), (30, 40)]
