# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lifeboat.kafka.counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.counting import counted

DOCUMENTATION = r"""
name: counted
short_description: Puts a number before the words that go with it
description:
  - The collection's roles make their sentences with it.
author:
  - lifeboat.kafka contributors
positional: one, many
options:
  _input:
    description: A number, or its text.
    type: raw
    required: true
  one:
    description: What follows 1.
    type: str
    required: true
  many:
    description: What follows any other number. By default O(one) with an s.
    type: str
"""

EXAMPLES = r"""
- name: Say how many hosts there are, such as 1 host or 2 hosts
  ansible.builtin.debug:
    msg: "{{ groups.all | length | lifeboat.kafka.counted('host') }}"
"""

RETURN = r"""
_value:
  description: The number and the words.
  type: str
"""


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"counted": counted}
