# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps of an import must wait for which others, where several are made at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import replace

from .capabilities import Capabilities
from .content import identity
from .import_plan import ImportPlan, Register
from .model import context_of


def steps_before(plan: ImportPlan, capabilities: Capabilities) -> list[frozenset[int]]:
    """Return for each step of an import that assigns ids the numbers of those that it waits for.

    In the plan's order stay the steps of one subject; those of two subjects of which one refers to the other, whichever
    of their versions are meant, so that references to the latest version mean the same one as in the plan's order; and
    registrations in one context of texts that the target takes for the same one, since a server that is given both at
    once may find each of them new (AxonOps on MariaDB then answers one of them with HTTP 500).

    Args:
        plan: What is made.
        capabilities: The target's.

    Returns:
        By the steps' number from 0; all that a step waits for is numbered below it.
    """
    linked = _linked_subjects(plan)
    last: dict[str, int] = {}
    last_of_text: dict[Hashable, int] = {}
    found = []
    for number, step in enumerate(plan.steps):
        own = last.get(step.subject, -1)
        # What linked subjects did before this one's last step, that step has waited for already.
        before = {last[subject] for subject in linked.get(step.subject, ()) if last.get(subject, -1) > own}
        if own >= 0:
            before.add(own)
        if isinstance(step, Register):
            bare = replace(step.version.content, references=())
            text = context_of(step.subject), identity(bare, capabilities.identity)
            if text in last_of_text:
                before.add(last_of_text[text])
            last_of_text[text] = number
        last[step.subject] = number
        found.append(frozenset(before))
    return found


def _linked_subjects(plan: ImportPlan) -> Mapping[str, set[str]]:
    """Return by subject those that it refers to and those that refer to it, as planned or on the target already."""
    registered = (step.version for step in plan.steps if isinstance(step, Register))
    linked: dict[str, set[str]] = defaultdict(set)
    for version in (*registered, *plan.target.versions.values()):
        for target in version.reference_targets():
            if target.subject != version.subject:
                linked[version.subject].add(target.subject)
                linked[target.subject].add(version.subject)
    return linked
