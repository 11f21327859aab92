#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_import
short_description: Import a schema registry from a backup
description:
  - Brings the subjects and versions of a restore point into a registry, with the ids, version numbers, gaps and soft
    deletes that they had, then encryption keys, and then configs and modes.
  - Reads the target first and decides for each version what is to be done. Conflicts, references that lead nowhere and
    losses that the target would cause are found before the first write.
  - Reads the target again afterwards and fails when anything is not as it should be.
  - The modes that it has to change meanwhile are written to a journal before they are changed, and are put back. After
    a kill the next import into that registry, or M(lifeboat.kafka.schema_registry_mode) with C(state=recovered), does
    that.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.subjects
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry_store
attributes:
  check_mode:
    support: partial
    details: Makes the same plan from the same reads. With O(ids=assign), ids that the target will assign are shown as
      C(unknown until applied).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  restore_point:
    description: The number of the restore point, or V(latest) for the newest complete one.
    type: str
    default: latest
  strategy:
    description:
      - What is done where the target already holds something.
      - V(preserve) adds what is missing and leaves what is there. With O(ids=keep) a conflict is an error before any
        write.
      - V(skip) adds only subjects that the target does not hold at all.
      - V(overwrite) makes what the restore point holds as it was. A subject in conflict is purged and imported anew,
        only with O(allow_purge=true), and only if every id that this destroys is in the restore point with the same
        content.
      - None of them deletes what the restore point does not hold.
    type: str
    choices: [preserve, skip, overwrite]
    default: preserve
  ids:
    description:
      - V(keep) brings each schema in under the id that it had, through the registry's mode IMPORT.
      - V(assign) registers the schemas as a producer would, and returns which old id became which new one.
    type: str
    choices: [keep, assign]
    default: keep
  subject_mapping:
    description:
      - New names of subjects by their old ones. References and aliases follow.
      - An old name is a whole name; or a pattern with one C(*), and what it stands for is carried over, such as
        C(orders-*) and C(prod-orders-*); or a C(~) and a regular expression that must match the whole name, whose
        groups the new name takes over as C(\1) or C(\g<name>).
      - A whole name goes before patterns, and of these the first that fits, in the order given. Whole names and
        patterns without a context mean subjects of the default context; those of others begin with it, such as
        C(:.eu:orders-*). A regular expression is compared to the name with its context.
      - A whole name that is not among the selected subjects is an error, and so are two subjects of one new name. A
        pattern that fits none is warned about.
    type: dict
    default: {}
  context_mapping:
    description:
      - New contexts by their old ones, such as C(.) and C(.eu) to bring the default context into one of its own, or
        C(.eu) and C(.) to bring that one out of it. Their configs, modes and highest ids go along, and references that
        name a context follow. It applies to the names that O(subject_mapping) gives.
      - Two contexts become one only if no two subjects get the same name, and with O(ids=keep) no id stands for two
        schemas.
    type: dict
    default: {}
  keep_highest_id:
    description:
      - With O(ids=keep), and where the source had given ids to schemas that were deleted for good since, whether the
        target is kept from giving these ids to others. Data that carries them would be read with the wrong schema.
      - For that the subject C(lifeboat.kafka.highest-id) gets a soft-deleted version that has the highest of these ids,
        in each context where the ids of the schemas themselves do not reach it. Elsewhere it is not made.
      - It is not made either where only some subjects of a context are imported.
      - Of a context all of whose schemas were deleted for good, the restore point has the highest id only where the
        export was given O(lifeboat.kafka.schema_registry_export#module:kafka).
    type: bool
    default: true
  accept_losses:
    description:
      - Kinds of things that the target cannot hold and that may be lost.
      - A loss that is not accepted stops the run before the first write, and is named with the subjects it concerns.
    type: list
    elements: str
    choices: [metadata, rules, contexts, soft_deletes, references, configs, deks]
    default: []
  allow_purge:
    description: Whether O(strategy=overwrite) may delete subjects of the target for good, to import them anew. Refused
      without that and O(ids=keep), since nothing is purged then.
    type: bool
    default: false
  on_damage:
    description: Whether a damaged file of the backup stops the run, or its schemas and what refers to them are left out
      and listed.
    type: str
    choices: [fail, skip]
    default: fail
  on_failure:
    description:
      - What an import with O(ids=keep) leaves behind when it stops half-way. V(keep_closed) leaves what is not complete
        closed to producers, since schemas that they register would take the ids. V(prior_modes) puts all modes back,
        as an import with O(ids=assign) always does.
      - After a kill nothing can be put back at once; the modes stay as they are until the next run.
    type: str
    choices: [keep_closed, prior_modes]
    default: keep_closed
  journal:
    description: Absolute path of a directory for the journal, for a store that cannot be written to. By default it lies
      in the store.
    type: path
seealso:
  - module: lifeboat.kafka.schema_registry_export
  - module: lifeboat.kafka.schema_registry_mode
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Show what an import would do
  lifeboat.kafka.schema_registry_import:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod
  check_mode: true
  diff: true

- name: Bring a lost registry back
  lifeboat.kafka.schema_registry_import:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Bring some subjects into another environment under other names, with new ids
  lifeboat.kafka.schema_registry_import:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_point: 42
    subjects: [orders-*]
    subject_mapping:
      orders-*: test.orders-*
    ids: assign

- name: Bring a context into the default one, under other names and beside what is there
  lifeboat.kafka.schema_registry_import:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    backup_id: prod
    subjects: [":.eu:*"]
    subject_mapping:
      '~:\.eu:(?P<name>.+)': ':.eu:eu.\g<name>'
    context_mapping:
      .eu: .
    ids: assign
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
      description: Its number.
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
plan:
  description: What was done, or would be done in check mode.
  returned: success
  type: dict
  contains:
    classes:
      description: How many versions the target holds already, lacks, or holds differently.
      type: dict
      sample: {new: 4990, identical: 10}
    actions:
      description: How many versions, configs and modes are written or deleted; and as C(put_back), how many configs and
        modes get back what they were before an interrupted run.
      type: dict
      sample: {register: 4990, soft_delete: 12, purge: 0, config: 3, mode: 1, put_back: 0}
    left:
      description: What is left as the target has it, with the reason. Shortened; RV(plan.left_omitted) tells by how
        much.
      type: list
      elements: dict
      sample:
        - subject: orders-value
          version: 3
          id: 9
          class: soft_deleted_on_target
          reason: it is soft-deleted on the target
    left_omitted:
      description: How many more there are.
      type: int
      sample: 0
    exact:
      description: Whether the target then holds every version and every encryption key as the restore point has it, but
        for accepted losses.
      type: bool
      sample: true
    keys:
      description:
        - What is done about encryption keys, in the same way. Those of another KEK or DEK of the target are never
          replaced, whatever O(strategy) says, and counted as C(key_conflict).
        - Left out where the restore point has none.
      type: dict
      sample:
        classes: {new: 8, key_conflict: 1}
        actions: {create_kek: 2, create_dek: 6, undelete: 0, soft_delete: 1}
        left:
          - kek: orders
            subject: orders-value
            algorithm: AES256_GCM
            version: 1
            class: key_conflict
            reason: the target has another key under this number; a key is never replaced
        left_omitted: 0
    lost:
      description: What the target cannot hold and was accepted.
      type: list
      elements: dict
      sample: [{kind: metadata, count: 2, subjects: [orders-value], why: The target drops metadata on import.}]
    damaged:
      description: What O(on_damage=skip) left out. Shortened.
      type: list
      elements: dict
      sample:
        - file: schema-registry/subjects/orders-value/v3.json
          reason: its SHA-256 is not the noted one
          costs: version 3 of subject orders-value
    damaged_omitted:
      description: How many more there are.
      type: int
      sample: 0
verified:
  description: How many versions the target was found to hold afterwards as the restore point has them, how many are
    left out, and how many encryption keys it holds so where the restore point has some.
  returned: success, not in check mode
  type: dict
  sample: {versions: 5000, left: 0}
id_map:
  description: The new ids by context and old id, of the schemas that this run was to bring in. Shortened.
  returned: with O(ids=assign), not in check mode
  type: list
  elements: dict
  sample: [{context: ".", old: 17, new: 4}]
id_map_omitted:
  description: How many more there are.
  returned: with O(ids=assign), not in check mode
  type: int
  sample: 0
id_map_file:
  description:
    - Where the whole of it lies, together with what other runs with the same O(context_mapping) brought in of the same
      restore point.
    - A run in which an old id becomes another new one than in an earlier run has a file of its own.
  returned: with O(ids=assign), not in check mode
  type: str
  sample: /srv/lifeboat/journal/6f1c2a0e9b7d4c35/id-maps/prod.00000042.json
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, SUBJECTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.import_registry import (
    ImportRequest,
    RegistryImport,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS


def plan(task: Task) -> RegistryImport:
    given = dict(task.options)
    subjects = Selection(tuple(given.pop("subjects")), tuple(given.pop("exclude_subjects")))
    given["accept_losses"] = frozenset(given["accept_losses"])
    return RegistryImport.prepare(task.registry, task.store, ImportRequest(subjects=subjects, **given))


def main() -> None:
    spec = {
        **BACKUP_ID,
        **SUBJECTS,
        "restore_point": {"type": "str", "default": "latest"},
        "strategy": {"type": "str", "choices": ["preserve", "skip", "overwrite"], "default": "preserve"},
        "ids": {"type": "str", "choices": ["keep", "assign"], "default": "keep"},
        "subject_mapping": {"type": "dict", "default": {}},
        "context_mapping": {"type": "dict", "default": {}},
        "keep_highest_id": {"type": "bool", "default": True},
        "accept_losses": {"type": "list", "elements": "str", "choices": list(LOSS_KINDS), "default": []},
        "allow_purge": {"type": "bool", "default": False},
        "on_damage": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        "on_failure": {"type": "str", "choices": ["keep_closed", "prior_modes"], "default": "keep_closed"},
        "journal": {"type": "path"},
    }
    run(spec, plan, uses=("registry", "store"))


if __name__ == "__main__":
    main()
