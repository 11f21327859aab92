# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans an import that keeps ids: what is purged, registered and soft-deleted, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .capabilities import Capabilities
from .classify import KEPT, PURGE, REFUSE, REGISTER, SOFT_DELETE, Decision, Held, decide
from .content import same
from .draft import Draft
from .import_plan import IDENTICAL, LIVE_ON_TARGET, SOFT_DELETED_ON_TARGET, ImportOptions, Item, Register
from .losses import Lost
from .model import RegistryState, SchemaVersion, VersionKey
from .order import Order
from .problems import Problem
from .purge import purge, unsafe
from .settle import Settling
from .wanted import IMPORT, Wish

STAYS_LIVE = "other versions refer to it, so that the target keeps it live"
_SAME = (IDENTICAL, LIVE_ON_TARGET, SOFT_DELETED_ON_TARGET)


def draft_keep(made: Wish, target: RegistryState, capabilities: Capabilities, options: ImportOptions) -> Draft:
    """Plan the versions of an import that keeps ids.

    Args:
        made: What is to be brought in.
        target: What the target holds.
        capabilities: What it can hold.
        options: What was asked for.
    """
    everything = Held(target.versions, capabilities)
    first = {key: decide(wanted, everything, options) for key, wanted in made.versions.items()}
    purged: set[str] = set()
    held, decisions = everything, dict(first)
    while True:
        settling = Settling(decisions, made, held, options)
        more = {key.subject for key, decision in decisions.items() if decision.action == PURGE} - purged
        if not more:
            break
        purged |= more
        held = Held({k: v for k, v in target.versions.items() if k.subject not in purged}, capabilities)
        decisions = {key: decide(wanted, held, options) for key, wanted in made.versions.items()}
    draft = Draft(lost=settling.lost)
    for key, decision in decisions.items():
        seen = first[key] if key.subject in purged else decision
        draft.items.append(_item(decision, seen.classification, key in settling.stay_live))
        draft.lost.extend(_lost(decision, held.versions.get(key)))
        if decision.action == REFUSE:
            draft.problems.append(Problem(key.subject, key.version, decision.kind, decision.why))
    purges, purge_problems = purge(purged, target.versions)
    steps, order_problems = Order(settling, held).steps()
    draft.steps = [*purges, *steps]
    draft.problems += unsafe(purged, target.versions, settling.registered().values())
    draft.problems += [*purge_problems, *order_problems]
    draft.versions = _after(held, settling)
    if capabilities.ids_in != IMPORT:
        draft.needs_config = _compared(draft)
    return draft


def _item(decision: Decision, classification: str, stays_live: bool) -> Item:
    wanted, action, why = decision.wanted, decision.action, decision.why
    if stays_live:
        action, why = (KEPT if action == SOFT_DELETE else action), STAYS_LIVE
    return Item(wanted.source, wanted.version.id, wanted.key.subject, classification, action, why)


def _lost(decision: Decision, there: SchemaVersion | None) -> list[Lost]:
    wanted, key = decision.wanted, decision.wanted.key
    without = there is not None and decision.classification in _SAME and not same(there.content, wanted.original)
    if without or decision.action == REGISTER:
        return [Lost(kind, key.subject, str(key)) for kind in wanted.lost]
    return []


def _compared(draft: Draft) -> frozenset[str]:
    """Return the subjects whose versions the target compares with each other, as it does in every mode but IMPORT."""
    versions = Counter(key.subject for key in draft.versions)
    return frozenset(s.subject for s in draft.steps if isinstance(s, Register) and versions[s.subject] > 1)


def _after(held: Held, settling: Settling) -> dict[VersionKey, SchemaVersion]:
    versions = dict(held.versions)
    for key, wanted in settling.registered().items():
        versions[key] = wanted.version
    for key in (*settling.registered(), *settling.deleted()):
        versions[key] = replace(versions[key], deleted=not settling.is_live(key))
    return versions
