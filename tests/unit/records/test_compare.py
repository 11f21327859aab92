# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.records import strategies
from unit.records.kafka_python import LOG_APPEND_TIME, emptied, marker, written

from ansible_collections.lifeboat.kafka.plugins.module_utils._records import compare
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.batch import batches, read_batch
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.compare import Comparison, Difference
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.decode import Record
from ansible_collections.lifeboat.kafka.plugins.module_utils._records.outgoing import Outgoing, Rules, outgoing

FROM = 100  # where the target's offsets begin


def made(records: Sequence[Record], codec: int = 0) -> Outgoing:
    data = written(records, codec=codec)
    batch = read_batch(data)
    assert batch is not None
    (only,) = outgoing(data, batch, Rules(0, 1 << 62))
    return only


def cut(draw: st.DrawFn, records: Sequence[Record]) -> list[Sequence[Record]]:
    edges = sorted(draw(st.sets(st.integers(1, len(records)))) | {0, len(records)})
    return [records[first:last] for first, last in pairwise(edges)]


@st.composite
def streams(draw: st.DrawFn, wanted: Sequence[Record], found: Sequence[Record]) -> Comparison:
    """Hand two streams over, framed in batches of any size and codec, in any interleaving."""
    codec = st.sampled_from(strategies.CODECS)
    expected = [made(piece, draw(codec)) for piece in cut(draw, wanted)] if wanted else []
    placed = [record._replace(offset=FROM + number) for number, record in enumerate(found)]
    there = [written(piece, codec=draw(codec)) for piece in cut(draw, placed)] if placed else []
    there.append(marker(FROM + len(placed), 1, 1) + emptied(FROM + len(placed) + 1, FROM + len(placed) + 2))
    comparison = Comparison()
    while expected or there:
        if expected and (not there or draw(st.booleans())):
            comparison.expect(expected.pop(0))
        else:
            buffer = bytearray(b"\xff" * 3 + there.pop(0))
            for batch in batches(buffer, 3):
                comparison.found(buffer, batch)
            buffer[:] = bytes(len(buffer))  # the next answer of the broker
    return comparison


@given(strategies.records(most=12), st.data())
def test_equal_records_are_equal_in_any_batches(wanted: list[Record], data: st.DataObject) -> None:
    comparison = data.draw(streams(wanted, wanted))
    assert comparison.ahead == 0
    assert comparison.finish() is None
    assert comparison.records == len(wanted)


@given(strategies.records(most=12), st.data())
def test_the_first_difference_is_found(wanted: list[Record], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(wanted) - 1))
    record = wanted[place]
    what, other = data.draw(
        st.sampled_from(
            [
                ("key", record._replace(key=b"another" * 9)),
                ("value", record._replace(value=b"another" * 200)),
                ("headers", record._replace(headers=(*record.headers, ("one more", None)))),
                ("timestamp", record._replace(timestamp=record.timestamp + 1)),
            ]
        )
    )
    found = [*wanted[:place], other, *wanted[place + 1 :]]
    if data.draw(st.booleans()):
        found[place + 1 :] = [each._replace(key=b"later") for each in found[place + 1 :]]
    comparison = data.draw(streams(wanted, found))
    assert comparison.finish() == Difference(record.offset, FROM + place, what)
    assert comparison.records == place
    assert comparison.ahead == 0


@given(strategies.records(most=12), st.data())
def test_missing_and_unexpected_records_are_found(wanted: list[Record], data: st.DataObject) -> None:
    there = data.draw(st.integers(0, len(wanted) - 1))
    comparison = data.draw(streams(wanted, wanted[:there]))
    assert comparison.ahead == len(wanted) - there
    assert comparison.finish() == Difference(wanted[there].offset, None, "missing")
    comparison = data.draw(streams(wanted[:there], wanted))
    assert comparison.ahead == there - len(wanted)
    assert comparison.finish() == Difference(None, FROM + there, "unexpected")


def test_equal_bytes_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(compare, "decode")
    wanted = [Record(number, 1_000, None, b"v" * 100, ()) for number in range(10)]
    comparison = Comparison()
    for batch in batches(data := written(wanted, codec=4)):
        comparison.expect(made(wanted, 4))
        comparison.found(data, batch)
        comparison.found(data, batch)
        comparison.expect(made(wanted, 4))
    assert (comparison.finish(), comparison.records) == (None, 20)


def test_two_filtered_logs_are_compared() -> None:
    wanted = [Record(number, 1_000, None, b"%d" % number, ()) for number in range(5)]
    stamped = written(wanted, flags=LOG_APPEND_TIME, append_time=1_000)
    comparison = Comparison()
    comparison.expect(made(wanted[1:]))
    for batch in batches(stamped):
        for each in outgoing(stamped, batch, Rules(1, 4)):
            comparison.found_outgoing(each)
        for each in outgoing(stamped, batch, Rules(3, 5)):
            comparison.found_outgoing(each)
    assert comparison.finish() == Difference(4, 3, "value")


def test_nothing_equals_nothing() -> None:
    assert Comparison().finish() is None
