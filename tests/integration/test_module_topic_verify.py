# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module topic_verify on a real broker: what is as it was backed up, and what is not and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from testbed.archives import tree
from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.modules import run_module
from testbed.records import KINDS, Message, Place, make, numbered, send, send_in_transactions
from testbed.topics import COMPACTED, compact


def topic(copies: Copies, name: str, records: int = 40, **configs: object) -> str:
    """Make a topic of this test alone, with records, and back it up."""
    name = f"{copies.prefix}{name}-source"
    copies.topics.create(name, 2, {key.replace("_", "."): value for key, value in configs.items()})
    send(copies.source.client, name, numbered(records, partitions=2), compression_type="lz4")
    copies.back_up(name)
    return name


def itself(copies: Copies, name: str, **options: Any) -> dict[str, Any]:
    """Compare the topic that was backed up."""
    return copies.verify(name, topic_mapping={}, **options)


def failed(copies: Copies, *topics: str, **options: Any) -> dict[str, Any]:
    given = copies.restore_options(*topics)
    kept = {name: given[name] for name in ("kafka", "topics", "topic_mapping", *copies.common)}
    return run_module("topic_verify", **{**kept, **options}).failed()


def imitate(copies: Copies, name: str, **changes: dict[str, Any]) -> None:
    """Make a copy of partition 0 by hand, with the given records changed or, where there is no change, left out."""
    copies.topics.create(copies.name(name), 2)
    messages = []
    for number, record in enumerate(copies.contents(name)[0]):
        change: dict[str, Any] | None = changes.get(f"r{number}", {})
        if change is not None:
            made = Message(record.key, record.value, list(record.headers), record.timestamp)
            messages.append(made._replace(**change))
    send(copies.target.client, copies.name(name), messages)
    rest = [Message(each.key, each.value, [], each.timestamp, 1) for each in copies.contents(name)[1]]
    send(copies.target.client, copies.name(name), rest)


def test_every_kind_of_topic_is_as_it_was_backed_up(copies: Copies, kafka: Kafka) -> None:
    """Offset by offset, and as restored copies."""
    place = Place.of(kafka)
    names = {kind: f"{copies.prefix}{kind}" for kind in KINDS}
    for kind, name in names.items():
        make(place, kind, name)
    copies.back_up(*names.values())
    told = itself(copies, f"{copies.prefix}*")
    assert (told["topics"]["topics"], told["differences"]) == (len(KINDS), [])
    committed = sum(len(of) for name in names.values() for of in copies.contents(name).values())
    everything = sum(
        len(of) for name in names.values() for of in copies.contents(name, isolation="uncommitted").values()
    )
    assert told["topics"]["records"] == everything > committed
    copies.restore(*names.values())
    told = copies.verify(*names.values())
    assert (told["topics"]["records"], told["differences"]) == (committed, [])


def test_it_only_reads(copies: Copies) -> None:
    name = topic(copies, "read")
    before = tree(copies.store), copies.topics.names()
    options = {**copies.common, "kafka": copies.source.options, "topics": [name]}
    told = run_module("topic_verify", check=True, **options).succeeded()
    assert not told["changed"]
    assert told == run_module("topic_verify", **options).succeeded()
    assert (tree(copies.store), copies.topics.names()) == before


def test_newer_and_trimmed_records_are_counted(copies: Copies) -> None:
    name = topic(copies, "lives")
    copies.restore(name)
    for each in (name, copies.name(name)):
        send(copies.source.client, each, numbered(6, partitions=2, first=500))
        copies.topics.trim(each, {0: 5})
    for told in (itself(copies, name)["topics"], copies.verify(name)["topics"]):
        assert (told["records"], told["newer"], told["trimmed"], told["differing"]) == (35, 6, 5, 0)
    (warning,) = copies.verify(name)["warnings"]
    assert "5 records of the restore point are no longer in the cluster: 5 before the first offsets" in warning


def test_all_may_be_trimmed(copies: Copies) -> None:
    name = topic(copies, "gone")
    send(copies.source.client, name, numbered(6, partitions=2, first=500))
    copies.topics.trim(name, {0: 22, 1: 20})
    told = itself(copies, name)["topics"]
    assert (told["records"], told["trimmed"], told["newer"], told["differing"]) == (0, 40, 4, 0)


def test_compacted_topics_may_lack_records(copies: Copies, kafka: Kafka) -> None:
    name = f"{copies.prefix}compacted"
    copies.topics.create(name, 1, COMPACTED)
    send(copies.source.client, name, numbered(40, keys=10))
    copies.back_up(name)
    copies.restore(name)
    for each in (name, copies.name(name)):
        compact(copies.topics, kafka.data, each)
    left = len(copies.contents(name)[0])
    for told in (itself(copies, name)["topics"], copies.verify(name)["topics"]):
        assert told["records"] + told["compacted"] == 40
        assert 0 < told["records"] <= left
        assert (told["trimmed"], told["differing"]) == (0, 0)


def test_no_topic_may_lack_its_end(copies: Copies) -> None:
    """Compaction lowers no log end: a topic that is empty, or made anew, is not what was backed up."""
    name = f"{copies.prefix}emptied"
    copies.topics.create(name, 1, COMPACTED)
    send(copies.source.client, name, numbered(40, keys=10))
    copies.back_up(name)
    copies.topics.recreate(name)
    for records, lacking in ((0, 0), (5, 0)):
        send(copies.source.client, name, numbered(records, first=900))
        told = failed(copies, name, topic_mapping={})["failure"]
        assert told["topics"]["compacted"] == lacking
        assert told["differences"][-1]["records"] == told["topics"]["differing"] == 40
    assert told["differences"][-1]["what"] == "timestamp"


def test_the_journal_tells_where_a_copy_begins_and_whether_it_is_whole(copies: Copies, tmp_path: Path) -> None:
    name = topic(copies, "journaled")
    journal = tmp_path / "journal"
    copies.topics.create(copies.name(name), 2)
    send(copies.target.client, copies.name(name), numbered(6, partitions=2, first=700))
    copies.restore(name, on_existing="append", journal=str(journal))
    assert failed(copies, name)["failure"]["code"] == "topics_differ"
    told = copies.verify(name, journal=str(journal))
    assert (told["topics"]["records"], told.get("warnings", [])) == (40, [])
    (document,) = journal.rglob(f"topics/{copies.name(name)}.json")
    document.write_text(document.read_text().replace('"done"', '"verified"'))
    (warning,) = copies.verify(name, journal=str(journal))["warnings"]
    assert f"The restore of 1 topic has not ended: {copies.name(name)}." in warning
    assert "Run the restore again" in warning
    assert failed(copies, name, journal="here")["failure"] == {"code": "invalid_option", "object": "journal"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"timestamp": 7}, "timestamp"),
        ({"key": None}, "key"),
        ({"value": b"other"}, "value"),
        ({"headers": [("h", b"1")]}, "headers"),
    ],
)
def test_a_record_that_differs_is_named(copies: Copies, change: dict[str, Any], what: str) -> None:
    name = topic(copies, "differs")
    imitate(copies, name, r7=change)
    told = failed(copies, name)
    assert told["failure"]["code"] == "topics_differ"
    target = copies.name(name)
    difference = {"topic": name, "target": target, "partition": 0, "offset": 7, "target_offset": 7, "what": what}
    assert told["failure"]["differences"] == [{**difference, "records": 1}]
    assert f"topic '{target}', partition 0: the record at offset 7 has another {what}" in told["msg"]
    assert told["failure"]["topics"]["records"] == 39
    quiet = copies.verify(name, fail_on_difference=False)
    assert quiet["differences"] == told["failure"]["differences"]
    assert copies.verify(name, fail_on_difference=False, partitions=[1])["differences"] == []


def test_missing_and_unexpected_records_are_named(copies: Copies) -> None:
    name = topic(copies, "short")
    target = copies.name(name)
    copies.topics.create(target, 2)
    send(copies.target.client, target, [message for message in numbered(40, partitions=2) if message.partition])
    told = copies.verify(name, fail_on_difference=False)
    (difference,) = told["differences"]
    assert (difference["partition"], difference["offset"], difference["what"]) == (0, 0, "missing")
    assert difference["records"] == told["topics"]["differing"] == 20
    copies.topics.recreate(target)
    doubled = [message for message in numbered(40, partitions=2) for _time in range(1 + (message.key == b"38"))]
    send(copies.target.client, target, doubled)
    told = copies.verify(name, fail_on_difference=False)
    assert (told["differences"], told["topics"]["newer"]) == ([], 1)  # behind all that was restored


def test_records_that_were_rewritten_under_the_same_offsets_are_named(copies: Copies) -> None:
    """The topic is made anew: it is no longer the one that was backed up, and not a copy either."""
    name = topic(copies, "rewritten")
    copies.topics.recreate(name)
    send(copies.source.client, name, numbered(40, partitions=2, first=100))
    told = failed(copies, name, topic_mapping={})
    assert [each["what"] for each in told["failure"]["differences"]] == ["timestamp"] * 2


def test_topics_that_are_not_there_or_narrower_are_named(copies: Copies) -> None:
    first, second = topic(copies, "absent"), topic(copies, "narrow")
    copies.back_up(first, second)
    copies.topics.create(copies.name(second), 1)
    told = failed(copies, first, second)
    assert [each["what"] for each in told["failure"]["differences"]] == ["missing_topic", "partitions", "missing"]
    assert f"there is no topic '{copies.name(first)}'" in told["msg"]
    assert f"topic '{copies.name(second)}' has fewer partitions" in told["msg"]


def test_another_restore_point_is_hinted_at(copies: Copies) -> None:
    name = topic(copies, "earlier")
    copies.restore(name)
    send(copies.source.client, name, numbered(5, first=300))
    copies.back_up(name)
    assert "restored from restore point 1" in failed(copies, name)["msg"]
    assert copies.verify(name, restore_point=1)["differences"] == []
    assert failed(copies, "no-such-topic", topic_mapping={})["failure"] == {
        "code": "not_found",
        "object": "prod/latest",
    }


def test_copies_with_aborted_records(copies: Copies) -> None:
    name = f"{copies.prefix}aborted"
    copies.topics.create(name, 2)
    aborted, kept = numbered(9, partitions=2), numbered(8, partitions=2, first=100)
    send_in_transactions(copies.source.client, name, ("abort", aborted), ("commit", kept))
    copies.back_up(name)
    copies.restore(name, isolation="uncommitted")
    assert copies.verify(name, isolation="uncommitted")["topics"]["records"] == 17
    assert failed(copies, name)["failure"]["code"] == "topics_differ"
