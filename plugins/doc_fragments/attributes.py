# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents attributes that several modules share."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and tells what would change, without changing anything.
  diff_mode:
    description: Returns in diff mode what changed, or would change.
  idempotent:
    description: Changes nothing when it is run again with the same options against the same state.
"""

    READ_ONLY = r"""
attributes:
  check_mode:
    support: full
    description: Can run in check mode; it only reads.
  diff_mode:
    support: N/A
    description: Returns in diff mode what changed, or would change.
    details: It changes nothing.
  idempotent:
    support: full
    description: Changes nothing when it is run again with the same options against the same state.
"""

    GROUP_STORE = r"""
attributes:
  action_group:
    support: full
    description: Use C(group/lifeboat.kafka.store) in C(module_defaults) to set O(store) for several modules at once.
    membership: [lifeboat.kafka.all, lifeboat.kafka.store]
"""

    GROUP_REGISTRY = r"""
attributes:
  action_group:
    support: full
    description: Use C(group/lifeboat.kafka.registry) in C(module_defaults) to set O(registry) for several modules at
      once.
    membership: [lifeboat.kafka.all, lifeboat.kafka.registry]
"""

    GROUP_REGISTRY_STORE = r"""
attributes:
  action_group:
    support: full
    description: Use C(group/lifeboat.kafka.registry) and C(group/lifeboat.kafka.store) in C(module_defaults) to set
      O(registry) and O(store) for several modules at once.
    membership: [lifeboat.kafka.all, lifeboat.kafka.registry, lifeboat.kafka.store]
"""

    GROUP_KAFKA = r"""
attributes:
  action_group:
    support: full
    description: Use C(group/lifeboat.kafka.kafka) in C(module_defaults) to set O(kafka) for several modules at once.
    membership: [lifeboat.kafka.all, lifeboat.kafka.kafka]
"""

    GROUP_KAFKA_STORE = r"""
attributes:
  action_group:
    support: full
    description: Use C(group/lifeboat.kafka.kafka) and C(group/lifeboat.kafka.store) in C(module_defaults) to set
      O(kafka) and O(store) for several modules at once.
    membership: [lifeboat.kafka.all, lifeboat.kafka.kafka, lifeboat.kafka.store]
"""
