# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target's log must show of the batches that were sent to it, and what it shows."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .._core.errors import Damaged, KafkaError
from .._core.kafka_names import TopicPartition
from .._kafka.fetching import DAMAGED_ANSWERS, EMPTY_ANSWERS
from .._records.batch import Buffer, is_sound, read_batch, read_header

NO_PROGRESS = "no_progress"
"""The code of the error for a partition of which nothing is given out."""

_MOST_BYTES = 16 << 20
_MOST_BATCHES = 10_000


class _Expected(NamedTuple):
    """A batch: the target's offset of its first record, its checksum, and its bytes."""

    offset: int
    crc: int
    size: int


class ReadBack:
    """Compares what is read back of a partition with what was sent, by its place, its length and its checksum.

    Args:
        key: The topic at the target and the partition's number, for errors.
        start: The target's offset of the first record.

    Attributes:
        position: The target's offset of what is to be looked at next.
        differs: Whether what is there is packed in another way than what was sent, so that records must be compared;
            then nothing more is expected.
    """

    def __init__(self, key: TopicPartition, start: int) -> None:
        self.position = start
        self.differs = False
        self._key = key
        self._expected: deque[_Expected] = deque()
        self._bytes = 0
        self._damaged = self._empty = 0

    @property
    def is_done(self) -> bool:
        """Whether all that was expected was found."""
        return not self._expected

    @property
    def is_full(self) -> bool:
        """Whether so much is expected that it must be looked at before more is."""
        return self._bytes >= _MOST_BYTES or len(self._expected) >= _MOST_BATCHES

    def expect(self, offset: int, data: bytearray) -> None:
        """Expect a batch behind the others.

        Args:
            offset: The target's offset of its first record.
            data: The batch as it is sent.
        """
        if not self.differs:
            self._expected.append(_Expected(offset, read_header(data).crc, len(data)))
            self._bytes += len(data)

    def waiting(self, arrived: int) -> int:
        """Return how many bytes are expected, if the first of them have arrived; else 0.

        Args:
            arrived: The target's offset up to which records have.
        """
        return self._bytes if self._expected and self._expected[0].offset < arrived else 0

    def take(self, log: Buffer, *, is_first: bool) -> int:
        """Compare what the target's log holds from `position` on.

        Args:
            log: What came.
            is_first: Whether it was the first that the broker looked at, so that it had its turn.

        Returns:
            How many bytes were found to be right.

        Raises:
            KafkaError: Batches come damaged again and again, or not at all (code `NO_PROGRESS`, which may pass).
        """
        found = 0
        try:
            found = self._compare(log)
        except Damaged as error:
            self._damaged += 1
            if self._damaged >= DAMAGED_ANSWERS:
                raise self._corrupt() from error
        if found or self.differs or self._damaged or not is_first:
            self._empty = 0
            return found
        self._empty += 1
        if self._empty < EMPTY_ANSWERS:
            return 0
        self._empty = 0
        raise self._unseen()

    def _compare(self, log: Buffer) -> int:
        at = 0
        while self._expected and (batch := read_batch(log, at)) is not None:
            if (batch.base_offset, batch.crc, batch.size) != self._expected[0]:
                self.differs = True
                self._expected.clear()
                self._bytes = 0
                break
            if not is_sound(log, batch):
                raise Damaged(f"The batch at offset {batch.base_offset} has a wrong checksum.")
            self._expected.popleft()
            self._bytes -= batch.size
            self.position = batch.next_offset
            self._damaged = 0
            at += batch.size
        return at

    def _corrupt(self) -> KafkaError:
        topic, partition = self._key
        return KafkaError(
            f"Topic {topic!r}, partition {partition}: the batch at offset {self.position}, which was written just now, "
            "is read back with a wrong checksum. See the disk and the memory of the broker that leads it.",
            code="corrupt_message",
            object_name=f"{topic}/{partition}",
            offset=self.position,
        )

    def _unseen(self) -> KafkaError:
        topic, partition = self._key
        return KafkaError(
            f"Topic {topic!r}, partition {partition}: its leader has confirmed records from offset {self.position} on, "
            "and gives none out. See the broker's log, and run again.",
            code=NO_PROGRESS,
            object_name=f"{topic}/{partition}",
        )
