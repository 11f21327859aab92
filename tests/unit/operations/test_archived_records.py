# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore sends of an archived partition: the window, transactions, and what is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.operations.archived import Archive, batch, marker, numbered, transactional

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Damaged
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations import archived_records
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.archived_records import ArchivedRecords


def sent(archive: Archive, *, committed: bool = True, skip: bool = False) -> list[int]:
    """The source offsets of all records that are sent."""
    records = ArchivedRecords(archive.reader(), archive.partition, committed=committed, skip_damaged=skip)
    first = [offset for outgoing in records.outgoing() for offset in outgoing.offsets]
    assert first == [offset for outgoing in records.outgoing() for offset in outgoing.offsets]
    return first


def test_all_batches_are_sent_in_order(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ([numbered(0, 3), numbered(3, 2)], 5), ([numbered(5, 4)], 9))
    assert sent(archive) == list(range(9))
    assert archive.partition.is_plain
    assert archive.partition.records == 9
    assert archive.partition.bytes == len(numbered(0, 3) + numbered(3, 2) + numbered(5, 4))


def test_what_lies_before_the_start_is_not_sent(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ([numbered(0, 3), numbered(3, 4)], 7), start=5)
    assert sent(archive) == [5, 6]


def test_offsets_without_records_are_passed_over(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ([numbered(2, 2), numbered(8, 1)], 12), ([], 20), ([numbered(30, 1)], 31))
    assert sent(archive) == [2, 3, 8, 30]
    assert not archive.partition.is_plain


def test_batches_larger_than_a_piece_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archived_records, "PIECE_BYTES", 200)
    large = batch(1, [b"x" * 700])
    archive = Archive(tmp_path, ([numbered(0, 1), large, numbered(2, 1), batch(3, [b"y" * 350])], 4))
    assert sent(archive) == [0, 1, 2, 3]


def test_aborted_and_undecided_records_are_left_out(tmp_path: Path) -> None:
    first = [transactional(0, 2, 7), transactional(2, 2, 8), numbered(4, 1)]
    second = [marker(5, 7, commit=False), marker(6, 8, commit=True), transactional(7, 2, 7)]
    third = [marker(9, 7, commit=True), transactional(10, 1, 8)]
    archive = Archive(tmp_path, (first, 5), (second, 9), (third, 11))
    assert archive.partition.has_transactions
    assert sent(archive) == [2, 3, 4, 7, 8]
    assert sent(archive, committed=False) == [0, 1, 2, 3, 4, 7, 8, 10]


def test_damage_is_an_error_before_anything_of_the_slice(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ([numbered(0, 3)], 3), ([numbered(3, 3)], 6))
    archive.damage(1)
    records = ArchivedRecords(archive.reader(), archive.partition, committed=True)
    offsets = []
    with pytest.raises(Damaged, match="offsets 3 to 5 of partition 0 of topic orders") as raised:
        offsets += [outgoing.first_offset for outgoing in records.outgoing()]
    assert raised.value.facts["start"] == 3
    assert raised.value.facts["next"] == 6


def test_damage_is_left_out_and_told(tmp_path: Path) -> None:
    archive = Archive(tmp_path, ([numbered(0, 3)], 3), ([numbered(3, 3)], 6), ([numbered(6, 2)], 9))
    archive.damage(1)
    records = ArchivedRecords(archive.reader(), archive.partition, committed=True, skip_damaged=True)
    assert [outgoing.first_offset for outgoing in records.outgoing()] == [0, 6]
    assert [(lost.start, lost.next) for lost in records.lost] == [(3, 6)]
    list(records.outgoing())
    assert len(records.lost) == 1


def left_out(archive: Archive) -> tuple[list[int], list[tuple[int, int, bool]]]:
    """What is sent in spite of damage, and what is told to be left out, and whether for want of a marker."""
    records = ArchivedRecords(archive.reader(), archive.partition, committed=True, skip_damaged=True)
    offsets = [offset for outgoing in records.outgoing() for offset in outgoing.offsets]
    told = [(lost.start, lost.next, lost.reason == archived_records.UNKNOWN_OUTCOME) for lost in records.lost]
    list(records.outgoing())
    assert len(records.lost) == len(told)
    return offsets, told


def test_aborted_records_do_not_come_back_when_their_marker_is_lost(tmp_path: Path) -> None:
    first = [transactional(0, 2, 7), transactional(2, 2, 7), numbered(4, 1)]
    third = [transactional(7, 2, 7), marker(9, 7, commit=True), numbered(10, 1)]
    archive = Archive(tmp_path, (first, 5), ([marker(5, 7, commit=False), numbered(6, 1)], 7), (third, 11))
    archive.damage(1)
    assert left_out(archive) == ([4, 7, 8, 10], [(0, 4, True), (5, 7, False)])


def test_committed_records_are_told_to_be_left_out_when_their_marker_is_lost(tmp_path: Path) -> None:
    first = [transactional(1, 2, 7), numbered(3, 1), transactional(4, 1, 7), transactional(5, 1, 8)]
    second = [marker(6, 7, commit=True), marker(7, 8, commit=True)]
    archive = Archive(tmp_path, (first, 6), (second, 8), ([numbered(8, 1), transactional(9, 1, 7)], 10), start=2)
    archive.damage(1)
    assert left_out(archive) == ([3, 8], [(2, 3, True), (4, 6, True), (6, 8, False)])
    assert sent(archive, committed=False, skip=True) == [2, 3, 4, 5, 8, 9]


def test_a_lost_piece_without_markers_leaves_transactions_open(tmp_path: Path) -> None:
    third = [marker(5, 7, commit=True), marker(6, 8, commit=False)]
    first = [transactional(0, 2, 7), transactional(2, 1, 8)]
    archive = Archive(tmp_path, (first, 3), ([transactional(3, 2, 7)], 5), (third, 7))
    archive.damage(1)
    assert left_out(archive) == ([0, 1], [(3, 5, False)])


def test_a_marker_that_cannot_be_read_is_a_lost_one(tmp_path: Path) -> None:
    broken = bytearray(marker(2, 7, commit=True))
    broken[61] ^= 0xFF  # the length of its record
    later = [transactional(3, 1, 7), marker(4, 7, commit=True)]
    archive = Archive(tmp_path, ([transactional(0, 2, 7), sealed(broken), *later], 5))
    records = ArchivedRecords(archive.reader(), archive.partition, committed=True)
    with pytest.raises(Damaged):
        list(records.outgoing())
    assert left_out(archive) == ([3], [(0, 2, True)])


def test_a_batch_that_cannot_be_unpacked_is_damage_too(tmp_path: Path) -> None:
    broken = bytearray(numbered(3, 3, codec=3))
    broken[70] ^= 0xFF
    archive = Archive(tmp_path, ([numbered(0, 3)], 3))
    good = archive.partition
    other = Archive(tmp_path / "other", ([sealed(broken)], 6), start=4)  # the window's edge makes it be built anew
    records = ArchivedRecords(other.reader(), other.partition, committed=True)
    with pytest.raises(Damaged) as raised:
        list(records.outgoing())
    assert (raised.value.facts["topic"], raised.value.facts["partition"]) == good.key
    records = ArchivedRecords(other.reader(), other.partition, committed=True, skip_damaged=True)
    assert list(records.outgoing()) == []
    assert [(lost.start, lost.next) for lost in records.lost] == [(3, 6)]


def sealed(data: bytearray) -> bytes:
    from ansible_collections.lifeboat.kafka.plugins.module_utils._records.build import seal

    seal(data)
    return bytes(data)
