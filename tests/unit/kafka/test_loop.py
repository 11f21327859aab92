# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event loop: what runs together, in which order, and what is let through."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.loop import Loop, Slots


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


async def after(loop, pauses, value, log):
    for _pause in range(pauses):
        await loop.sleep(0)
    log.append(value)
    return value


def test_results_come_in_the_order_asked_for(loop):
    log = []
    results = loop.run(loop.gather(after(loop, 3, "a", log), after(loop, 1, "b", log), after(loop, 2, "c", log)))
    assert results == ["a", "b", "c"]
    assert log == ["b", "c", "a"]


def test_of_several_errors_the_first_asked_for_is_raised_after_all_have_ended(loop):
    log = []

    async def fail(pauses, error):
        await after(loop, pauses, error, log)
        raise error

    first, second = ValueError("first"), KeyError("second")
    with pytest.raises(ValueError, match="first"):
        loop.run(loop.gather(fail(2, first), fail(1, second), after(loop, 3, "fine", log)))
    assert log == [second, first, "fine"]


def test_nothing_is_left_when_a_loop_is_closed_in_the_middle(recwarn):
    loop, log = Loop(), []
    loop.call_soon(after(loop, 1000, "never", log))
    loop.run(after(loop, 1, "now", log))
    loop.close()
    assert log == ["now"]
    assert [str(warning.message) for warning in recwarn if "never awaited" in str(warning.message)] == []


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_end_that_meets_another_task_is_raised_all_the_same(loop, ending):
    async def interrupted():
        raise ending

    async def busy():
        loop.call_soon(interrupted())
        await loop.sleep(3600)

    with pytest.raises(ending):
        loop.run(busy())


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_end_does_not_wait_for_what_runs_together(loop, ending):
    async def interrupted():
        raise ending

    with pytest.raises(ending):
        loop.run(loop.gather(loop_forever(loop), interrupted()))


async def loop_forever(loop):
    while True:
        await loop.sleep(3600)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_an_end_that_meets_whoever_watches_a_socket_is_raised_all_the_same(loop, ending):
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def interrupted():
            raise ending

        loop.watch(ours, interrupted)
        theirs.send(b"x")
        with pytest.raises(ending):
            loop.run(loop.gather(after(loop, 1000, "never", [])))


def test_a_watched_socket_is_told_of_again_and_again(loop):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        received = []
        watcher = loop.watch(ours, lambda: received.append(ours.recv(1)))

        async def wait_for(count):
            while len(received) < count:
                await loop.sleep(0)

        theirs.send(b"abc")
        loop.run(wait_for(3))
        theirs.send(b"d")
        loop.run(wait_for(4))
        assert received == [b"a", b"b", b"c", b"d"]
        loop.cancel(watcher)
        loop.unregister_event(ours, 1)
        theirs.send(b"e")
        loop.run(after(loop, 3, None, []))
        assert len(received) == 4


def test_slots_are_given_in_the_order_of_asking(loop):
    slots, log, inside = Slots(2), [], set()

    async def work(number, pauses):
        await slots.take()
        inside.add(number)
        assert len(inside) <= 2
        log.append(number)
        await after(loop, pauses, None, [])
        inside.remove(number)
        slots.give_back()

    loop.run(loop.gather(*(work(number, 7 - number) for number in range(7))))
    assert log == list(range(7))
