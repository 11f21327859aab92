#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_verify
short_description: Read a backup back and check all of it
description:
  - Reads every file of a restore point and compares it with the hash that was noted when it was written, reads every
    schema, and checks that each reference leads to a schema of the same restore point.
  - Of topics it checks every record batch by its own checksum too, and that no offset is missing that the restore point
    says it holds.
  - Fails when anything is damaged, and names each file with what it costs.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_store
options:
  restore_points:
    description: Which restore points to read, at least one. V(latest), V(all), or numbers.
    type: list
    elements: str
    default: [latest]
seealso:
  - module: lifeboat.kafka.backup_info
  - module: lifeboat.kafka.schema_registry_import
"""

EXAMPLES = r"""
- name: Check the newest restore point
  lifeboat.kafka.backup_verify:
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Check every restore point
  lifeboat.kafka.backup_verify:
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_points: [all]
"""

RETURN = r"""
verified:
  description: The restore points that were read and found whole.
  returned: success
  type: list
  elements: dict
  contains:
    restore_point:
      description: Its number.
      type: int
      sample: 42
    complete:
      description: Whether it holds all that was asked for.
      type: bool
      sample: true
    parts:
      description: What it holds.
      type: list
      elements: str
      sample: [groups, topics]
    files:
      description: How many files it names.
      type: int
      sample: 5312
    bytes:
      description: How many bytes these had.
      type: int
      sample: 4194304
    schemas:
      description: How many schema versions it holds.
      type: int
      sample: 5000
    topics:
      description: How many topics it holds.
      type: int
      sample: 120
    groups:
      description: Of how many consumer groups it holds the offsets.
      type: int
      sample: 35
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.verify_backup import verify_backup


def read(task: Task) -> Report:
    return verify_backup(task.store, backup_id=task.options["backup_id"], wanted=task.options["restore_points"])


def main() -> None:
    restore_points = {"type": "list", "elements": "str", "default": ["latest"]}
    run({**BACKUP_ID, "restore_points": restore_points}, read, uses=("store",))


if __name__ == "__main__":
    main()
