#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: Tell which backups and restore points a store holds
description:
  - Lists the backups of a store, their restore points, and when each was last made or confirmed.
  - With O(max_age) it fails when a backup is too old, for monitoring.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.store
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_store
options:
  backup_id:
    description: Name of the one backup to tell about. All of them when left out.
    type: str
  parts:
    description: What a restore point must hold to count for RV(backups[].latest), RV(backups[].age_seconds) and
      O(max_age). Any complete restore point counts when left out.
    type: list
    elements: str
    choices: [schema-registry, topics, groups]
    default: []
  max_age:
    description:
      - How old the last complete or confirmed restore point of each backup may be, such as V(90m), V(26h) or V(7d); a
        plain number means seconds.
      - Fails, naming each backup that is older or has no complete restore point. Fails too where one was made more than
        5 minutes later than now, since then a clock is wrong and tells no age.
    type: str
  query:
    description: A JMESPath expression over what this module returns. Its value is returned as RV(query_result).
    type: str
requirements:
  - jmespath >= 1.0 (with O(query))
seealso:
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Look at all backups
  lifeboat.kafka.backup_info:
    store:
      path: /srv/lifeboat

- name: Alarm when the last good backup is older than a day and a bit
  lifeboat.kafka.backup_info:
    store:
      path: /srv/lifeboat
    backup_id: prod
    max_age: 26h

- name: Alarm when the last good backup of topics is older than 2 hours
  lifeboat.kafka.backup_info:
    store:
      path: /srv/lifeboat
    parts: [topics]
    max_age: 2h

- name: Take the numbers of all restore points
  lifeboat.kafka.backup_info:
    store:
      path: /srv/lifeboat
    backup_id: prod
    query: backups[].restore_points[].restore_point
"""

RETURN = r"""
backups:
  description: The backups, by name.
  returned: success
  type: list
  elements: dict
  contains:
    backup_id:
      description: Its name.
      type: str
      sample: prod
    latest:
      description: The number of its newest complete restore point, of those that hold O(parts), or null.
      type: int
      sample: 42
    age_seconds:
      description: How long ago a complete restore point was last made or confirmed, or null.
      type: int
      sample: 3600
    last_run:
      description: What the last run did and when, or null.
      type: dict
      sample:
        started_at: "2026-01-31T11:59:58.000Z"
        finished_at: "2026-01-31T12:00:00.000Z"
        restore_point: 42
        created: false
        complete: true
    last_run_problem:
      description: Why the note of the last run cannot be read, or null. Restore points do not depend on it.
      type: str
      sample: The note of the last run in prod/last-run.json cannot be read.
    restore_points:
      description: Its newest restore points, the newest last, with what each part holds. 100 at most, and fewer where
        there is no room for them in 64 KiB.
      type: list
      elements: dict
      sample:
        - restore_point: 42
          parent: 41
          opened_at: "2026-01-30T11:59:57.000Z"
          committed_at: "2026-01-30T12:00:00.000Z"
          complete: true
          missing: []
          parts: [{name: schema-registry, complete: true, files: 5312, bytes: 4194304, subjects: 300, versions: 5000}]
    restore_points_omitted:
      description: How many older ones there are.
      type: int
      sample: 0
backups_omitted:
  description: How many backups are left out of RV(backups), to keep the result small. With O(backup_id), none ever is.
  returned: success
  type: int
  sample: 0
query_result:
  description: What O(query) gave.
  returned: when O(query) is given
  type: raw
  sample: [40, 41, 42]
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import PARTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.query import queried
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.describe_backups import describe_backups


def read(task: Task) -> Report:
    given = task.options
    report = describe_backups(task.store, backup_id=given["backup_id"], parts=given["parts"], max_age=given["max_age"])
    return queried(report, given["query"])


def main() -> None:
    spec = {
        "backup_id": {"type": "str"},
        "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": []},
        "max_age": {"type": "str"},
        "query": {"type": "str"},
    }
    run(spec, read, uses=("store",))


if __name__ == "__main__":
    main()
