# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to become of the topics of a restore, all of them looked at before anything is written."""

from __future__ import annotations

from collections.abc import Iterable

from .._archive.journal import UndoJournal
from .._archive.restores import DONE
from .._core.errors import LifeboatError, Refused
from .._kafka.admin import Admin
from .._kafka.wire import Wire
from .restore_configs import held_configs
from .restore_give_up import give_up, is_hopeless
from .restore_plan import (
    GO_ON,
    NOTHING,
    TargetTopic,
    TopicPlan,
    Wish,
    first_problem,
    plan_topic,
    what_is_restored,
)
from .restore_source import Source
from .restore_target import read_target

OPERATION = "topic_restore"


def plan_topics(
    wire: Wire, admin: Admin, journal: UndoJournal, source: Source, wish: Wish, *, is_trial: bool
) -> list[TopicPlan]:
    """Decide what is to become of each topic.

    Where an earlier run's restore into a topic of others cannot go on, that topic gets its configs back.

    Args:
        wire: A connection to the target.
        admin: Another one.
        journal: The target's journal.
        source: What the restore point holds.
        wish: Which restore it is.
        is_trial: Whether nothing at all is written.

    Raises:
        Refused: A topic cannot be restored to as it is.
        VerificationFailed: Somebody else has written to one that an earlier run has begun to restore.
        KafkaError: The target cannot be reached, or one of the partitions cannot be read.
    """
    wanted = {source.names[name]: topic.partitions.keys() for name, topic in source.topics.items()}
    targets = read_target(wire, admin, journal, wanted)
    plans = []
    problems: dict[str, LifeboatError] = {}
    for name, topic in source.topics.items():
        target = targets[source.names[name]]
        try:
            plans.append(plan_topic(topic, target, wish))
        except LifeboatError as error:
            _give_up(error, target, journal, None if is_trial else admin)
            problems[target.name] = error
    if problems:
        raise first_problem(problems)
    return plans


def check_restored(plans: Iterable[TopicPlan]) -> None:
    """Make sure that all topics have been restored, so that it is known which offset became which.

    Raises:
        Refused: One has not.
    """
    problems = {plan.name: _not_restored(plan) for plan in plans if plan.action != NOTHING}
    if problems:
        raise first_problem(problems)


def _not_restored(plan: TopicPlan) -> LifeboatError:
    before, definition = plan.target.restore, plan.target.definition
    if definition is None:
        why = "it is not there"
    elif plan.action == GO_ON:
        why = "a restore into it has not ended, or has left out partitions that are asked for now"
    elif before is not None and before.state == DONE and before.topic_id == definition.topic_id:
        why = f"what was restored into it is {what_is_restored(before)}"
    else:
        why = "this journal knows of no restore into it"
    return Refused(
        f"The offsets of groups in topic {plan.name!r} cannot be restored without its records: {why}. Restore the "
        "topic together with its groups, or leave it out with exclude_topics.",
        code="not_restored",
        object_name=plan.name,
    )


def _give_up(error: LifeboatError, target: TargetTopic, journal: UndoJournal, admin: Admin | None) -> None:
    """Leave a topic of others as it was, where the restore that an earlier run has begun there cannot go on."""
    restore, definition = target.restore, target.definition
    if restore is None or definition is None or not is_hopeless(error):
        return
    if restore.topic_id != definition.topic_id or restore.state == DONE:
        return
    held = held_configs(definition.effective)
    if admin is None:
        give_up(error, restore, held, None)
        return
    run = journal.begin(OPERATION, {"topic": target.name})
    try:
        give_up(error, restore, held, admin)
    finally:
        run.finish()
