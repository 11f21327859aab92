# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit to how much is moved a second, which worker processes keep together."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable

_MOMENT = struct.Struct("d")


class SharedRate:
    """Shares a rate out to processes that are forked after it was made, first come, first served.

    The moment from which on more may be moved lies in a pipe: who reads it has it alone until it is written back. A
    process that dies in between stops the others, which its parent ends then.

    Args:
        bytes_per_second: For all processes together; 0 for no limit.
        clock: Tells a time that all processes share, in seconds.
    """

    def __init__(self, bytes_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._reading, self._writing = os.pipe()
        os.write(self._writing, _MOMENT.pack(clock()))

    def take(self, amount: int) -> float:
        """Take a share.

        Args:
            amount: Bytes that are to be moved now, or just were.

        Returns:
            For how many seconds the caller must wait before it moves more.
        """
        if not self.bytes_per_second:
            return 0.0
        free: float
        (free,) = _MOMENT.unpack(os.read(self._reading, _MOMENT.size))
        now = self._clock()
        # What was left unused is not made up for, or a pause would be followed by a burst.
        free = max(free, now) + amount / self.bytes_per_second
        os.write(self._writing, _MOMENT.pack(free))
        return free - now

    def piece(self, largest: int, processes: int) -> int:
        """Return how much one process should move at once, so that none waits for long: a second's share at most.

        Args:
            largest: Bytes that it would move at once without a limit.
            processes: How many there are.
        """
        return min(largest, max(1, self.bytes_per_second // processes)) if self.bytes_per_second else largest

    def close(self) -> None:
        """Close the pipe, when no process takes from it any more."""
        os.close(self._reading)
        os.close(self._writing)
