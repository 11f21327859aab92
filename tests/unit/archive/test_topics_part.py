# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of topics: every one reads back what the source held at its mark, and shares what did not change."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import increment
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    LastBatch,
    PartitionState,
    TopicState,
    lineage_name,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import NotFound
from testbed.archived_topics import (
    LARGE,
    SMALL,
    Log,
    Logs,
    back_up_topics,
    covered,
    grow,
    latest,
    orders,
    page_files,
    read_topics,
    topic_id,
)
from testbed.archives import BACKUP, back_up, make_store, tree


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_increment_holds_all_and_writes_what_is_new(store: Store, tmp_path: Path, size: int) -> None:
    logs = orders()
    grow(logs, size)
    back_up_topics(store, logs)
    before = tree(tmp_path / BACKUP / "topics")
    grow(logs, size)
    back_up_topics(store, logs)
    assert read_topics(latest(store)) == {key: log.content(*key) for key, log in logs.items()}
    new = {name: content for name, content in tree(tmp_path / BACKUP / "topics").items() if name not in before}
    assert 3 * size < sum(map(len, new.values())) < 3 * size + 2000
    assert covered(latest(store), "orders", 1) == [(0, 20), (20, 30)]


def test_an_unchanged_source_makes_no_new_point(store: Store, tmp_path: Path) -> None:
    logs = orders()
    grow(logs, LARGE)
    back_up_topics(store, logs)
    before = set(tree(tmp_path))
    result = back_up_topics(store, logs)
    assert (result.created, result.point.sequence) == (False, 1)
    assert set(tree(tmp_path)) == before


def test_states_and_definitions_are_read_back(store: Store) -> None:
    states = [
        TopicState("empty", topic_id("empty"), True, ()),
        TopicState(
            "orders",
            "",
            False,
            (
                PartitionState(0, "0" * 16, "gap", 5, 5, -1, None),
                PartitionState(7, "0" * 16 + "-2", "first", 3, 3, 4, LastBatch(2, 2**32 - 1, 3), unavailable=True),
            ),
        ),
    ]
    definitions = [
        ArchivedTopic("orders", "", 8, 3, {"retention.ms": "-1"}),
        ArchivedTopic("empty", topic_id("empty"), 1, 1, {}),
    ]
    with capture(store, BACKUP, None, clock=SystemClock()) as taken:
        TopicsPartWriter(taken.point, scope={"topics": ["*"]}).finish(
            definitions=definitions, states=states[::-1], entries=[], bases={}, summary={"topics": 2}, complete=False
        )
    reader = TopicsReader(store, find_point(store, BACKUP, 1))
    assert list(reader.states()) == states
    assert reader.definitions() == {topic.name: topic for topic in definitions}
    assert list(reader.segments()) == []
    assert (reader.part.complete, reader.part.summary, reader.part.files) == (False, {"topics": 2}, 3)
    assert verify_point(store, find_point(store, BACKUP, 1)).damaged == ()


def test_a_point_without_topics_has_none(store: Store) -> None:
    back_up(store, {"orders": "1"})
    with pytest.raises(NotFound, match="no part 'topics'"):
        latest(store)


def test_trimmed_heads_are_left_out(store: Store) -> None:
    logs = orders()
    for _turn in range(3):
        back_up_topics(store, logs)
        grow(logs)
    back_up_topics(store, logs)
    logs["orders", 0].start = 10
    logs["orders", 1].start = 15
    logs["orders", 2].start = 40
    back_up_topics(store, logs)
    reader = latest(store)
    assert [covered(reader, "orders", number) for number in range(3)] == [
        [(10, 20), (20, 30), (30, 40)],
        [(10, 20), (20, 30), (30, 40)],
        [],
    ]
    assert covered(TopicsReader(store, find_point(store, BACKUP, 1)), "orders", 2) == [(0, 10)]


def test_another_lineage_leaves_the_earlier_one_out(store: Store, tmp_path: Path) -> None:
    logs = orders(2)
    grow(logs, LARGE)
    back_up_topics(store, logs)
    logs["orders", 0] = Log([(4, LARGE)], lineage=lineage_name(topic_id("orders"), [lineage_name(topic_id("orders"))]))
    back_up_topics(store, logs)
    assert read_topics(latest(store)) == {key: log.content(*key) for key, log in logs.items()}
    assert covered(latest(store), "orders", 0) == [(0, 4)]
    folders = [path.name for path in (tmp_path / BACKUP / "topics" / "orders").iterdir()]
    assert sorted(folders) == [topic_id("orders")[:16], f"{topic_id('orders')[:16]}-2"]


def test_topics_come_and_go(store: Store) -> None:
    logs = orders(2)
    back_up_topics(store, logs)
    logs["users", 0] = Log([(10, SMALL)])
    back_up_topics(store, logs)
    assert read_topics(latest(store)).keys() == logs.keys()
    del logs["orders", 0], logs["orders", 1]
    back_up_topics(store, logs)
    assert read_topics(latest(store)) == {("users", 0): logs["users", 0].content("users", 0)}
    assert list(latest(store).definitions()) == ["users"]


def test_the_base_of_each_topic_is_the_newest_point_that_has_it(store: Store, tmp_path: Path) -> None:
    logs = {(topic, number): Log([(10, LARGE)]) for topic in ("a", "b", "c") for number in range(2)}
    for topic in ("a", "b", "c"):
        back_up_topics(store, logs, topics=[topic])
        grow(logs)
    before = set(tree(tmp_path / BACKUP / "topics"))
    back_up_topics(store, logs)
    assert read_topics(latest(store)) == {key: log.content(*key) for key, log in logs.items()}
    assert [name.partition("/")[0] for name in set(tree(tmp_path / BACKUP / "topics")) - before] == ["_packs"] * 2


def test_only_the_wanted_topics_are_read(store: Store) -> None:
    logs = orders() | {("users", 0): Log([(10, SMALL)])}
    back_up_topics(store, logs)
    assert {entry.facts["topic"] for entry in latest(store).segments({"users"})} == {"users"}
    assert list(latest(store).segments({"unknown"})) == []


def test_points_share_pages(store: Store, tmp_path: Path) -> None:
    logs = {(f"topic-{number // 10:03d}", number % 10): Log([(10, SMALL)]) for number in range(3000)}
    back_up_topics(store, logs)
    before = page_files(tmp_path)
    logs["topic-150", 3].pieces.append((10, SMALL))
    back_up_topics(store, logs)
    assert len(before) > 8
    assert len(page_files(tmp_path) - before) == 3, "the first page, that of the topic's state, that of its slices"
    before = page_files(tmp_path)
    logs["topic-000", 0].start = 10
    logs["topic-000", 0].pieces[0] = (10, SMALL)
    back_up_topics(store, logs)
    assert len(page_files(tmp_path) - before) <= 3


def fresh(rng: random.Random, topic: str) -> Log:
    """Return a partition that was made anew, so that its lineage is one that never was."""
    return Log(
        [(rng.randint(1, 9), rng.choice([SMALL, LARGE]))], lineage=f"{topic_id(topic)[:16]}-{rng.getrandbits(60)}"
    )


def random_step(rng: random.Random, logs: Logs) -> None:
    """Let something happen to the source, as it may between two runs."""
    for key in rng.sample(sorted(logs), rng.randint(0, len(logs))):
        match rng.randint(0, 9):
            case 0:
                logs[key].start = min(logs[key].end, logs[key].start + rng.randint(0, 15))
            case 1:
                logs[key] = fresh(rng, key[0])
            case 2 if len(logs) > 1:
                del logs[key]
            case 3:
                other = f"new-{rng.randint(0, 5)}", rng.randint(0, 3)
                logs[other] = fresh(rng, other[0])
            case _:
                logs[key].pieces.append((rng.randint(1, 9), rng.choice([SMALL, 3 * SMALL, LARGE])))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), one_layer=st.sampled_from([0, 5, 1000]))
def test_every_point_reads_back_what_the_source_held(
    tmp_path_factory: pytest.TempPathFactory, seed: int, one_layer: int
) -> None:
    rng = random.Random(seed)
    store = make_store(tmp_path_factory.mktemp("store"))
    logs: Logs = {(f"topic-{number % 3}", number): Log([(5, SMALL)]) for number in range(6)}
    held: dict[int, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(increment, "ONE_LAYER_ENTRIES", one_layer)
        patch.setattr(increment, "MOST_LAYERS", 3)
        for _turn in range(8):
            topics = rng.sample(sorted({topic for topic, _of in logs}), 1) if rng.random() < 0.2 else None
            result = back_up_topics(store, logs, topics=topics)
            snapshot = {key: log for key, log in copy.deepcopy(logs).items() if topics is None or key[0] in topics}
            held[result.point.sequence] = snapshot
            random_step(rng, logs)
    for sequence, snapshot in held.items():
        point = find_point(store, BACKUP, sequence)
        found = read_topics(TopicsReader(store, point))
        assert found.keys() == {key for key, log in snapshot.items() if log.content(*key)}
        for key, content in found.items():
            assert content.endswith(snapshot[key].content(*key)), "a slice may begin before the log start"
            first = covered(TopicsReader(store, point), *key)[0]
            assert first[0] <= snapshot[key].start < first[1]
        assert verify_point(store, point).damaged == ()


def test_lineages_are_named_by_the_topics_id() -> None:
    identity = "0123456789abcdef" * 2
    assert lineage_name(identity) == "0123456789abcdef"
    assert lineage_name(identity, ["0123456789abcdef"]) == "0123456789abcdef-2"
    assert lineage_name(identity, ["0123456789abcdef", "0123456789abcdef-9"]) == "0123456789abcdef-10"
    assert lineage_name(identity, ["fedcba9876543210-3"]) == "0123456789abcdef"
    assert lineage_name("") == "0" * 16
    assert lineage_name("", ["0" * 16]) == "0" * 16 + "-2"
