# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore of topics finds out before it writes anything: what the target would refuse, and what is damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._core.clock import SystemClock
from .._core.errors import LifeboatError
from .._kafka.admin import Admin
from .archived_records import Lost
from .restore_configs import Standing, check_limits, doomed
from .restore_plan import CREATE, TopicPlan, first_problem
from .restore_run import RunOptions
from .restore_source import Source, damaged_files
from .restore_target import try_to_create

WHEN_DAMAGED = (
    " Bring the file back from a copy of the store, restore another restore point, or leave out what is damaged with "
    "on_damage: skip. lifeboat.kafka.backup_verify lists all of it."
)


def check_target(admin: Admin, options: RunOptions, broker: Mapping[str, str], plans: Sequence[TopicPlan]) -> list[str]:
    """Find out what the target would refuse, before anything is written, and what it would delete afterwards."""
    wanted = {plan.name: options.wanted_topic(plan) for plan in plans if plan.action == CREATE}
    final = [topic._replace(configs=options.configs[name]) for name, topic in wanted.items()]
    problems: dict[str, LifeboatError] = {**try_to_create(admin, list(wanted.values())), **try_to_create(admin, final)}
    remarks = []
    now = SystemClock().now()
    for plan in plans:
        standing = _standing(plan, options, broker)
        definition = plan.target.definition
        replicas = wanted[plan.name].replication_factor if definition is None else definition.replication_factor
        try:
            check_limits(plan.name, standing, replicas, plan.partitions, is_new=plan.is_created)
        except LifeboatError as error:
            problems.setdefault(plan.name, error)
        if plan.work and (gone := doomed(standing, plan.partitions, now)):
            remarks.append(
                f"Topic {plan.name!r}: as soon as the restore has ended, about {gone[0]} of its records are deleted, "
                f"since they are beyond {gone[1]}. Other configs are given with config_overrides."
            )
    if problems:
        raise first_problem(problems)
    return remarks


def _standing(plan: TopicPlan, options: RunOptions, broker: Mapping[str, str]) -> Standing:
    definition = plan.target.definition
    own: Mapping[str, str | None]
    if definition is None or plan.is_created:
        own = options.configs[plan.name]
    else:
        own = {**definition.configs, **(plan.restore.final if plan.restore is not None else {})}
    effective = definition.effective if definition is not None else {}
    held = options.held.keys() if plan.restore is not None and plan.restore.held else ()
    return Standing(own, effective, held, broker)


def damaged_pieces(source: Source, plans: Sequence[TopicPlan], *, skip: bool) -> tuple[Lost, ...]:
    """Find files that are missing or cut off before anything is written."""
    found = []
    partitions = [partition for plan in plans for partition in plan.partitions]
    for damage in damaged_files(source.store, source.point.backup_id, partitions):
        if not skip:
            damage.message += WHEN_DAMAGED
            raise damage
        facts = damage.facts
        found.append(
            Lost(facts["topic"], facts["partition"], facts["start"], facts["next"], str(facts.get("reason", "")))
        )
    return tuple(found)
