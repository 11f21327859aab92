#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_exporter
short_description: Manage an exporter of a Confluent schema registry
description:
  - Makes, changes, starts, pauses or removes one exporter of a Confluent schema registry ("Schema Linking").
  - An exporter carries the schemas of its own registry into another one, and keeps doing so.
  - Only Confluent Platform Enterprise and Confluent Cloud have exporters. On other registries the module fails.
  - It was tried on an emulated registry only, which was written from Confluent's documentation.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.links
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry
options:
  subject_rename_format:
    description: The name that a subject gets on the other side, such as V(dc_${subject}).
    type: str
  kek_rename_format:
    description: The name that a key encryption key gets on the other side, such as V(dc_${kek}).
    type: str
seealso:
  - module: lifeboat.kafka.schema_importer
"""

EXAMPLES = r"""
- name: Carry all schemas into another registry, into the context prod
  lifeboat.kafka.schema_exporter:
    registry:
      url: http://registry.example.org:8081
    name: to-dr
    context_type: CUSTOM
    context: prod
    subjects: ["*"]
    subject_rename_format: prod_${subject}
    config:
      schema.registry.url: https://registry.dr.example.org
      basic.auth.credentials.source: USER_INFO
    secrets:
      basic.auth.user.info: "exporter:{{ registry_password }}"
    state: running

- name: Start over
  lifeboat.kafka.schema_exporter:
    registry:
      url: http://registry.example.org:8081
    name: to-dr
    reset: true

- name: Remove it
  lifeboat.kafka.schema_exporter:
    registry:
      url: http://registry.example.org:8081
    name: to-dr
    state: absent
"""

RETURN = r"""
exporter:
  description: The exporter as it is afterwards, with all secrets hidden; null when it is absent. In check mode, as it
    would be.
  returned: success
  type: dict
  sample:
    name: to-dr
    state: RUNNING
    context_type: CUSTOM
    context: prod
    subjects: ["*"]
    subject_rename_format: prod_${subject}
    config: {schema.registry.url: "https://registry.dr.example.org", basic.auth.user.info: "********"}
    offset: 17
steps:
  description: What was done, of C(create), C(pause), C(update), C(reset), C(resume) and C(delete).
  returned: success
  type: list
  elements: str
  sample: [pause, update, resume]
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import LINK
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.link_requests import LinkRequest
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.manage_link import LinkChange


def plan(task: Task) -> LinkChange:
    return LinkChange.plan(task.registry, "exporter", LinkRequest(**task.options))


def main() -> None:
    spec = {
        **LINK,
        "subject_rename_format": {"type": "str"},
        "kek_rename_format": {"type": "str"},
    }
    run(spec, plan, uses=("registry",))


if __name__ == "__main__":
    main()
