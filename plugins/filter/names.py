# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter lifeboat.kafka.names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: names
short_description: Makes a list of names out of a list or a text
description:
  - Surveys and C(-e name=value) can only give text where a list of names is wanted. This filter takes both.
  - The collection's roles read their lists of names with it.
author:
  - lifeboat.kafka contributors
options:
  _input:
    description:
      - A list of names, or a text of names that are separated by commas or line breaks.
      - The items of a list are left as they are. Regular expressions that contain a comma must therefore be given in
        a list.
      - A single number is taken as its text.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the names that a survey has asked for
  ansible.builtin.debug:
    msg: "{{ 'orders-*, payments-value' | lifeboat.kafka.names }}"
"""

RETURN = r"""
_value:
  description: The names, in the order given, without the spaces around them and without empty ones.
  type: list
  elements: str
"""


def names(given: Any) -> list[str]:
    """Return a list of names out of a list, or out of a text that separates them by commas or line breaks.

    Raises:
        AnsibleFilterError: It is neither, or an item of the list is neither text nor a number.
    """
    if isinstance(given, str):
        given = given.replace("\n", ",").split(",")
    elif not isinstance(given, (list, tuple)):
        given = [given]
    for item in given:
        if isinstance(item, bool) or not isinstance(item, (str, int)):
            raise AnsibleFilterError(
                f"A list of names, or a text of names separated by commas, is wanted, not {given!r}."
            )
    return [name for item in given if (name := str(item).strip())]


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"names": names}
