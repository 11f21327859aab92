# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.schemas.building import state, version
from unit.schemas.model_registry import AXONOPS, CONFLUENT, ModelRegistry
from unit.schemas.planning import done, planned, steps

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare import differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, join_subject
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

KEPT = "lifeboat.kafka.highest-id"


def gone(highest: int, context: str = ".") -> RegistryState:
    """Return a source that had given ids up to a highest one, and deleted those above 7 for good."""
    return replace(state(join_subject(context, "a") + " 1 = 7"), highest_ids={context: highest})


@pytest.mark.parametrize("capabilities", [CONFLUENT, AXONOPS])
@pytest.mark.parametrize("context", [".", ".eu"])
def test_the_highest_id_is_kept_by_a_soft_deleted_version(capabilities: Capabilities, context: str) -> None:
    archive, name = gone(9, context), join_subject(context, KEPT)
    plan = planned(archive, capabilities=capabilities)
    assert steps(plan)[-2:] == [f"register {name} version 9 as 9", f"soft-delete {name} version 9"]
    assert (plan.classes, [item.subject for item in plan.items]) == ({"new": 1}, [join_subject(context, "a")])
    [note] = plan.notes
    assert f"up to 9 in the context {context}, of which those above 7 are gone; so that the target" in note
    registry = ModelRegistry(capabilities, done(plan, state(), capabilities))
    again = planned(archive, registry.state, capabilities)
    assert (again.is_empty, again.notes) == (True, ())
    for scope in ("", f":{context}:"):
        registry.state.settings.pop(scope, None)
    producer = version(join_subject(context, "b") + " 1 = 0 t0")
    assert registry.state.versions[registry.register(producer, with_id=False)].id == 10


@pytest.mark.parametrize("capabilities", [CONFLUENT, AXONOPS])
def test_the_highest_id_is_kept_where_nothing_is_left(capabilities: Capabilities) -> None:
    archive = replace(state(), contexts=(".", ".eu"), highest_ids={".": 9, ".eu": 3, ".untouched": 0})
    plan = planned(archive, capabilities=capabilities, context_mapping={".eu": ".dr"})
    assert steps(plan) == [
        f"register {KEPT} version 9 as 9",
        f"soft-delete {KEPT} version 9",
        f"register :.dr:{KEPT} version 3 as 3",
        f"soft-delete :.dr:{KEPT} version 3",
    ]
    assert (plan.classes, plan.losses) == ({}, ())
    assert "ids up to 9 in the context ., of which all of them are gone; so that the target does" in plan.notes[0]
    after = done(plan, state(), capabilities)
    assert planned(archive, after, capabilities, context_mapping={".eu": ".dr"}).is_empty
    assert planned(archive, replace(state(), highest_ids={".": 9, ".eu": 3}), capabilities).is_empty
    assert planned(archive, capabilities=capabilities, ids="assign").is_empty


def test_the_highest_id_of_an_empty_context_is_lost_with_contexts() -> None:
    archive = replace(state("a 1 = 1", ":.eu:b 1 = 1"), highest_ids={".": 1, ".eu": 7, ".gone": 7})
    capabilities = replace(CONFLUENT, contexts=False)
    with pytest.raises(ImportRefused) as refused:
        planned(archive, capabilities=capabilities)
    [loss] = refused.value.facts["losses"]
    assert (loss["kind"], loss["count"], loss["subjects"]) == ("contexts", 2, [":.eu:b", ":.gone:"])
    plan = planned(archive, capabilities=capabilities, accept_losses=frozenset({"contexts"}))
    assert (steps(plan), plan.notes) == (["register a version 1 as 1"], ())
    into = {".eu": ".", ".gone": "."}
    assert steps(planned(archive, capabilities=capabilities, context_mapping=into))[-1] == (
        f"soft-delete {KEPT} version 7"
    )
    only = replace(archive, versions={}, highest_ids={".gone": 7})
    for without in ({"keep_highest_id": False}, {"ids": "assign"}):
        assert planned(only, capabilities=capabilities, **without).is_empty


def test_what_keeps_an_id_comes_back_as_any_other_version() -> None:
    source = done(planned(gone(9)), state())
    source = replace(source, highest_ids={".": 9})
    plan = planned(source)
    assert (steps(plan)[1:], plan.classes, plan.notes) == (
        [f"register {KEPT} version 9 as 9", f"soft-delete {KEPT} version 9"],
        {"new": 2},
        (),
    )
    later = done(planned(replace(source, highest_ids={".": 12})), state())
    assert [key.version for key in sorted(later.versions) if key.subject == KEPT] == [9, 12]
    assert planned(source, later).is_empty


def test_nothing_keeps_an_id_where_nothing_need_to() -> None:
    assert steps(planned(gone(7))) == ["register a version 1 as 7"]
    for target in (state("z 1 = 9"), replace(state("z 1 = 2"), highest_ids={".": 11})):
        plan = planned(gone(9), target)
        assert (steps(plan), plan.notes) == (["register a version 1 as 7"], ())
    assert steps(planned(gone(9), ids="assign")) == ["register a version 1 as 0"]
    # what is left as the target has it is not gone
    left = planned(replace(state("a 1 = 1", "a 2 = 2"), highest_ids={".": 2}), state("a 1 = 1"), strategy="skip")
    assert (left.is_empty, left.notes) == (True, ())


@pytest.mark.parametrize(
    ("highest", "capabilities", "options", "why"),
    [
        (9, CONFLUENT, {"keep_highest_id": False}, "since keep_highest_id is false."),
        (2**31, CONFLUENT, {}, "since it takes ids up to 2147483647 only."),
        (9, replace(CONFLUENT, soft_delete=False), {}, "since it has no soft delete."),
    ],
)
def test_an_id_that_is_not_kept_is_told(
    highest: int, capabilities: Capabilities, options: dict[str, Any], why: str
) -> None:
    plan = planned(gone(highest), capabilities=capabilities, **options)
    assert steps(plan) == ["register a version 1 as 7"]
    assert plan.notes[0].endswith(f"of which those above 7 are gone; the target may give them to other schemas, {why}")


def test_a_run_that_was_stopped_may_have_left_it_live() -> None:
    plan = planned(gone(9))
    registry = ModelRegistry(CONFLUENT)
    registry.apply(plan, steps=2)
    rest = planned(gone(9), registry.state, unfinished=plan.registered)
    assert steps(rest) == [f"soft-delete {KEPT} version 9"]
    assert differences(plan.expected({}), done(rest, registry.state)) == []


def test_patterns_do_not_rename_it_and_contexts_that_come_together_share_it() -> None:
    both = replace(state("a 1 = 1", ":.eu:b 1 = 2"), highest_ids={".": 9, ".eu": 9})
    source = replace(done(planned(both), state()), highest_ids={".": 9, ".eu": 12}, settings={})
    plan = planned(source, subject_mapping={"*": "p-*"}, context_mapping={".eu": "."})
    assert sorted(steps(plan)) == [
        "register b version 1 as 2",
        f"register {KEPT} version 12 as 12",
        f"register {KEPT} version 9 as 9",
        "register p-a version 1 as 1",
        f"soft-delete {KEPT} version 12",
        f"soft-delete {KEPT} version 9",
    ]
    done(plan, state())
