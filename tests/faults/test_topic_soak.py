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
from typing import Any

import pytest
from faults.kafka_proxy import FETCH, PRODUCE, Fault, KafkaProxy
from faults.topic_faults import Victim, children, cut, damaged, fill, flip, grow

from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.modules import Outcome
from testbed.records import Place

FAULTS = 120
"""How many must have struck; a round has one chance in a backup and one in a restore."""

ROUNDS = 150

Struck = tuple[Outcome, bool]
"""What a run came to, and whether the fault came before it was over."""

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
        self._faults: dict[str, Callable[[str], Struck]] = {
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

    @property
    def struck(self) -> int:
        """How many faults came before a run was over."""
        return self.counts.total()

    def begins_anew(self) -> bool:
        """Whether the next backup is into a new store, and whole."""
        return self._random.random() < 0.25

    def measure(self) -> None:
        """Find out how long the runs take that nothing happens to."""
        for module in self._seconds:
            started = time.monotonic()
            self._victim.run(module).succeeded()
            self._seconds[module] = time.monotonic() - started

    def harm(self, module: str) -> None:
        """Run a module while something happens to it; it may go through, or fail with one message."""
        name = self._random.choice([name for name in self._faults if name != "file damaged" or "restore" in module])
        started = time.monotonic()
        outcome, struck = self._faults[name](module)
        missed = "" if struck else ", missed"
        print(f"{module}: {name}: status {outcome.status}, {time.monotonic() - started:.1f} s{missed}")
        if struck:
            self.counts[f"{name} ({module})"] += 1
        if outcome.status == 0:
            outcome.succeeded()
        elif outcome.status == 1:
            outcome.failed()
        else:
            assert outcome.status < 0 or outcome.status in (130, 143), outcome.text

    def _nth(self, module: str) -> int:
        """Some request's number; small ones more often than large ones."""
        return (
            min(int(self._random.paretovariate(0.6)), 200) if module == "topic_restore" else self._random.randint(1, 3)
        )

    def _kill_at_a_request(self, module: str) -> Struck:
        api = self._random.choice([READ[module], READ[module], None])
        nth = self._random.randint(1, 25) if api is None else self._nth(module)
        outcome = self._victim.kill_at_request(module, Fault(api, nth=nth))
        return outcome, outcome.status < 0

    def _signal_at_a_time(self, module: str, *, to_worker: bool, number: int = signal.SIGKILL) -> Struck:
        running = self._victim.start(module)
        sent: list[int] = []

        def send() -> None:
            pids = sorted(children(running.pid)) if to_worker else [running.pid]
            with suppress(ProcessLookupError):
                for pid in self._random.sample(pids, min(len(pids), 1)):
                    os.kill(pid, number)
                    sent.append(pid)

        timer = threading.Timer(self._random.uniform(0, self._seconds[module]), send)
        timer.start()
        outcome = running.wait()
        timer.cancel()
        timer.join()
        return outcome, bool(sent) and outcome.status != 0

    def _die_at_a_step(self, module: str) -> Struck:
        outcome = self._victim.die_at_step(module, self._random.randint(1, 25))
        return outcome, outcome.status != 0

    def _request(self, module: str, **what: Any) -> Struck:
        fault = Fault(READ[module], nth=self._nth(module), **what)
        outcome = self._victim.run_while(module, fault)
        return outcome, fault.happened > 0

    def _cut_a_connection(self, module: str) -> Struck:
        what = self._random.choice([{"drop": True}, {"cut": 0}, {"cut": self._random.randint(1, 100_000)}])
        return self._request(module, times=self._random.randint(1, 3), **what)

    def _cut_all(self, module: str) -> Struck:
        return self._request(module, after=self._victim.proxy.cut_all)

    def _broker(self, module: str, *, kill: bool) -> Struck:
        def go_and_come_back() -> None:
            if kill:
                self._victim.broker.kill()
            self._victim.broker.restart()

        return self._request(module, after=go_and_come_back)

    def _damage_a_file(self, module: str) -> Struck:
        files = sorted(path for path in self._victim.copies.store.rglob("*") if path.is_file())
        harmed = self._random.choice([path for path in files if path.stat().st_size and path.name != "lease.json"])
        how = functools.partial(self._random.choice([flip, cut]), at=self._random.random())
        with damaged(harmed, how):
            return self._victim.run(module), True


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    with Kafka(config=QUICK_TO_RESTART) as broker, KafkaProxy(broker) as proxy:
        fill(Place.of(broker))
        yield Victim(broker, proxy, tmp_path / "store")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_faults_at_random(victim: Victim, tmp_path: Path) -> None:
    seed = int(os.environ.get("LIFEBOAT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"LIFEBOAT_SEED={seed}")
    chance = Chance(victim, seed)
    chance.measure()
    victim.tidy_up()
    for turn in range(ROUNDS):
        print(f"round {turn}, {chance.struck} of {FAULTS} faults")
        if chance.begins_anew():
            victim.take_store(tmp_path / f"store-{turn}")
        grow(victim.place, 100_000 + turn * 1000)
        chance.harm("topic_backup")
        victim.check_backup()
        victim.begin()
        chance.harm("topic_restore")
        victim.check_restore()
        victim.tidy_up()
        if chance.struck >= FAULTS:
            break
    for name, count in sorted(chance.counts.items()):
        print(f"{count:4} {name}")
    assert chance.struck >= FAULTS
