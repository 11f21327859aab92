# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore of topics tells: its result, its warnings, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from .._archive.journal import UndoJournal
from .._archive.offset_maps import offset_map_folder
from .._core.change import Difference, omitted
from .._core.counting import named
from .._core.kafka_names import TopicPartition
from .._kafka.group_offsets import Offsets
from .archived_records import Lost
from .backup_object import describe_point
from .bounded import MOST, ROOM, fitting, listed, size_of
from .offset_map import PartitionMap
from .restore_groups import GroupsPlan
from .restore_plan import CREATE, NOTHING, TopicPlan
from .restore_run import Ran, RunOptions
from .restore_source import Source

_SHOWN_OFFSETS = 20  # of a group, in a difference
_DIFFERENCE = 32 * 1024  # bytes


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
    found = {
        "backup": describe_point(source.store, source.point),
        "topics": _topics(plans, ran),
        "groups": groups.values(),
        "offset_map_folder": f"{journal.storage.location}/{offset_map_folder(journal.target)}",
    }
    lists = {
        "damaged": ((each._asdict() for each in lost), len(lost)),
        "plan": (map(_plan, plans), len(plans)),
        "offset_map": (_offset_map(plans, maps), sum(1 for _entry in _offset_map(plans, maps))),
    }
    return {**found, **listed(lists, ROOM - size_of(found))}


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
        yield (
            f"{len(newer)} topics have got further records since they were restored, which stay: "
            f"{named(sorted(newer), 5)}."
        )


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
    shown, _size = fitting(lines[:MOST], _DIFFERENCE)
    before = {name: old for name, old, _new in shown if old is not None}
    after = {name: new for name, _old, new in shown}
    after |= omitted(len(lines) - len(shown), "difference")
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


def _offset_map(plans: Sequence[TopicPlan], maps: Mapping[TopicPartition, PartitionMap]) -> Iterator[dict[str, Any]]:
    for plan in plans:
        for number, aim in plan.aims.items():
            partition = plan.source.partitions[number]
            known = maps.get(partition.key)
            if known is None or not known.runs:
                continue
            yield {
                "topic": partition.topic,
                "target": plan.name,
                "partition": number,
                "source_start": known.runs[0].source,
                "target_start": aim.start,
                "records": known.end - aim.start,
                "shifted": len(known.runs) == 1 and known.is_exact,
            }


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
        shown = dict(islice(wanted.items(), _SHOWN_OFFSETS))
        before = {
            f"{topic}/{number}": there[topic, number].offset for topic, number in shown if (topic, number) in there
        }
        after = {f"{topic}/{number}": of.offset for (topic, number), of in shown.items()}
        yield f"group {group}", before or None, after | _more(len(wanted))
    for group, keys in sorted(groups.unknown.items()):
        later = {f"{topic}/{number}": "unknown until applied" for topic, number in keys[:_SHOWN_OFFSETS]}
        yield f"group {group}, later", None, later | _more(len(keys))


def _more(offsets: int) -> dict[str, str]:
    """Tell how many offsets of a group are not shown."""
    return omitted(offsets - _SHOWN_OFFSETS, "offset")
