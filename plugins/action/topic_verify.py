# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far ``topic_verify`` is."""

from __future__ import annotations

from ..plugin_utils.progress_action import ProgressAction


class ActionModule(ProgressAction):
    """Runs the module topic_verify."""
