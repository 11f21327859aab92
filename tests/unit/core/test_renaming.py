# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.renaming import Renaming


@pytest.mark.parametrize(
    ("mapping", "old", "new"),
    [
        ({"a": "b"}, "a", "b"),
        ({"a": "b"}, "aa", None),
        ({"a-*": "b-*-c"}, "a-1", "b-1-c"),
        ({"a*a": "b*"}, "a", None),
        ({"a*b": "c*d"}, "a*b", "c*d"),
        ({"*": "1-*", "a": "2"}, "a", "2"),
        ({"*": "1-*", "a*": "2-*"}, "a", "1-a"),
        ({"a?": "b"}, "ab", None),
        ({r"~(\w+)-(?P<what>key|value)": r"\g<what>.\1"}, "orders-key", "key.orders"),
        ({"~a|bc": "x"}, "bc", "x"),
        ({"~a": "x"}, "aa", None),
        ({"~(?i)A": "x"}, "a", "x"),
        ({r"~a(b)?": r"x\1"}, "a", "x"),
        ({"~a*": "*"}, "aa", "*"),
        ({"~.*": "x", "a": "y"}, "a", "y"),
    ],
)
def test_new_names(mapping: dict[str, str], old: str, new: str | None) -> None:
    assert Renaming("option", mapping, expressions=True).name(old) == new


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"a*": "b"}, "'a\\*': 'b' is not possible: both must hold one \\*"),
        ({"a*b*": "c*d*"}, "both must hold one \\*"),
        ({"a": 7}, "both must be text"),
        ({"~(a": "b"}, "unterminated"),
        ({"~(a)": r"\2"}, "invalid group reference 2"),
        ({"~(a)": r"\g<name>"}, "unknown group name 'name'"),
        ({"~(a)": r"b\q"}, r"bad escape \\q"),
        ({"~(?x) (a) # what it is": r"\2"}, "invalid group reference 2"),
        ({"~a{99999999999999}": "b"}, "the repetition number is too large"),
        ({f"~{'(' * 5000}": "b"}, "nested too deeply"),
    ],
)
def test_impossible_ones(mapping: dict[Any, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=f"^option cannot be used: .*{said}"):
        Renaming("option", mapping, expressions=True)


def test_a_tilde_is_a_character_unless_expressions_are_understood() -> None:
    assert Renaming("option", {"~a": "b"}).name("~a") == "b"
