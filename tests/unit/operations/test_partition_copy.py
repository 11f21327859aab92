# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker makes of the brokers' answers: marks, holes, trimmed heads, damage, compaction, and no progress."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.segments import SegmentWriter
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.wire import Fetched
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.partition_copy import (
    MOST_ROUNDS,
    PartitionCopy,
    Piece,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.tombstones import Tombstones
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_plan import Isolation, PartitionPlan
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import build
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage

LINEAGE = "0" * 16


def batch(first: int, count: int = 1, epoch: int = 3) -> bytes:
    """A batch with records of some offsets."""
    data = bytearray(build([Record(0, 1000 + first + n, None, b"value", ()) for n in range(count)], codec=0))
    struct.pack_into(">q", data, 0, first)
    struct.pack_into(">i", data, 12, epoch)
    return bytes(data)


def batches(first: int, after: int) -> bytes:
    return b"".join(batch(offset) for offset in range(first, after))


def answer(records: bytes = b"", *, end: int = 1000, error: KafkaError | None = None, **values: Any) -> Fetched:
    fields: dict[str, Any] = {
        "code": 0 if error is None else 1,
        "high_watermark": end,
        "last_stable": end,
        "log_start": 0,
    }
    return Fetched(topic="t", partition=0, error=error, records=memoryview(records), **fields | values)


class Bed:
    """A segment writer, and what it has written in the end."""

    def __init__(self, folder: Path) -> None:
        self.store, _made = Store.initialise(FilesystemStorage(str(folder)))
        self.writer = SegmentWriter(self.store, "b")
        self.time = 1000.0

    def copy(
        self, position: int, mark: int, *, compacted: bool = False, isolation: Isolation = "committed"
    ) -> PartitionCopy:
        tombstones = Tombstones(50, 0, 0) if compacted else None
        plan = PartitionPlan("t", "", 0, tombstones, LINEAGE, "first", False, 0, position, mark, 1, 3, None)
        return PartitionCopy(plan, isolation, self._open, lambda: self.time)

    def _open(self, plan: PartitionPlan) -> Any:
        return self.writer.partition(plan.topic, plan.partition, plan.lineage, plan.position)

    def ended(self, copy: PartitionCopy) -> tuple[bytes, list[tuple[int, int]]]:
        """The bytes that were written, and the offsets that they cover."""
        copy.close()
        entries = self.writer.finish()
        data = b""
        for entry in entries:
            with self.store.storage.open(f"b/{entry.file}") as file:
                file.seek(entry.at)
                data += file.read(entry.length)
        return data, [(entry.facts["start"], entry.facts["next"]) for entry in entries]


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    made = Bed(tmp_path / "store")
    with made.writer:
        yield made


def take(copy: PartitionCopy, found: Fetched, *, is_first: bool = True) -> Piece | None:
    piece = copy.take(found, is_first=is_first)
    if piece is not None:
        copy.write(piece)
    return piece


def test_batches_up_to_the_mark_are_taken_and_no_more(bed: Bed) -> None:
    copy = bed.copy(0, 20)
    assert take(copy, answer(batch(0, 10))) is not None
    assert copy.position == 10
    assert not copy.done
    take(copy, answer(batch(10, 10) + batch(20, 10)))
    assert copy.done
    read = copy.result()
    assert (read.start, read.next, read.records, read.bytes) == (0, 20, 20, len(batch(0, 10) + batch(10, 10)))
    assert (read.last.base_offset, read.last.leader_epoch) == (10, 3) if read.last else False
    assert bed.ended(copy) == (batch(0, 10) + batch(10, 10), [(0, 20)])


def test_batch_across_the_mark_is_taken_whole(bed: Bed) -> None:
    copy = bed.copy(0, 15)
    take(copy, answer(batch(0, 10) + batch(10, 10)))
    assert copy.done
    assert copy.result().next == 20


def test_first_batch_may_begin_before_what_is_wanted(bed: Bed) -> None:
    copy = bed.copy(5, 10)
    take(copy, answer(batch(0, 10)))
    assert copy.done
    assert bed.ended(copy) == (batch(0, 10), [(5, 10)])


def test_what_is_cut_off_is_asked_for_again(bed: Bed) -> None:
    copy = bed.copy(0, 20)
    take(copy, answer(batch(0, 10) + batch(10, 10)[:-1]))
    assert copy.position == 10
    assert copy.want(100).offset == 10
    take(copy, answer(batch(10, 10)))
    assert copy.done


def test_holes_up_to_the_mark_are_covered(bed: Bed) -> None:
    copy = bed.copy(0, 20, compacted=True)
    take(copy, answer(batch(3, 2) + batch(25, 2), end=20))
    assert copy.done
    assert bed.ended(copy) == (batch(3, 2), [(0, 20)])


def test_log_that_ends_with_a_hole_is_covered_once_the_broker_had_its_turns(bed: Bed) -> None:
    copy = bed.copy(10, 20, compacted=True)
    for _turn in range(10):
        take(copy, answer(end=20), is_first=False)
    assert not copy.done
    for _turn in range(3):
        take(copy, answer(end=20))
    assert copy.done
    assert copy.problem is None
    assert bed.ended(copy) == (b"", [(10, 20)])


def test_nothing_below_the_mark_is_trouble_where_no_holes_can_be(bed: Bed) -> None:
    copy = bed.copy(10, 20)
    for turn in range(1, 6):
        copy.trouble = None  # as after a look at its leader
        take(copy, answer(end=20))
        assert (copy.trouble is not None) == (turn >= 3)
    assert copy.trouble is not None
    assert copy.trouble.code == "no_progress"
    assert "from offset 10 to 20" in copy.trouble.message
    assert copy.problem is None, "remote storage may be slow"
    take(copy, answer(batch(10, 10)))
    assert copy.done
    assert copy.trouble is None


def test_broker_that_has_not_caught_up_is_waited_for(bed: Bed) -> None:
    copy = bed.copy(10, 20)
    for _turn in range(10):
        take(copy, answer(end=15))
        assert copy.trouble is not None
        assert copy.problem is None
    take(copy, answer(batch(10, 10)))
    assert copy.done
    assert copy.trouble is None


def test_undecided_records_are_read_when_asked_for(bed: Bed) -> None:
    copy = bed.copy(0, 10, isolation="uncommitted")
    for _turn in range(3):
        take(copy, answer(end=0, high_watermark=10))
    assert copy.trouble is not None, "all replicas have them, so the broker must give them"
    assert "though there is more" in copy.trouble.message


def test_an_error_of_the_broker_is_trouble_and_moves_nothing(bed: Bed) -> None:
    copy = bed.copy(0, 10)
    take(copy, answer(error=KafkaError("Moved.", code="no_leader")))
    assert copy.trouble is not None
    assert (copy.position, copy.problem) == (0, None)


def test_damage_on_the_way_is_asked_for_again_but_not_for_ever(bed: Bed) -> None:
    broken = bytearray(batch(0, 10))
    broken[-1] ^= 1
    copy = bed.copy(0, 10)
    take(copy, answer(bytes(broken)))
    take(copy, answer(bytes(broken)))
    take(copy, answer(batch(0, 10)))
    assert copy.done
    copy = bed.copy(0, 10)
    for _turn in range(3):
        take(copy, answer(bytes(broken)))
    assert copy.problem is not None
    assert (copy.problem.code, copy.problem.facts["offset"]) == ("damaged_source", 0)


def test_trimmed_head_moves_the_start(bed: Bed) -> None:
    copy = bed.copy(0, 30)
    take(copy, answer(batch(0, 10)))
    copy.trim(20)
    take(copy, answer(batch(20, 10)))
    read = copy.result()
    assert (read.start, read.next, read.trimmed, read.settled) == (20, 30, True, True)
    assert bed.ended(copy) == (batch(0, 10) + batch(20, 10), [(0, 30)])


def test_partition_that_is_trimmed_beyond_its_mark_is_empty(bed: Bed) -> None:
    copy = bed.copy(0, 30)
    copy.trim(50)
    assert copy.done
    assert (copy.result().start, copy.result().next) == (30, 30)
    assert bed.ended(copy) == (b"", [(0, 30)])


def test_compacted_partition_is_read_to_the_end_that_it_had_at_the_mark(bed: Bed) -> None:
    copy = bed.copy(0, 10, compacted=True)
    # Offsets 3 to 5 were superseded while it was read: by what lies between 10 and 13.
    take(copy, answer(batches(0, 3) + batches(6, 10), end=13))
    assert not copy.done
    take(copy, answer(batches(10, 13), end=40))
    assert copy.done
    read = copy.result()
    assert (read.next, read.records, read.settled) == (13, 10, True)


def test_compacted_partition_is_read_on_while_records_are_taken_away(bed: Bed) -> None:
    copy = bed.copy(0, 10, compacted=True)
    take(copy, answer(batches(0, 10), end=20))
    take(copy, answer(batches(10, 12) + batches(15, 20), end=25))
    assert not copy.done
    take(copy, answer(batches(20, 22), end=30))
    take(copy, answer(batches(22, 25), end=30))
    assert copy.done
    assert copy.result().next == 25


def test_compacted_partition_whose_end_did_not_move_is_done(bed: Bed) -> None:
    copy = bed.copy(0, 10, compacted=True)
    take(copy, answer(batch(4, 6), end=10))
    assert copy.done
    assert copy.result().settled


def test_compaction_that_never_settles_is_told(bed: Bed) -> None:
    copy = bed.copy(0, 10, compacted=True)
    position = 10
    take(copy, answer(batch(9), end=20))
    for _round in range(MOST_ROUNDS):
        assert not copy.done
        position += 10
        take(copy, answer(batch(position - 1), end=position + 10))
    assert copy.done
    assert not copy.result().settled


@pytest.mark.parametrize(("seconds", "settled"), [(50, True), (51, False)])
def test_reading_longer_than_tombstones_stay_is_told(bed: Bed, seconds: float, settled: bool) -> None:
    copy = bed.copy(0, 10, compacted=True)
    take(copy, answer(batches(0, 3), end=10))
    bed.time += seconds
    take(copy, answer(batches(3, 10), end=10))
    assert copy.done
    assert copy.result().settled is settled


def test_history_is_that_of_the_last_batch(bed: Bed) -> None:
    copy = bed.copy(0, 20)
    assert copy.history_epoch == 3
    take(copy, answer(batch(0, 10, epoch=7)))
    assert copy.history_epoch == 7


def test_partition_that_could_not_be_read_writes_nothing_more(bed: Bed) -> None:
    copy = bed.copy(0, 20)
    copy.problem = KafkaError("Gone.")
    assert copy.done
    assert bed.ended(copy) == (b"", [])
