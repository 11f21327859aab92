# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long what is read of a compacted topic fits together.

Kafka removes a tombstone when it has cleaned the log and ``delete.retention.ms`` has passed since (topic configs). A
value that was read before its tombstone came, and whose tombstone was gone before it could be read, would come back.
So all that is archived together must have been read within that time.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

_SAFE = 0.9
_LEAST_SECONDS = 1.0
"""A value and its tombstone are removed by different runs of the cleaner (KIP-534), which take at least so long."""

_MILLISECONDS = 1000

UNKNOWN_AGE = float("inf")


class Tombstones(NamedTuple):
    """What is known of the tombstones of a compacted topic.

    Args:
        stay: Seconds for which a tombstone is there at least, a tenth of them kept as a reserve.
        base_age: How many seconds ago, at ``seen_at``, the topic was as its base has it; 0 where there is no base.
        seen_at: When that was, by time.monotonic.
    """

    stay: float
    base_age: float
    seen_at: float

    @classmethod
    def of(
        cls,
        delete_retention_ms: int,
        archived_at: datetime | None,
        now: datetime,
        seen_at: float,
        *,
        settled: bool = True,
    ) -> Tombstones:
        """Return what is known of them.

        Args:
            delete_retention_ms: The smallest ``delete.retention.ms`` that the topic is known to have had since.
            archived_at: When the topic was as its base has it; None where there is no base.
            now: The current time. A base from the future tells that a clock was wrong, and nothing of its age.
            seen_at: The same by time.monotonic.
            settled: Whether what the base has fits together.
        """
        age = 0.0 if archived_at is None else (now - archived_at).total_seconds()
        if age < 0 or not settled:
            age = UNKNOWN_AGE
        return cls(_SAFE * delete_retention_ms / _MILLISECONDS, age, seen_at)

    @property
    def may_be_gone(self) -> bool:
        """Whether some may be gone that were written after the base was archived."""
        return self.base_age > self.stay

    def outlived(self, first: float, last: float, *, goes_on: bool) -> bool:
        """Tell whether reading took so long that some may be gone that were written meanwhile.

        Args:
            first: When the first piece was read, by time.monotonic.
            last: When the last one was.
            goes_on: Whether what is read goes on from the base.
        """
        if goes_on:
            return self.base_age + last - self.seen_at > self.stay
        return last - first > max(self.stay, _LEAST_SECONDS)
