#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dek_registry_info
short_description: Tell which encryption keys a schema registry keeps
description:
  - Tells of the key encryption keys (KEKs) of a registry, and of the data encryption keys (DEKs) that they wrap, with
    which clients encrypt fields.
  - No key ever appears, neither in clear nor wrapped. Of what a key management service is told besides (C(kmsProps))
    only the names do. A DEK is told by a fingerprint of its wrapped form, by which two registries can be compared.
  - A registry unwraps the DEKs of a shared KEK whenever they are read, with its key management service. What that
    refuses is left out, with a warning. Of what the registry answers the key in clear is not looked at.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.subjects
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_registry
options:
  keks:
    description:
      - Which KEKs are meant, by the same kinds of patterns as O(subjects). A literal name must exist.
      - With O(subjects), only those that the DEKs of these subjects name.
    type: list
    elements: str
    default: ['*']
  gather:
    description:
      - How much is told. V(summary) gives counts, V(full) also lists of the keys, of which as many are told as fit into
        64 KiB.
    type: str
    choices: [summary, full]
    default: summary
seealso:
  - module: lifeboat.kafka.schema_registry_info
  - module: lifeboat.kafka.schema_registry_export
"""

EXAMPLES = r"""
- name: Count the encryption keys of a registry
  lifeboat.kafka.dek_registry_info:
    registry:
      url: http://registry.example.org:8081

- name: Look at the keys of one team
  lifeboat.kafka.dek_registry_info:
    registry:
      url: http://registry.example.org:8081
    subjects: ["payments.*"]
    gather: full
"""

RETURN = r"""
registry:
  description: The registry, by its implementation, its version, and the URL that answered.
  returned: success
  type: dict
  sample: {implementation: confluent, version: 8.3.1, url: "http://registry.example.org:8081"}
supported:
  description: Whether the registry keeps encryption keys at all.
  returned: success
  type: bool
  sample: true
counts:
  description: How many KEKs and DEKs there are, how many subjects have DEKs, how many KEKs are shared, and how many of
    both are soft-deleted.
  returned: success
  type: dict
  sample: {keks: 2, deks: 5, subjects: 3, shared: 1, soft_deleted: 1}
keks:
  description: The KEKs, sorted by name. C(deks) is how many DEKs it has, C(kms_props) the names of what else its key
    management service is told.
  returned: O(gather=full)
  type: list
  elements: dict
  sample:
    - name: orders
      kms_type: aws-kms
      kms_key_id: arn:aws:kms:eu-central-1:111122223333:key/orders
      kms_props: [KeyUsage]
      doc: for orders
      shared: false
      deleted: false
      deks: 2
keks_omitted:
  description: How many KEKs are left out of RV(keks), to keep the result small.
  returned: O(gather=full)
  type: int
  sample: 0
deks:
  description: The versions of DEKs, by KEK, subject, algorithm and version.
  returned: O(gather=full)
  type: list
  elements: dict
  sample:
    - kek: orders
      subject: orders-value
      algorithm: AES256_GCM
      version: 1
      deleted: false
      fingerprint: sha256:6688ea8f2669ad28
deks_omitted:
  description: How many of these are left out of RV(deks), to keep the result small.
  returned: O(gather=full)
  type: int
  sample: 0
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import SUBJECTS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.describe_keys import describe_keys


def read(task: Task) -> Report:
    given = task.options
    subjects = Selection(tuple(given["subjects"]), tuple(given["exclude_subjects"]))
    return describe_keys(task.registry, Selection(tuple(given["keks"])), subjects, gather=given["gather"])


def main() -> None:
    spec = {
        **SUBJECTS,
        "keks": {"type": "list", "elements": "str", "default": ["*"]},
        "gather": {"type": "str", "choices": ["summary", "full"], "default": "summary"},
    }
    run(spec, read, uses=("registry",))


if __name__ == "__main__":
    main()
