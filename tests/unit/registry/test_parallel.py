# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing the same to many things, some at once."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.parallel import map_concurrently


@pytest.mark.parametrize("threads", [1, 4, 50])
def test_keeps_the_order(threads):
    assert map_concurrently(lambda n: n * n, range(20), threads) == [n * n for n in range(20)]


def test_nothing_to_do():
    assert map_concurrently(lambda n: n, [], 4) == []


def test_works_on_several_at_once():
    together = threading.Barrier(4, timeout=30)  # breaks unless four are under way
    assert map_concurrently(lambda n: together.wait() >= 0, range(4), 4) == [True] * 4


@pytest.mark.parametrize("threads", [1, 3])
def test_raises_the_first_error_and_begins_no_more(threads):
    begun = []

    def fail(number):
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        map_concurrently(fail, range(1000), threads)
    assert len(begun) <= threads
