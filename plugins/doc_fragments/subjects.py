# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of subjects."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents ``subjects`` and ``exclude_subjects``."""

    DOCUMENTATION = r"""
options:
  subjects:
    description:
      - Which subjects are meant. A literal name, a glob (V(*), V(?), V([...])), or V(~) and a regular expression that
        matches the whole name.
      - Subjects of a context other than the default one have qualified names such as V(:.eu:orders-value); V(*) takes
        them too.
      - A literal name must exist.
    type: list
    elements: str
    default: ['*']
  exclude_subjects:
    description: Which of O(subjects) are left out, by the same kinds of patterns.
    type: list
    elements: str
    default: []
"""
