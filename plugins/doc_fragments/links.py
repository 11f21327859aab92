# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of exporters and importers."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents what exporters and importers have in common."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(reset=true), and with O(update_secrets=always) and O(secrets), it changes something each time.
notes:
  - One that runs is paused to be changed, and resumed after it, also when the change fails. If the module is killed
    meanwhile, it stays paused, as nobody can tell it then from one that was paused by hand. So say O(state=running) of
    one that is to run. The next run then changes and resumes it.
options:
  name:
    description: Its name.
    type: str
    required: true
  state:
    description:
      - V(present) makes it, or changes it to what is given. A new one is started by the registry; one that is there
        goes on running, or stays paused. What is not given is left as it is.
      - V(running) and V(paused) do the same, and start or pause it.
      - V(absent) removes it. It takes nothing else that describes it.
    type: str
    choices: [present, running, paused, absent]
    default: present
  context_type:
    description:
      - Into which context the schemas go. The registry's own default is V(AUTO), a context that it names itself.
      - V(CUSTOM) puts O(context) before the context that they come from. V(NONE) keeps that as it is.
    type: str
    choices: [AUTO, CUSTOM, NONE, DEFAULT]
  context:
    description: The context, with O(context_type) V(CUSTOM), which needs it, or V(DEFAULT).
    type: str
  subjects:
    description: The subjects that are carried. V(:*:) means those of all contexts, V(:.eu:*) those of the context eu.
      The registry's own default is V(*).
    type: list
    elements: str
  config:
    description:
      - How the other registry is reached, by Confluent's names, C(schema.registry.url) above all. Needed for a new one.
      - Keys that are not given are left as they are, and a null removes a key.
      - It is not hidden, so a key that looks like a secret is refused. Give those in O(secrets).
    type: dict
  secrets:
    description:
      - The secret part of the config, such as C(basic.auth.user.info). It is never shown.
      - A registry does not tell the secrets that it has, so they are no reason for a change; see O(update_secrets).
        They go along whenever the config is sent for another reason, which replaces the whole of it. So a config that
        changes needs this option too; an empty dictionary says that there are no secrets.
    type: dict
  update_secrets:
    description: V(always) sends O(secrets) each time, which always counts as a change. V(on_create) sends them with a
      new or otherwise changed config only.
    type: str
    choices: [on_create, always]
    default: on_create
  reset:
    description: Whether it starts over from the first schema. This always counts as a change where it exists already.
    type: bool
    default: false
  wait:
    description: Whether to wait until it is running or paused, with the states of these names.
    type: bool
    default: true
  wait_timeout:
    description: How many seconds to wait at most. To change one, it is paused and waited for in any case.
    type: int
    default: 60
"""
