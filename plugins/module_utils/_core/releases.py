# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of programs and libraries, to tell which is the newer one."""

from __future__ import annotations


def release_of(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: ``(3, 0)`` of ``3.0.rc1``; none of a text that has none."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
