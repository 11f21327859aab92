# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message sets of magic 0 and 1 in a broker's log: Kafka 4 writes no more of them, but still hands them out."""

from __future__ import annotations

import pytest
from unit.records.kafka_python import written_legacy

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Want, Wire
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record, decode
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.scan import scan
from testbed.kafka import Kafka
from testbed.reading import read_topic
from testbed.topics import Topics, wait_for

KINDS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]
LOGS = {
    f"old-{magic}-{codec}": b"".join(
        written_legacy(
            [Record(base + at, 1_700_000_000_000 + at, b"k%d" % at, b"v" * 50, ()) for at in (0, 1, 2, 5)],
            magic=magic,
            codec=codec,
            append_time=1_700_000_000_999 if magic and base == 30 else None,
        )
        for base in (0, 10, 30)
    )
    for magic, codec in KINDS
}


@pytest.fixture(scope="module")
def broker():
    """A broker with old segments, laid into its folders while it was down."""
    with Kafka() as broker:
        topics = Topics(broker.client)
        topics.create_many(dict.fromkeys(LOGS, 1))
        folders = {topic: broker.data / f"{topic}-0" for topic in LOGS}
        wait_for(
            lambda: all("topic_id" in (each / "partition.metadata").read_text() for each in folders.values()),
            "the folders of the topics",
        )
        broker.kill()
        for topic, folder in folders.items():
            for file in folder.iterdir():
                if file.name != "partition.metadata":
                    file.unlink()
            (folder / f"{0:020d}.log").write_bytes(LOGS[topic])
        broker.restart()
        yield broker


@pytest.mark.parametrize("topic", LOGS)
def test_old_entries_are_fetched_and_read(broker, topic):
    with Wire(KafkaSettings.from_options(broker.options)) as wire:
        assert wire.offsets("latest", [(topic, 0)]) == {(topic, 0): 36}
        want = Want(topic, wire.topics([topic])[topic].topic_id, 0, 0, 1 << 20)
        (answer,) = wire.run(wire.fetch(1, [want], max_bytes=1 << 20, max_wait=1, min_bytes=1, isolation="uncommitted"))
        data = bytes(answer.records)
    assert data == LOGS[topic]
    found = scan(data, 0, len(data), expected=0, stop=36)
    assert (found.records, found.next_offset, found.bytes, found.legacy) == (12, 36, len(data), found.batches)
    mine = [record for batch in batches(data) for record in decode(data, batch)]
    consumed = read_topic(broker.client, topic)[0]
    assert [(each.offset, each.key, each.value) for each in mine] == [
        (each.offset, each.key, each.value) for each in consumed
    ]
    if topic.startswith("old-1"):  # librdkafka gives 0 for the time that magic 0 does not have
        assert [each.timestamp for each in mine] == [each.timestamp for each in consumed]
