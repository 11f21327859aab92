# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker does in a restore of topics: sending a share of the partitions, and reading back what it sent.

Several requests are under way to each broker, each with a batch of several partitions; in between, what has arrived is
fetched and compared. Only so many partitions are worked on at a time that memory stays bounded. After trouble with a
partition (its leader moved, a connection broke, an answer was lost) everything stops for a moment, and the target's log
end tells what has arrived.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .._archive.slice_reader import SliceReader
from .._archive.store import Store
from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .._core.settings import KafkaSettings
from .._kafka.nodes import PASSING
from .._kafka.wire import Want, Wire
from .archived_partitions import ArchivedPartition
from .archived_records import PIECE_BYTES, ArchivedRecords
from .compare_partitions import CompareTask, compare_partitions, differs
from .partition_send import Packet, PartitionSend, SendTask, Sent, foreign_records
from .patience import PAUSE, Patience, no_leader
from .rate import SharedRate
from .workers import Reporter

_LANES = 5
"""Requests under way to a broker: it remembers so many batches of a producer (KIP-98)."""

_REQUEST_BYTES = 1 << 20
_MOST_BATCHES = 500  # in a request
_FLYING_BYTES = 8 << 20
_CHECK_BYTES = 4 << 20
_ACTIVE_BYTES = 16 << 20  # of the archive, in memory at once
_MOST_ACTIVE = 512  # partitions
_TIMEOUT = 30.0  # seconds that replicas have to follow
_IDLE = 0.01  # seconds that a lane waits for others to make work


@dataclass(frozen=True)
class SendJob:
    """What all workers of a restore have in common.

    Args:
        kafka: How the target is reached.
        store: Where the archive lies.
        backup_id: Which backup.
        committed: Whether records of aborted and undecided transactions are left out.
        skip_damaged: Whether what is damaged is left out; otherwise it is an error.
        rate: How much all of them may send a second.
    """

    kafka: KafkaSettings
    store: Store
    backup_id: str
    committed: bool
    skip_damaged: bool
    rate: SharedRate

    def records(self, partition: ArchivedPartition) -> ArchivedRecords:
        """Return what goes through what the archive holds of a partition."""
        reader = SliceReader(self.store, self.backup_id)
        return ArchivedRecords(reader, partition, committed=self.committed, skip_damaged=self.skip_damaged)


def send(job: SendJob, tasks: Sequence[SendTask], reporter: Reporter) -> list[Sent]:
    """Restore some partitions, and compare what is there afterwards with what the archive holds.

    Args:
        job: What all workers have in common.
        tasks: The partitions.
        reporter: Is told how many bytes are done.

    Raises:
        KafkaError: The cluster refuses us, or a partition cannot be written to.
        Damaged: Something of the archive is damaged, and is not to be left out.
        VerificationFailed: Somebody else has written to a partition, or it does not hold what was sent.
    """
    with Wire(job.kafka) as wire:
        return _Sending(job, tasks, reporter, wire).run()


class _Sending:
    def __init__(self, job: SendJob, tasks: Sequence[SendTask], reporter: Reporter, wire: Wire) -> None:
        self._job = job
        self._reporter = reporter
        self._wire = wire
        self._waiting = deque(tasks)
        self._active: deque[PartitionSend] = deque()
        self._finished: list[PartitionSend] = []
        self._nodes: set[int] = set()  # brokers that there are lanes to
        self._checking: set[int] = set()  # brokers that are being read from
        self._flying_bytes = 0
        self._stop = False
        self._patience = Patience()

    def run(self) -> list[Sent]:
        self._wire.refresh({task.topic for task in self._waiting})
        self._admit()
        while self._active:
            self._stop = False
            self._nodes = {partition.leader for partition in self._active if partition.trouble is None}
            if self._nodes:
                lanes = (self._lane(node) for _lane in range(_LANES) for node in self._nodes)
                self._wire.run(self._wire.gather(*lanes))
            else:
                time.sleep(PAUSE)
            self._find_leaders()
        self._check_ends()
        self._compare_records()
        return [partition.result() for partition in self._finished]

    # Which partitions are worked on

    def _admit(self) -> None:
        """Let go of partitions that are done, and begin others."""
        for partition in [each for each in self._active if each.is_done]:
            self._active.remove(partition)
            self._finished.append(partition)
            self._tell(partition, partition.task.archived.bytes)  # what was left out is done too
        held = sum(partition.task.archived.held_bytes(PIECE_BYTES) for partition in self._active)
        while self._waiting and len(self._active) < _MOST_ACTIVE:
            partition = PartitionSend(self._waiting[0], self._job.records(self._waiting[0].archived))
            held += partition.task.archived.held_bytes(PIECE_BYTES)
            if self._active and held > _ACTIVE_BYTES:
                return
            self._active.append(partition)
            self._waiting.popleft()
            partition.leader = self._wire.leader(*partition.key)
            if partition.leader < 0:
                self._patience.set_aside(partition, no_leader(*partition.key))
            elif partition.leader not in self._nodes:
                self._stop = True  # lanes to that broker are needed

    def _tell(self, partition: PartitionSend, more: int) -> None:
        more = min(more, partition.task.archived.bytes - partition.told)
        partition.told += more
        self._reporter.advance(more)

    # One of the requests that are under way to a broker

    async def _lane(self, node: int) -> None:
        try:
            while not self._stop and not self._patience.is_over:
                if await self._check(node, _CHECK_BYTES):
                    continue
                packets = self._collect(node)
                if packets:
                    await self._produce(node, packets)
                elif not await self._check(node, 1):
                    self._admit()
                    if not self._led_by(node):
                        self._nodes.discard(node)
                        return
                    await self._wire.sleep(_IDLE)
        except BaseException:
            self._stop = True
            raise

    def _collect(self, node: int) -> list[tuple[PartitionSend, Packet]]:
        """Take a batch of each partition that a broker leads, as far as a request goes."""
        found: list[tuple[PartitionSend, Packet]] = []
        size = 0
        for partition in self._led_by(node):
            if size >= _REQUEST_BYTES or len(found) >= _MOST_BATCHES or self._flying_bytes >= _FLYING_BYTES:
                break
            most = _LANES if partition.is_in_step else 1
            packet = partition.next_packet() if partition.flying < most else None
            if packet is not None:
                found.append((partition, packet))
                size += len(packet.data)
                self._flying_bytes += len(packet.data)
        if len(found) < len(self._active):  # those that had no turn are the first of the next request
            for partition, _packet in found:
                self._active.remove(partition)
            self._active.extend(partition for partition, _packet in found)
        return found

    async def _produce(self, node: int, packets: Sequence[tuple[PartitionSend, Packet]]) -> None:
        size = sum(len(packet.data) for _partition, packet in packets)
        wait = self._job.rate.take(size)
        try:
            answers = await self._wire.produce(
                node, [(*_ids(partition), packet.data) for partition, packet in packets], timeout=_TIMEOUT
            )
        except KafkaError as error:
            self._set_all_aside([partition for partition, _packet in packets], error)
            return
        finally:
            self._flying_bytes -= size
        for (partition, packet), answer in zip(packets, answers, strict=True):
            partition.answered(packet, answer)
            if partition.trouble is not None:
                self._patience.set_aside(partition, partition.trouble)
        if wait:
            await self._wire.sleep(wait)

    async def _check(self, node: int, least: int) -> bool:
        """Read back and compare what has arrived, if there are so many bytes of it; tell whether there were."""
        if node in self._checking:
            return False
        sizes = [(partition, size) for partition in self._led_by(node) if (size := partition.to_check)]
        if sum(size for _partition, size in sizes) < least:
            return False
        sizes.sort(key=lambda found: -found[1])
        partitions = [partition for partition, _size in sizes[:_MOST_BATCHES]]
        wants = [Want(*_ids(partition), partition.read_back.position, _CHECK_BYTES) for partition in partitions]
        self._checking.add(node)
        try:
            answers = await self._wire.fetch(
                node, wants, max_bytes=_CHECK_BYTES, max_wait=0.5, min_bytes=1, isolation="uncommitted"
            )
        except KafkaError as error:
            self._set_all_aside(partitions, error)
            return True
        finally:
            self._checking.remove(node)
        for place, (partition, answer) in enumerate(zip(partitions, answers, strict=True)):
            self._tell(partition, partition.check(answer, is_first=place == 0))
            if partition.trouble is not None:
                self._patience.set_aside(partition, partition.trouble)
        self._admit()
        return True

    def _led_by(self, node: int) -> list[PartitionSend]:
        return [each for each in self._active if each.leader == node and each.trouble is None]

    # Trouble

    def _set_all_aside(self, partitions: Sequence[PartitionSend], error: KafkaError) -> None:
        if error.code not in PASSING:
            raise error
        for partition in partitions:
            self._patience.set_aside(partition, error)

    def _find_leaders(self) -> None:
        """Find out how those that were set aside can be gone on with."""
        led = {partition.key: partition for partition in self._patience.look(self._wire, self._active)}
        ends: dict[TopicPartition, int | KafkaError] = {}
        try:
            ends = self._wire.offsets("latest", led) if led else {}
        except KafkaError as error:
            self._set_all_aside(list(led.values()), error)
        for key, end in ends.items():
            partition = led[key]
            if isinstance(end, KafkaError):
                partition.trouble = end
            else:
                partition.resume(end)
            if partition.trouble is not None:
                self._patience.set_aside(partition, partition.trouble)
        self._admit()

    def _check_ends(self) -> None:
        """Make sure that nobody has written behind what was restored."""
        ends = self._wire.offsets("latest", [partition.key for partition in self._finished])
        for partition in self._finished:
            end = ends[partition.key]
            if isinstance(end, KafkaError):
                raise end
            if end != partition.end:
                raise foreign_records(*partition.key, partition.end, f"its log ends at offset {end}")

    def _compare_records(self) -> None:
        """Compare record by record what brokers have packed in their own way."""
        tasks = [_compare_task(partition) for partition in self._finished if partition.read_back.differs]
        for compared in compare_partitions(self._wire, tasks, self._records_of, lambda _bytes: None):
            if compared.differing:
                raise differs(compared)

    def _records_of(self, task: CompareTask) -> ArchivedRecords:
        return self._job.records(task.archived)


def _compare_task(partition: PartitionSend) -> CompareTask:
    task = partition.task
    return CompareTask(
        task.archived, task.topic, task.topic_id, partition.leader, task.start, partition.end, first=task.start
    )


def _ids(partition: PartitionSend) -> tuple[str, str, int]:
    topic, number = partition.key
    return topic, partition.task.topic_id, number
