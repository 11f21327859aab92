#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_info
short_description: Tell what a schema registry is and holds
description:
  - Tells which registry answers, what it can do, whether it is well, and what it holds.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.subjects
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_registry
options:
  gather:
    description:
      - How much is told. V(summary) gives counts, V(subjects) also a list of the subjects with their config and mode,
        V(versions) also a list of their versions.
    type: str
    choices: [summary, subjects, versions]
    default: summary
  query:
    description: A JMESPath expression over what this module returns. Its value is returned as RV(query_result).
    type: str
requirements:
  - jmespath >= 1.0 (with O(query))
seealso:
  - module: lifeboat.kafka.schema_registry_export
"""

EXAMPLES = r"""
- name: Look at a registry
  lifeboat.kafka.schema_registry_info:
    registry:
      url: http://registry.example.org:8081

- name: Find the soft-deleted versions of one team
  lifeboat.kafka.schema_registry_info:
    registry:
      url: http://registry.example.org:8081
    subjects: ["payments.*"]
    gather: versions
    query: versions[?deleted].[subject, version, id]
"""

RETURN = r"""
registry:
  description: The registry.
  returned: success
  type: dict
  contains:
    implementation:
      description: Which registry it is.
      type: str
      sample: axonops
    version:
      description: Its version, where it tells.
      type: str
      sample: v0.2.1
    url:
      description: The URL that answered.
      type: str
      sample: http://registry.example.org:8081
    identity:
      description: The cluster and registry ids where it has them, else its URL. The journal goes by it.
      type: str
      sample: http://registry.example.org:8081
    healthy:
      description: Whether it calls itself well. Null where it cannot be asked.
      type: bool
      sample: true
    health:
      description: What it answered when it was asked for its health.
      type: str
      sample: HTTP 200
    capabilities:
      description: What it can do.
      type: dict
      sample: {writes: true, ids_in: IMPORT, contexts: true, soft_delete: true, parallel_registrations: 4}
counts:
  description: How much the selected subjects hold.
  returned: success
  type: dict
  sample: {subjects: 1000, versions: 5000, soft_deleted: 12, contexts: 1}
settings:
  description: Config and mode of the whole registry and of each context. C(set) is null where the registry does not
    tell a setting of its own from an inherited one.
  returned: success
  type: list
  elements: dict
  sample:
    - scope: ""
      config: {set: null, value: {compatibilityLevel: BACKWARD}}
      mode: {set: null, value: READWRITE}
subjects:
  description: The selected subjects.
  returned: O(gather=subjects) or O(gather=versions)
  type: list
  elements: dict
  sample:
    - subject: orders-value
      versions: [1, 2, 4]
      soft_deleted: [2]
      config: {set: true, value: {compatibilityLevel: FULL}}
      mode: {set: false, value: null}
versions:
  description: Their versions.
  returned: O(gather=versions)
  type: list
  elements: dict
  sample: [{subject: orders-value, version: 4, id: 17, deleted: false, schema_type: AVRO, references: []}]
query_result:
  description: What O(query) gave.
  returned: when O(query) is given
  type: raw
  sample: [[orders-value, 2, 9]]
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import SUBJECTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.query import queried
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.describe_registry import describe_registry


def read(task: Task) -> Report:
    given = task.options
    subjects = Selection(tuple(given["subjects"]), tuple(given["exclude_subjects"]))
    return queried(describe_registry(task.registry, subjects, gather=given["gather"]), given["query"])


def main() -> None:
    gather = {"type": "str", "choices": ["summary", "subjects", "versions"], "default": "summary"}
    run({**SUBJECTS, "gather": gather, "query": {"type": "str"}}, read, uses=("registry",))


if __name__ == "__main__":
    main()
