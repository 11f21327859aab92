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
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.bases import find_bases
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.commit import capture
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.definitions import ArchivedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import LATEST, find_point, list_points
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import (
    FIRST,
    LastBatch,
    PartitionState,
    TopicState,
    lineage_name,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsPartWriter, TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.verify import verify_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.clock import SystemClock
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged, LifeboatError, NotFound
from testbed.archived_topics import Log, append, back_up_topics, read_topics, topic_id
from testbed.archives import BACKUP, back_up, make_store, tree

Logs = dict[tuple[str, int], Log]
SMALL = 500
LARGE = 70_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path)


def latest(store: Store) -> TopicsReader:
    return TopicsReader(store, find_point(store, BACKUP, LATEST))


def covered(reader: TopicsReader, topic: str, partition: int) -> list[tuple[int, int]]:
    return [
        (entry.facts["start"], entry.facts["next"])
        for entry in reader.segments({topic})
        if entry.facts["partition"] == partition
    ]


def grow(logs: Logs, size: int = SMALL) -> None:
    for log in logs.values():
        log.pieces.append((10, size))


def orders(partitions: int = 3) -> Logs:
    return {("orders", number): Log([(10, SMALL)]) for number in range(partitions)}


def page_files(root: Path) -> set[str]:
    return {name for name in tree(root / BACKUP) if name.startswith("parts/topics/")}


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


@pytest.fixture
def layered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment, "ONE_LAYER_ENTRIES", 5)
    monkeypatch.setattr(increment, "MOST_LAYERS", 3)


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


def test_lineages_are_named_by_the_topics_id() -> None:
    identity = "0123456789abcdef" * 2
    assert lineage_name(identity) == "0123456789abcdef"
    assert lineage_name(identity, ["0123456789abcdef"]) == "0123456789abcdef-2"
    assert lineage_name(identity, ["0123456789abcdef", "0123456789abcdef-9"]) == "0123456789abcdef-10"
    assert lineage_name(identity, ["fedcba9876543210-3"]) == "0123456789abcdef"
    assert lineage_name("") == "0" * 16
    assert lineage_name("", ["0" * 16]) == "0" * 16 + "-2"
