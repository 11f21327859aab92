# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The headers of single batches, by Fetch requests that ask for as little as possible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from .._core.kafka_names import TopicPartition
from .by_leader import Answers
from .fetching import Fetched, Want
from .metadata import Topic

HEADER = 61  # bytes of a batch before its records, from magic 2 on

# A broker gives a partition nothing at all rather than a part of its first batch (KIP-74), except to the first of a
# request. So all are asked for a little, those that came back empty for more, and the last ones one by one.
_SIZES = (4 << 10, 32 << 10, 256 << 10)
_ENOUGH = 8 << 20  # bytes of an answer


async def first_headers(
    at: Mapping[TopicPartition, int],
    topics: Mapping[str, Topic],
    fetch: Callable[[Sequence[Want], int], Awaitable[list[Fetched]]],
) -> Answers[bytes]:
    """Read the beginning of the batch at an offset, of many partitions of one broker.

    Args:
        at: The offset for each partition.
        topics: For their ids.
        fetch: Fetches from the broker, given the wants and how many bytes in all.

    Returns:
        For each partition its error code and the batch's first 61 bytes; none where the log ends there.
    """
    answers: Answers[bytes] = {}
    pending = dict(at)
    for size in _SIZES:
        each = max(_ENOUGH // size, 1)
        rest = list(pending.items())
        for begin in range(0, len(rest), each):
            wants = [_want(partition, offset, topics, size) for partition, offset in rest[begin : begin + each]]
            for found in await fetch(wants, _ENOUGH):
                _take(found, pending, answers)
        if not pending:
            return answers
    for partition, offset in list(pending.items()):
        # One byte is enough to get the whole batch, since it is the request's first.
        for found in await fetch([_want(partition, offset, topics, 1)], 1):
            _take(found, pending, answers)
            answers.setdefault(partition, (0, b""))
    return answers


def _want(partition: TopicPartition, offset: int, topics: Mapping[str, Topic], size: int) -> Want:
    topic = topics[partition[0]]
    epoch = topic.partitions[partition[1]].leader_epoch
    return Want(topic.name, topic.topic_id, partition[1], offset, size, epoch)


def _take(found: Fetched, pending: dict[TopicPartition, int], answers: Answers[bytes]) -> None:
    partition = (found.topic, found.partition)
    at_end = pending[partition] >= found.high_watermark
    if found.code or found.records or at_end:
        answers[partition] = (found.code, bytes(found.records[:HEADER]))
        del pending[partition]
