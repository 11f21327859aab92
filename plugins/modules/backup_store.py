#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_store
short_description: Make a store for backups
description:
  - Marks an empty or a new directory as a store. Every other module refuses a directory that is not marked, so that a
    mistyped path or a file system that is not mounted never turns into an empty store.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.store
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: A store is only ever made. To give one up, remove its directory by hand.
    type: str
    choices: [present]
    default: present
seealso:
  - module: lifeboat.kafka.backup_info
  - module: lifeboat.kafka.schema_registry_export
"""

EXAMPLES = r"""
- name: Make the store
  lifeboat.kafka.backup_store:
    store:
      path: /srv/lifeboat
"""

RETURN = r"""
store:
  description: The store.
  returned: success
  type: dict
  contains:
    path:
      description: Its directory.
      type: str
      sample: /srv/lifeboat
    store_id:
      description: Its random id. Null in check mode when the store is not there yet.
      type: str
      sample: 0c5a1f0e-9d57-4d1c-8f2e-3f6a6f0a5d11
    format_version:
      description: The version of the archive's format.
      type: int
      sample: 1
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.make_store import StoreCreation


def plan(task: Task) -> StoreCreation:
    return StoreCreation.plan(task.store)


def main() -> None:
    run({"state": {"type": "str", "choices": ["present"], "default": "present"}}, plan, uses=("store",))


if __name__ == "__main__":
    main()
