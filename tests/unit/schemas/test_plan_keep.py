# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

from hypothesis import event, given, settings
from hypothesis import strategies as st
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.strategies import registries

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import same
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    CLASSES,
    ImportOptions,
    ImportPlan,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

ALL_LOSSES = frozenset(LOSS_KINDS)
STRATEGIES = st.sampled_from(["preserve", "skip", "overwrite"])


def planned(
    archive: RegistryState, registry: ModelRegistry, options: ImportOptions
) -> tuple[ImportPlan | None, set[str]]:
    """Return a plan, or what kinds of problems forbid it."""
    try:
        return plan_import(archive, registry.state, registry.capabilities, options), set()
    except ImportRefused as refused:
        kinds = {problem.kind for problem in refused.problems}
        if not kinds:
            raise
        return None, kinds


def check_applied(plan: ImportPlan, registry: ModelRegistry) -> None:
    assert differences(plan.expected({}), registry.state) == []


def check_nothing_destroyed(before: RegistryState, after: RegistryState) -> None:
    for key, version in before.versions.items():
        assert any(
            other.id == version.id and same(other.content, version.content) for other in after.of_subject(key.subject)
        ), key


def check_second_plan_is_empty(archive: RegistryState, registry: ModelRegistry, options: ImportOptions) -> None:
    again = plan_import(archive, registry.state, registry.capabilities, options)
    assert (again.steps, again.settings) == ((), ())


@given(registries())
@settings(max_examples=100)
def test_an_empty_registry_becomes_equal(archive: RegistryState) -> None:
    registry = ModelRegistry(CONFLUENT)
    plan = plan_import(archive, registry.state, CONFLUENT, ImportOptions())
    assert not plan.losses
    registry.apply(plan)
    check_applied(plan, registry)
    wanted = RegistryState(archive.versions)
    assert differences(wanted, registry.state) == []
    for scope, expected in archive.settings.items():
        actual = registry.state.settings[scope] if expected.config.is_set else None
        assert actual is None or actual.config == expected.config
    check_second_plan_is_empty(archive, registry, ImportOptions())


@given(registries())
@settings(max_examples=100)
def test_an_empty_registry_becomes_equal_but_for_its_losses(archive: RegistryState) -> None:
    registry = ModelRegistry(AXONOPS)
    options = ImportOptions(accept_losses=ALL_LOSSES)
    plan, problems = planned(archive, registry, options)
    if plan is None:
        event("refused")
        assert problems <= {"content_conflict", "id_conflict"}
        return
    event(f"losses {[loss.kind for loss in plan.losses]}")
    registry.apply(plan)
    check_applied(plan, registry)
    check_second_plan_is_empty(archive, registry, options)


@given(st.data(), registries(), STRATEGIES, st.booleans(), st.sampled_from([CONFLUENT, AXONOPS]))
@settings(max_examples=200)
def test_any_target_is_refused_or_becomes_as_expected(
    data: st.DataObject, archive: RegistryState, strategy: str, allow_purge: bool, capabilities: Capabilities
) -> None:
    target = data.draw(registries(seed=archive, most=3))
    registry = ModelRegistry(capabilities, copy.deepcopy(target))
    options = ImportOptions(strategy=strategy, accept_losses=ALL_LOSSES, allow_purge=allow_purge)
    plan, problems = planned(archive, registry, options)
    if plan is None:
        event(f"refused {sorted(problems)}")
        return
    event(f"{strategy}: {sorted(action for action, times in plan.actions.items() if times)}")
    registry.apply(plan)
    check_applied(plan, registry)
    check_nothing_destroyed(target, registry.state)
    check_second_plan_is_empty(archive, registry, options)
    assert sum(plan.classes.values()) == len(archive.versions)
    assert set(plan.classes) <= set(CLASSES)


@given(st.data(), registries(), STRATEGIES, st.sampled_from([CONFLUENT, AXONOPS]))
@settings(max_examples=100)
def test_a_rerun_goes_on(
    data: st.DataObject, archive: RegistryState, strategy: str, capabilities: Capabilities
) -> None:
    target = data.draw(st.one_of(st.just(RegistryState()), registries(seed=archive, most=2)))
    registry = ModelRegistry(capabilities, copy.deepcopy(target))
    options = ImportOptions(strategy=strategy, accept_losses=ALL_LOSSES)
    plan, _problems = planned(archive, registry, options)
    if plan is None:
        return
    registry.apply(plan, steps=data.draw(st.integers(0, len(plan.steps))))
    rest = plan_import(
        archive,
        registry.state,
        capabilities,
        ImportOptions(strategy=strategy, accept_losses=ALL_LOSSES, unfinished=plan.registered),
    )
    assert len(rest.steps) <= len(plan.steps)
    registry.apply(rest)
    check_applied(plan, registry)
