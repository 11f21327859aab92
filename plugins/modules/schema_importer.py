#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_importer
short_description: Manage an importer of a Confluent schema registry
description:
  - Makes, changes, starts, pauses or removes one importer of a Confluent schema registry ("Schema Linking").
  - An importer fetches the schemas of another registry into its own one, and keeps doing so.
  - Only Confluent Platform Enterprise and Confluent Cloud have importers. On other registries the module fails.
  - It was tried on an emulated registry only. Confluent has published little of how importers are spoken to; what is
    not known of them is taken to be as with exporters. Above all that is O(reset) - where the registry does not know
    that, the task fails, and the importer runs on as before.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.links
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_registry
seealso:
  - module: lifeboat.kafka.schema_exporter
"""

EXAMPLES = r"""
- name: Fetch all schemas of another registry, into the context prod
  lifeboat.kafka.schema_importer:
    registry:
      url: http://registry.example.org:8081
    name: from-prod
    context_type: CUSTOM
    context: prod
    subjects: ["*"]
    config:
      schema.registry.url: https://registry.prod.example.org
      basic.auth.credentials.source: USER_INFO
    secrets:
      basic.auth.user.info: "importer:{{ registry_password }}"
    state: running

- name: Pause it
  lifeboat.kafka.schema_importer:
    registry:
      url: http://registry.example.org:8081
    name: from-prod
    state: paused

- name: Start over
  lifeboat.kafka.schema_importer:
    registry:
      url: http://registry.example.org:8081
    name: from-prod
    reset: true
"""

RETURN = r"""
importer:
  description: The importer as it is afterwards, with all secrets hidden; null when it is absent. In check mode, as it
    would be.
  returned: success
  type: dict
  sample:
    name: from-prod
    state: RUNNING
    context_type: CUSTOM
    context: prod
    subjects: ["*"]
    config: {schema.registry.url: "https://registry.prod.example.org", basic.auth.user.info: "********"}
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
    return LinkChange.plan(task.registry, "importer", LinkRequest(**task.options))


def main() -> None:
    run(LINK, plan, uses=("registry",))


if __name__ == "__main__":
    main()
