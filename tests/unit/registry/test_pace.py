# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast requests follow each other, and how long a server is left alone."""

from __future__ import annotations

import threading

import httpx
import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import RegistryError
from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.pace import Pace


class FrozenClock:
    """Time stands still however long anybody sleeps; each sleep is noted."""

    def __init__(self):
        self.time = 100.0
        self.slept = []

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))


def in_threads(number, call):
    threads = [threading.Thread(target=call) for _number in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_requests_of_all_threads_have_turns_of_their_own():
    clock = FrozenClock()
    in_threads(20, Pace(4, clock).wait)
    assert sorted(clock.slept) == [number / 4 for number in range(1, 20)]


def test_what_was_not_used_is_not_saved_up():
    clock = FrozenClock()
    pace = Pace(10, clock)
    pace.wait()
    clock.time += 60
    for _number in range(3):
        pace.wait()
    assert clock.slept == [0.1, 0.2]


def test_without_a_rate_nobody_waits():
    clock = FrozenClock()
    in_threads(20, Pace(0, clock).wait)
    assert clock.slept == []


@pytest.mark.parametrize(("rate", "turns"), [(0, [7, 7, 7]), (2, [7, 7.5, 8])])
def test_all_threads_wait_for_the_end_of_a_pause(rate, turns):
    clock = FrozenClock()
    pace = Pace(rate, clock)
    pace.hold(7)
    pace.hold(3)
    in_threads(3, pace.wait)
    assert sorted(clock.slept) == turns


class Server(httpx.BaseTransport):
    def __init__(self, *answers):
        self.answers = list(answers)

    def handle_request(self, request):
        return self.answers.pop(0)


def test_repetitions_and_other_nodes_count_too(client_of, clock):
    busy = [httpx.Response(503, json={}) for _number in range(3)]
    client = client_of(Server(*busy, httpx.Response(200, json=[])), rate_limit=0.5, retry_backoff=0)
    client.get("/subjects", "subjects")
    assert [seconds for seconds in clock.slept if seconds] == [2, 2, 2]


def turned_away(status=429, **headers):
    return httpx.Response(status, json={}, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (turned_away(Retry_After="7"), 7),
        (turned_away(Retry_After="Sat, 31 Jan 2026 12:00:09 GMT"), 9),
        (turned_away(Retry_After="Sat, 31 Jan 2026 11:00:00 GMT"), 0),
        (turned_away(Retry_After="7", X_RateLimit_Reset="20"), 7),
        (turned_away(X_RateLimit_Reset="20"), 20),
        (turned_away(Retry_After="soon", X_RateLimit_Reset="20"), 20),
        (turned_away(X_RateLimit_Reset="0"), 0),
        (turned_away(X_RateLimit_Reset="1795276052"), 0),
        (turned_away(X_RateLimit_Reset="a while"), 0),
        (turned_away(X_RateLimit_Reset="4000"), 300),
        (turned_away(503, X_RateLimit_Reset="20"), 0),
        (turned_away(503, Retry_After="20"), 20),
    ],
)
def test_a_server_gets_the_pause_that_it_asks_for(client_of, clock, answer, seconds):
    client = client_of(Server(answer, httpx.Response(200, json=[])), retry_backoff=0)
    client.get("/subjects", "subjects")
    assert sum(clock.slept) == seconds


def test_a_pause_is_no_reason_to_go_on_for_ever(client_of, clock):
    client = client_of(Server(*[turned_away(Retry_After="7") for _number in range(3)]), retry_backoff=0, retries=2)
    with pytest.raises(RegistryError, match="HTTP 429"):
        client.get("/subjects", "subjects")
    assert sum(clock.slept) == 14
