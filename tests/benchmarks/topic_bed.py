# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks of topics share: a broker with filled topics, and the modules on them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.bench_bed import BACKUP, BenchBed
from benchmarks.module_run import ModuleRun
from benchmarks.topic_workload import PARTITIONS, Workload
from confluent_kafka import Producer

from testbed.kafka import Kafka
from testbed.topics import Topics


class TopicBed:
    """A broker of its own; a context manager."""

    def __init__(self, bed: BenchBed) -> None:
        self.bed = bed
        self._broker = Kafka()

    def __enter__(self) -> Self:
        self._broker.start()
        self.topics = Topics(self._broker.client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker.stop()

    @property
    def endpoint(self) -> str:
        """Bootstrap servers."""
        return self._broker.endpoint

    def fill(self, workload: Workload) -> None:
        """Make a topic with all records of a workload."""
        print(f"Producing {workload.said} ...", flush=True)
        self.topics.create(workload.topic, PARTITIONS)
        workload.create_and_fill(self.endpoint)
        self.check(workload.topic, workload.records)

    def check(self, topic: str, records: int) -> None:
        """Raise a RuntimeError unless a topic has so many records."""
        found = sum(end - start for start, end in self.topics.watermarks(topic).values())
        if found != records:
            raise RuntimeError(f"{topic} has {found} records instead of {records}")

    def segments(self, topic: str) -> list[Path]:
        """The broker's own files of a topic's records."""
        return sorted(self._broker.data.glob(f"{topic}-[0-9]*/*.log"))

    def back_up(self, store: Path, *topics: str) -> ModuleRun:
        """Back topics up into a store that is there."""
        return self.bed.module("topic_backup", **self._options(store), topics=list(topics))

    def restore(self, store: Path, topic: str, target: str) -> ModuleRun:
        """Restore a topic as a new one."""
        return self.bed.module("topic_restore", **self._options(store), topics=[topic], topic_mapping={topic: target})

    def spread(self, partitions: Mapping[str, int], size: int) -> None:
        """Produce one record of so many bytes into each partition of some topics."""
        producer = Producer({**self._broker.client, "queue.buffering.max.messages": 1_000_000})
        for topic, count in partitions.items():
            for partition in range(count):
                producer.produce(topic, os.urandom(size), partition=partition)
        if producer.flush(600):
            raise RuntimeError("the broker did not take all records")

    def _options(self, store: Path) -> dict[str, object]:
        return {"kafka": self._broker.options, "store": {"path": str(store)}, "backup_id": BACKUP}
