#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_compatibility
short_description: Set the compatibility of a schema registry, of contexts or of subjects
description:
  - Sets or removes compatibility levels, one task for many scopes. Other fields of their configs are kept.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.scopes
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) sets O(compatibility).
      - V(absent) removes the config of the given scopes, so that they inherit it again.
    type: str
    choices: [present, absent]
    default: present
  compatibility:
    description: The compatibility level. Needed with O(state=present).
    type: str
    choices: [NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE]
seealso:
  - module: lifeboat.kafka.schema_registry_mode
"""

EXAMPLES = r"""
- name: Set the compatibility of the whole registry
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    compatibility: FULL_TRANSITIVE

- name: Let a subject inherit it again
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    subjects: [orders-value]
    state: absent
"""

RETURN = r"""
configs:
  description: The scopes and their compatibility before and after.
  returned: success
  type: list
  elements: dict
  sample: [{scope: "", before: BACKWARD, after: FULL_TRANSITIVE, changed: true}]
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import SCOPES
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.change_settings import CompatibilityChange

LEVELS = ["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]


def plan(task: Task) -> CompatibilityChange:
    given = task.options
    return CompatibilityChange.plan(
        task.registry,
        subjects=given["subjects"],
        contexts=given["contexts"],
        compatibility=given["compatibility"] if given["state"] == "present" else None,
    )


def main() -> None:
    spec = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "compatibility": {"type": "str", "choices": LEVELS},
        **SCOPES,
    }
    run(spec, plan, uses=("registry",), required_if=[("state", "present", ["compatibility"])])


if __name__ == "__main__":
    main()
