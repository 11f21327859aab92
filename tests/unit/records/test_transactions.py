# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from unit.records import strategies
from unit.records.kafka_python import TRANSACTIONAL, marker, written
from unit.records.strategies import Piece, joined, undone

from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.transactions import Aborted, Outcomes


def outcomes(data: bytes) -> Aborted:
    observer = Outcomes()
    for batch in batches(data):
        observer.observe(data, batch)
    return observer.finish()


def covered(data: bytes) -> list[bool]:
    aborted = outcomes(data)
    return [aborted.covers(batch) for batch in batches(data)]


def work(offset: int, producer: int, epoch: int = 0) -> bytes:
    return written([Record(offset, 1, None, b"v", ())], flags=TRANSACTIONAL, producer=(producer, epoch, 0))


@given(strategies.logs(most=14))
def test_the_next_marker_of_its_producer_decides(log: list[Piece]) -> None:
    assert covered(joined(log)) == [undone(log, place) for place in range(len(log))]


def test_transactions_of_several_producers_overlap() -> None:
    log = work(0, 1) + work(1, 2) + marker(2, 1, 0) + work(3, 2) + work(4, 1) + marker(5, 1, 1) + marker(6, 2, 1)
    assert covered(log) == [True, False, False, False, False, False, False]
    assert len(outcomes(log)) == 1


def test_a_marker_of_a_later_epoch_ends_a_dead_producers_transaction() -> None:
    assert covered(work(0, 1, epoch=3) + marker(1, 1, 0, epoch=4) + work(2, 1, epoch=4) + marker(3, 1, 1, epoch=5)) == [
        True,
        False,
        False,
        False,
    ]


def test_what_is_not_decided_counts_as_aborted() -> None:
    log = work(0, 1) + marker(1, 1, 1) + work(2, 1) + work(3, 2) + work(4, 1)
    assert covered(log) == [False, False, True, True, True]
    assert len(outcomes(log)) == 2


def test_a_marker_whose_transaction_was_trimmed_says_nothing() -> None:
    assert covered(marker(5, 1, 0) + work(6, 1) + marker(7, 1, 1)) == [False, False, False]


def test_markers_of_the_cluster_end_nothing() -> None:
    assert covered(work(0, 1) + marker(1, 1, 2) + work(2, 1) + marker(3, 1, 1)) == [False] * 4


def test_an_idempotent_producer_without_transactions_is_never_covered() -> None:
    plain = written([Record(1, 1, None, b"v", ())], producer=(1, 0, 0))
    assert covered(work(0, 1) + plain + marker(2, 1, 0)) == [True, False, False]


def test_what_was_told_stays_when_more_is_observed() -> None:
    data = work(0, 1) + marker(1, 1, 0) + work(2, 1)
    observer = Outcomes()
    told = []
    for batch in batches(data):
        observer.observe(data, batch)
        told.append(len(observer.finish()))
    assert told == [1, 1, 2]


def test_what_is_open_where_markers_are_lost_is_unknown_and_what_follows_is_judged_anew() -> None:
    before, behind = work(0, 1) + work(1, 2) + marker(2, 2, 1), work(5, 1) + marker(6, 1, 1) + work(7, 1)
    observer = Outcomes()
    for batch in batches(before):
        observer.observe(before, batch)
    observer.lose(3)
    for batch in batches(behind):
        observer.observe(behind, batch)
    told = observer.finish()
    assert [told.is_unknown(batch) for batch in batches(before + behind)] == [True] + [False] * 5
    assert [told.covers(batch) for batch in batches(before + behind)] == [True] + [False] * 4 + [True]
