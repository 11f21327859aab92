# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topic_restore on a real broker: what it makes of topics, what it tells, and what it refuses.

That every kind of record comes back is proven in test_topic_proofs_kinds.py, kills and lost answers in tests/faults/.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from faults.kafka_proxy import PRODUCE, Fault, KafkaProxy

from testbed.archives import tree
from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.modules import run_module, start_module
from testbed.reading import check_same, read_topic
from testbed.records import BEGAN, Message, numbered, send, send_in_transactions
from testbed.topics import COMPACTED, compact

HELD = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "compression.type": "producer"}


def topic(copies: Copies, name: str, partitions: int = 2, records: int = 40, **configs: object) -> str:
    """Make a topic of this test alone, with records, and back it up."""
    name = f"{copies.prefix}{name}-source"
    copies.topics.create(name, partitions, {key.replace("_", "."): value for key, value in configs.items()})
    # Many records make several batches, so that a restore has more than one request.
    for first in range(0, records, 500):
        send(copies.source.client, name, numbered(min(500, records - first), partitions=partitions, first=first))
    copies.back_up(name)
    return name


def failed(copies: Copies, *topics: str, **more: Any) -> dict[str, Any]:
    return run_module("topic_restore", **copies.restore_options(*topics, **more)).failed()


def actions(result: dict[str, Any]) -> list[str]:
    return [each["action"] for each in result["plan"]]


# What becomes of topics


def test_check_mode_tells_the_plan_and_writes_nothing(copies: Copies) -> None:
    name = topic(copies, "checked", retention_ms=-1)
    names, files = copies.topics.names(), tree(copies.store)
    options = copies.restore_options(name)
    told = run_module("topic_restore", check=True, diff=True, **options).succeeded()
    assert (copies.topics.names(), tree(copies.store)) == (names, files)
    assert told["changed"]
    assert actions(told) == ["create"]
    assert (told["topics"]["records"], told["topics"]["created"]) == (40, 1)
    after = told["diff"]["after"][f"topic {copies.name(name)}"]
    assert after["configs"] == {"retention.ms": "-1"}
    assert (after["partitions"], after["records"]) == (2, 40)
    done = run_module("topic_restore", diff=True, **options).succeeded()
    assert (done["diff"], done["plan"], done["offset_map"]) == (told["diff"], told["plan"], told["offset_map"])
    again = run_module("topic_restore", check=True, diff=True, **options).succeeded()
    assert not again["changed"]
    assert "diff" not in again


def test_definitions_come_back_with_what_overrides_them(copies: Copies) -> None:
    name = topic(copies, "defined", retention_ms=77_000_000_000, segment_bytes=2_000_000, max_message_bytes=600_000)
    overrides = {"segment.bytes": 3_000_000, "max.message.bytes": None, "preallocate": False}
    copies.restore(name, config_overrides=overrides)
    assert copies.topics.configs(copies.name(name)) == {
        "retention.ms": "77000000000", "segment.bytes": "3000000", "preallocate": "false"
    }  # fmt: skip
    assert copies.topics.count(copies.name(name)) == 2


def test_retention_is_held_off_until_all_is_there(copies: Copies, proxy: KafkaProxy) -> None:
    """Killed half-way, a topic keeps what it has; the next run goes on, and gives it its own configs."""
    name = topic(copies, "held", records=2000, retention_ms=99_000_000_000, cleanup_policy="compact")
    running = None

    def kill() -> None:
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    proxy.add(Fault(PRODUCE, nth=2, after=kill, swallow=True))
    running = start_module("topic_restore", **copies.restore_options(name, kafka=proxy.options))
    assert running.wait().status == -signal.SIGKILL
    assert HELD.items() <= copies.topics.configs(copies.name(name)).items()
    done = copies.restore(name)
    assert actions(done) == ["go_on"]
    assert done["topics"]["records"] + done["topics"]["records_there"] == 2000
    assert copies.topics.configs(copies.name(name)) == copies.topics.configs(name)
    copies.check(name)


def test_an_empty_topic_is_used_and_keeps_its_configs(copies: Copies) -> None:
    name = topic(copies, "used", retention_ms=88_000_000_000)
    own = {"cleanup.policy": "compact,delete", "retention.ms": "66000000000", "message.timestamp.type": "LogAppendTime"}
    copies.topics.create(copies.name(name), 2, own)
    assert actions(copies.restore(name)) == ["fill"]
    assert copies.topics.configs(copies.name(name)) == own
    copies.check(name)


def test_a_topic_whose_records_are_gone_is_empty(copies: Copies) -> None:
    name = topic(copies, "emptied")
    target = copies.name(name)
    copies.topics.create(target, 2)
    send(copies.target.client, target, numbered(10, partitions=2))
    copies.topics.trim(target, {0: 5, 1: 5})
    done = copies.restore(name)
    assert [each["target_start"] for each in done["offset_map"]] == [5, 5]
    copies.check(name)


def test_records_of_others_are_refused_or_stay_in_front(copies: Copies) -> None:
    name = topic(copies, "others")
    target = copies.name(name)
    copies.topics.create(target, 2)
    send(copies.target.client, target, [Message(b"k", b"mine")])
    told = failed(copies, name)
    assert told["failure"]["code"] == "has_records"
    assert "on_existing: append" in told["msg"]
    assert copies.topics.watermarks(target) == {0: (0, 1), 1: (0, 0)}
    done = copies.restore(name, on_existing="append")
    assert actions(done) == ["append"]
    restored = copies.restored(name)
    assert restored[0][0].value == b"mine"
    check_same(copies.contents(name), {0: restored[0][1:], 1: restored[1]})
    assert not copies.restore(name, on_existing="append")["changed"]


def test_a_finished_restore_stays_as_it_is_while_the_topic_goes_on(copies: Copies) -> None:
    name = topic(copies, "living")
    copies.restore(name)
    send(copies.target.client, copies.name(name), numbered(7, partitions=2, first=500))
    again = copies.restore(name)
    assert not again["changed"]
    assert any("further records" in warning for warning in again["warnings"])
    copies.topics.delete(copies.name(name))
    assert actions(copies.restore(name)) == ["create"]
    copies.check(name)


def test_only_some_partitions(copies: Copies) -> None:
    name = topic(copies, "parts", partitions=3, records=30)
    first = copies.restore(name, partitions=[1])
    assert first["topics"]["records"] == 10
    assert {number: len(found) for number, found in copies.restored(name).items()} == {0: 0, 1: 10, 2: 0}
    assert not copies.restore(name, partitions=[1])["changed"]
    assert copies.restore(name)["topics"]["records"] == 20
    copies.check(name)
    told = failed(copies, name, partitions=[1, 3])
    assert told["failure"] == {"code": "not_found", "object": "3"}


def test_names_are_mapped(copies: Copies) -> None:
    first, second = topic(copies, "one"), topic(copies, "two")
    copies.back_up(first, second)
    names = [f"{copies.prefix}moved-one", f"{copies.prefix}two-source.bak"]
    mapping = {f"{copies.prefix}*": f"{copies.prefix}*.bak", first: names[0]}
    done = copies.restore(first, second, topic_mapping=mapping)
    assert [each["target"] for each in done["plan"]] == names
    for source, target in zip((first, second), names, strict=True):
        check_same(copies.contents(source), read_topic(copies.target.client, target))


def test_records_that_a_broker_packs_anew_are_compared_one_by_one(copies: Copies, proxy: KafkaProxy) -> None:
    name = topic(copies, "packed", records=0)
    send(copies.source.client, name, numbered(3000, partitions=2, size=300), compression_type="lz4", batch_size=20_000)
    copies.back_up(name)

    def repack() -> None:
        copies.topics.set(copies.name(name), compression_type="zstd")

    fault = proxy.add(Fault(PRODUCE, nth=2, after=repack))
    done = copies.restore(name, kafka=proxy.options)
    assert fault.happened == 1
    assert done["topics"]["records"] == 3000
    assert any("compression.type" in warning for warning in done["warnings"])
    copies.check(name)
    assert copies.topics.configs(copies.name(name)) == {"compression.type": "zstd"}


def test_no_more_is_written_a_second_than_allowed(copies: Copies) -> None:
    name = topic(copies, "slow", records=0)
    send(
        copies.source.client, name, numbered(2000, partitions=2, size=1000), batch_size=20_000, compression_type="none"
    )
    copies.back_up(name)
    began = time.monotonic()
    done = copies.restore(name, max_bytes_per_second=1_000_000)
    assert time.monotonic() - began > done["topics"]["bytes"] / 1_000_000 / 2
    assert done["topics"]["bytes"] > 1_000_000
    copies.check(name)


# Restore points


def test_the_latest_point_is_the_newest_that_holds_the_topics(copies: Copies) -> None:
    first = topic(copies, "early")
    second = topic(copies, "late")
    assert copies.restore(first)["backup"]["restore_point"] == 1
    assert copies.restore(second)["backup"]["restore_point"] == 2
    told = failed(copies, first, second)
    assert told["failure"]["code"] == "not_found"
    assert told["msg"].startswith(f"No such topic: {first}.")
    assert "no complete restore point" in told["msg"]
    assert "No such topic" in failed(copies, first, restore_point="2")["msg"]
    prefix = f"{copies.prefix}*"
    everything = copies.restore(prefix, topic_mapping={"*": "all-*"})
    assert [each["topic"] for each in everything["plan"]] == [second]


def test_a_pattern_that_matches_nothing_is_told(copies: Copies) -> None:
    name = topic(copies, "matched")
    told = copies.restore(name, "nothing-like-it-*", topic_mapping={name: copies.name(name)})
    assert any("nothing-like-it-*" in warning for warning in told["warnings"])
    assert "matches nothing-like-it-*" in failed(copies, "nothing-like-it-*", restore_point="1")["msg"]


def test_unfinished_work_goes_on_with_its_own_point(copies: Copies, proxy: KafkaProxy) -> None:
    name = topic(copies, "unfinished", records=2000)
    running = None

    def kill() -> None:
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    proxy.add(Fault(PRODUCE, nth=2, after=kill, swallow=True))
    before = copies.contents(name)
    running = start_module("topic_restore", **copies.restore_options(name, kafka=proxy.options))
    assert running.wait().status == -signal.SIGKILL
    send(copies.source.client, name, numbered(10, first=3000))
    copies.back_up(name)
    told = failed(copies, name, restore_point="2")
    assert told["failure"]["code"] == "unfinished_restore"
    assert told["failure"]["restore_point"] == 1
    done = copies.restore(name)
    assert done["backup"]["restore_point"] == 1
    assert any("gone on with" in warning for warning in done["warnings"])
    copies.check(name, before)
    told = failed(copies, name)  # by now the latest point is another one
    assert told["failure"]["code"] == "has_records"
    assert "it was restored from restore point 1 of the backup 'prod'" in told["msg"]


# What is refused before anything is written


def test_topics_of_registries_are_refused(copies: Copies) -> None:
    name = topic(copies, "ordinary")
    for target in ("_schemas", "__consumer_offsets", "_exporter_state"):
        told = failed(copies, name, topic_mapping={name: target})
        assert told["failure"] == {"code": "refused", "object": target}
    copies.topics.create("_exporter_of_tests")
    copies.back_up(name, "_exporter_of_tests")
    assert failed(copies, "_exporter_of_tests")["failure"]["object"] == "_exporter_of_tests"
    told = copies.restore("*", topic_mapping={"*": f"{copies.prefix}*"})
    assert [each["topic"] for each in told["plan"]] == [name]
    copies.topics.delete("_exporter_of_tests")


def test_what_the_target_would_not_take_is_told_before_anything_is_written(copies: Copies) -> None:
    name = topic(copies, "limited", max_message_bytes=5_000_000, min_insync_replicas=1)
    send(copies.source.client, name, [Message(b"k", os.urandom(2_000_000))], message_max_bytes=4_000_000)
    copies.back_up(name)
    names = copies.topics.names()
    for options, code, said in (
        ({"config_overrides": {"max.message.bytes": None}}, "too_large", "config_overrides: {max.message.bytes: 2000"),
        ({"config_overrides": {"max.message.bytes": 1_000_000}}, "too_large", "takes batches of up to 1000000 bytes"),
        ({"config_overrides": {"min.insync.replicas": 2}}, "not_enough_replicas", "min.insync.replicas: 1"),
        ({"config_overrides": {"retention.ms": "long"}}, "invalid_config", "config_overrides"),
        ({"config_overrides": {"no.such.config": 1}}, "invalid_config", "config_overrides"),
        ({"replication_factor": 3}, "not_enough_brokers", "another number is given with replication_factor"),
        ({"topic_mapping": {name: "a b"}}, "invalid_option", "no name of a topic"),
        ({"parallel": 0}, "invalid_option", "parallel must be 1 or more"),
        ({"max_bytes_per_second": -1}, "invalid_option", "max_bytes_per_second must be 0 or more"),
        ({"replication_factor": 10_001}, "invalid_option", "replication_factor must be 10000 or less"),
        ({"replication_factor": 10**20}, "invalid_option", "replication_factor must be 10000 or less"),
        ({"config_overrides": {"retention.ms": [1]}}, "invalid_option", "retention.ms must be a text"),
        ({"replication_factor": 0}, "invalid_option", "replication_factor must be 1 or more"),
    ):
        told = failed(copies, name, **options)
        assert (told["failure"]["code"], said in told["msg"]) == (code, True), told["msg"]
        assert run_module("topic_restore", check=True, **copies.restore_options(name, **options)).status == 1
    assert copies.topics.names() == names
    copies.restore(name)
    copies.check(name)


def test_another_number_of_partitions_is_refused(copies: Copies) -> None:
    name = topic(copies, "narrow")
    copies.topics.create(copies.name(name), 3)
    told = failed(copies, name)
    assert told["failure"] == {"code": "partitions_differ", "object": copies.name(name)}


def test_several_problems_are_told_together(copies: Copies) -> None:
    names = [topic(copies, f"problem-{number}") for number in range(3)]
    copies.back_up(*names)
    for name in names:
        copies.topics.create(copies.name(name), 3)
    assert f"2 more topics cannot be restored either: {copies.name(names[1])}, " in failed(copies, *names)["msg"]


def test_what_retention_will_delete_is_told(copies: Copies) -> None:
    name = topic(copies, "doomed", retention_ms=3_600_000_000_000)
    assert BEGAN < 1_790_000_000_000
    options = copies.restore_options(name, config_overrides={"retention.ms": 1000})
    told = run_module("topic_restore", check=True, **options).succeeded()
    assert any("about 40 of its records are deleted" in warning for warning in told["warnings"])
    assert not copies.restore(name).get("warnings")


def test_another_writer_to_unfinished_work_is_noticed(copies: Copies, proxy: KafkaProxy) -> None:
    name = topic(copies, "disturbed", records=2000)
    target = copies.name(name)
    fault = proxy.add(
        Fault(PRODUCE, nth=2, after=lambda: send(copies.target.client, target, numbered(2, partitions=2)))
    )
    told = failed(copies, name, kafka=proxy.options)
    assert fault.happened == 1
    assert told["failure"]["code"] == "foreign_records"
    assert "Somebody else" in told["msg"]
    assert failed(copies, name)["failure"]["code"] == "foreign_records"
    copies.topics.delete(target)
    copies.restore(name)
    copies.check(name)


def test_two_restores_at_once(copies: Copies, proxy: KafkaProxy) -> None:
    name, other = topic(copies, "first"), topic(copies, "second")
    refused: list[dict[str, Any]] = []
    fault = proxy.add(Fault(PRODUCE, after=lambda: refused.append(failed(copies, other))))
    copies.restore(name, kafka=proxy.options)
    assert fault.happened == 1
    assert [each["failure"]["code"] for each in refused] == ["busy"]
    copies.restore(other)


def test_a_journal_of_its_own(copies: Copies, tmp_path: Path) -> None:
    name = topic(copies, "journaled")
    before = tree(copies.store)
    journal = tmp_path / "journal"
    done = copies.restore(name, journal=str(journal))
    assert tree(copies.store) == before
    assert done["offset_map_folder"].startswith(str(journal))
    assert not copies.restore(name, journal=str(journal))["changed"]
    assert failed(copies, name)["failure"]["code"] == "has_records"
    assert failed(copies, name, journal="journal")["failure"] == {"code": "invalid_option", "object": "journal"}


# Offsets


def test_the_map_of_offsets_is_told_and_kept(copies: Copies) -> None:
    name = topic(copies, "mapped", records=0)
    send_in_transactions(copies.source.client, name, ("commit", numbered(4, partitions=2)), ("abort", numbered(4)))
    send(copies.source.client, name, [message._replace(partition=1) for message in numbered(3, first=50)])
    copies.topics.trim(name, {1: 1})
    copies.back_up(name)
    done = copies.restore(name)
    told = {each["partition"]: each for each in done["offset_map"]}
    assert told[0] == {
        "topic": name, "target": copies.name(name), "partition": 0, "source_start": 0, "target_start": 0, "records": 2,
        "shifted": True,
    }  # fmt: skip
    assert (told[1]["source_start"], told[1]["records"], told[1]["shifted"]) == (1, 4, False)
    (path,) = Path(done["offset_map_folder"]).iterdir()
    document = json.loads(path.read_text())
    runs = {each["partition"]: each["runs"] for each in document["partitions"]}
    assert runs == {0: [[0, 0, 2, 2]], 1: [[1, 0, 1, 1], [3, 1, 3, 3]]}
    compacted = f"{copies.prefix}compacted-source"
    copies.topics.create(compacted, 1, COMPACTED)
    send(copies.source.client, compacted, numbered(30, keys=4))
    assert isinstance(copies.source, Kafka)
    compact(copies.topics, copies.source.data, compacted)
    copies.back_up(compacted)
    source, told_of = copies.contents(compacted)[0], copies.restore(compacted)["offset_map"]
    restored = copies.restored(compacted)[0]
    assert told_of[0]["records"] == len(source) == len(restored)
