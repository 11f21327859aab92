# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How partitions are shared out to workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.share_out import Load, share_out

MIB = 1 << 20


def loads() -> st.SearchStrategy[list[Load]]:
    return st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100 * MIB))).map(
        lambda pairs: [Load(place, node, size) for place, (node, size) in enumerate(pairs)]
    )


@given(loads(), st.integers(1, 5))
def test_everything_is_shared_out_once_and_evenly(given_loads: list[Load], parallel: int) -> None:
    tasks, processes = share_out(given_loads, parallel)
    assert sorted(item for task in tasks for item in task) == list(range(len(given_loads)))
    assert all(tasks)
    assert processes == len(tasks) <= parallel
    sizes = [sum(given_loads[item].size for item in task) for task in tasks]
    if sizes:
        cost = MIB // 16 * len(given_loads)  # of the partitions themselves, which counts as well
        total, largest = sum(sizes) + cost, max(load.size for load in given_loads)
        useful = min(parallel, 1 + total // (4 * MIB))
        # No task has more than its part, but for what is too large to be cut: an item, or a part of a share.
        assert max(sizes) <= total / useful + largest + MIB // 16 + total / (useful * 8)


def test_small_work_of_one_broker_stays_together() -> None:
    tasks, processes = share_out([Load((node, place), node, 0) for node in range(2) for place in range(100)], 2)
    assert processes == 2
    assert [{node for node, _place in task} for task in tasks] == [{0}, {1}]


def test_no_worker_has_more_partitions_than_there_is_memory_for() -> None:
    partitions = 15_000
    tasks, processes = share_out([Load(place, place % 3, 0) for place in range(partitions)], 3)
    assert processes == 3
    assert max(map(len, tasks)) == 2000
    assert sorted(item for task in tasks for item in task) == list(range(partitions))
    # Those that are taken at the same time read from different brokers.
    assert sorted(min(item % 3 for item in task) for task in tasks[:3]) == [0, 1, 2]
