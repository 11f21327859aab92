# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module tells how far it is."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents ``progress_file``."""

    DOCUMENTATION = r"""
options:
  progress_file:
    description:
      - A file on the host that runs the module, to which it appends how far it is, as one JSON object a line. It is
        made when it is not there, and never removed.
      - Over a local connection this may be left out. Then how far the module is appears on standard error while it
        runs, unless the task has C(async), C(become) or C(no_log).
    type: path
"""
