# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of single batches, from a broker that gives nothing rather than a part of a batch."""

from __future__ import annotations

import asyncio

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.fetching import Fetched
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.headers import first_headers
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.metadata import Partition, Topic


class Broker:
    """Answers as KIP-74 says. ``sizes``: the size of each partition's only batch, None for an empty log."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.requests = []
        partitions = {number: Partition(1, 7, (1,), (1,), None) for number in range(len(sizes))}
        self.topics = {"a": Topic("a", "f" * 32, False, None, partitions)}

    async def fetch(self, wants, max_bytes):
        given, results = 0, []
        for want in wants:
            assert (want.topic, want.topic_id, want.leader_epoch) == ("a", "f" * 32, 7)
            size, records = self.sizes[want.partition], b""
            if size is not None and (size <= min(want.max_bytes, max_bytes - given) or not given):
                records = self.batch(want.partition)
            given += len(records)
            end = 0 if size is None else 10
            results.append(Fetched("a", want.partition, None, 0, end, end, 0, memoryview(records)))
        self.requests.append((len(wants), given))
        return results

    def batch(self, number):
        return bytes([number % 251]) * self.sizes[number]

    def ask(self):
        at = {("a", number): 5 if size is not None else 0 for number, size in enumerate(self.sizes)}
        return asyncio.run(first_headers(at, self.topics, self.fetch))


@pytest.mark.parametrize(
    "sizes",
    [
        [100],
        [None, None],
        [100, None, 61],
        [5_000_000, 4097, 100, 40_000, 300_000, 5_000_000, None, 1_000_000],
        [100] * 5000,
        [40_000] * 300,
    ],
)
def test_every_batch_gives_its_header_however_large_it_is(sizes):
    broker = Broker(sizes)
    answers = broker.ask()
    assert answers == {
        ("a", number): (0, b"" if size is None else broker.batch(number)[:61]) for number, size in enumerate(sizes)
    }


def test_many_small_batches_need_few_requests():
    broker = Broker([100] * 2000)
    broker.ask()
    assert [count for count, _given in broker.requests] == [2000]


def test_large_batches_are_read_one_at_a_time():
    broker = Broker([5_000_000] * 5)
    broker.ask()
    assert max(given for _count, given in broker.requests) == 5_000_000


def test_an_error_is_handed_on_with_its_code():
    async def refuse(wants, _max_bytes):
        return [Fetched("a", want.partition, None, 29, -1, -1, -1, memoryview(b"")) for want in wants]

    broker = Broker([100])
    assert asyncio.run(first_headers({("a", 0): 5}, broker.topics, refuse)) == {("a", 0): (29, b"")}
