# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing the same to many things, some at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.parallel import do_in_order, map_concurrently


@pytest.mark.parametrize("threads", [1, 4, 50])
def test_keeps_the_order(threads):
    assert map_concurrently(lambda n: n * n, range(20), threads) == [n * n for n in range(20)]


def test_nothing_to_do():
    assert map_concurrently(lambda n: n, [], 4) == []


def test_works_on_several_at_once():
    together = threading.Barrier(4, timeout=30)  # breaks unless four are under way
    assert map_concurrently(lambda n: together.wait() >= 0, range(4), 4) == [True] * 4


@pytest.mark.parametrize("threads", [1, 3])
def test_raises_the_first_error_and_begins_no_more(threads):
    begun = []

    def fail(number):
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        map_concurrently(fail, range(1000), threads)
    assert len(begun) <= threads


def test_each_number_waits_for_what_it_needs_and_lower_ones_go_first() -> None:
    for threads in (1, 2, 5):
        done: list[int] = []
        do_in_order(done.append, [(), (0,), (), (0, 2), (1, 3)], threads)
        assert sorted(done) == [0, 1, 2, 3, 4]
        assert all(done.index(low) < done.index(high) for low, high in [(0, 1), (0, 3), (2, 3), (1, 4), (3, 4)])
    alone: list[int] = []
    do_in_order(alone.append, [()] * 5, 1)
    assert alone == [0, 1, 2, 3, 4]


def test_what_needs_nothing_of_each_other_is_under_way_together() -> None:
    together = threading.Barrier(3, timeout=30)  # breaks unless three are under way
    do_in_order(lambda number: together.wait() if number else None, [(), (0,), (0,), (0,)], 3)


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_is_begun_after_an_error(threads: int) -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        do_in_order(fail, [()] * 1000, threads)
    assert len(begun) <= threads


def test_what_waits_for_a_failed_one_is_not_begun_and_what_is_under_way_is_awaited() -> None:
    other_began, failed = threading.Event(), threading.Event()
    finished: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            assert other_began.wait(30)
            failed.set()
            raise ValueError(number)
        other_began.set()
        assert failed.wait(30)
        finished.append(number)

    with pytest.raises(ValueError, match=r"^0$"):
        do_in_order(work, [(), (), (0,)], 2)
    assert finished == [1]


def test_what_is_under_way_is_awaited_when_the_program_is_interrupted() -> None:
    began, go_on = threading.Event(), threading.Event()
    begun: list[int] = []
    finished: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        began.set()
        assert go_on.wait(30)
        finished.append(number)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        assert began.wait(30)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.1)  # long enough for who does not wait to be gone
        go_on.set()

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            do_in_order(work, [()] * 1000, 2)
        assert sorted(finished) == sorted(begun)
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
