# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of record comes back: what was backed up and restored is compared record by record by another client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.reading import Contents, check_same, read_topic, read_topics
from testbed.records import KINDS, Place, make, numbered, open_transaction, send, send_in_transactions
from testbed.topics import LONGEST_NAME

TOPICS = {kind: f"proof-{kind}" for kind in KINDS}
LONGEST = "proof-longest-".ljust(LONGEST_NAME, "n")
NAMES = (*TOPICS.values(), LONGEST)


@dataclass
class Proof:
    """All kinds of topics, backed up in one run and restored in another."""

    copies: Copies
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
    backed_up = copies.back_up(*NAMES)
    brought_back = copies.restore(*NAMES)
    source = read_topics(place.client, NAMES)
    restored = read_topics(place.client, map(copies.name, NAMES))
    back = {topic: restored[copies.name(topic)] for topic in NAMES}
    return Proof(copies, source, back, backed_up, brought_back)


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


def test_all_is_counted(proof: Proof) -> None:
    told = proof.backed_up["topics"]
    assert proof.backed_up["changed"]
    assert told["topics"] == len(NAMES)
    assert told["partitions"] == sum(len(contents) for contents in proof.source.values())
    assert proof.brought_back["changed"]
    records = sum(len(partition) for contents in proof.restored.values() for partition in contents.values())
    assert proof.brought_back["topics"]["records"] == records


def test_nothing_new_makes_no_restore_point(proof: Proof) -> None:
    again = proof.copies.back_up(*NAMES)
    assert not again["changed"]
    assert again["backup"]["restore_point"] == proof.backed_up["backup"]["restore_point"]


def test_a_finished_restore_changes_nothing(proof: Proof) -> None:
    again = proof.copies.restore(*NAMES)
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
