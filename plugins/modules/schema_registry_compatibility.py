#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_compatibility
short_description: Set the compatibility and the other configuration of a schema registry, of contexts or of subjects
description:
  - Sets, clears or removes configs, one task for many scopes. A config is the compatibility level and all the fields
    beside it.
  - A field that is not given is left as it is, unless O(replace=true). A field is cleared when it is named in O(clear),
    or given as an empty text or dictionary; the scope then inherits it again.
  - A field that the registry does not keep is refused, and so is, on AxonOps, a config without a compatibility level,
    which that ignores.
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
    support: partial
    details: Confluent tells a compatibility level for a config that has none, so that clearing it beside other fields
      changes something each time.
options:
  state:
    description:
      - V(present) sets and clears fields.
      - V(absent) removes the whole config of the given scopes, so that they inherit it again. It takes no fields.
    type: str
    choices: [present, absent]
    default: present
  compatibility:
    description:
      - The compatibility level.
      - Confluent tells V(BACKWARD) for a subject whose config has no level, so that setting just that changes nothing.
    type: str
    choices: [NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE, '']
  normalize:
    description: Whether schemas are normalized when they are registered and looked up.
    type: bool
  validate_fields:
    description: Whether names of fields are checked when a schema is registered.
    type: bool
  validate_new_schemas:
    description: Whether new schemas are checked strictly (Confluent since 8.0.4).
    type: bool
  validate_rules:
    description: Whether rules are checked when a schema is registered.
    type: bool
  compatibility_policy:
    description: How compatibility is judged, such as V(STRICT) or V(LENIENT).
    type: str
  compatibility_group:
    description: The metadata property whose value divides a subject's versions into groups that need to be compatible
      only among themselves, such as V(application.major.version).
    type: str
  alias:
    description: The subject that requests for this one are answered with. Only for subjects.
    type: str
  alias_for_deks:
    description: The subject whose data encryption keys this one uses. Only for subjects.
    type: str
  default_metadata:
    description:
      - Metadata that a schema gets where it has none of its own.
      - It has C(tags), C(properties) and C(sensitive), as in the registry's own API. All values are texts.
    type: dict
  override_metadata:
    description: Metadata that every schema gets, whatever it has of its own; as O(default_metadata).
    type: dict
  default_rule_set:
    description:
      - Rules that a schema gets where it has none of its own.
      - It has C(migrationRules), C(domainRules), C(encodingRules) and C(enableAt), as in the registry's own API.
    type: dict
  override_rule_set:
    description: Rules that every schema gets, whatever it has of its own; as O(default_rule_set).
    type: dict
  clear:
    description: Fields that are cleared, by the names of these options.
    type: list
    elements: str
    choices:
      - compatibility
      - normalize
      - validate_fields
      - validate_new_schemas
      - validate_rules
      - compatibility_policy
      - compatibility_group
      - alias
      - alias_for_deks
      - default_metadata
      - override_metadata
      - default_rule_set
      - override_rule_set
    default: []
  replace:
    description: Whether the fields that are not given are cleared, so that the config is exactly what is given.
    type: bool
    default: false
seealso:
  - module: lifeboat.kafka.schema_registry_mode
  - module: lifeboat.kafka.schema_registry_subject
"""

EXAMPLES = r"""
- name: Set the compatibility of the whole registry
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    compatibility: FULL_TRANSITIVE

- name: Give a subject a config, and nothing but this
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    subjects: [orders-value]
    compatibility: BACKWARD
    normalize: true
    default_metadata:
      properties:
        owner: team-orders
    replace: true

- name: Clear one field of it
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    subjects: [orders-value]
    clear: [default_metadata]

- name: Let the subject inherit all of it again
  lifeboat.kafka.schema_registry_compatibility:
    registry:
      url: http://registry.example.org:8081
    subjects: [orders-value]
    state: absent
"""

RETURN = r"""
configs:
  description: The scopes and their configs before and after, by the names of the options; null where there is none.
  returned: success
  type: list
  elements: dict
  sample:
    - scope: orders-value
      before: {compatibility: BACKWARD, normalize: true}
      after: {compatibility: FULL_TRANSITIVE, normalize: true}
      changed: true
configs_omitted:
  description: How many scopes are left out of RV(configs), to keep the result below 64 KiB.
  returned: success
  type: int
  sample: 0
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import SCOPES
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.change_configs import FIELDS, ConfigChange

LEVELS = ["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]
SWITCHES = ("normalize", "validate_fields", "validate_new_schemas", "validate_rules")
TEXTS = ("compatibility_policy", "compatibility_group", "alias", "alias_for_deks")
OBJECTS = ("default_metadata", "override_metadata", "default_rule_set", "override_rule_set")


def plan(task: Task) -> ConfigChange:
    given = task.options
    return ConfigChange.plan(
        task.registry,
        subjects=given["subjects"],
        contexts=given["contexts"],
        fields={option: given[option] for option in FIELDS},
        clear=given["clear"],
        replace=given["replace"],
        remove=given["state"] == "absent",
    )


def main() -> None:
    spec = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "compatibility": {"type": "str", "choices": [*LEVELS, ""]},
        **{option: {"type": "bool"} for option in SWITCHES},
        **{option: {"type": "str"} for option in TEXTS},
        **{option: {"type": "dict"} for option in OBJECTS},
        **SCOPES,
        "clear": {"type": "list", "elements": "str", "choices": list(FIELDS), "default": []},
        "replace": {"type": "bool", "default": False},
    }
    run(spec, plan, uses=("registry",))


if __name__ == "__main__":
    main()
