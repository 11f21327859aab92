#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_subject
short_description: Register schemas under subjects, or delete versions of subjects
description:
  - Registers a schema as the newest version of a subject, unless one of its live versions is that schema already. The
    registry itself judges whether it is.
  - Soft-deletes or purges versions of subjects.
  - Acts on one subject, or on those in O(subjects), in their order.
  - What is new is tried against the versions before it, also in check mode. When it is not compatible with them, the
    task fails and shows the registry's reasons.
  - A subject whose config has an alias is refused, since the registry would change the other subject.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry
attributes:
  check_mode:
    support: partial
    details:
      - The number and the id of a new version are C(unknown until applied).
      - A schema that refers to another one of the same task is not tried before that one is registered.
      - A mode that forbids it, and references to what is to be deleted, are found when it is done.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Where the config of a subject adds metadata or rules to what is registered, whether the schema is found
      again is up to the registry.
options:
  state:
    description:
      - V(present) registers the schema.
      - V(absent) soft-deletes versions. What is soft-deleted already, or was never there, is as it should be.
      - V(purged) deletes versions for good, live ones too; these are soft-deleted first. Their ids cannot be read any
        more. It needs O(versions).
      - A version that somebody registers while all versions of its subject are being deleted is never purged with them.
        The task fails then, and says how far it came.
    type: str
    choices: [present, absent, purged]
    default: present
  subject:
    description: The subject, by its qualified name. Either this or O(subjects) is needed.
    type: str
  schema: &schema
    description: The schema, as text; for Avro and JSON Schema also as the structure that its JSON text stands for.
      With O(state=present), either this or O(src) is needed.
    type: raw
  src: &src
    description: The file with the schema, in UTF-8, on the machine that the module runs on.
    type: path
  schema_type: &schema_type
    description: The type of the schema; V(AVRO) when it is left out.
    type: str
    choices: [AVRO, JSON, PROTOBUF]
  references: &references
    description: The schemas that this one refers to, which must be there.
    type: list
    elements: dict
    suboptions:
      name:
        description: How the schema names the other one.
        type: str
        required: true
      subject:
        description: The other one's subject.
        type: str
        required: true
      version:
        description: The version of it; V(-1) means the newest.
        type: int
        default: -1
  metadata: &metadata
    description: Metadata, with C(tags), C(properties) and C(sensitive), as in the registry's own API. All values are
      texts.
    type: dict
  rule_set: &rule_set
    description: Rules, with C(migrationRules), C(domainRules), C(encodingRules) and C(enableAt), as in the registry's
      own API.
    type: dict
  normalize: &normalize
    description: Whether the registry normalizes the schema before it looks it up and registers it.
    type: bool
  versions: &versions
    description:
      - The versions that are deleted, by their numbers, or V(all).
      - With O(state=absent), all when it is left out. With O(state=purged) it must be given.
    type: list
    elements: str
  subjects:
    description: Several subjects, each with the options of a single one.
    type: list
    elements: dict
    suboptions:
      subject:
        description: The subject, by its qualified name.
        type: str
        required: true
      schema: *schema
      src: *src
      schema_type: *schema_type
      references: *references
      metadata: *metadata
      rule_set: *rule_set
      normalize: *normalize
      versions: *versions
seealso:
  - module: lifeboat.kafka.schema_registry_compatibility
  - module: lifeboat.kafka.schema_registry_info
"""

EXAMPLES = r"""
- name: Register a schema
  lifeboat.kafka.schema_registry_subject:
    registry:
      url: http://registry.example.org:8081
    subject: shipments-value
    schema:
      type: record
      name: Shipment
      fields:
        - {name: id, type: long}

- name: Register two schemas, of which one refers to the other
  lifeboat.kafka.schema_registry_subject:
    registry:
      url: http://registry.example.org:8081
    subjects:
      - subject: place
        schema: '{"type": "record", "name": "Place", "fields": [{"name": "town", "type": "string"}]}'
      - subject: route-value
        schema:
          type: record
          name: Route
          fields:
            - {name: from, type: Place}
        references:
          - {name: Place, subject: place, version: 1}

- name: Soft-delete a version
  lifeboat.kafka.schema_registry_subject:
    registry:
      url: http://registry.example.org:8081
    subject: shipments-value
    versions: [1]
    state: absent

- name: Delete a subject for good
  lifeboat.kafka.schema_registry_subject:
    registry:
      url: http://registry.example.org:8081
    subject: shipments-value
    versions: all
    state: purged
"""

RETURN = r"""
subjects:
  description: What became of the subjects, in the order of the task.
  returned: success
  type: list
  elements: dict
  contains:
    subject:
      description: The subject.
      returned: always
      type: str
      sample: orders-value
    changed:
      description: Whether anything was done to it.
      returned: always
      type: bool
      sample: true
    version:
      description: The number of the version that has the schema, or C(unknown until applied).
      returned: O(state=present)
      type: raw
      sample: 3
    id:
      description: Its id, or C(unknown until applied).
      returned: O(state=present)
      type: raw
      sample: 17
    soft_deleted:
      description: The versions that were live, and were soft-deleted.
      returned: O(state=absent) or O(state=purged)
      type: list
      elements: int
      sample: [3]
    purged:
      description: The versions that were deleted for good.
      returned: O(state=absent) or O(state=purged)
      type: list
      elements: int
      sample: [1, 2, 3]
subjects_omitted:
  description: How many subjects at the end of the task's list are left out of RV(subjects), to keep the result below
    64 KiB.
  returned: success
  type: int
  sample: 0
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Change
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.delete_schemas import DeleteSchemas
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.register_schemas import RegisterSchemas
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.subject_requests import SubjectRequest

REFERENCE = {
    "name": {"type": "str", "required": True},
    "subject": {"type": "str", "required": True},
    "version": {"type": "int", "default": -1},
}
ONE = {
    "schema": {"type": "raw"},
    "src": {"type": "path"},
    "schema_type": {"type": "str", "choices": ["AVRO", "JSON", "PROTOBUF"]},
    "references": {"type": "list", "elements": "dict", "options": REFERENCE},
    "metadata": {"type": "dict"},
    "rule_set": {"type": "dict"},
    "normalize": {"type": "bool"},
    "versions": {"type": "list", "elements": "str"},
}


def plan(task: Task) -> Change:
    requests = SubjectRequest.of_task(task.options)
    state = task.options["state"]
    if state == "present":
        return RegisterSchemas.plan(task.registry, requests)
    return DeleteSchemas.plan(task.registry, requests, purge=state == "purged")


def main() -> None:
    each = {"subject": {"type": "str", "required": True}, **ONE}
    spec = {
        "state": {"type": "str", "choices": ["present", "absent", "purged"], "default": "present"},
        "subject": {"type": "str"},
        **ONE,
        "subjects": {"type": "list", "elements": "dict", "options": each},
    }
    run(spec, plan, uses=("registry",))


if __name__ == "__main__":
    main()
