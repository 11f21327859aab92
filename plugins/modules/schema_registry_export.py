#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_export
short_description: Export a schema registry into a backup
description:
  - Writes every subject and version with its id, its references, metadata and rules, the soft-deleted ones, and all
    configs and modes into a restore point; encryption keys too.
  - Reads the registry twice, from one node, until both readings agree.
  - With O(kafka) it also reads the topic that the registry keeps its schemas in. Only that tells configs and modes of
    subjects without versions, whether the registry's own config and mode are set, and contexts without schemas. Here
    O(kafka) is never taken from the environment.
  - When nothing has changed since the newest complete restore point, no file is written but the note of when that was
    confirmed.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.kafka
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.store.lease
  - lifeboat.kafka.subjects
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry_store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  restore_point:
    description:
      - The id of an open restore point, as M(lifeboat.kafka.restore_point) returned it, to write this part into.
      - When left out, a restore point of its own is opened and committed.
    type: str
  include_versions:
    description: Whether V(all) versions of each subject are exported, or only the V(latest) live one.
    type: str
    choices: [all, latest]
    default: all
  include_soft_deleted:
    description: Whether soft-deleted versions are exported.
    type: bool
    default: true
  include_references:
    description: Whether the versions that selected schemas refer to are exported too when they are not selected.
      Without it, references that lead out of the selection are warned about, and an import needs their targets.
    type: bool
    default: true
  schemas_topic:
    description:
      - The topic that the registry keeps its schemas in, in the cluster of O(kafka). V(_schemas) where only O(kafka) is
        given.
      - Registries that keep nothing in Kafka, such as AxonOps, have none.
    type: str
notes:
  - Metadata that is marked as sensitive is written as the registry tells it, in clear, and warned about.
  - Encryption keys are written too, where the registry keeps some. Data encryption keys are written as their key
    encryption key has wrapped them, and never in clear. C(kmsProps) may be credentials, and are warned about.
seealso:
  - module: lifeboat.kafka.schema_registry_import
  - module: lifeboat.kafka.restore_point
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Export a whole registry
  lifeboat.kafka.schema_registry_export:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Export a registry with what only its topic tells
  lifeboat.kafka.schema_registry_export:
    registry:
      url: http://confluent.example.org:8081
    kafka:
      bootstrap_servers: [kafka-1.example.org:9092]
    store:
      path: /srv/lifeboat
    backup_id: prod-confluent

- name: Export the subjects of one team, and what they refer to
  lifeboat.kafka.schema_registry_export:
    registry:
      url: [https://registry-1.example.org, https://registry-2.example.org]
      username: backup
      password: "{{ registry_password }}"
    store:
      path: /srv/lifeboat
    backup_id: prod-payments
    subjects: ["payments.*"]
    exclude_subjects: ["~payments[.]scratch[0-9]+"]
"""

RETURN = r"""
backup:
  description: The restore point.
  returned: success
  type: dict
  contains:
    store:
      description: The store's directory.
      type: str
      sample: /srv/lifeboat
    backup_id:
      description: The backup's name.
      type: str
      sample: prod
    restore_point:
      description: Its number. Null where it is not committed yet, or would be made in check mode.
      type: int
      sample: 42
    committed_at:
      description: When it was committed.
      type: str
      sample: "2026-01-31T12:00:00.000Z"
    complete:
      description: Whether it holds all that was asked for.
      type: bool
      sample: true
    created:
      description: Whether this run made it. False when it confirmed that nothing had changed.
      type: bool
      sample: true
    parts:
      description: What it holds.
      type: list
      elements: str
      sample: [schema-registry]
    missing:
      description: Parts that it should hold and does not.
      type: list
      elements: str
      sample: []
schemas:
  description: What the restore point holds of the registry.
  returned: success
  type: dict
  contains:
    subjects:
      description: How many subjects.
      type: int
      sample: 1000
    versions:
      description: How many versions, the soft-deleted ones among them.
      type: int
      sample: 5000
    soft_deleted:
      description: How many of these are soft-deleted.
      type: int
      sample: 12
    sensitive:
      description: How many have metadata that is marked as sensitive.
      type: int
      sample: 0
    configs:
      description: How many configs are known to be set, and not inherited.
      type: int
      sample: 3
    modes:
      description: How many modes are known to be set, and not inherited.
      type: int
      sample: 1
    contexts:
      description: How many contexts.
      type: int
      sample: 1
    keks:
      description: How many key encryption keys. Left out where the registry keeps no encryption keys.
      type: int
      sample: 2
    deks:
      description: How many versions of data encryption keys, as keks.
      type: int
      sample: 7
    unknown_settings:
      description: Of how many configs and modes the registry does not tell whether they are set or inherited. None with
        O(kafka).
      type: int
      sample: 2
    settled:
      description: Whether two readings of the registry agreed.
      type: bool
      sample: true
    read_as:
      description: As whom the registry was read, such as C(user backup), C(OAuth client backup) or C(anonymous).
      type: str
      sample: user backup
    unseen_ids:
      description:
        - How many ids up to the highest of each context are of no version that was read. They were deleted for good, or
          belong to what this user may not see.
        - Null where only a part of the registry was read.
      type: int
      sample: 0
    unseen_versions:
      description: How many versions the registry's topic has that the registry did not show to this user. Null without
        the option O(kafka), or where only a part of the registry was read.
      type: int
      sample: 0
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, LEASE, SUBJECTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.export_registry import RegistryExport
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.read_registry import Scope


def plan(task: Task) -> RegistryExport:
    given = task.options
    scope = Scope(
        subjects=Selection(tuple(given["subjects"]), tuple(given["exclude_subjects"])),
        versions=given["include_versions"],
        soft_deleted=given["include_soft_deleted"],
        references=given["include_references"],
    )
    return RegistryExport.plan(
        task.registry,
        task.store,
        given["backup_id"],
        scope,
        point_id=given["restore_point"],
        lease_timeout=given["lease_timeout"],
        kafka_settings=task.kafka if task.has("kafka") else None,
        schemas_topic=given["schemas_topic"],
    )


def main() -> None:
    spec = {
        **BACKUP_ID,
        **LEASE,
        **SUBJECTS,
        "restore_point": {"type": "str"},
        "include_versions": {"type": "str", "choices": ["all", "latest"], "default": "all"},
        "include_soft_deleted": {"type": "bool", "default": True},
        "include_references": {"type": "bool", "default": True},
        "schemas_topic": {"type": "str"},
    }
    run(spec, plan, uses=("registry", "store"), explicit=("kafka",))


if __name__ == "__main__":
    main()
