# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.schemas.key_strategies import dek, kek, key_sets, keys_of
from unit.schemas.model_registry import AXONOPS, CONFLUENT

from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.capabilities import Capabilities
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.compare_keys import key_differences
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.encryption_keys import (
    Dek,
    DekKey,
    EncryptionKeys,
    Kek,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.import_plan import ImportOptions
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.key_plan import KeyDraft, draft_keys
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.key_steps import CREATE, UNDELETE, KeyStep
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.model import RegistryState, ScopeSettings, Setting
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.plan import plan_import
from ansible_collections.lifeboat.kafka.plugins.module_utils._schemas.problems import ImportRefused

BARE = replace(CONFLUENT, encryption_keys=False)
STRATEGIES = ("preserve", "skip", "overwrite")


def drafted(
    archive: EncryptionKeys | None, target: EncryptionKeys | None = None, can: Capabilities = CONFLUENT, **options: Any
) -> KeyDraft:
    return draft_keys(archive, target, can, ImportOptions(**options))


def carry_out(steps: tuple[KeyStep, ...], target: EncryptionKeys, can: Capabilities) -> EncryptionKeys:
    """Carry steps out as a registry does, which refuses what cannot be."""
    keks, deks = dict(target.keks), dict(target.deks)
    for step in steps:
        held: dict[Any, Any] = keks if isinstance(step.key, Kek) else deks
        name = step.key.name if isinstance(step.key, Kek) else step.key.key
        if step.action == CREATE:
            assert name not in held
        if isinstance(step.key, Dek) and step.action in (CREATE, UNDELETE):
            assert not keks[step.key.key.kek].deleted
            assert step.key.wrapped
        if step.action not in (CREATE, UNDELETE) and isinstance(step.key, Kek) and not can.deletes_used_keks:
            assert all(dek.deleted for dek in deks.values() if dek.key.kek == name)
        made = step.key if step.action == CREATE else held[name]
        held[name] = replace(made, deleted=step.action not in (CREATE, UNDELETE))
    return EncryptionKeys(keks, deks)


@given(key_sets(used_can_be_deleted=False))
def test_an_empty_target_gets_all_of_it(archive: EncryptionKeys) -> None:
    draft = drafted(archive, EncryptionKeys())
    after = carry_out(draft.plan.steps, EncryptionKeys(), CONFLUENT)
    assert (after.keks, after.deks) == (archive.keks, archive.deks)
    assert (draft.plan.left, draft.lost, draft.problems) == ((), [], [])
    assert drafted(archive, after).plan.steps == ()


@given(
    key_sets(), key_sets(used_can_be_deleted=False), st.sampled_from(STRATEGIES), st.sampled_from([CONFLUENT, AXONOPS])
)
def test_a_plan_can_be_carried_out_once_and_makes_what_it_says(
    archive: EncryptionKeys, target: EncryptionKeys, strategy: str, can: Capabilities
) -> None:
    draft = drafted(archive, target, can, strategy=strategy)
    after = carry_out(draft.plan.steps, target, can)
    assert key_differences(draft.plan.after, after) == []
    # What is not concerned, and every key that was there, is as it was but for soft deletes.
    for name, held in {**target.keks, **target.deks}.items():
        now = after.keks[name] if isinstance(held, Kek) else after.deks[held.key]
        assert replace(now, deleted=held.deleted) == held
        if strategy != "overwrite":
            assert now == held
    again = drafted(archive, after, can, strategy=strategy)
    assert again.plan.steps == ()
    assert len(draft.plan.items) == len(archive.keks) + len(archive.deks)


@given(key_sets(used_can_be_deleted=False), st.sampled_from(STRATEGIES), st.data())
def test_a_run_that_takes_a_killed_one_up_ends_as_that_would_have(
    archive: EncryptionKeys, strategy: str, data: st.DataObject
) -> None:
    whole = drafted(archive, EncryptionKeys(), strategy=strategy).plan
    made = carry_out(whole.steps[: data.draw(st.integers(0, len(whole.steps)))], EncryptionKeys(), CONFLUENT)
    rest = drafted(archive, made, strategy=strategy, unfinished_keys=whole.created).plan
    after = carry_out(rest.steps, made, CONFLUENT)
    assert (after.keks, after.deks) == (archive.keks, archive.deks)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_another_key_is_never_replaced(strategy: str) -> None:
    archive = keys_of([kek("a"), kek("b", doc="new")], [dek("b", "s", 1, "AAEC"), dek("b", "s", 2, "Bg==")])
    target = keys_of([kek("a", "other"), kek("b", doc="old")], [dek("b", "s", 1, "AwQF")])
    draft = drafted(archive, target, strategy=strategy)
    left = {str(item.key): (item.classification, item.why) for item in draft.plan.left}
    assert left["the key encryption key a"] == (
        "key_conflict",
        "the target has another one of this name, with other kmsKeyId; a key is never replaced",
    )
    assert "other doc" in left["the key encryption key b"][1]
    assert left["the data encryption key of s under b, AES256_GCM version 1"][0] == "key_conflict"
    created = [] if strategy == "skip" else [DekKey("b", "s", "AES256_GCM", 2)]
    assert [step.key.key for step in draft.plan.steps] == created
    assert not draft.plan.is_exact


def test_what_another_key_wraps_is_left() -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC")])
    draft = drafted(archive, keys_of([kek("a", "other")], []), strategy="overwrite")
    assert draft.plan.steps == ()
    assert [item.why for item in draft.plan.left if item.key.subject] == [
        "its key encryption key is another one on the target, which cannot unwrap it"
    ]


def test_soft_deletes_follow_the_strategy() -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC"), dek("a", "s", 2, "Bg==", deleted=True)])
    target = keys_of([kek("a", deleted=True)], [dek("a", "s", 2, "Bg==")])
    for strategy in ("preserve", "skip"):
        draft = drafted(archive, target, AXONOPS, strategy=strategy)
        assert draft.plan.steps == ()
        assert [item.classification for item in draft.plan.left] == ["soft_deleted_on_target", "new", "live_on_target"]
    draft = drafted(archive, target, AXONOPS, strategy="overwrite")
    assert [(step.action, str(step.key)[:10]) for step in draft.plan.steps] == [
        ("undelete", "the key en"),
        ("create", "the data e"),
        ("soft_delete", "the data e"),
    ]
    assert key_differences(archive, draft.plan.after) == []


def test_a_kek_in_use_stays_live_where_the_target_has_it_so() -> None:
    archive = keys_of([kek("a", deleted=True)], [dek("a", "s", 1, "AAEC")])
    draft = drafted(archive, None)
    assert [(lost.kind, lost.subject) for lost in draft.lost] == [("soft_deletes", "a")]
    assert not carry_out(draft.plan.steps, EncryptionKeys(), CONFLUENT).keks["a"].deleted
    assert draft.plan.is_exact
    assert drafted(archive, None, AXONOPS).lost == []
    assert carry_out(drafted(archive, None, AXONOPS).plan.steps, EncryptionKeys(), AXONOPS).keks["a"].deleted


def test_a_target_without_keys_loses_them() -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC")])
    with pytest.raises(ImportRefused) as caught:
        plan_import(RegistryState(keys=archive), RegistryState(), BARE, ImportOptions())
    assert caught.value.code == "loss_not_accepted"
    assert caught.value.facts["losses"][0]["subjects"] == ["a", "s"]
    plan = plan_import(RegistryState(keys=archive), RegistryState(), BARE, ImportOptions(accept_losses={"deks"}))
    assert plan.is_empty
    assert [item.action for item in plan.keys.items] == ["omit", "omit"]


def test_a_key_that_is_not_wrapped_is_a_loss() -> None:
    archive = keys_of([kek("a", shared=True)], [dek("a", "s", 1, None)])
    draft = drafted(archive, None)
    assert [(lost.kind, lost.subject) for lost in draft.lost] == [("deks", "s")]
    assert [step.key.key.subject for step in draft.plan.steps] == [""]


@pytest.mark.parametrize(
    "hidden",
    [
        DekKey("a", "s", "AES256_GCM", 1),
        DekKey("a", "s", "", 0),
        DekKey("", "", "", 0),
    ],
)
def test_what_the_target_does_not_tell_is_left(hidden: DekKey) -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC")])
    target = replace(keys_of([kek("a")], []), hidden={hidden: "no KMS"})
    draft = drafted(archive, target)
    assert draft.plan.steps == ()
    assert [item.why for item in draft.plan.left] == ["the target does not tell it: no KMS"]


@pytest.mark.parametrize("hidden", [DekKey("a", "", "", 0), DekKey("", "", "", 0)])
def test_nothing_is_made_where_the_target_tells_nothing(hidden: DekKey) -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC")])
    draft = drafted(archive, replace(keys_of([], []), hidden={hidden: "no right"}))
    assert draft.plan.steps == ()
    assert [item.why for item in draft.plan.left] == ["the target does not tell it: no right"] * 2


def test_subjects_get_their_new_names_and_modes() -> None:
    archive = RegistryState(
        keys=keys_of([kek("a"), kek("b/c")], [dek("a", "s", 1, "AAEC"), dek("a", ":.eu:s", 1, "AAEC")])
    )
    options = ImportOptions(subject_mapping={"s": "t"})
    plan = plan_import(archive, RegistryState(), CONFLUENT, options)
    assert plan.keys.subjects == {"t", ":.eu:s"}
    assert [each.scope for each in plan.temporary] == ["", ":.eu:"]
    assert set(plan.incomplete_scopes(0)) == {"", ":.eu:"}
    slash = replace(CONFLUENT, forbidden_characters=frozenset("/"))
    with pytest.raises(ImportRefused, match="the key encryption key b/c cannot be stored"):
        plan_import(archive, RegistryState(), slash, options)


def test_an_alias_for_deks_on_the_target_is_in_the_way() -> None:
    archive = RegistryState(keys=keys_of([kek("a")], [dek("a", "s", 1, "AAEC")]))
    alias = ScopeSettings(config=Setting({"aliasForDeks": "other"}, True))
    with pytest.raises(ImportRefused, match="aliasForDeks other"):
        plan_import(archive, RegistryState(settings={"s": alias}), CONFLUENT, ImportOptions())


def test_what_may_be_secret_does_not_show() -> None:
    archive = keys_of([kek("a", kms_props={"password": "s3cret"})], [dek("a", "s", 1, "V1JBUFBFRA==")])
    target = keys_of([kek("a", kms_props={"password": "0ther"})], [dek("a", "s", 1, "T1RIRVI=")])
    draft = drafted(archive, target)
    told = [draft.plan.describe(), *drafted(archive, None).plan.rendered(), key_differences(archive, target)]
    assert [mismatch.field for mismatch in key_differences(archive, target)] == ["kmsProps", "encryptedKeyMaterial"]
    for secret in ("s3cret", "0ther", "V1JBUFBFRA", "T1RIRVI"):
        assert secret not in repr(told)


def test_missing_keys_are_a_difference() -> None:
    archive = keys_of([kek("a")], [dek("a", "s", 1, "AAEC", deleted=True)])
    assert [str(found) for found in key_differences(archive, EncryptionKeys())] == [
        "the key encryption key a: key should be present and is absent",
        "the data encryption key of s under a, AES256_GCM version 1: key should be present and is absent",
    ]
    live = keys_of([kek("a")], [dek("a", "s", 1, "AAEC", changed_ms=7)])
    assert [found.field for found in key_differences(archive, live)] == ["deleted"]
