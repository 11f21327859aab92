# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int | str, one: str, many: str | None = None) -> str:
    """Return a number with the words that go with it.

    Args:
        number: How many; also as text, such as Ansible makes of numbers that occur in a password.
        one: What follows 1.
        many: What follows any other number; by default ``one`` with an s.
    """
    return f"{number} {one if str(number) == '1' else many or f'{one}s'}"
