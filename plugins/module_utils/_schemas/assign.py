# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans an import whose ids the target assigns."""

from __future__ import annotations

from .capabilities import Capabilities
from .draft import Draft
from .import_plan import ImportOptions
from .model import RegistryState
from .wanted import Wish


def draft_assign(made: Wish, target: RegistryState, capabilities: Capabilities, options: ImportOptions) -> Draft:
    raise NotImplementedError
