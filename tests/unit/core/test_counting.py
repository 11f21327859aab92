# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.filter.counted import FilterModule
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.counting import counted


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
