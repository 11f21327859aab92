# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing partitions out to worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_PARTITION_BYTES = 64 << 10  # what a partition costs, in bytes of one that is large
_WORTH_A_WORKER = 4 << 20  # the same for a process
_PARTS_OF_A_SHARE = 8
_MOST_PARTITIONS = 2000  # of one worker, which keeps something of each; when it has ended another one goes on


class Load(NamedTuple):
    """What is to be done with a partition.

    Args:
        item: What is handed to the worker.
        node: The broker that it is done with.
        size: How many bytes it has, at least about.
    """

    item: Any
    node: int
    size: int


class Shared(NamedTuple):
    """How work is shared out.

    Args:
        tasks: The items that a worker is to take, for each worker; none of them is empty.
        processes: How many workers there are to be at a time; 0 where there is nothing to do.
    """

    tasks: list[list[Any]]
    processes: int


def share_out(loads: Iterable[Load], parallel: int) -> Shared:
    """Share work out evenly; what is done with one broker stays together as far as that goes.

    Args:
        loads: The work.
        parallel: How many workers there may be at a time, at least 1; there are fewer where more are of no use.
    """
    weighed = [load._replace(size=load.size + _PARTITION_BYTES) for load in loads]
    useful = 1 + sum(load.size for load in weighed) // _WORTH_A_WORKER
    shares = _shares(weighed, min(parallel, useful))
    longest = max(map(len, shares), default=0)
    tasks = [
        share[at : at + _MOST_PARTITIONS]
        for at in range(0, longest, _MOST_PARTITIONS)
        for share in shares
        if at < len(share)
    ]
    return Shared(tasks, len(shares))


def _shares(loads: Sequence[Load], most: int) -> list[list[Any]]:
    ordered = sorted(loads, key=lambda load: (load.node, -load.size))
    limit = sum(load.size for load in ordered) / (most * _PARTS_OF_A_SHARE)
    chunks: list[tuple[int, int, list[Any]]] = []
    for item, node, size in ordered:
        if chunks and chunks[-1][0] < limit and chunks[-1][1] == node:
            chunks[-1] = chunks[-1][0] + size, node, chunks[-1][2]
            chunks[-1][2].append(item)
        else:
            chunks.append((size, node, [item]))
    total = sum(size for size, _node, _items in chunks)
    found: list[list[Any]] = [[] for _share in range(min(most, len(chunks)))]
    loaded = [0] * len(found)
    nodes: list[set[int]] = [set() for _share in found]
    for size, node, items in sorted(chunks, key=lambda chunk: -chunk[0]):
        fitting = [share for share in range(len(found)) if node in nodes[share]]
        best = min(fitting or range(len(found)), key=loaded.__getitem__)
        if (loaded[best] + size) * most > total:
            best = min(range(len(found)), key=loaded.__getitem__)
        found[best] += items
        loaded[best] += size
        nodes[best].add(node)
    return [share for share in found if share]
