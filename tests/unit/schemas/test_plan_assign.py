# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.strategies import registries

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.content import same, same_text
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import (
    Assigned,
    ImportOptions,
    ImportPlan,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.losses import LOSS_KINDS
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, VersionKey
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

OPTIONS = ImportOptions(ids="assign", accept_losses=frozenset(LOSS_KINDS))


def check_applied(plan: ImportPlan, registry: ModelRegistry, ids: dict[VersionKey, int]) -> dict[VersionKey, Assigned]:
    assigned = plan.assigned(ids, registry.state)
    assert differences(plan.expected(assigned), registry.state, ignored=plan.uncertain) == []
    return assigned


@given(
    st.data(), registries(), st.sampled_from(["preserve", "skip", "overwrite"]), st.sampled_from([CONFLUENT, AXONOPS])
)
@settings(max_examples=200)
def test_any_target_is_refused_or_gets_every_content(
    data: st.DataObject, archive: RegistryState, strategy: str, capabilities: Capabilities
) -> None:
    target = data.draw(st.one_of(st.just(RegistryState()), registries(seed=archive, most=2)))
    registry = ModelRegistry(capabilities, copy.deepcopy(target))
    options = replace(OPTIONS, strategy=strategy)
    try:
        plan = plan_import(archive, registry.state, capabilities, options)
    except ImportRefused as refused:
        event(f"refused {sorted({problem.kind for problem in refused.problems})}")
        return
    event(f"{strategy}: {sorted(action for action, times in plan.actions.items() if times)}")
    assigned = check_applied(plan, registry, registry.apply(plan))
    for key, version in target.versions.items():
        assert key in plan.uncertain or same(registry.state.versions[key].content, version.content)
    left = {item.source for item in plan.items if item.action in ("leave", "omit")}
    for key, version in archive.versions.items():
        if key in left:
            continue
        actual = registry.state.versions[VersionKey(key.subject, assigned[key].version)]
        assert actual.id == assigned[key].id
        assert same_text(actual.content, version.content)
        if capabilities.register_keeps_metadata:
            assert (actual.content.metadata or None) == version.content.metadata
        for ours, theirs in zip(version.content.references, actual.content.references, strict=True):
            assert theirs == replace(ours, version=assigned[ours.target(key.subject)].version)
    if strategy != "overwrite":  # a second one might meet its own soft-deleted leftovers
        again = plan_import(archive, registry.state, capabilities, options)
        assert again.steps == ()


@given(st.data(), registries(), st.sampled_from([CONFLUENT, AXONOPS]))
@settings(max_examples=100)
def test_a_rerun_goes_on(data: st.DataObject, archive: RegistryState, capabilities: Capabilities) -> None:
    registry, whole = ModelRegistry(capabilities), ModelRegistry(capabilities)
    try:
        plan = plan_import(archive, registry.state, capabilities, OPTIONS)
    except ImportRefused:
        return
    registry.apply(plan, steps=data.draw(st.integers(0, len(plan.steps))))
    whole.apply(plan)
    rest = plan_import(archive, registry.state, capabilities, replace(OPTIONS, unfinished=plan.registered))
    check_applied(rest, registry, registry.apply(rest))
    assert differences(whole.state, registry.state) == []
