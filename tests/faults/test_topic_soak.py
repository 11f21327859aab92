# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults at random, one after the other: after each the next run goes on, and all that came back is the source.

The seed is printed, and LIFEBOAT_SEED sets it.
"""

from __future__ import annotations

import collections
import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from faults.kafka_proxy import FETCH, PRODUCE, Fault, KafkaProxy
from faults.topic_faults import Victim, children, cut, damaged, fill, flip, grow

from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.modules import Outcome
from testbed.records import Place

ROUNDS = 60
"""Each with a fault in a backup and one in a restore."""

READ = {"topic_backup": FETCH, "topic_restore": PRODUCE}


class Chance:
    """Faults at random.

    Args:
        victim: To whom they happen.
        seed: Where chance begins.
    """

    def __init__(self, victim: Victim, seed: int) -> None:
        self._victim = victim
        self._random = random.Random(seed)
        self.counts: collections.Counter[str] = collections.Counter()
        self._seconds = {"topic_backup": 1.0, "topic_restore": 1.0}
        self._faults: dict[str, Callable[[str], Outcome]] = {
            "module killed at a request": self._kill_at_a_request,
            "module killed at a time": functools.partial(self._signal_at_a_time, to_worker=False),
            "module ended gently at a time": functools.partial(
                self._signal_at_a_time, to_worker=False, number=signal.SIGTERM
            ),
            "worker killed at a time": functools.partial(self._signal_at_a_time, to_worker=True),
            "a process killed at a step": self._die_at_a_step,
            "connection cut": self._cut_a_connection,
            "all connections cut": self._cut_all,
            "broker restarted": functools.partial(self._broker, kill=False),
            "broker killed": functools.partial(self._broker, kill=True),
            "file damaged": self._damage_a_file,
        }

    def harm(self, module: str) -> None:
        """Run a module while something happens to it; it may go through, or fail with one message."""
        applicable = [name for name in self._faults if name != "file damaged" or module == "topic_restore"]
        name = self._random.choice(applicable)
        started = time.monotonic()
        outcome = self._faults[name](module)
        self.counts[f"{name} ({module})"] += 1
        print(f"{module}: {name}: status {outcome.status}, {time.monotonic() - started:.1f} s")
        if outcome.status == 0:
            outcome.succeeded()
            self._seconds[module] = min(time.monotonic() - started, 5)
        elif outcome.status == 1:
            outcome.failed()
        else:
            assert outcome.status < 0 or outcome.status in (130, 143), outcome.text

    def _request(self, module: str) -> int:
        """Some request's number; small ones more often than large ones."""
        return int(self._random.paretovariate(0.6)) if module == "topic_restore" else self._random.randint(1, 4)

    def _kill_at_a_request(self, module: str) -> Outcome:
        api = self._random.choice([READ[module], READ[module], None])
        nth = self._random.randint(1, 25) if api is None else self._request(module)
        return self._victim.kill_at_request(module, Fault(api, nth=nth))

    def _signal_at_a_time(self, module: str, *, to_worker: bool, number: int = signal.SIGKILL) -> Outcome:
        running = self._victim.start(module)

        def send() -> None:
            workers = children(running.pid)
            with suppress(ProcessLookupError):
                if not to_worker:
                    os.kill(running.pid, number)
                elif workers:
                    os.kill(self._random.choice(sorted(workers)), number)

        timer = threading.Timer(self._random.uniform(0, self._seconds[module]), send)
        timer.start()
        outcome = running.wait()
        timer.cancel()
        timer.join()
        return outcome

    def _die_at_a_step(self, module: str) -> Outcome:
        return self._victim.die_at_step(module, self._random.randint(1, 25))

    def _cut_a_connection(self, module: str) -> Outcome:
        what = self._random.choice([{"drop": True}, {"cut": 0}, {"cut": self._random.randint(1, 100_000)}])
        times = self._random.randint(1, 3)
        return self._victim.run_while(module, Fault(READ[module], nth=self._request(module), times=times, **what))

    def _cut_all(self, module: str) -> Outcome:
        fault = Fault(READ[module], nth=self._request(module), after=self._victim.proxy.cut_all)
        return self._victim.run_while(module, fault)

    def _broker(self, module: str, *, kill: bool) -> Outcome:
        def go_and_come_back() -> None:
            if kill:
                self._victim.broker.kill()
            self._victim.broker.restart()

        return self._victim.run_while(module, Fault(READ[module], nth=self._request(module), after=go_and_come_back))

    def _damage_a_file(self, module: str) -> Outcome:
        files = sorted(path for path in self._victim.copies.store.rglob("*") if path.is_file())
        harmed = self._random.choice([path for path in files if path.stat().st_size and path.name != "lease.json"])
        how = functools.partial(self._random.choice([flip, cut]), at=self._random.random())
        with damaged(harmed, how):
            return self._victim.run(module)


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    with Kafka(config=QUICK_TO_RESTART) as broker, KafkaProxy(broker) as proxy:
        fill(Place.of(broker))
        yield Victim(broker, proxy, tmp_path / "store")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_faults_at_random(victim: Victim) -> None:
    seed = int(os.environ.get("LIFEBOAT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"LIFEBOAT_SEED={seed}")
    chance = Chance(victim, seed)
    for turn in range(ROUNDS):
        print(f"round {turn} of {ROUNDS}")
        grow(victim.place, 100_000 + turn * 1000)
        chance.harm("topic_backup")
        victim.run("topic_backup").succeeded()
        victim.begin()
        chance.harm("topic_restore")
        victim.check_restore()
        victim.tidy_up()
    victim.copies.verify_store()
    assert chance.counts.total() == 2 * ROUNDS
    for name, count in sorted(chance.counts.items()):
        print(f"{count:4} {name}")
