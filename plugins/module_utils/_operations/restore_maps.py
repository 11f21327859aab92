# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which offset becomes which in a restore, as far as it can be known before records are sent."""

from __future__ import annotations

from collections.abc import Sequence

from .._archive.journal import UndoJournal
from .._archive.offset_maps import MappedTopic, find_offset_map
from .._archive.slice_reader import SliceReader
from .._core.kafka_names import TopicPartition
from .archived_partitions import ArchivedPartition
from .archived_records import ArchivedRecords
from .offset_map import MapMaker, PartitionMap, plain_map
from .restore_groups import GroupsWish
from .restore_plan import Aim, TopicPlan
from .restore_run import RunOptions


def known_maps(
    journal: UndoJournal, options: RunOptions, plans: Sequence[TopicPlan], groups: GroupsWish
) -> dict[TopicPartition, PartitionMap]:
    """Return which offset becomes which, by partitions of the archive; those of which it is not known are left out.

    Args:
        journal: The target's journal.
        options: How the restore is carried out.
        plans: What is to become of the topics.
        groups: What is asked for of groups.
    """
    asked = groups.asked()
    found = {}
    for plan in plans:
        stored = find_offset_map(journal.storage, journal.target, plan.name) if plan.restore is not None else None
        for number, aim in plan.aims.items():
            partition = plan.source.partitions[number]
            known = None
            offsets = asked.get(partition.key, set())
            if aim.is_done and stored is not None and _belongs(stored, plan):
                mapped = stored.partitions.get(number)
                known = PartitionMap(mapped.runs, mapped.end) if mapped is not None else None
            if known is None and partition.is_plain and not options.skip_damaged:
                known = plain_map(partition.state.start, partition.state.next, aim.start)
            if aim.is_done and offsets and (known is None or not _tells(known, offsets)):
                known = _read_map(options, partition, aim, offsets)
            if known is not None:
                found[partition.key] = known
    return found


def _belongs(stored: MappedTopic, plan: TopicPlan) -> bool:
    restore = plan.restore
    return restore is not None and (stored.topic_id, stored.source) == (restore.topic_id, restore.source)


def _tells(known: PartitionMap, asked: set[int]) -> bool:
    return all(known.translate(offset).is_exact for offset in asked)


def _read_map(options: RunOptions, partition: ArchivedPartition, aim: Aim, asked: set[int]) -> PartitionMap:
    """Make the map of a partition that is restored by going through its records."""
    reader = SliceReader(options.store, options.wish.source.backup_id)
    records = ArchivedRecords(reader, partition, committed=options.committed, skip_damaged=options.skip_damaged)
    maker = MapMaker(aim.start, asked)
    for outgoing in records.outgoing():
        maker.add(outgoing.offsets)
    return maker.finish()
