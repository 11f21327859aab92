# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.filter.counted import FilterModule
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.counting import counted, named


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 subjects"), (1, "1 subject"), ("1", "1 subject"), (11, "11 subjects"), ("********", "******** subjects")],
)
def test_a_number_has_the_noun_that_goes_with_it(number: int | str, told: str) -> None:
    assert counted(number, "subject") == told


def test_other_words_are_given() -> None:
    assert [counted(number, "index is", "indices are") for number in (1, 2)] == ["1 index is", "2 indices are"]


def test_the_roles_count_with_the_same_function() -> None:
    assert FilterModule().filters() == {"counted": counted}


def test_names_in_a_message_are_bounded() -> None:
    assert (named([]), named(["a", "b"]), named({3, 4}, 2)) == ("", "a, b", "3, 4")
    assert named(range(200)).endswith("18, 19 and 180 more")
    assert named(["a", "b", "c"], 1) == "a and 2 more"
