# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiving: answers cut out of what a socket brings, into memory that is used again."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.buffers import Buffers, Receiver

LIMIT = 1 << 20
LARGE = 100_000


def framed(answer):
    return struct.pack(">i", len(answer)) + answer


def receive(receiver, stream, sizes):
    """Feed a stream as a socket would: each time as much as there is room for, or less."""
    answers, at = [], 0
    while at < len(stream):
        space = receiver.space()
        assert len(space) > 0
        count = min(len(space), next(sizes), len(stream) - at)
        space[:count] = stream[at : at + count]
        at += count
        answers += receiver.received(count)
    return answers


def forever(sizes):
    while True:
        yield from sizes


@settings(deadline=None)
@given(
    lengths=st.lists(st.one_of(st.integers(0, 200), st.integers(16_000, 17_000), st.integers(60_000, 140_000))),
    sizes=st.lists(st.integers(1, 9)).map(lambda few: [*few, 20_000]),
)
def test_answers_come_out_as_they_went_in(lengths, sizes):
    answers = [bytes([number % 251]) * length for number, length in enumerate(lengths)]
    stream = b"".join(map(framed, answers))
    received = receive(Receiver(Buffers(), LIMIT, "kafka:9092"), stream, forever(sizes))
    assert [bytes(answer) for answer in received] == answers


def test_an_answer_of_the_largest_size_is_taken_and_one_byte_more_is_not():
    receiver = Receiver(Buffers(), 1000, "kafka:9092")
    assert len(receive(receiver, framed(b"x" * 1000), forever([5000]))) == 1
    with pytest.raises(KafkaError, match="1001 bytes, more than the 1000") as caught:
        receive(receiver, framed(b"x" * 1001), forever([5000]))
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request", b"\x15\x03\x03\x00\x02\x02\x50", b"\xff\xff\xff\xff"])
def test_what_is_not_kafka_is_said_to_be_not_kafka(answer):
    with pytest.raises(KafkaError, match="not Kafka's protocol") as caught:
        receive(Receiver(Buffers(), LIMIT, "kafka:9092"), answer, forever([100]))
    assert caught.value.code == "unreachable"


def address(view):
    return id(view.obj)


def test_memory_is_used_again_once_no_view_of_it_is_left():
    buffers = Buffers()
    first = buffers.take(LARGE)
    where = address(first)
    part = first[10:20]
    del first
    second = buffers.take(LARGE)
    assert address(second) != where
    del part
    third = buffers.take(LARGE)
    assert address(third) == where


def test_memory_in_use_keeps_its_content():
    buffers = Buffers()
    views = []
    for number in range(20):  # more than are kept for later
        view = buffers.take(LARGE)
        view[:] = bytes([number]) * LARGE
        views.append(view[:100])
        del view
    assert [bytes(view) for view in views] == [bytes([number]) * 100 for number in range(20)]


def test_memory_that_is_too_small_is_not_kept_besides_larger_memory():
    buffers = Buffers()
    sizes = [1 << 20, 2 << 20, 3 << 20]
    held = set()
    for size in sizes:
        view = buffers.take(size)
        assert len(view) == size
        held.add(address(view))
        del view
    again = buffers.take(sizes[0])
    assert len(again.obj) >= sizes[-1]
