# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scopes of a config or a mode."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents ``subjects`` and ``contexts`` as scopes."""

    DOCUMENTATION = r"""
options:
  subjects:
    description:
      - The subjects that are meant, by their qualified names.
      - When O(subjects) and O(contexts) are both left out, the whole registry is meant, that is, its default context.
        An empty list means no subject at all.
    type: list
    elements: str
  contexts:
    description:
      - The contexts that are meant, such as V(.eu). An empty list means none.
      - V(.__GLOBAL) means what all contexts fall back to, where a registry has it (Confluent since 7.9.3, AxonOps).
    type: list
    elements: str
"""
