# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user must know of a restore that goes as planned, and yet may not be all that was hoped for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._archive.parts import TOPICS
from .._archive.points import newest_first
from .._archive.store import Store
from .._archive.topics_part import TopicsReader
from .._core.counting import counted, named
from .._core.errors import KafkaError, LifeboatError
from .._core.kafka_names import needs_naming
from .._kafka.wire import Wire
from .restore_plan import APPEND, TopicPlan
from .restore_source import Source, TopicsAsked

_SHOWN = 10


def topics_before(store: Store, asked: TopicsAsked, source: Source) -> Iterator[str]:
    """Tell of topics that are asked for, and that only the restore point before holds: a cluster may have lost them.

    Args:
        store: Where the backup lies.
        asked: What is asked for.
        source: What is restored.
    """
    try:
        point = source.point
        before = next(
            (
                found
                for found in newest_first(store, asked.backup_id)
                if found.sequence < point.sequence and TOPICS in found.parts
            ),
            None,
        )
        if before is None:
            return
        known = TopicsReader(store, point).definitions().keys()
        gone = sorted(
            name
            for name in TopicsReader(store, before).definitions().keys() - known
            if asked.topics.matches(name) and not needs_naming(name)
        )
    except LifeboatError:
        return  # the restore point before is not needed; lifeboat.kafka.backup_verify tells what is wrong with it
    if gone:
        yield (
            f"Restore point {before.sequence} holds {counted(len(gone), 'topic')} of those that are asked for, which "
            f"restore point {point.sequence} lacks, since they were deleted or the backup was not asked to hold them: "
            f"{named(gone, _SHOWN)}. restore_point: {before.sequence} brings what is missing."
        )


def undecided_before(wire: Wire, plans: Iterable[TopicPlan]) -> Iterator[str]:
    """Tell of partitions that are appended to behind transactions that are not decided.

    Raises:
        KafkaError: The target refuses to be asked.
    """
    starts = {
        (plan.name, number): plan.aims[number].start for plan in plans if plan.action == APPEND for number in plan.work
    }
    stable = wire.offsets("stable", sorted(starts)) if starts else {}
    open_ones = []
    for key, offset in stable.items():
        if isinstance(offset, KafkaError):
            raise offset
        if offset < starts[key]:
            open_ones.append(f"{key[0]}/{key[1]}")
    if open_ones:
        yield (
            f"Transactions are not decided at the end of {len(open_ones)} partitions that are appended to: "
            f"{named(open_ones, _SHOWN)}. Consumers that read only what is committed see nothing of what is restored "
            "there until their producers have ended them, or they have timed out."
        )
