# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that makes lists of names out of what surveys, -e and inventories give."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.kafka.plugins.filter.names import FilterModule

names = FilterModule().filters()["names"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dr", ["dr"]),
        ("dr, prod", ["dr", "prod"]),
        ("dr\nprod\n", ["dr", "prod"]),
        ("dr,\n prod ,,", ["dr", "prod"]),
        ("dr\r\nprod", ["dr", "prod"]),
        ("", []),
        ([], []),
        (["orders-*", "~a{1,2}"], ["orders-*", "~a{1,2}"]),
        (("a", "b"), ["a", "b"]),
        (42, ["42"]),
        ([41, "42"], ["41", "42"]),
        (["", " "], []),
    ],
)
def test_names(given: Any, expected: list[str]) -> None:
    assert names(given) == expected


@pytest.mark.parametrize("given", [None, True, {"dr": 1}, [["dr"]], [None], 1.5])
def test_what_is_no_list_of_names_is_refused(given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="list of names"):
        names(given)
