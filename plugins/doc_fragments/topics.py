# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of topics."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents ``topics`` and ``exclude_topics``."""

    DOCUMENTATION = r"""
options:
  topics:
    description:
      - Which topics are meant. A literal name, a glob (V(*), V(?), V([...])), or V(~) and a regular expression that
        matches the whole name.
      - Topics in which schema registries keep their state (V(_schemas), V(_schema_encoders), V(_dek_registry_keys),
        V(_exporter_*)) are only taken by their names, or by a pattern that begins with V(_), and Kafka's own (V(__*))
        by one that begins with V(__).
      - A literal name must exist.
    type: list
    elements: str
    default: ['*']
  exclude_topics:
    description: Which of O(topics) are left out, by the same kinds of patterns.
    type: list
    elements: str
    default: []
"""
