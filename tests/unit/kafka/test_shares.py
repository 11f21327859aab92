# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what is asked for is parted into requests."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.shares import in_shares


@given(st.lists(st.integers(0, 20)), st.integers(1, 15))
def test_shares_are_as_large_as_they_may_be(weights: list[int], most: int) -> None:
    shares = list(in_shares(range(len(weights)), weights.__getitem__, most))
    assert [place for share in shares for place in share] == list(range(len(weights)))
    held = [sum(weights[place] for place in share) for share in shares]
    assert all(weight <= most or len(share) == 1 for weight, share in zip(held, shares, strict=True))
    assert all(
        weight + weights[after[0]] > most for weight, (_share, after) in zip(held, pairwise(shares), strict=False)
    )
