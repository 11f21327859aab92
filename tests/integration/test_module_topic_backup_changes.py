# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topic_backup on a real broker where topics changed since the last run, or what it archived."""

from __future__ import annotations

from pathlib import Path

from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.modules import run_module
from testbed.records import Message, send
from testbed.topic_backups import TopicBackups
from testbed.topics import COMPACTED, compact


def test_topic_that_vanished_is_named(backups: TopicBackups) -> None:
    backups.topic("stays", 1, 5)
    gone = backups.topic("goes", 1, 5)
    backups.back_up()
    backups.topics.delete(gone)
    result = backups.back_up()
    assert result["changed"]
    assert any("are no longer there" in warning and gone in warning for warning in result["warnings"])
    assert set(backups.states()) == {f"{backups.prefix}.stays"}
    assert gone in backups.states(1)


def test_topics_that_are_not_asked_for_any_more_are_named(backups: TopicBackups) -> None:
    asked, other = backups.topic("asked", 1, 5), backups.topic("other", 1, 5)
    backups.back_up()
    first, again = backups.back_up(topics=[asked]), backups.back_up(topics=[asked])
    assert any("were not asked for" in warning and other in warning for warning in first["warnings"])
    assert again.get("warnings", []) == []
    nothing = backups.back_up(exclude_topics=["*"])
    assert any("No topic is selected" in warning for warning in nothing["warnings"])


def test_definitions_are_captured_and_make_a_restore_point(backups: TopicBackups) -> None:
    topic = backups.topic("defined", 2, 10, retention_ms=123456789)
    backups.back_up()
    made = backups.reader().definitions()[topic]
    assert (made.partitions, made.replication_factor, made.configs) == (2, 1, {"retention.ms": "123456789"})
    backups.topics.set(topic, retention_ms=987654321)
    result = backups.back_up(diff=True)
    assert result["changed"]
    assert result["topics"]["offsets"] == 0
    assert list(result["diff"]["after"]) == [f"definition of topic {topic}"]
    assert backups.reader().definitions()[topic].configs == {"retention.ms": "987654321"}


def test_trimmed_heads_are_normal_and_gaps_begin_a_lineage(backups: TopicBackups) -> None:
    topic = backups.topic("trimmed", 2, 40)
    backups.back_up()
    backups.topics.trim(topic, {0: 5})
    result = backups.back_up()
    assert result["changed"]
    assert (result["topics"]["offsets"], result["topics"]["new_lineages"]) == (0, [])
    assert backups.ranges(topic) == [(5, 20), (0, 20)]
    backups.send(topic, 40, first=40)
    backups.topics.trim(topic, {0: 30})
    result = backups.back_up()
    assert result["topics"]["new_lineages"] == [{"topic": topic, "partition": 0, "began": "gap"}]
    assert any("retention took records away" in warning for warning in result["warnings"])
    assert backups.ranges(topic) == [(30, 40), (0, 40)]
    lineages = [of.lineage for of in backups.states()[topic].partitions]
    assert lineages[0] == f"{lineages[1]}-2"
    backups.verify()


def test_recreated_topic_begins_a_lineage(backups: TopicBackups) -> None:
    topic = backups.topic("again", 2, 20)
    backups.back_up()
    before = backups.content(topic)
    backups.topics.recreate(topic)
    backups.send(topic, 20)  # the very same records
    result = backups.back_up()
    assert {each["began"] for each in result["topics"]["new_lineages"]} == {"recreated"}
    assert any("was deleted and made again" in warning for warning in result["warnings"])
    assert backups.content(topic, point=1) == before
    assert not backups.back_up()["changed"]
    backups.verify()


def test_added_partitions_are_taken_from_their_start(backups: TopicBackups) -> None:
    topic = backups.topic("wider", 1, 10)
    backups.back_up()
    backups.topics.widen(topic, 3)
    backups.send(topic, 9, first=10)
    result = backups.back_up()
    assert backups.ranges(topic) == [(0, 13), (0, 3), (0, 3)]
    assert result["topics"]["new_lineages"] == []


def test_compacted_topic_is_archived_anew_once_tombstones_may_be_gone(backups: TopicBackups, kafka: Kafka) -> None:
    topic = backups.topic("keys", **{key.replace(".", "_"): value for key, value in COMPACTED.items()})
    keys = [Message(b"%d" % number, b"value") for number in range(20)]
    send(backups.kafka.client, topic, keys)
    compact(backups.topics, kafka.data, topic)
    backups.back_up()
    send(backups.kafka.client, topic, keys[:5])
    assert backups.back_up()["topics"]["new_lineages"] == []
    backups.topics.set(topic, delete_retention_ms=1)
    assert backups.back_up()["topics"]["new_lineages"] == [], "nothing was written since"
    send(backups.kafka.client, topic, keys[5:6])
    result = backups.back_up()
    assert result["topics"]["new_lineages"] == [{"topic": topic, "partition": 0, "began": "purged_tombstones"}]
    assert any("delete.retention.ms" in warning for warning in result["warnings"])
    assert backups.ranges(topic)[0][0] == 0
    backups.verify()


def test_damaged_archive_is_made_up_for(backups: TopicBackups) -> None:
    topic = backups.topic("hurt", 2, 3000)
    backups.back_up()
    segment = next(backups.path.rglob("0/*.log"))
    segment.write_bytes(segment.read_bytes()[:-1])
    backups.send(topic, 2, first=3000)
    result = backups.back_up()
    assert any("missing or cut off" in warning and topic in warning for warning in result["warnings"])
    assert result["topics"]["records"] == 1501 + 1
    assert backups.ranges(topic) == [(0, 1501), (0, 1501)]
    run_module("backup_verify", **backups.options, restore_points=["2"]).succeeded()


def test_partition_without_a_leader(kafka_cluster: KafkaCluster, tmp_path: Path) -> None:
    backups = TopicBackups(kafka_cluster, tmp_path)
    topic = f"{backups.prefix}.led"
    kafka_cluster.create_topic(topic, [[1], [2]])
    backups.send(topic, 20)
    backups.back_up(exclude_groups=["*"])
    backups.send(topic, 20, first=20)
    kafka_cluster.broker(2).kill()
    try:
        kafka_cluster.wait_for_leader(topic, 1, -1)
        failed = backups.run(exclude_groups=["*"]).failed()
        assert failed["failure"]["code"] == "no_leader"
        assert failed["failure"]["object"] == f"{topic}/1"
        assert "on_unavailable: partial" in failed["msg"]

        result = backups.back_up(exclude_groups=["*"], on_unavailable="partial")
        assert not result["backup"]["complete"]
        assert [(each["topic"], each["partition"]) for each in result["topics"]["unavailable"]] == [(topic, 1)]
        assert any("is not complete" in warning for warning in result["warnings"])
        assert [of.unavailable for of in backups.states(2)[topic].partitions] == [False, True]
        assert backups.ranges(topic, 2) == [(0, 20), (0, 10)]
        again = backups.back_up(exclude_groups=["*"], on_unavailable="partial")
        assert not again["backup"]["created"]
    finally:
        kafka_cluster.broker(2).restart()
    kafka_cluster.wait_for_leader(topic, 1, 2)
    whole = backups.back_up(exclude_groups=["*"])
    assert whole["backup"]["complete"]
    assert whole["topics"]["records"] == 10
    assert backups.ranges(topic) == [(0, 20), (0, 20)]
    backups.verify()
