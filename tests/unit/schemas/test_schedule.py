# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In any order that the schedule allows, the steps of an import make what they make in the plan's order."""

from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st
from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.planning import planned
from unit.schemas.strategies import registries

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    ImportOptions,
    ImportPlan,
    Register,
    SoftDelete,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.schedule import steps_before

OPTIONS = ImportOptions(ids="assign", accept_losses=frozenset(LOSS_KINDS))


def waits(plan: ImportPlan, capabilities: Capabilities = CONFLUENT) -> dict[str, set[str]]:
    """What each step waits for at once, in short."""
    names = [f"-{step.key}" if isinstance(step, SoftDelete) else str(step.version.key) for step in plan.steps]
    before = steps_before(plan, capabilities)
    return {name: {names[number] for number in each} for name, each in zip(names, before, strict=True)}


def test_subjects_that_have_nothing_to_do_with_each_other_wait_for_nothing() -> None:
    plan = planned(state("a 1 = 1", "a 2 = 2", "b 1 = 3", ":.eu:a 1 = 1"), ids="assign")
    assert waits(plan) == {
        ":.eu:a version 1": set(),
        "a version 1": set(),
        "a version 2": {"a version 1"},
        "b version 1": set(),
    }


def test_referrers_wait_for_what_they_refer_to_and_soft_deletes_for_referrers() -> None:
    plan = planned(state("!a 1 = 1", "a 2 = 2", "!b 1 = 3 > a 1", "c 1 = 4 > a 2", "d 1 = 5"), ids="assign")
    assert waits(plan) == {
        "a version 1": set(),
        "a version 2": {"a version 1"},
        "b version 1": {"a version 2"},
        "c version 1": {"a version 2"},
        "d version 1": set(),
        "-b version 1": {"b version 1"},
        "-a version 1": {"a version 2", "-b version 1", "c version 1"},
    }


def test_a_reference_to_the_latest_version_keeps_its_place_among_that_subjects_versions() -> None:
    plan = planned(state("z 1 = 1", "a 1 = 2 > z -1", "!z 2 = 3"), ids="assign")
    assert waits(plan) == {
        "z version 1": set(),
        "a version 1": {"z version 1"},
        "z version 2": {"a version 1", "z version 1"},
        "-z version 2": {"z version 2"},
    }


def test_what_refers_to_a_subject_on_the_target_waits_with_it() -> None:
    archive, target = state("!a 1 = 1", "!b 1 = 2 > a 1"), state("a 1 = 1", "b 1 = 2 > a 1")
    plan = planned(archive, target, ids="assign", strategy="overwrite")
    assert waits(plan) == {"-b version 1": set(), "-a version 1": {"-b version 1"}}


def test_one_text_is_never_registered_twice_at_once_in_a_context() -> None:
    documented = version("b 1 = 2")
    text = '{"type": "record", "name": "t1", "doc": "d", "fields": []}'
    documented = replace(documented, content=replace(documented.content, text=text))
    plan = planned(state("a 1 = 1", documented, "c 1 = 1", ":.eu:d 1 = 1"), ids="assign")
    apart: dict[str, set[str]] = {":.eu:d version 1": set(), "a version 1": set()}
    assert waits(plan, AXONOPS) == {**apart, "b version 1": {"a version 1"}, "c version 1": {"b version 1"}}
    assert waits(plan, CONFLUENT) == {**apart, "b version 1": set(), "c version 1": {"a version 1"}}


@given(
    st.data(), registries(), st.sampled_from(["preserve", "skip", "overwrite"]), st.sampled_from([CONFLUENT, AXONOPS])
)
@settings(max_examples=200)
def test_any_order_that_is_allowed_makes_the_same(
    data: st.DataObject, archive: RegistryState, strategy: str, capabilities: Capabilities
) -> None:
    target = data.draw(st.one_of(st.just(RegistryState()), registries(seed=archive, most=2)))
    registry = ModelRegistry(capabilities, copy.deepcopy(target))
    try:
        plan = plan_import(archive, registry.state, capabilities, replace(OPTIONS, strategy=strategy))
    except ImportRefused:
        return
    before = steps_before(plan, capabilities)
    assert all(need < number for number, each in enumerate(before) for need in each)
    order: list[int] = []
    while len(order) < len(before):
        free = [n for n, each in enumerate(before) if n not in order and each <= set(order)]
        order.append(data.draw(st.sampled_from(free)))
    event(f"{'another' if order != sorted(order) else 'the same'} order")
    ids = registry.apply(replace(plan, steps=tuple(plan.steps[number] for number in order)))
    assigned = plan.assigned(ids, registry.state)
    assert differences(plan.expected(assigned), registry.state, ignored=plan.uncertain) == []
    assert ids.keys() == {step.source for step in plan.steps if isinstance(step, Register)}
