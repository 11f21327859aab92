# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topic_backup on a real broker: what is in a restore point, and what a run tells and refuses."""

from __future__ import annotations

import pytest

from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.records import numbered, open_transaction, send
from testbed.topic_backups import TopicBackups


def test_restore_point_has_the_brokers_own_bytes(backups: TopicBackups, kafka: Kafka) -> None:
    topic = backups.topic("verbatim", 3, 500)
    result = backups.back_up()
    assert result["changed"]
    assert result["backup"]["parts"] == ["groups", "topics"]
    assert result["backup"]["created"]
    assert result["backup"]["complete"]
    segments = [(kafka.data / f"{topic}-{partition}" / f"{0:020}.log").read_bytes() for partition in range(3)]
    assert [backups.content(topic, partition) for partition in range(3)] == segments
    told = result["topics"]
    assert (told["topics"], told["partitions"], told["partitions_new"]) == (1, 3, 3)
    assert (told["offsets"], told["records"], told["bytes"]) == (500, 500, sum(map(len, segments)))
    assert told["settled"]
    assert told["new_lineages"] == told["unavailable"] == []
    assert backups.ranges(topic) == [(0, 167), (0, 167), (0, 166)]
    backups.verify()


def test_nothing_new_writes_nothing(backups: TopicBackups) -> None:
    backups.topic("same", 4, 100)
    backups.topic("empty", 2)
    first = backups.back_up()
    before = backups.files()
    again = backups.back_up()
    assert not again["changed"]
    assert not again["backup"]["created"]
    assert again["backup"]["restore_point"] == first["backup"]["restore_point"] == 1
    assert (again["topics"]["offsets"], again["topics"]["records"], again["topics"]["bytes"]) == (0, 0, 0)
    assert backups.files() == before


def test_increment_writes_what_is_new_alone(backups: TopicBackups) -> None:
    topic = backups.topic("grows", 2, 2000)
    backups.back_up()
    before, content = backups.files(), backups.content(topic, 1)
    send(backups.kafka.client, topic, numbered(10, first=5000))  # to the first partition
    result = backups.back_up()
    assert (result["topics"]["records"], result["topics"]["partitions_new"]) == (10, 1)
    after = backups.files()
    assert before.items() <= after.items() | {"prod/manifest.json": before["prod/manifest.json"]}.items()
    assert len(backups.content(topic)) == len(backups.content(topic, point=1)) + result["topics"]["bytes"]
    assert backups.content(topic, 1) == content
    assert backups.ranges(topic) == [(0, 1010), (0, 1000)]
    assert backups.ranges(topic, 1) == [(0, 1000), (0, 1000)]
    backups.verify()


def test_pieces_of_many_small_partitions_share_a_file(backups: TopicBackups) -> None:
    for number in range(5):
        backups.topic(f"small-{number}", 40, 400)
    result = backups.back_up(parallel=1)
    assert result["topics"]["partitions_new"] == 200
    segments = [name for name in backups.files() if name.endswith((".log", ".pack"))]
    assert len([name for name in segments if name.endswith(".pack")]) <= 2  # one with segments, one with states
    assert not [name for name in segments if name.endswith(".log")]
    backups.verify()


def test_check_mode_tells_and_writes_nothing(backups: TopicBackups) -> None:
    topic = backups.topic("checked", 2, 300)
    before = backups.files()
    planned = backups.back_up(check=True, diff=True)
    assert planned["changed"]
    assert planned["backup"]["restore_point"] is None
    assert (planned["topics"]["offsets"], planned["topics"]["records"]) == (300, None)
    assert planned["diff"]["before"] == {}
    shown = planned["diff"]["after"]
    assert shown[f"topic {topic} partition 0"].startswith("offsets 0 to 150 of lineage ")
    assert shown[f"definition of topic {topic}"]["partitions"] == 2
    assert backups.files() == before

    backups.back_up()
    before = backups.files()
    same = backups.back_up(check=True, diff=True)
    assert not same["changed"]
    assert same["backup"]["restore_point"] == 1
    assert "diff" not in same
    backups.send(topic, 2, first=300)
    planned = backups.back_up(check=True, diff=True)
    assert set(planned["diff"]["before"]) == {f"topic {topic} partition {number}" for number in range(2)}
    assert backups.files() == before


def test_topics_are_chosen_by_name_and_pattern(backups: TopicBackups) -> None:
    for name in ("orders", "orders.dead", "payments"):
        backups.topic(name, 1, 5)
    backups.back_up(topics=[f"{backups.prefix}.orders*"], exclude_topics=["*.dead"])
    assert set(backups.states()) == {f"{backups.prefix}.orders"}
    result = backups.back_up(topics=[f"{backups.prefix}.orders", f"{backups.prefix}.nothing-*"])
    assert set(backups.states()) == {f"{backups.prefix}.orders"}
    assert any(f"No topic matches {backups.prefix}.nothing-*" in warning for warning in result["warnings"])
    failed = backups.run(topics=[f"{backups.prefix}.missing"]).failed()
    assert failed["failure"] == {"code": "not_found", "object": f"{backups.prefix}.missing"}
    assert f"No such topic: {backups.prefix}.missing" in failed["msg"]


def test_topics_of_registries_are_only_taken_by_name(backups: TopicBackups) -> None:
    backups.topics.create("_exporter_configs")
    try:
        backups.topic("ordinary")
        backups.back_up(topics=["*"])
        assert "_exporter_configs" not in backups.states()
        assert not [name for name in backups.states() if name.startswith("__")]
        backups.back_up(topics=["_exporter_configs"])
        assert set(backups.states()) == {"_exporter_configs"}
    finally:
        backups.topics.delete("_exporter_configs")


def test_offsets_of_groups_are_captured(backups: TopicBackups) -> None:
    topic, other = backups.topic("read", 2, 40), backups.topic("unread", 1, 5)
    backups.commit(f"{backups.prefix}-a", topic, {0: 7, 1: 20})
    backups.commit(f"{backups.prefix}-b", other, {0: 3})
    result = backups.back_up(topics=[topic], groups=[f"{backups.prefix}-*"])
    assert backups.groups() == {f"{backups.prefix}-a": {f"{topic}/0": (7, None), f"{topic}/1": (20, None)}}
    assert result["groups"] == {"groups": 1, "offsets": 2, "clamped": 0}
    backups.commit(f"{backups.prefix}-a", topic, {0: 8})
    result = backups.back_up(topics=[topic], groups=[f"{backups.prefix}-*"], diff=True)
    assert result["changed"]
    assert result["diff"] == {
        "before": {f"group {backups.prefix}-a": {f"{topic}/0": 7}},
        "after": {f"group {backups.prefix}-a": {f"{topic}/0": 8}},
    }
    assert not backups.back_up(topics=[topic], groups=[f"{backups.prefix}-*"])["changed"]
    without = backups.back_up(topics=[topic], groups=[f"{backups.prefix}-*"], exclude_groups=["*-a"])
    assert without["groups"]["groups"] == 0
    failed = backups.run(groups=[f"{backups.prefix}-c"]).failed()
    assert f"No such group: {backups.prefix}-c" in failed["msg"]


def test_offsets_beyond_the_mark_are_clamped(backups: TopicBackups) -> None:
    topic = backups.topic("undecided", 1, 10)
    with open_transaction(backups.kafka.client, topic, numbered(5)):
        backups.commit(f"{backups.prefix}-eager", topic, {0: 13})
        result = backups.back_up(groups=[f"{backups.prefix}-*"])
        assert backups.ranges(topic) == [(0, 10)]
        assert backups.groups() == {f"{backups.prefix}-eager": {f"{topic}/0": (10, 13)}}
        assert result["groups"]["clamped"] == 1
        assert any("beyond what the restore point holds: 1." in warning for warning in result["warnings"])

        everything = backups.back_up(groups=[f"{backups.prefix}-*"], isolation="uncommitted")
        assert backups.ranges(topic) == [(0, 15)]
        assert everything["groups"]["clamped"] == 0
    # What is archived stays archived: a mark never goes back.
    backups.back_up()
    assert backups.ranges(topic) == [(0, 16)]
    backups.verify()


def test_parts_go_into_an_open_restore_point(backups: TopicBackups) -> None:
    topic = backups.topic("joined", 1, 5)
    opened = run_module("restore_point", **backups.options, state="open").succeeded()["restore_point"]
    result = backups.back_up(restore_point=opened)
    assert result["changed"]
    assert result["backup"]["restore_point"] is None
    run_module("restore_point", **backups.options, state="committed", restore_point=opened).succeeded()
    assert backups.ranges(topic) == [(0, 5)]


def test_parallel_workers_and_a_limited_rate_bring_the_same(backups: TopicBackups) -> None:
    topic = backups.topic("shared", 6, 120_000)
    result = backups.back_up(parallel=3, max_bytes_per_second=50_000_000)
    assert result["topics"]["records"] == 120_000
    assert backups.ranges(topic) == [(0, 20_000)] * 6
    backups.verify()


@pytest.mark.parametrize(("option", "value"), [("parallel", 0), ("max_bytes_per_second", -1)])
def test_numbers_that_cannot_be_are_refused(backups: TopicBackups, option: str, value: int) -> None:
    assert backups.run(**{option: value}).failed()["failure"] == {"code": "invalid_option", "object": option}
