# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of record comes back: what was backed up and restored is compared record by record by another client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.copies import Copies
from testbed.groups import commit, committed, translated
from testbed.kafka import Kafka
from testbed.reading import Contents, check_same, read_topic, read_topics
from testbed.records import KINDS, LARGE, Place, make, numbered, open_transaction, send, send_in_transactions
from testbed.topics import LONGEST_NAME

TOPICS = {kind: f"proof-{kind}" for kind in KINDS}
LONGEST = "proof-longest-".ljust(LONGEST_NAME, "n")
GROUP = "proof-readers"
WITH_GROUP = {"groups": [GROUP], "exclude_groups": []}
NAMES = (*TOPICS.values(), LONGEST)


@dataclass
class Proof:
    """All kinds of topics, backed up in one run and restored in another."""

    copies: Copies
    data: Path
    source: dict[str, Contents]
    restored: dict[str, Contents]
    backed_up: dict[str, Any]
    brought_back: dict[str, Any]


@pytest.fixture(scope="module")
def proof(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    place = Place.of(kafka)
    for kind, topic in TOPICS.items():
        make(place, kind, topic)
    place.topics.create(LONGEST)
    send(place.client, LONGEST, numbered(3))
    copies = Copies(kafka, tmp_path_factory.mktemp("kinds") / "store")
    halves = {
        (topic, partition): (start + end + 1) // 2
        for topic in NAMES
        for partition, (start, end) in place.topics.watermarks(topic).items()
    }
    commit(place.client, GROUP, halves)
    backed_up = copies.back_up(*NAMES, **WITH_GROUP)
    brought_back = copies.restore(*NAMES, **WITH_GROUP)
    source = read_topics(place.client, NAMES)
    restored = read_topics(place.client, map(copies.name, NAMES))
    back = {topic: restored[copies.name(topic)] for topic in NAMES}
    return Proof(copies, place.data, source, back, backed_up, brought_back)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_topic_is_what_it_is_called(proof: Proof, kind: str) -> None:
    """What the proof is worth: each topic is what its name says."""
    topic = TOPICS[kind]
    contents, topics = proof.source[topic], proof.copies.topics
    records = [record for partition in contents.values() for record in partition]
    offsets = [[record.offset for record in partition] for partition in contents.values()]
    holes = any(each and each != list(range(each[0], each[-1] + 1)) for each in offsets)
    assert holes == ("transactions" in kind or "compacted" in kind or kind == "purged")
    assert all(record.log_append_time == ("log-append-time" in kind) for record in records)
    if kind == "keys":
        assert {None, b""} < {record.key for record in records}
        assert [record.timestamp for record in records] != sorted(record.timestamp for record in records)
    elif kind == "values":
        assert [[record.value for record in records].count(value) for value in (None, b"")] == [3, 2]
    elif kind == "headers":
        assert records[1].headers == (("a", b"1"), ("a", b"2"), ("a", b"1"))
        assert records[2].headers == (("null", None), ("empty", b""), ("", b"no name"))
    elif kind == "large":
        assert [len(record.value or b"") > LARGE - 20 for record in records].count(True) == 3
    elif kind == "segments":
        assert len(list((proof.data / f"{topic}-0").glob("*.log"))) > 5
    elif kind.startswith("compacted"):
        assert sum(end for _start, end in topics.watermarks(topic).values()) > 1.5 * len(records)
        assert (kind == "compacted-transactions") != any(record.value is None for record in records)
    elif kind == "purged":
        assert not any(record.value is None for record in records)
    elif kind == "trimmed":
        assert topics.watermarks(topic) == {0: (123, 250), 1: (250, 250)}
    elif kind.startswith("empty"):
        assert list(map(len, contents.values())) == ([0, 0, 0] if kind == "empty" else [0, 10, 0])


@pytest.mark.parametrize("topic", NAMES, ids=[*KINDS, "longest-name"])
def test_every_record_comes_back(proof: Proof, topic: str) -> None:
    check_same(proof.source[topic], proof.restored[topic])


def test_the_archive_has_the_brokers_own_bytes(proof: Proof) -> None:
    proof.copies.check_archived(*NAMES)


@pytest.mark.parametrize("topic", NAMES, ids=[*KINDS, "longest-name"])
def test_the_definition_comes_back(proof: Proof, topic: str) -> None:
    topics, name = proof.copies.topics, proof.copies.name(topic)
    assert topics.count(name) == topics.count(topic)
    assert topics.configs(name) == topics.configs(topic)


@pytest.mark.parametrize("topic", NAMES, ids=[*KINDS, "longest-name"])
def test_a_group_goes_on_with_the_same_record(proof: Proof, topic: str) -> None:
    offsets, name = committed(proof.copies.source.client, GROUP), proof.copies.name(topic)
    ours, theirs = ({number: at for (of, number), at in offsets.items() if of == each} for each in (topic, name))
    assert len(ours) == len(proof.source[topic])
    assert theirs == translated(proof.source[topic], ours)


def test_all_is_counted(proof: Proof) -> None:
    told = proof.backed_up["topics"]
    assert proof.backed_up["changed"]
    assert told["topics"] == len(NAMES)
    assert told["partitions"] == sum(len(contents) for contents in proof.source.values())
    assert proof.brought_back["changed"]
    records = sum(len(partition) for contents in proof.restored.values() for partition in contents.values())
    assert proof.brought_back["topics"]["records"] == records


def test_nothing_new_makes_no_restore_point(proof: Proof) -> None:
    again = proof.copies.back_up(*NAMES, **WITH_GROUP)
    assert not again["changed"]
    assert again["backup"]["restore_point"] == proof.backed_up["backup"]["restore_point"]


def test_a_finished_restore_changes_nothing(proof: Proof) -> None:
    again = proof.copies.restore(*NAMES, **WITH_GROUP)
    assert not again["changed"]
    assert read_topics(proof.copies.target.client, map(proof.copies.name, NAMES)) == {
        proof.copies.name(topic): contents for topic, contents in proof.restored.items()
    }


def test_the_modules_own_checks_agree(proof: Proof) -> None:
    assert proof.copies.verify(*NAMES)["differences"] == []
    proof.copies.verify_store()


def test_uncommitted_records_come_back_when_asked_for(proof: Proof) -> None:
    others = [TOPICS["transactions"], TOPICS["compacted-transactions"]]
    for topic in others:
        mapping = {topic: f"uncommitted-{topic}"}
        proof.copies.restore(topic, isolation="uncommitted", topic_mapping=mapping)
        everything = proof.copies.contents(topic, isolation="uncommitted")
        restored = read_topic(proof.copies.target.client, mapping[topic])
        assert sum(map(len, restored.values())) > sum(map(len, proof.source[topic].values()))
        check_same(everything, restored)


def test_open_transactions(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Committed: up to the first open one. Uncommitted: to the end, and the undecided are left out or not."""
    copies = Copies(kafka, tmp_path_factory.mktemp("open") / "store")
    copies.topics.create("undecided", 2)
    send(kafka.client, "undecided", numbered(20, partitions=2))
    with open_transaction(kafka.client, "undecided", numbered(10, first=20)) as producer:  # in partition 0 alone
        send_in_transactions(kafka.client, "undecided", ("commit", numbered(20, partitions=2, first=30)))
        send(kafka.client, "undecided", numbered(20, partitions=2, first=50))
        committed = copies.contents("undecided")
        everything = copies.contents("undecided", isolation="uncommitted")
        assert (len(committed[0]), len(everything[0])) == (10, 40)
        copies.back_up("undecided")
        copies.restore("undecided", topic_mapping={"undecided": "undecided-1"})
        check_same(committed, read_topic(kafka.client, "undecided-1"))

        copies.back_up("undecided", isolation="uncommitted")
        copies.restore("undecided", topic_mapping={"undecided": "undecided-2"})
        copies.restore("undecided", topic_mapping={"undecided": "undecided-3"}, isolation="uncommitted")
        decided = {0: [each for each in everything[0] if not 10 <= each.offset < 20], 1: everything[1]}
        check_same(decided, read_topic(kafka.client, "undecided-2"))
        check_same(everything, read_topic(kafka.client, "undecided-3"))
        producer.commit_transaction(20)
        copies.back_up("undecided")
    copies.restore("undecided")
    copies.check("undecided")
    assert len(copies.restored("undecided")[0]) == 40
