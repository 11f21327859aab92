# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices: what an index entry says of a run of whole record batches, gathered while it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .streamed import Piece
from .topic_state import LastBatch

SEGMENT = "segment"
"""The kind of a slice's index entry."""

SLICE_BYTES = 16 * 1024 * 1024
"""A slice has at most so many bytes, unless a single piece is larger."""

NO_TIMESTAMP = -1

_SUMS = ("records", "transactional", "control", "log_append_time", "legacy")


class Slice:
    """A run of whole batches of one partition in the making: what it covers, and what is in it.

    Args:
        topic: The topic's true name.
        partition: Its number.
        lineage: The name of the partition's lineage.
        start: The first offset that it covers.

    Attributes:
        next: The first offset that it does not cover.
        base: The base offset of its first batch; None while it is empty.
        length: How many bytes it has.
        last: Its last batch; None while it is empty.
        piece: Where it lies; None until it is ended.
    """

    __slots__ = (
        "_dense", "_digest", "_facts", "_stored", "base", "last", "length", "lineage", "next", "partition", "piece",
        "start", "topic",
    )  # fmt: skip

    def __init__(self, topic: str, partition: int, lineage: str, start: int) -> None:
        self.topic = topic
        self.partition = partition
        self.lineage = lineage
        self.start = start
        self.next = start
        self.base: int | None = None
        self.length = 0
        self.last: LastBatch | None = None
        self.piece: Piece | None = None
        self._stored = start
        self._dense = True
        self._digest = hashlib.sha256()
        self._facts = dict.fromkeys((*_SUMS, "largest", "codecs"), 0) | {
            "min_timestamp": NO_TIMESTAMP,
            "max_timestamp": NO_TIMESTAMP,
        }

    def add(self, data: bytes | bytearray | memoryview, scan: Mapping[str, Any], next_offset: int) -> None:
        """Take some whole batches in.

        Args:
            data: Their bytes.
            scan: What they hold: ``first_offset``, ``next_offset``, ``records``, ``dense``, ``transactional``,
                ``control``, ``largest``, ``min_timestamp``, ``max_timestamp``, ``log_append_time``, ``legacy`` and
                ``codecs``, and ``last``, a batch or None; other names are passed over.
            next_offset: The first offset that the slice does not cover then.
        """
        if self.base is None:
            self.base = scan["first_offset"]
            self._stored = min(self.base, self.start)
        self._dense = self._dense and scan["dense"] and scan["first_offset"] == self._stored
        self._stored = scan["next_offset"]
        facts = self._facts
        times = [of["min_timestamp"] for of in (facts, scan) if of["min_timestamp"] != NO_TIMESTAMP]
        facts["min_timestamp"] = min(times, default=NO_TIMESTAMP)
        facts["max_timestamp"] = max(facts["max_timestamp"], scan["max_timestamp"])
        for name in _SUMS:
            facts[name] += scan[name]
        facts["largest"] = max(facts["largest"], scan["largest"])
        facts["codecs"] |= scan["codecs"]
        last = scan["last"]
        if last is not None:
            self.last = LastBatch(last.base_offset, last.crc, last.leader_epoch)
        self._digest.update(data)
        self.length += len(data)
        self.next = next_offset

    def end(self) -> str:
        """Take nothing more in; return the hash of its bytes as hexadecimal digits."""
        sha256 = self._digest.hexdigest()
        del self._digest  # there may be thousands of slices, and what hashes is larger than all else of one
        return sha256

    def facts(self) -> dict[str, Any]:
        """Return what its index entry says of it."""
        facts: dict[str, Any] = {
            "kind": SEGMENT,
            "topic": self.topic,
            "partition": self.partition,
            "lineage": self.lineage,
            "start": self.start,
            "next": self.next,
            "dense": self._dense and self.length > 0 and self._stored == self.next,
            **self._facts,
        }
        if self.base is not None and self.base != self.start:
            facts["base"] = self.base
        return facts
