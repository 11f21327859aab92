# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore of topics tells: its result, its warnings, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._archive.journal import UndoJournal
from .._archive.offset_maps import offset_map_folder
from .._core.change import Difference
from .._core.kafka_names import TopicPartition
from .._kafka.group_offsets import Offsets
from .archived_records import Lost
from .backup_object import describe_point
from .offset_map import PartitionMap
from .restore_groups import GroupsPlan
from .restore_plan import CREATE, NOTHING, TopicPlan
from .restore_run import Ran, RunOptions
from .restore_source import Source

_SHOWN = 100


def values(
    source: Source,
    plans: Sequence[TopicPlan],
    ran: Ran | None,
    groups: GroupsPlan,
    lost: Sequence[Lost],
    maps: Mapping[TopicPartition, PartitionMap],
    journal: UndoJournal,
) -> dict[str, Any]:
    """Return the result of a restore, bounded.

    Args:
        source: What the restore point holds.
        plans: What was, or is, to become of the topics.
        ran: What came of it; None for a plan.
        groups: What became, or is to become, of groups.
        lost: What is damaged and left out.
        maps: Which offset became which, as far as it is known.
        journal: The target's journal.
    """
    return {
        "backup": describe_point(source.store, source.point),
        "topics": _topics(plans, ran),
        "plan": [_plan(plan) for plan in plans[:_SHOWN]],
        "plan_omitted": max(0, len(plans) - _SHOWN),
        "groups": groups.values(),
        "damaged": [each._asdict() for each in lost[:_SHOWN]],
        "damaged_omitted": max(0, len(lost) - _SHOWN),
        **_offset_map(plans, maps),
        "offset_map_folder": f"{journal.storage.location}/{offset_map_folder(journal.target)}",
    }


def warnings(plans: Sequence[TopicPlan], lost: Sequence[Lost]) -> Iterator[str]:
    """Yield what the user should know."""
    if lost:
        yield (
            f"{len(lost)} pieces of the backup are left out: offsets {lost[0].start} to {lost[0].next - 1} of topic "
            f"{lost[0].topic!r}, partition {lost[0].partition} ({lost[0].reason})"
            + (f", and {len(lost) - 1} others; damaged tells which." if len(lost) > 1 else ".")
        )
    newer = {plan.name for plan in plans if plan.action == NOTHING and any(aim.newer for aim in plan.aims.values())}
    if newer:
        shown = ", ".join(sorted(newer)[:5]) + (" and more" if len(newer) > 5 else "")
        yield f"{len(newer)} topics have got further records since they were restored, which stay: {shown}."


def difference(
    plans: Sequence[TopicPlan], options: RunOptions, groups: GroupsPlan, committed: Mapping[str, Offsets]
) -> Difference:
    """Render what a restore changes in the target, bounded.

    Args:
        plans: What is to become of the topics.
        options: How it is carried out.
        groups: What is to become of groups.
        committed: What these have committed at the target.
    """
    lines = [*_topic_lines(plans, options), *_group_lines(groups, committed)]
    before = {name: old for name, old, _new in lines[:_SHOWN] if old is not None}
    after = {name: new for name, _old, new in lines[:_SHOWN]}
    if len(lines) > _SHOWN:
        after["omitted"] = f"{len(lines) - _SHOWN} more differences"
    return Difference(before, after)


def _topics(plans: Sequence[TopicPlan], ran: Ran | None) -> dict[str, Any]:
    partitions = sum(len(plan.aims) for plan in plans)
    planned = sum(partition.records for plan in plans for partition in plan.partitions)
    there = sum(plan.aims[number].there for plan in plans for number in plan.work)
    sent = ran.sent.values() if ran is not None else ()
    return {
        "topics": len(plans),
        "created": sum(1 for plan in plans if plan.action == CREATE),
        "unchanged": sum(1 for plan in plans if plan.action == NOTHING),
        "partitions": partitions,
        "records": planned - there if ran is None else sum(each.sent for each in sent),
        "records_there": there,
        "bytes": (
            sum(part.bytes for plan in plans for part in plan.partitions)
            if ran is None
            else sum(each.bytes for each in sent)
        ),
    }


def _plan(plan: TopicPlan) -> dict[str, Any]:
    return {
        "topic": plan.source.archived.name,
        "target": plan.name,
        "action": plan.action,
        "partitions": len(plan.aims),
        "records": sum(partition.records for partition in plan.source.partitions.values()),
        "records_there": sum(aim.there for aim in plan.aims.values()),
    }


def _offset_map(plans: Sequence[TopicPlan], maps: Mapping[TopicPartition, PartitionMap]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    omitted = 0
    for plan in plans:
        for number, aim in plan.aims.items():
            partition = plan.source.partitions[number]
            known = maps.get(partition.key)
            if known is None or not known.runs:
                continue
            if len(found) == _SHOWN:
                omitted += 1
                continue
            found.append(
                {
                    "topic": partition.topic,
                    "target": plan.name,
                    "partition": number,
                    "source_start": known.runs[0].source,
                    "target_start": aim.start,
                    "records": known.end - aim.start,
                    "shifted": len(known.runs) == 1 and known.is_exact,
                }
            )
    return {"offset_map": found, "offset_map_omitted": omitted}


def _topic_lines(plans: Sequence[TopicPlan], options: RunOptions) -> Iterator[tuple[str, Any, Any]]:
    for plan in plans:
        if plan.action == NOTHING:
            continue
        records = sum(partition.records for partition in plan.partitions)
        after: dict[str, Any] = {"from": plan.source.archived.name, "action": plan.action, "records": records}
        before = None
        if plan.target.definition is None:
            wanted = options.wanted_topic(plan)
            after |= {
                "partitions": wanted.partitions,
                "replication_factor": wanted.replication_factor,
                "configs": dict(options.configs[plan.name]),
            }
        else:
            before = {"records": sum(aim.there for aim in plan.aims.values())}
        yield f"topic {plan.name}", before, after


def _group_lines(groups: GroupsPlan, committed: Mapping[str, Offsets]) -> Iterator[tuple[str, Any, Any]]:
    for group, wanted in sorted(groups.sets.items()):
        there = committed.get(group, {})
        before = {
            f"{topic}/{number}": there[topic, number].offset for topic, number in wanted if (topic, number) in there
        }
        yield f"group {group}", before or None, {
            f"{topic}/{number}": of.offset for (topic, number), of in wanted.items()
        }
    for group, keys in sorted(groups.unknown.items()):
        yield f"group {group}, later", None, {f"{topic}/{number}": "unknown until applied" for topic, number in keys}
