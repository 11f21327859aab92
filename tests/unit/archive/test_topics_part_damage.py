# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of topics with gaps are not written, and of damaged ones all is read that can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.bases import find_bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point, list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    FIRST,
    PartitionState,
    TopicState,
    lineage_name,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, LifeboatError
from testbed.archived_topics import (
    LARGE,
    SMALL,
    Log,
    append,
    back_up_topics,
    grow,
    latest,
    orders,
    topic_id,
)
from testbed.archives import BACKUP


def finish(store: Store, states: list[TopicState], entries: list[Any], **options: Any) -> None:
    with capture(store, BACKUP, None, clock=SystemClock()) as taken:
        TopicsPartWriter(taken.point, scope={}).finish(
            definitions=[], states=states, entries=entries, bases=options.get("bases", {}), summary={}
        )


def slices(store: Store, start: int, records: int) -> list[Any]:
    with SegmentWriter(store, BACKUP) as writer:
        append(writer.partition("orders", 0, "0" * 16, start), records, SMALL)
        return writer.finish()


@pytest.mark.parametrize(
    ("start", "after", "pieces", "reason"),
    [
        (0, 20, [(0, 10)], "the last slice ends there, and not at 20"),
        (0, 10, [(5, 5)], "the first slice begins at 5"),
        (0, 10, [(0, 11)], "ends at 11"),
        (0, 20, [(0, 10), (11, 9)], "the next slice begins at 11"),
        (0, 20, [(0, 12), (10, 10)], "the next slice begins at 10"),
        (0, 10, [], "the last slice ends there"),
    ],
)
def test_a_point_with_a_gap_is_not_written(
    store: Store, start: int, after: int, pieces: list[tuple[int, int]], reason: str
) -> None:
    state = TopicState("orders", "", False, (PartitionState(0, "0" * 16, FIRST, start, after, 0, None),))
    entries = [entry for piece in pieces for entry in slices(store, *piece)]
    with pytest.raises(ValueError, match=reason):
        finish(store, [state], entries)
    assert list_points(store, BACKUP) == []


@pytest.mark.usefixtures("layered")
def test_a_layer_with_a_gap_is_not_written(store: Store) -> None:
    lineage = lineage_name(topic_id("orders"))
    for logs in (orders(9), orders(9)):
        grow(logs)
        back_up_topics(store, logs)
    bases = find_bases(store, BACKUP, ["orders"])
    old = bases["orders"].state
    with SegmentWriter(store, BACKUP) as writer:
        append(writer.partition("orders", 0, lineage, 21), 9, SMALL)
        entries = writer.finish()
    first = PartitionState(0, lineage, FIRST, 0, 30, 0, None)
    state = TopicState("orders", old.topic_id, False, (first, *old.partitions[1:]))
    with pytest.raises(ValueError, match="at=20, reason='the next slice begins at 21'"):
        finish(store, [state], entries, bases=bases)


def test_a_base_that_was_damaged_meanwhile_is_an_error(store: Store, tmp_path: Path) -> None:
    back_up_topics(store, orders(9) | {("users", 0): Log([(10, SMALL)])})
    bases = find_bases(store, BACKUP, ["orders"])
    index = TopicsReader(store, find_point(store, BACKUP, 1)).index
    (tmp_path / BACKUP / index.layers[0].pages[0].file).unlink()
    with pytest.raises(Damaged, match=r"parts/topics/.*missing"):
        finish(store, [bases["orders"].state], [], bases=bases)


@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_a_damaged_slice_is_told_with_its_offsets(store: Store, tmp_path: Path, harm: str) -> None:
    logs = orders(2)
    grow(logs, LARGE)
    back_up_topics(store, logs)
    path = next((tmp_path / BACKUP / "topics" / "orders").rglob("*.log"))
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes({"flip": content, "cut": content[:-1], "delete": b""}[harm])
    if harm == "delete":
        path.unlink()
    reader = latest(store)
    errors = []
    for entry in reader.segments():
        try:
            reader.read(entry)
        except Damaged as error:
            errors.append(error)
    (error,) = errors
    assert {"topic": "orders", "partition": 0, "start": 0, "next": 20}.items() <= error.facts.items()
    assert error.facts["costs"] == "offsets 0 to 19 of partition 0 of topic orders"
    (damage,) = verify_point(store, find_point(store, BACKUP, LATEST)).damaged
    assert damage.costs == error.facts["costs"]


def test_what_can_be_read_is_read_past_damaged_pages(store: Store, tmp_path: Path) -> None:
    logs = {(f"topic-{number:03d}", 0): Log([(10, SMALL)]) for number in range(1500)}
    back_up_topics(store, logs)
    reader = latest(store)
    documents = list(reader.index.documents())
    for page in (documents[1], reader.index.layers[0].pages[0]):
        (tmp_path / BACKUP / page.file).write_bytes(b"{}")
    with pytest.raises(Damaged):
        list(latest(store).states())
    damaged: list[LifeboatError] = []
    states = list(latest(store).states(damaged))
    assert len(states) == len(logs) - documents[1].entries
    assert [error.facts["costs"] for error in damaged] == [f"{documents[1].entries} files of the part topics"]
    damaged.clear()
    found = {entry.facts["topic"] for entry in latest(store).segments(damaged=damaged)}
    assert found < {state.topic for state in states}
    assert len(damaged) == 2
    with pytest.raises(Damaged):
        list(latest(store).segments())
