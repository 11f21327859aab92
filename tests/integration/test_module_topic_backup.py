# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topic_backup on a real broker: what is in a restore point, and what a run does, tells and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.group_offsets import decode_groups
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.parts import GROUPS
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.points import find_point
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.reader import PartReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topic_state import TopicState
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.topics_part import TopicsReader
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.modules import Outcome, run_module
from testbed.records import Message, numbered, open_transaction, send
from testbed.topics import COMPACTED, Topics, compact

BACKUP = "prod"


class Bed:
    """A store, topics whose names begin as no other test's do, and what restore points hold of them."""

    def __init__(self, kafka: Kafka | KafkaCluster, folder: Path) -> None:
        self.kafka = kafka
        self.topics = Topics(kafka.client)
        self.prefix = folder.name
        self.path = folder / "store"
        self.options: dict[str, Any] = {"store": {"path": str(self.path)}, "backup_id": BACKUP}
        run_module("backup_store", store=self.options["store"]).succeeded()
        self.store = Store.open(FilesystemStorage(str(self.path)))

    def topic(self, name: str, partitions: int = 1, records: int = 0, **configs: Any) -> str:
        """Create a topic, with so many records of which each partition has its share."""
        topic = f"{self.prefix}.{name}"
        self.topics.create(topic, partitions, {key.replace("_", "."): value for key, value in configs.items()})
        if records:
            self.send(topic, records)
        return topic

    def send(self, topic: str, count: int, first: int = 0) -> None:
        send(self.kafka.client, topic, numbered(count, partitions=self.topics.count(topic), first=first))

    def run(self, **options: Any) -> Outcome:
        given = {"kafka": self.kafka.options, "topics": [f"{self.prefix}.*"], **self.options, **options}
        return run_module("topic_backup", **given)

    def back_up(self, **options: Any) -> dict[str, Any]:
        return self.run(**options).succeeded()

    def reader(self, point: int | str = "latest") -> TopicsReader:
        return TopicsReader(self.store, find_point(self.store, BACKUP, point))

    def states(self, point: int | str = "latest") -> dict[str, TopicState]:
        return {state.topic: state for state in self.reader(point).states()}

    def ranges(self, topic: str, point: int | str = "latest") -> list[tuple[int, int]]:
        return [(of.start, of.next) for of in self.states(point)[topic].partitions]

    def content(self, topic: str, partition: int = 0, point: int | str = "latest") -> bytes:
        """All batches of a partition."""
        reader = self.reader(point)
        found = (entry for entry in reader.segments([topic]) if entry.facts["partition"] == partition)
        return b"".join(reader.read(entry) for entry in found)

    def groups(self, point: int | str = "latest") -> dict[str, dict[str, tuple[int, int | None]]]:
        """For each group and partition the offset, and what it was before it was clamped."""
        reader = PartReader(self.store, find_point(self.store, BACKUP, point), GROUPS)
        (entry,) = reader.entries()
        return {
            name: {f"{of.topic}/{of.partition}": (of.offset, of.clamped_from) for of in group.offsets}
            for name, group in decode_groups(reader.read(entry), entry.file).items()
        }

    def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        consumer = Consumer({**self.kafka.client, "group.id": group, "enable.auto.commit": False})
        try:
            wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
            consumer.commit(offsets=wanted, asynchronous=False)
        finally:
            consumer.close()

    def files(self) -> dict[str, bytes]:
        """All files of the store but the notes of when something was confirmed."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {str(path.relative_to(self.path)): path.read_bytes() for path in found if path.name != "last-run.json"}

    def verify(self) -> None:
        """Read all restore points back."""
        run_module("backup_verify", **self.options, restore_points=["all"]).succeeded()


@pytest.fixture
def bed(kafka: Kafka, tmp_path: Path) -> Bed:
    return Bed(kafka, tmp_path)


def test_restore_point_has_the_brokers_own_bytes(bed: Bed, kafka: Kafka) -> None:
    topic = bed.topic("verbatim", 3, 500)
    result = bed.back_up()
    assert result["changed"]
    assert result["backup"]["parts"] == ["groups", "topics"]
    assert result["backup"]["created"]
    assert result["backup"]["complete"]
    segments = [(kafka.data / f"{topic}-{partition}" / f"{0:020}.log").read_bytes() for partition in range(3)]
    assert [bed.content(topic, partition) for partition in range(3)] == segments
    told = result["topics"]
    assert (told["topics"], told["partitions"], told["partitions_new"]) == (1, 3, 3)
    assert (told["offsets"], told["records"], told["bytes"]) == (500, 500, sum(map(len, segments)))
    assert told["settled"]
    assert told["new_lineages"] == told["unavailable"] == []
    assert bed.ranges(topic) == [(0, 167), (0, 167), (0, 166)]
    bed.verify()


def test_nothing_new_writes_nothing(bed: Bed) -> None:
    bed.topic("same", 4, 100)
    bed.topic("empty", 2)
    first = bed.back_up()
    before = bed.files()
    again = bed.back_up()
    assert not again["changed"]
    assert not again["backup"]["created"]
    assert again["backup"]["restore_point"] == first["backup"]["restore_point"] == 1
    assert (again["topics"]["offsets"], again["topics"]["records"], again["topics"]["bytes"]) == (0, 0, 0)
    assert bed.files() == before


def test_increment_writes_what_is_new_alone(bed: Bed) -> None:
    topic = bed.topic("grows", 2, 2000)
    bed.back_up()
    before, content = bed.files(), bed.content(topic, 1)
    send(bed.kafka.client, topic, numbered(10, first=5000))  # to the first partition
    result = bed.back_up()
    assert (result["topics"]["records"], result["topics"]["partitions_new"]) == (10, 1)
    after = bed.files()
    assert before.items() <= after.items() | {"prod/manifest.json": before["prod/manifest.json"]}.items()
    assert len(bed.content(topic)) == len(bed.content(topic, point=1)) + result["topics"]["bytes"]
    assert bed.content(topic, 1) == content
    assert bed.ranges(topic) == [(0, 1010), (0, 1000)]
    assert bed.ranges(topic, 1) == [(0, 1000), (0, 1000)]
    bed.verify()


def test_pieces_of_many_small_partitions_share_a_file(bed: Bed) -> None:
    for number in range(5):
        bed.topic(f"small-{number}", 40, 400)
    result = bed.back_up(parallel=1)
    assert result["topics"]["partitions_new"] == 200
    segments = [name for name in bed.files() if name.endswith((".log", ".pack"))]
    assert len([name for name in segments if name.endswith(".pack")]) <= 2  # one with segments, one with states
    assert not [name for name in segments if name.endswith(".log")]
    bed.verify()


def test_check_mode_tells_and_writes_nothing(bed: Bed) -> None:
    topic = bed.topic("checked", 2, 300)
    before = bed.files()
    planned = bed.back_up(check=True, diff=True)
    assert planned["changed"]
    assert planned["backup"]["restore_point"] is None
    assert (planned["topics"]["offsets"], planned["topics"]["records"]) == (300, None)
    assert planned["diff"]["before"] == {}
    shown = planned["diff"]["after"]
    assert shown[f"topic {topic} partition 0"].startswith("offsets 0 to 150 of lineage ")
    assert shown[f"definition of topic {topic}"]["partitions"] == 2
    assert bed.files() == before

    bed.back_up()
    before = bed.files()
    same = bed.back_up(check=True, diff=True)
    assert not same["changed"]
    assert same["backup"]["restore_point"] == 1
    assert "diff" not in same
    bed.send(topic, 2, first=300)
    planned = bed.back_up(check=True, diff=True)
    assert set(planned["diff"]["before"]) == {f"topic {topic} partition {number}" for number in range(2)}
    assert bed.files() == before


def test_topics_are_chosen_by_name_and_pattern(bed: Bed) -> None:
    for name in ("orders", "orders.dead", "payments"):
        bed.topic(name, 1, 5)
    bed.back_up(topics=[f"{bed.prefix}.orders*"], exclude_topics=["*.dead"])
    assert set(bed.states()) == {f"{bed.prefix}.orders"}
    result = bed.back_up(topics=[f"{bed.prefix}.orders", f"{bed.prefix}.nothing-*"])
    assert set(bed.states()) == {f"{bed.prefix}.orders"}
    assert any(f"No topic matches {bed.prefix}.nothing-*" in warning for warning in result["warnings"])
    failed = bed.run(topics=[f"{bed.prefix}.missing"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": f"{bed.prefix}.missing"}
    assert f"No such topic: {bed.prefix}.missing" in failed["msg"]


def test_topics_of_registries_are_only_taken_by_name(kafka: Kafka, tmp_path: Path) -> None:
    bed = Bed(kafka, tmp_path)
    bed.topics.create("_exporter_configs")
    try:
        bed.topic("ordinary")
        bed.back_up(topics=["*"])
        assert "_exporter_configs" not in bed.states()
        assert not [name for name in bed.states() if name.startswith("__")]
        bed.back_up(topics=["_exporter_configs"])
        assert set(bed.states()) == {"_exporter_configs"}
    finally:
        bed.topics.delete("_exporter_configs")


def test_topic_that_vanished_is_named(bed: Bed) -> None:
    bed.topic("stays", 1, 5)
    gone = bed.topic("goes", 1, 5)
    bed.back_up()
    bed.topics.delete(gone)
    result = bed.back_up()
    assert result["changed"]
    assert any("are no longer there" in warning and gone in warning for warning in result["warnings"])
    assert set(bed.states()) == {f"{bed.prefix}.stays"}
    assert gone in bed.states(1)


def test_topics_that_are_not_asked_for_any_more_are_named(bed: Bed) -> None:
    asked, other = bed.topic("asked", 1, 5), bed.topic("other", 1, 5)
    bed.back_up()
    first, again = bed.back_up(topics=[asked]), bed.back_up(topics=[asked])
    assert any("were not asked for" in warning and other in warning for warning in first["warnings"])
    assert again.get("warnings", []) == []
    nothing = bed.back_up(exclude_topics=["*"])
    assert any("No topic is selected" in warning for warning in nothing["warnings"])


def test_definitions_are_captured_and_make_a_restore_point(bed: Bed) -> None:
    topic = bed.topic("defined", 2, 10, retention_ms=123456789)
    bed.back_up()
    made = bed.reader().definitions()[topic]
    assert (made.partitions, made.replication_factor, made.configs) == (2, 1, {"retention.ms": "123456789"})
    bed.topics.set(topic, retention_ms=987654321)
    result = bed.back_up(diff=True)
    assert result["changed"]
    assert result["topics"]["offsets"] == 0
    assert list(result["diff"]["after"]) == [f"definition of topic {topic}"]
    assert bed.reader().definitions()[topic].configs == {"retention.ms": "987654321"}


def test_offsets_of_groups_are_captured(bed: Bed) -> None:
    topic, other = bed.topic("read", 2, 40), bed.topic("unread", 1, 5)
    bed.commit(f"{bed.prefix}-a", topic, {0: 7, 1: 20})
    bed.commit(f"{bed.prefix}-b", other, {0: 3})
    result = bed.back_up(topics=[topic], groups=[f"{bed.prefix}-*"])
    assert bed.groups() == {f"{bed.prefix}-a": {f"{topic}/0": (7, None), f"{topic}/1": (20, None)}}
    assert result["groups"] == {"groups": 1, "offsets": 2, "clamped": 0}
    bed.commit(f"{bed.prefix}-a", topic, {0: 8})
    result = bed.back_up(topics=[topic], groups=[f"{bed.prefix}-*"], diff=True)
    assert result["changed"]
    assert result["diff"] == {
        "before": {f"group {bed.prefix}-a": {f"{topic}/0": 7}},
        "after": {f"group {bed.prefix}-a": {f"{topic}/0": 8}},
    }
    assert not bed.back_up(topics=[topic], groups=[f"{bed.prefix}-*"])["changed"]
    without = bed.back_up(topics=[topic], groups=[f"{bed.prefix}-*"], exclude_groups=["*-a"])
    assert without["groups"]["groups"] == 0
    failed = bed.run(groups=[f"{bed.prefix}-c"]).failed()
    assert f"No such group: {bed.prefix}-c" in failed["msg"]


def test_offsets_beyond_the_mark_are_clamped(bed: Bed) -> None:
    topic = bed.topic("undecided", 1, 10)
    with open_transaction(bed.kafka.client, topic, numbered(5)):
        bed.commit(f"{bed.prefix}-eager", topic, {0: 13})
        result = bed.back_up(groups=[f"{bed.prefix}-*"])
        assert bed.ranges(topic) == [(0, 10)]
        assert bed.groups() == {f"{bed.prefix}-eager": {f"{topic}/0": (10, 13)}}
        assert result["groups"]["clamped"] == 1
        assert any("beyond what the restore point holds: 1." in warning for warning in result["warnings"])

        everything = bed.back_up(groups=[f"{bed.prefix}-*"], isolation="uncommitted")
        assert bed.ranges(topic) == [(0, 15)]
        assert everything["groups"]["clamped"] == 0
    # What is archived stays archived: a mark never goes back.
    bed.back_up()
    assert bed.ranges(topic) == [(0, 16)]
    bed.verify()


def test_parts_go_into_an_open_restore_point(bed: Bed) -> None:
    topic = bed.topic("joined", 1, 5)
    opened = run_module("restore_point", **bed.options, state="open").succeeded()["restore_point"]
    result = bed.back_up(restore_point=opened)
    assert result["changed"]
    assert result["backup"]["restore_point"] is None
    run_module("restore_point", **bed.options, state="committed", restore_point=opened).succeeded()
    assert bed.ranges(topic) == [(0, 5)]


def test_trimmed_heads_are_normal_and_gaps_begin_a_lineage(bed: Bed) -> None:
    topic = bed.topic("trimmed", 2, 40)
    bed.back_up()
    bed.topics.trim(topic, {0: 5})
    result = bed.back_up()
    assert result["changed"]
    assert (result["topics"]["offsets"], result["topics"]["new_lineages"]) == (0, [])
    assert bed.ranges(topic) == [(5, 20), (0, 20)]
    bed.send(topic, 40, first=40)
    bed.topics.trim(topic, {0: 30})
    result = bed.back_up()
    assert result["topics"]["new_lineages"] == [{"topic": topic, "partition": 0, "began": "gap"}]
    assert any("retention took records away" in warning for warning in result["warnings"])
    assert bed.ranges(topic) == [(30, 40), (0, 40)]
    lineages = [of.lineage for of in bed.states()[topic].partitions]
    assert lineages[0] == f"{lineages[1]}-2"
    bed.verify()


def test_recreated_topic_begins_a_lineage(bed: Bed) -> None:
    topic = bed.topic("again", 2, 20)
    bed.back_up()
    before = bed.content(topic)
    bed.topics.recreate(topic)
    bed.send(topic, 20)  # the very same records
    result = bed.back_up()
    assert {each["began"] for each in result["topics"]["new_lineages"]} == {"recreated"}
    assert any("was deleted and made again" in warning for warning in result["warnings"])
    assert bed.content(topic, point=1) == before
    assert not bed.back_up()["changed"]
    bed.verify()


def test_added_partitions_are_taken_from_their_start(bed: Bed) -> None:
    topic = bed.topic("wider", 1, 10)
    bed.back_up()
    bed.topics.widen(topic, 3)
    bed.send(topic, 9, first=10)
    result = bed.back_up()
    assert bed.ranges(topic) == [(0, 13), (0, 3), (0, 3)]
    assert result["topics"]["new_lineages"] == []


def test_compacted_topic_is_archived_anew_once_tombstones_may_be_gone(bed: Bed, kafka: Kafka) -> None:
    topic = bed.topic("keys", **{key.replace(".", "_"): value for key, value in COMPACTED.items()})
    keys = [Message(b"%d" % number, b"value") for number in range(20)]
    send(bed.kafka.client, topic, keys)
    compact(bed.topics, kafka.data, topic)
    bed.back_up()
    send(bed.kafka.client, topic, keys[:5])
    assert bed.back_up()["topics"]["new_lineages"] == []
    bed.topics.set(topic, delete_retention_ms=1)
    assert bed.back_up()["topics"]["new_lineages"] == [], "nothing was written since"
    send(bed.kafka.client, topic, keys[5:6])
    result = bed.back_up()
    assert result["topics"]["new_lineages"] == [{"topic": topic, "partition": 0, "began": "purged_tombstones"}]
    assert any("delete.retention.ms" in warning for warning in result["warnings"])
    assert bed.ranges(topic)[0][0] == 0
    bed.verify()


def test_damaged_archive_is_made_up_for(bed: Bed) -> None:
    topic = bed.topic("hurt", 2, 3000)
    bed.back_up()
    segment = next(bed.path.rglob("0/*.log"))
    segment.write_bytes(segment.read_bytes()[:-1])
    bed.send(topic, 2, first=3000)
    result = bed.back_up()
    assert any("missing or cut off" in warning and topic in warning for warning in result["warnings"])
    assert result["topics"]["records"] == 1501 + 1
    assert bed.ranges(topic) == [(0, 1501), (0, 1501)]
    run_module("backup_verify", **bed.options, restore_points=["2"]).succeeded()


def test_parallel_workers_and_a_limited_rate_bring_the_same(bed: Bed) -> None:
    topic = bed.topic("shared", 6, 120_000)
    result = bed.back_up(parallel=3, max_bytes_per_second=50_000_000)
    assert result["topics"]["records"] == 120_000
    assert bed.ranges(topic) == [(0, 20_000)] * 6
    bed.verify()


@pytest.mark.parametrize(("option", "value"), [("parallel", 0), ("max_bytes_per_second", -1)])
def test_numbers_that_cannot_be_are_refused(bed: Bed, option: str, value: int) -> None:
    assert bed.run(**{option: value}).failed()["failure"] == {"code": "invalid_option", "object": option}


def test_partition_without_a_leader(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    bed = Bed(kafka_cluster, tmp_path)
    topic = f"{bed.prefix}.led"
    kafka_cluster.create_topic(topic, [[1], [2]])
    bed.send(topic, 20)
    bed.back_up(exclude_groups=["*"])
    bed.send(topic, 20, first=20)
    kafka_cluster.broker(2).kill()
    try:
        kafka_cluster.wait_for_leader(topic, 1, -1)
        failed = bed.run(exclude_groups=["*"]).failed()
        assert failed["failure"]["code"] == "no_leader"
        assert failed["failure"]["object"] == f"{topic}/1"
        assert "on_unavailable: partial" in failed["msg"]

        result = bed.back_up(exclude_groups=["*"], on_unavailable="partial")
        assert not result["backup"]["complete"]
        assert [(each["topic"], each["partition"]) for each in result["topics"]["unavailable"]] == [(topic, 1)]
        assert any("is not complete" in warning for warning in result["warnings"])
        assert [of.unavailable for of in bed.states(2)[topic].partitions] == [False, True]
        assert bed.ranges(topic, 2) == [(0, 20), (0, 10)]
        again = bed.back_up(exclude_groups=["*"], on_unavailable="partial")
        assert not again["backup"]["created"]
    finally:
        kafka_cluster.broker(2).restart()
    kafka_cluster.wait_for_leader(topic, 1, 2)
    whole = bed.back_up(exclude_groups=["*"])
    assert whole["backup"]["complete"]
    assert whole["topics"]["records"] == 10
    assert bed.ranges(topic) == [(0, 20), (0, 20)]
    bed.verify()
