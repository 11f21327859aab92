#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_point
short_description: Open, commit or abort a restore point
description:
  - A restore point holds what belongs together. It is opened, the modules that capture something are given its id and
    write their parts, and it is committed. Only then does it exist; a run that is killed leaves none.
  - A module that captures something without an id opens and commits a restore point of its own.
  - When nothing has changed since the newest complete restore point, none is made, and the store notes when that was
    confirmed.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.store.lease
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_store
attributes:
  check_mode:
    support: partial
    details: With O(state=committed) only an open restore point can be looked at, and check mode opens none.
  diff_mode:
    support: partial
    details: Shows with O(state=committed) what the restore point holds, and with O(state=aborted) what is given up.
      What is in the parts is shown by the modules that write them.
  idempotent:
    support: partial
    details: O(state=open) opens one restore point each time. The other states change nothing the second time.
options:
  state:
    description:
      - V(open) takes the lease on O(backup_id) and returns the id of an open restore point.
      - V(committed) makes it a restore point.
      - V(aborted) gives it up. Without O(restore_point), whatever a dead run left open is given up.
    type: str
    choices: [open, committed, aborted]
    required: true
  restore_point:
    description:
      - The id that O(state=open) returned. Needed with O(state=committed).
      - With O(state=aborted), V(damaged) takes away a lease that cannot be read, which tells of no run. Make sure that
        none is at work.
    type: str
  parts:
    description: With O(state=open), the parts that the restore point must have to be complete. What is captured into it
      decides when left out.
    type: list
    elements: str
    choices: [schema-registry, topics, groups]
    default: []
seealso:
  - module: lifeboat.kafka.schema_registry_export
  - module: lifeboat.kafka.backup_info
"""

EXAMPLES = r"""
- name: Open a restore point
  lifeboat.kafka.restore_point:
    store:
      path: /srv/lifeboat
    backup_id: prod
    state: open
    parts: [schema-registry]
  register: opened

- name: Export the schema registry into it
  lifeboat.kafka.schema_registry_export:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_point: "{{ opened.restore_point }}"

- name: Commit it
  lifeboat.kafka.restore_point:
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_point: "{{ opened.restore_point }}"
    state: committed
"""

RETURN = r"""
restore_point:
  description: The id of the restore point that is or was open. Null in check mode with O(state=open), and where there
    was nothing to give up.
  returned: success
  type: str
  sample: 00000042-1a2b3c4d
backup:
  description: The restore point that was committed or confirmed.
  returned: O(state=committed), not in check mode
  type: dict
  sample:
    store: /srv/lifeboat
    backup_id: prod
    restore_point: 42
    committed_at: "2026-01-31T12:00:00.000Z"
    complete: true
    created: true
    parts: [schema-registry]
    missing: []
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.controller import controller_pid
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, LEASE, PARTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Change
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations import restore_point as operations


def plan(task: Task) -> Change:
    given = task.options
    if given["state"] == "open":
        return operations.Opening.plan(
            task.store,
            given["backup_id"],
            parts=given["parts"],
            owner_pid=controller_pid(),
            lease_timeout=given["lease_timeout"],
        )
    if given["state"] == "committed":
        return operations.Commit.plan(task.store, given["backup_id"], given["restore_point"])
    return operations.Abortion.plan(
        task.store, given["backup_id"], given["restore_point"], lease_timeout=given["lease_timeout"]
    )


def main() -> None:
    spec = {
        **BACKUP_ID,
        **LEASE,
        "state": {"type": "str", "choices": ["open", "committed", "aborted"], "required": True},
        "restore_point": {"type": "str"},
        "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": []},
    }
    run(spec, plan, uses=("store",), required_if=[("state", "committed", ["restore_point"])])


if __name__ == "__main__":
    main()
