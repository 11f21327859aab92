# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How transactions ended, as the markers in a log tell: what consumers of committed records never see.

A producer has at most one open transaction in a partition. It lasts from its first batch there to the marker with its
producer id (KIP-98); the marker's epoch may be a later one than the batches' (a coordinator that ends a dead producer's
transaction raises it, KIP-360, and so does each transaction since KIP-890), so the id alone tells.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from .batch import Batch, Buffer
from .decode import control_type

Spans = Mapping[int, Sequence["tuple[int, int | None]"]]
"""By producer id: first and last offsets of transactions, ascending; None as the last: never decided."""


class Aborted:
    """The transactions of a partition that were aborted, or not decided when the log was read.

    Args:
        spans: Where they are.
        unknown: Where those are whose outcome may have been in a piece of the log that is lost: nobody can tell whether
            they were committed.
    """

    def __init__(self, spans: Spans, unknown: Spans | None = None) -> None:
        self._spans = spans
        self._unknown: Spans = unknown or {}

    def covers(self, batch: Batch) -> bool:
        """Whether a batch holds data of such a transaction, or of one whose outcome is lost."""
        return _is_in(self._spans, batch) or self.is_unknown(batch)

    def is_unknown(self, batch: Batch) -> bool:
        """Whether a batch holds data of a transaction whose outcome is lost."""
        return bool(self._unknown) and _is_in(self._unknown, batch)

    def __len__(self) -> int:
        """The number of transactions that were aborted or not decided."""
        return sum(map(len, self._spans.values()))


class Outcomes:
    """Follows the transactions of a partition through its log; shown every batch in the order of offsets."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}  # first offset by producer id
        self._aborted: dict[int, list[tuple[int, int | None]]] = {}
        self._unknown: dict[int, list[tuple[int, int | None]]] = {}

    def observe(self, buffer: Buffer, batch: Batch) -> None:
        """Take note of a batch, of whatever kind.

        Raises:
            Damaged: It is a control batch, and cannot be read.
        """
        if not batch.transactional:
            return
        if not batch.control:
            self._open.setdefault(batch.producer_id, batch.base_offset)
            return
        kind = control_type(buffer, batch)
        if kind == "other":
            return
        first = self._open.pop(batch.producer_id, None)
        if kind == "abort" and first is not None:
            self._aborted.setdefault(batch.producer_id, []).append((first, batch.last_offset))

    def lose(self, start: int) -> None:
        """Take note that markers from an offset on are lost.

        What is open there may have ended there, and what its producer wrote behind may be of another transaction: the
        outcome of the former is unknown from now on, and the next marker tells of the latter alone.
        """
        for producer, first in self._open.items():
            self._unknown.setdefault(producer, []).append((first, start - 1))
        self._open.clear()

    def finish(self) -> Aborted:
        """Tell what was aborted so far; a transaction without an outcome counts as aborted."""
        spans = {producer: list(ended) for producer, ended in self._aborted.items()}
        for producer, first in self._open.items():
            spans.setdefault(producer, []).append((first, None))
        return Aborted(spans, {producer: list(lost) for producer, lost in self._unknown.items()})


def _is_in(spans: Spans, batch: Batch) -> bool:
    if not batch.transactional or batch.control:
        return False
    found = spans.get(batch.producer_id)
    if not found:
        return False
    place = bisect_right(found, batch.base_offset, key=_first) - 1
    if place < 0:
        return False
    last = found[place][1]
    return last is None or batch.base_offset <= last


def _first(span: tuple[int, int | None]) -> int:
    return span[0]
