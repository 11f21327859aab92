# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a worker is with the restore of one partition: what is sent next, what came back, what was found to be there.

Each batch has a place: how many records of this restore come before it. Its sequence number is that place, its offset
at the target that place behind the partition's start. A batch is therefore the same in each run, and the broker refuses
to take it twice (KIP-98).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .._core.errors import KafkaError, VerificationFailed
from .._core.kafka_names import TopicPartition
from .._kafka.errors import DUPLICATE_SEQUENCE_NUMBER, OUT_OF_ORDER_SEQUENCE_NUMBER, retriable
from .._kafka.wire import Fetched, Produced
from .._records.outgoing import Outgoing, stamp
from .archived_partitions import ArchivedPartition
from .archived_records import ArchivedRecords, Lost
from .offset_map import MapMaker, PartitionMap
from .read_back import NO_PROGRESS, ReadBack

_SEQUENCES = 1 << 31
_AT_ONCE = 4 << 20  # bytes that are passed over, at most, before something else has its turn


@dataclass(frozen=True)
class SendTask:
    """A partition that is to be restored, or completed, or only compared.

    Args:
        archived: What the archive holds.
        topic: The topic at the target.
        topic_id: Its id there; may be empty.
        leader: The broker that leads the partition there.
        start: The target's offset of the first record.
        there: How many records an earlier run has brought there.
        producer_id: The idempotent producer's id.
        producer_epoch: Its epoch.
        asked: Source offsets that are to be translated.
    """

    archived: ArchivedPartition
    topic: str
    topic_id: str
    leader: int
    start: int
    there: int
    producer_id: int
    producer_epoch: int
    asked: tuple[int, ...] = ()

    @property
    def key(self) -> TopicPartition:
        """The topic at the target and the partition's number."""
        return self.topic, self.archived.state.partition


class Sent(NamedTuple):
    """What became of a partition.

    Args:
        topic: The topic at the target.
        partition: Its number.
        records: How many records of the restore it holds: all.
        sent: How many of them this run has brought.
        bytes: How many bytes that was.
        lost: What was damaged and left out.
        map: Which offset became which.
    """

    topic: str
    partition: int
    records: int
    sent: int
    bytes: int
    lost: tuple[Lost, ...]
    map: PartitionMap


class Packet(NamedTuple):
    """A batch on its way.

    Args:
        place: How many records come before it.
        records: How many it has.
        data: The batch.
    """

    place: int
    records: int
    data: bytearray


class PartitionSend:
    """A partition while it is restored.

    Args:
        task: What is to be done.
        records: What the archive holds.

    Attributes:
        leader: The broker that leads it.
        trouble: Why it cannot be gone on with at the moment; None while all is well.
        stuck_since: When its trouble began, by the clock of whoever set it.
        is_in_step: Whether the target was seen to take a batch since it was last looked at. Until then only one may be
            on its way: a broker that knows nothing of a producer takes whichever sequence number comes first (KIP-360),
            so that a second batch would go in before the first when that one is turned away.
        read_back: What the target's log must show, and what it shows.
        told: How many of the archive's bytes were told to be done.
    """

    def __init__(self, task: SendTask, records: ArchivedRecords) -> None:
        self.task = task
        self.key = task.key
        self.leader = task.leader
        self.trouble: KafkaError | None = None
        self.stuck_since: float | None = None
        self.is_in_step = False
        self.read_back = ReadBack(task.key, task.start)
        self.told = 0
        self._records = records
        self._source: Iterator[Outgoing] | None = records.outgoing()
        self._map = MapMaker(task.start, task.asked)
        self._made = 0  # records of all batches so far
        self._arrived = task.there  # records that the target is known to have
        self._again: deque[Packet] = deque()  # to be sent once more, before anything new
        self._flying: deque[Packet] = deque()
        self._confirmed: set[int] = set()  # places of those that are there, although one before is not known to be
        self._sent_records = self._sent_bytes = 0

    # What is sent

    @property
    def topic_id(self) -> str:
        """The topic's id; may be empty."""
        return self.task.topic_id

    @property
    def flying(self) -> int:
        """How many batches are on their way."""
        return len(self._flying)

    @property
    def is_sent(self) -> bool:
        """Whether all records are at the target."""
        return self._source is None and not self._again and not self._flying

    @property
    def is_done(self) -> bool:
        """Whether all records are at the target and were found to be right."""
        return self.is_sent and self.read_back.is_done

    @property
    def end(self) -> int:
        """The target's offset after the last batch that was made so far."""
        return self.task.start + self._made

    def next_packet(self) -> Packet | None:
        """Return the batch that is to be sent next, which counts as being on its way; None: nothing at the moment."""
        packet = self._again.popleft() if self._again else self._make()
        if packet is not None:
            self._flying.append(packet)
        return packet

    def _make(self) -> Packet | None:
        passed = 0
        while self._source is not None and passed < _AT_ONCE and not self.read_back.is_full:
            outgoing = next(self._source, None)
            if outgoing is None:
                self._source = None
                self._check_end()
                return None
            place, there = self._made, self.task.there
            stamp(outgoing.data, self.task.producer_id, self.task.producer_epoch, place % _SEQUENCES)
            self._note(outgoing)
            if self._made > there:
                if place < there:
                    raise self._foreign(self.task.start + there, "what is there ends within a batch of this restore")
                return Packet(place, outgoing.records, outgoing.data)
            passed += len(outgoing.data)
        return None

    def _note(self, outgoing: Outgoing) -> None:
        self._map.add(outgoing.offsets)
        self.read_back.expect(self.end, outgoing.data)
        self._made += outgoing.records

    def _check_end(self) -> None:
        if self._made < self.task.there:
            raise self._foreign(self.end, "it holds more than this restore brings")

    # What comes back

    def answered(self, packet: Packet, answer: Produced) -> None:
        """Take a broker's answer to a batch.

        Raises:
            KafkaError: The broker refuses it for good.
            VerificationFailed: Somebody else has written to the partition.
        """
        if answer.code in (0, DUPLICATE_SEQUENCE_NUMBER):
            expected = self.task.start + packet.place
            if answer.code == 0 and answer.base_offset not in (-1, expected):
                raise self._foreign(expected, f"what was sent for that offset got offset {answer.base_offset}")
            self.is_in_step = True
            self._confirmed.add(packet.place)
            while self._flying and self._flying[0].place in self._confirmed:
                self._confirmed.remove(self._flying[0].place)
                self._arrive(self._flying.popleft())
        elif retriable(answer.code) or answer.code == OUT_OF_ORDER_SEQUENCE_NUMBER:
            self.trouble = answer.error
        elif answer.error is not None:
            raise answer.error

    def resume(self, log_end: int) -> None:
        """Go on after trouble, when nothing is on its way any more.

        Args:
            log_end: The target's log end now.

        Raises:
            VerificationFailed: It cannot be where it is: somebody else has written to the partition.
        """
        position = log_end - self.task.start
        if position < self._arrived:
            self.trouble = self._shorter(log_end)
            return
        waiting = [*self._flying, *self._again]
        known = max(self._made, self.task.there)  # what an earlier run has brought is only made again bit by bit
        if position > known or any(packet.place < position < packet.place + packet.records for packet in waiting):
            raise self._foreign(log_end, "what is there ends where no batch of this restore does")
        self.is_in_step = False
        self._flying.clear()
        self._again.clear()
        self._confirmed.clear()
        for packet in sorted(waiting):
            if packet.place < position:
                self._arrive(packet)
            else:
                self._again.append(packet)
        self.trouble = None

    def _arrive(self, packet: Packet) -> None:
        self._arrived = packet.place + packet.records
        self._sent_records += packet.records
        self._sent_bytes += len(packet.data)
        self.stuck_since = None

    # What is there

    @property
    def to_check(self) -> int:
        """How many bytes, about, have arrived and were not looked at yet."""
        waiting = self.read_back.waiting(self.task.start + self._arrived)
        if not waiting:
            return 0
        flying = sum(len(packet.data) for packet in (*self._flying, *self._again))
        return max(waiting - flying, 1)

    def check(self, answer: Fetched, *, is_first: bool) -> int:
        """Compare what the target's log holds with what was sent.

        Args:
            answer: What came of the position of `read_back`.
            is_first: Whether it was the first that the broker looked at, so that it had its turn.

        Returns:
            How many bytes were found to be right.

        Raises:
            KafkaError: Batches come damaged again and again.
        """
        if answer.error is not None:
            self.trouble = answer.error
            return 0
        try:
            found = self.read_back.take(answer.records, is_first=is_first)
            if found:
                self.stuck_since = None
            return found
        except KafkaError as error:
            if error.code != NO_PROGRESS:
                raise
            self.trouble = error
            return 0

    def result(self) -> Sent:
        """Return what became of it."""
        return Sent(
            *self.key, self._made, self._sent_records, self._sent_bytes, tuple(self._records.lost), self._map.finish()
        )

    def _shorter(self, log_end: int) -> KafkaError:
        topic, partition = self.key
        return KafkaError(
            f"Topic {topic!r}, partition {partition}, ends at offset {log_end}, although the brokers have confirmed "
            f"records up to offset {self.task.start + self._arrived}. See the brokers' logs, and run again: what is "
            "missing is sent again.",
            code="records_lost",
            object_name=f"{topic}/{partition}",
        )

    def _foreign(self, offset: int, why: str) -> VerificationFailed:
        return foreign_records(*self.key, offset, why)


def foreign_records(topic: str, partition: int, offset: int, why: str) -> VerificationFailed:
    """Return the error for a partition that somebody else has written to while it was restored.

    Args:
        topic: The topic at the target.
        partition: The partition's number.
        offset: The offset there at which it shows.
        why: How it shows.
    """
    return VerificationFailed(
        f"Topic {topic!r}, partition {partition}, is not as this restore left it at offset {offset}: {why}. Somebody "
        "else has written to it; stop whoever does.",
        code="foreign_records",
        object_name=f"{topic}/{partition}",
        offset=offset,
    )
