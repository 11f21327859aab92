# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring into topics that others have made: whatever happens, they do not stay without retention and compaction."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.kafka_proxy import INCREMENTAL_ALTER_CONFIGS, LIST_OFFSETS, PRODUCE, Fault, KafkaProxy

from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.modules import Outcome, run_module, start_module
from testbed.records import Message, numbered, open_transaction, send

OWN = {"cleanup.policy": "compact,delete", "retention.ms": "66000000000", "max.compaction.lag.ms": "65000000000"}


class Bed:
    """A backed-up topic, and another one at the target that has records of its own."""

    def __init__(self, kafka: Kafka, proxy: KafkaProxy, folder: Path) -> None:
        self.copies = Copies(kafka, folder / "store", prefix=f"{folder.name}-")
        self.proxy = proxy
        self.source = f"{folder.name}.source"
        self.target = self.copies.name(self.source)
        self.copies.topics.create(self.source, 2)
        for turn in range(4):  # several batches, so that there is more than one request
            send(kafka.client, self.source, numbered(500, partitions=2, first=500 * turn))
        self.copies.back_up(self.source)
        self.copies.topics.create(self.target, 2, OWN)
        self.write()

    def write(self) -> None:
        """What somebody else does."""
        send(
            self.copies.target.client,
            self.target,
            [Message(b"k", b"mine", partition=0), Message(b"k", b"mine", partition=1)],
        )

    def options(self, **more: Any) -> dict[str, Any]:
        return self.copies.restore_options(self.source, **{"on_existing": "append", **more})

    def failed(self, **more: Any) -> dict[str, Any]:
        check = more.pop("check", False)
        return run_module("topic_restore", check=check, **self.options(**more)).failed()

    def end_in_the_middle(self, number: signal.Signals = signal.SIGKILL) -> Outcome:
        running = None

        def kill() -> None:
            assert running is not None
            os.kill(running.pid, number)

        fault = self.proxy.add(Fault(PRODUCE, nth=2, after=kill, swallow=True))
        running = start_module("topic_restore", **self.options(kafka=self.proxy.options))
        ended = running.wait()
        assert fault.happened
        assert self.configs()["retention.ms"] == "-1"
        return ended

    def configs(self) -> dict[str, str]:
        return self.copies.topics.configs(self.target)


@pytest.fixture
def bed(kafka: Kafka, tmp_path: Path) -> Iterator[Bed]:
    with KafkaProxy(kafka) as proxy:
        yield Bed(kafka, proxy, tmp_path)


def test_another_writer_ends_the_restore_and_the_topic_keeps_its_own_configs(bed: Bed) -> None:
    fault = bed.proxy.add(Fault(PRODUCE, nth=2, after=bed.write))
    told = bed.failed(kafka=bed.proxy.options)
    assert fault.happened == 1
    assert told["failure"]["code"] == "foreign_records"
    assert "must not be deleted" in told["msg"]
    assert "has the configs again" in told["msg"]
    assert bed.configs() == OWN
    told = bed.failed()
    assert told["failure"]["code"] == "foreign_records"
    assert "elete the topic" not in told["msg"]
    document = next(bed.copies.store.glob(f"journal/*/topics/*{bed.target}*.json"))
    assert f"delete {document}" in told["msg"]
    document.unlink()
    before = {number: end for number, (_start, end) in bed.copies.topics.watermarks(bed.target).items()}
    run_module("topic_restore", **bed.options()).succeeded()
    after = {number: end for number, (_start, end) in bed.copies.topics.watermarks(bed.target).items()}
    assert {number: after[number] - before[number] for number in after} == {0: 1000, 1: 1000}
    assert bed.configs() == OWN


def test_configs_come_back_when_the_next_run_cannot_go_on(bed: Bed) -> None:
    bed.end_in_the_middle()
    bed.write()
    held = bed.configs()
    told = bed.failed(check=True)
    assert "not in check mode" in told["msg"]
    assert bed.configs() == held
    assert bed.failed()["failure"]["code"] == "foreign_records"
    assert bed.configs() == OWN


def test_what_somebody_else_has_set_meanwhile_stays(bed: Bed) -> None:
    bed.end_in_the_middle()
    bed.copies.topics.set(bed.target, retention_ms=77_000_000_000)
    bed.write()
    bed.failed()
    assert bed.configs() == {**OWN, "retention.ms": "77000000000"}


def test_a_wider_topic_gets_its_configs_back(bed: Bed) -> None:
    bed.end_in_the_middle()
    bed.copies.topics.widen(bed.target, 3)
    assert bed.failed()["failure"]["code"] == "partitions_differ"
    assert bed.configs() == OWN


def test_another_restore_is_told_how_to_give_the_first_one_up(bed: Bed) -> None:
    bed.end_in_the_middle()
    told = bed.failed(isolation="uncommitted")
    assert told["failure"]["code"] == "unfinished_restore"
    assert "to give it up, give the topic back its configs" in told["msg"]
    assert "retention.ms: 66000000000" in told["msg"]
    assert "delete the topic" not in told["msg"]
    run_module("topic_restore", **bed.options()).succeeded()
    assert bed.configs() == OWN


def test_an_interrupted_restore_tells_what_is_held_until_it_goes_on(bed: Bed) -> None:
    told = bed.end_in_the_middle(signal.SIGTERM).failed()
    assert f"retention and compaction are held off for {bed.target}" in told["msg"]
    run_module("topic_restore", **bed.options()).succeeded()
    assert bed.configs() == OWN


def test_a_topic_that_is_written_to_is_refused_before_anything_is_held(bed: Bed) -> None:
    fault = bed.proxy.add(Fault(LIST_OFFSETS, nth=2, after=bed.write))
    told = bed.failed(kafka=bed.proxy.options, check=True)
    assert fault.happened == 1
    assert told["failure"]["code"] == "active_producer"
    assert bed.configs() == OWN


def test_a_half_restored_topic_whose_journal_is_lost_is_recognised(bed: Bed) -> None:
    bed.end_in_the_middle()
    shutil.rmtree(bed.copies.store / "journal")
    told = bed.failed()
    assert told["failure"]["code"] == "held_configs"
    bed.copies.topics.set(bed.target, retention_ms=66_000_000_000)
    run_module("topic_restore", **bed.options()).succeeded()
    assert bed.configs()["retention.ms"] == "66000000000"


def test_transactions_that_are_not_decided_are_told(bed: Bed) -> None:
    with open_transaction(bed.copies.target.client, bed.target, [Message(b"k", b"open")]):
        told = run_module("topic_restore", check=True, **bed.options()).succeeded()
        assert any(f"appended to: {bed.target}/0. Consumers" in warning for warning in told["warnings"])
    told = run_module("topic_restore", check=True, **bed.options()).succeeded()
    assert not told.get("warnings")


def test_a_topic_that_is_widened_meanwhile_is_told(bed: Bed) -> None:
    bed.proxy.add(Fault(PRODUCE, nth=2, after=lambda: bed.copies.topics.widen(bed.target, 3)))
    told = run_module("topic_restore", **bed.options(kafka=bed.proxy.options)).succeeded()
    assert any("3 partitions while it was restored; it had 2" in warning for warning in told["warnings"])
    assert bed.configs() == OWN


def test_overrides_count_although_all_records_are_there(bed: Bed) -> None:
    """Killed when it has just given the topic its configs, and the journal does not say so yet."""
    target = f"{bed.target}.new"
    options = bed.options(topic_mapping={bed.source: target}, parallel=1)
    running = None

    def kill() -> None:
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    fault = bed.proxy.add(Fault(INCREMENTAL_ALTER_CONFIGS, after=kill))
    running = start_module("topic_restore", **{**options, "kafka": bed.proxy.options})
    assert running.wait().status == -signal.SIGKILL
    assert fault.happened == 1
    overrides = {"max.message.bytes": 2_000_000, "retention.ms": 55_000_000_000}
    told = run_module("topic_restore", **{**options, "config_overrides": overrides}).succeeded()
    assert told["topics"]["records"] == 0
    assert not any("Somebody" in warning for warning in told["warnings"])
    assert bed.copies.topics.configs(target) == {name: str(value) for name, value in overrides.items()}


def test_topics_that_only_the_restore_point_before_holds_are_told(bed: Bed) -> None:
    names = [f"{bed.source}.{number}" for number in range(2)]
    bed.copies.topics.create_many(dict.fromkeys(names, 1))
    bed.copies.back_up(f"{bed.source}.*")
    bed.copies.topics.delete(names[0])
    bed.copies.back_up(f"{bed.source}.*")
    options = bed.options(topics=[f"{bed.source}.*"], topic_mapping={"*": "new-*"})
    told = run_module("topic_restore", check=True, **options).succeeded()
    (warning,) = told["warnings"]
    assert "holds 1 topic of those that are asked for, which restore point 3 lacks" in warning
    assert f"{names[0]}. restore_point: 2 brings what is missing" in warning
    told = run_module("topic_restore", check=True, **{**options, "topics": [names[1]]}).succeeded()
    assert not told.get("warnings")
