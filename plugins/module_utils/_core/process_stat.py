# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Linux tells of a process."""

from __future__ import annotations

from typing import NamedTuple


class ProcessStat(NamedTuple):
    """The content of ``/proc/pid/stat``, as far as it is of use here (proc(5)).

    Args:
        ended: Whether the process has ended, and only its parent has not noticed yet.
        parent: The process that it belongs to.
        started: When it started, in clock ticks since the boot; numbers are used again, by processes that start later.
    """

    ended: bool
    parent: int
    started: int

    @classmethod
    def parse(cls, content: bytes) -> ProcessStat:
        """Read the file's content."""
        # The second field, the program's name, stands in parentheses and may itself hold spaces and parentheses.
        state, *fields = content.rpartition(b")")[2].split()
        return cls(state in (b"Z", b"X"), int(fields[0]), int(fields[18]))
