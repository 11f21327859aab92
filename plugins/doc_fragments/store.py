# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``store`` option family and what goes with it."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the ``store`` family and ``backup_id``."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.11
options:
  store:
    description:
      - Where the backups lie. A store is made once, by M(lifeboat.kafka.backup_store); a directory that is not marked
        as one is refused.
      - When this option is left out altogether, it is read from the environment, from V(LIFEBOAT_STORE_PATH).
      - Nested options are not merged with C(module_defaults). What a task gives here replaces the whole dictionary.
    type: dict
    suboptions:
      path:
        description: Absolute path of the store's directory.
        type: path
        required: true
"""

    BACKUP_ID = r"""
options:
  backup_id:
    description: Name of the backup in the store, usually that of the inventory host whose data it holds.
    type: str
    required: true
"""

    LEASE = r"""
options:
  lease_timeout:
    description:
      - Seconds after which an unfinished run that gives no sign of life counts as dead, so that another may start. On
        the machine of the unfinished run a process that is gone is noticed at once.
      - A run gives a sign of life each minute, so the least is 120; the most is a year. A sign of life that lies
        further in the future tells nothing.
    type: int
    default: 900
"""
