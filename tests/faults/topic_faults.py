# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics, and runs over them that come to harm; after each the next run must go on to what the source holds."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from faults.kafka_proxy import Fault, KafkaProxy

from testbed.copies import Copies
from testbed.groups import commit, committed, translated
from testbed.kafka import Kafka
from testbed.mishaps import die_at_step
from testbed.modules import Outcome, RunningModule, start_module
from testbed.records import Message, Place, make, numbered, send, send_in_transactions

PLAIN, COMPACTED, TRANSACTIONS, OTHERS = "orders", "balances", "payments", "broker-times"
TOPICS = (PLAIN, COMPACTED, TRANSACTIONS, OTHERS)
PARTITIONS = 3
GROUP = "readers"
"""A group that is half-way in each partition."""


def rarely(*values: object) -> Any:
    """The values of parameters that only `make soak` takes."""
    return pytest.param(*values, marks=pytest.mark.soak)


def fill(place: Place) -> None:
    """Fill the topics: 36 MB in many small batches, holes, aborted records, times that the broker set."""
    place.topics.create(PLAIN, PARTITIONS)
    bulk = numbered(6000, partitions=PARTITIONS, size=6000)
    send(place.client, PLAIN, bulk, compression_type="none", batch_size=60_000)
    make(place, "compacted", COMPACTED)
    make(place, "transactions", TRANSACTIONS)
    make(place, "log-append-time", OTHERS)
    ends = {topic: place.topics.watermarks(topic) for topic in TOPICS}
    commit(
        place.client,
        GROUP,
        {(topic, partition): (of[0] + of[1]) // 2 for topic in TOPICS for partition, of in ends[topic].items()},
    )


def grow(place: Place, first: int) -> None:
    """Write some more."""
    bulk = numbered(900, partitions=PARTITIONS, first=first, size=1000)
    send(place.client, PLAIN, bulk, compression_type="lz4", batch_size=60_000)
    send(place.client, COMPACTED, numbered(20, partitions=2, first=first, keys=50))
    steps: list[tuple[str, list[Message]]] = [
        (end, list(numbered(10, partitions=2, first=first + at))) for end, at in (("commit", 0), ("abort", 10))
    ]
    send_in_transactions(place.client, TRANSACTIONS, *steps)
    send(place.client, OTHERS, numbered(20, partitions=2, first=first))


class Victim:
    """Backups and restores of the topics that come to harm. Its broker is behind a proxy."""

    def __init__(self, broker: Kafka, proxy: KafkaProxy, store: Path) -> None:
        self.broker = broker
        self.proxy = proxy
        self.place = Place.of(broker)
        self._made = 0
        self.take_store(store)

    def take_store(self, store: Path) -> None:
        """Go on with a new store."""
        self.copies = Copies(self.broker, store, kafka=self.proxy.options)
        self.begin()

    def begin(self) -> None:
        """From now on restore under names that are new."""
        self._made += 1
        self.copies.prefix = f"{self.copies.store.parent.name[-30:]}-{self._made}-"
        self.proxy.clear()

    def options(self, module: str, **more: Any) -> dict[str, Any]:
        """The options of a run of one of the two modules over all topics."""
        made = self.copies.backup_options if module == "topic_backup" else self.copies.restore_options
        return made(*TOPICS, **{"groups": [GROUP], "exclude_groups": [], **more})

    def start(self, module: str, *, mishap: Callable[[], object] | None = None, **more: Any) -> RunningModule:
        """Start a run."""
        return start_module(module, mishap=mishap, **self.options(module, **more))

    def run(self, module: str, **more: Any) -> Outcome:
        """Run to the end."""
        return self.start(module, **more).wait()

    def run_while(self, module: str, fault: Fault, **more: Any) -> Outcome:
        """Run while something happens to the requests."""
        self.proxy.add(fault)
        try:
            return self.run(module, **more)
        finally:
            self.proxy.clear()

    def kill_at_request(self, module: str, fault: Fault) -> Outcome:
        """Run until a request's answer is on its way, and kill the module then."""
        pids: list[int] = []
        started = threading.Event()

        def kill() -> None:
            started.wait()
            with suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGKILL)

        fault.after = kill
        fault.swallow = True  # so that it cannot end before
        self.proxy.add(fault)
        try:
            running = self.start(module)
            pids.append(running.pid)
            started.set()
            return running.wait()
        finally:
            self.proxy.clear()

    def die_at_step(self, module: str, step: int) -> Outcome:
        """Run until the first of its processes, the module or a worker, changes the store for the so many-th time."""
        return self.run(module, mishap=functools.partial(die_at_step, self.copies.store, step))

    def check_backup(self) -> None:
        """The next backup completes what is missing, and it has the source's own bytes."""
        self.run("topic_backup").succeeded()
        self.copies.verify_store()
        self.copies.check_archived(*TOPICS)
        assert not self.run("topic_backup").succeeded()["changed"]

    def check_restore(self) -> None:
        """The next restore completes what is missing, nothing is doubled, and one more changes nothing."""
        self.run("topic_restore").succeeded()
        self.check()
        assert not self.run("topic_restore").succeeded()["changed"]
        assert self.copies.verify(*TOPICS)["differences"] == []

    def check(self) -> None:
        """Fail unless the topics came back, record by record, and the group goes on with the same records."""
        offsets = committed(self.broker.client, GROUP)
        for topic in TOPICS:
            source, name = self.copies.contents(topic), self.copies.name(topic)
            self.copies.check(topic, source)
            ours, theirs = (
                {number: offset for (of, number), offset in offsets.items() if of == each} for each in (topic, name)
            )
            assert theirs == translated(source, ours), topic

    def tidy_up(self) -> None:
        """Delete what was restored so far under the names of now."""
        for topic in TOPICS:
            if self.copies.name(topic) in self.copies.topics.names():
                self.copies.topics.delete(self.copies.name(topic))


def children(pid: int) -> set[int]:
    """The processes that a process has started and that are still there."""
    found: set[int] = set()
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.01)


@contextmanager
def damaged(path: Path, damage: Callable[[bytes], bytes]) -> Iterator[None]:
    """Damage a file of the store, and put it back."""
    content = path.read_bytes()
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(damage(content))
    try:
        yield
    finally:
        path.write_bytes(content)
        path.chmod(mode)


def flip(content: bytes, at: float) -> bytes:
    """Content with one bit changed, at a share of its length."""
    place = min(int(len(content) * at), len(content) - 1)
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


def cut(content: bytes, at: float) -> bytes:
    """Content without its end, from a share of its length on."""
    return content[: min(int(len(content) * at), len(content) - 1)]
