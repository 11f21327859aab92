#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: schema_registry_mode
short_description: Set the mode of a schema registry, of contexts or of subjects
description:
  - Sets or removes modes, one task for many scopes.
  - With O(state=recovered) it puts back the modes and configs that an interrupted import into this registry left
    changed, as its journal has them.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.registry
  - lifeboat.kafka.scopes
  - lifeboat.kafka.store
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
  state:
    description:
      - V(present) sets O(mode).
      - V(absent) removes the mode of the given scopes, so that they inherit it again.
      - V(recovered) puts back what a dead run left changed. Only what is still as that run set it is put back, and only
        if that run gives no sign of life any more; the rest is reported. Needs O(store) or O(journal).
    type: str
    choices: [present, absent, recovered]
    default: present
  mode:
    description:
      - The mode. Needed with O(state=present).
      - Where a registry does not tell V(READWRITE) from no mode, as Karapace does not, it is only set where another
        mode holds.
      - V(FORWARD) is only set for the whole registry, best with O(contexts) V(.__GLOBAL).
    type: str
    choices: [READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, FORWARD]
  force:
    description:
      - Whether IMPORT is set where there are schemas already.
      - Where nothing but soft-deleted versions is left, Confluent's registry erases these for good when it enters
        IMPORT without this; for the whole registry, those of all contexts. So the task fails then. With this they stay.
    type: bool
    default: false
  recursive:
    description:
      - With O(state=absent), whether the modes of all subjects below the given contexts (or the registry's default
        context) are removed too; below the context V(.__GLOBAL) that is every mode of the registry.
      - Confluent since 8.0.3 then also removes modes of subjects that have no versions. These cannot be listed, so they
        are no reason for a change of their own.
    type: bool
    default: false
  journal:
    description: With O(state=recovered), the directory that the import was given as its journal.
    type: path
  on_failure:
    description: With O(state=recovered), whether scopes whose import is not complete stay closed, which is an error, or
      get their prior modes all the same, so that producers may take the ids that the import still needs.
    type: str
    choices: [keep_closed, prior_modes]
    default: keep_closed
seealso:
  - module: lifeboat.kafka.schema_registry_import
  - module: lifeboat.kafka.schema_registry_compatibility
"""

EXAMPLES = r"""
- name: Close a registry to writers
  lifeboat.kafka.schema_registry_mode:
    registry:
      url: http://registry.example.org:8081
    mode: READONLY

- name: Let two subjects inherit their mode again
  lifeboat.kafka.schema_registry_mode:
    registry:
      url: http://registry.example.org:8081
    subjects: [orders-value, payments-value]
    state: absent

- name: Let all of the context eu inherit its mode again
  lifeboat.kafka.schema_registry_mode:
    registry:
      url: http://registry.example.org:8081
    contexts: [.eu]
    state: absent
    recursive: true

- name: Put back what an interrupted import left
  lifeboat.kafka.schema_registry_mode:
    registry:
      url: http://registry.example.org:8081
    store:
      path: /srv/lifeboat
    state: recovered
"""

RETURN = r"""
modes:
  description: The scopes and their modes before and after.
  returned: success
  type: list
  elements: dict
  sample: [{scope: orders-value, before: READWRITE, after: READONLY, changed: true}]
modes_omitted:
  description: How many scopes are left out of RV(modes), to keep the result below 64 KiB.
  returned: success
  type: int
  sample: 0
recovered:
  description: What was put back, and what was not and why. C(prior) is what was there before the interrupted import,
    C(set) what that import had set, and C(found) what this task found. Where C(result) is V(put back), the scope
    has C(prior) again, in check mode it would; else it still has C(found).
  returned: O(state=recovered)
  type: list
  elements: dict
  sample: [{kind: mode, scope: "", prior: READWRITE, set: IMPORT, found: IMPORT, result: put back}]
recovered_omitted:
  description: How many of these are left out of RV(recovered), to keep the result small.
  returned: O(state=recovered)
  type: int
  sample: 0
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import SCOPES
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Change
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.change_settings import ModeChange
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.recover_settings import Recovery

MODES = ["READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"]
DEFAULTS = {"force": False, "recursive": False, "on_failure": "keep_closed"}
MEANINGLESS = {
    "present": ("recursive", "journal", "on_failure"),
    "absent": ("mode", "force", "journal", "on_failure"),
    "recovered": ("subjects", "contexts", "mode", "force", "recursive"),
}


def plan(task: Task) -> Change:
    given = task.options
    for option in MEANINGLESS[given["state"]]:
        if given[option] != DEFAULTS.get(option):
            raise InvalidOption(f"{option} does not go with state: {given['state']}.", object_name=option)
    if given["state"] == "recovered":
        store = None if given["journal"] else task.store
        return Recovery.plan(
            task.registry, store, journal=given["journal"], reopen_incomplete=given["on_failure"] == "prior_modes"
        )
    return ModeChange.plan(
        task.registry,
        subjects=given["subjects"],
        contexts=given["contexts"],
        mode=given["mode"],
        force=given["force"],
        recursive=given["recursive"],
    )


def main() -> None:
    spec = {
        "state": {"type": "str", "choices": ["present", "absent", "recovered"], "default": "present"},
        "mode": {"type": "str", "choices": MODES},
        **SCOPES,
        "force": {"type": "bool", "default": DEFAULTS["force"]},
        "recursive": {"type": "bool", "default": DEFAULTS["recursive"]},
        "journal": {"type": "path"},
        "on_failure": {"type": "str", "choices": ["keep_closed", "prior_modes"], "default": DEFAULTS["on_failure"]},
    }
    run(spec, plan, uses=("registry",), optional=("store",), required_if=[("state", "present", ["mode"])])


if __name__ == "__main__":
    main()
