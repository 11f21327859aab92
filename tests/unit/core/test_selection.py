# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selections of names."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, NotFound
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection, is_literal

NAMES = ["orders-value", "orders-key", "Orders-value", "a", "ab", "a.b", "a\nb", "[x]", "~x", ":.eu:orders-value"]


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        (["*"], [], NAMES),
        (["*"], ["*"], []),
        (["orders-*"], [], ["orders-key", "orders-value"]),
        (["*orders-value"], [], [":.eu:orders-value", "orders-value"]),
        (["a?"], [], ["ab"]),
        (["a?b"], [], ["a\nb", "a.b"]),
        (["a.b"], [], ["a.b"]),
        (["[aO]*", "a"], ["a?*"], ["Orders-value", "a"]),
        (["[[]x]", "[~]x"], [], ["[x]", "~x"]),
        (["~orders-(key|value)"], ["*-key"], ["orders-value"]),
        (["~orders"], [], []),
        (["~a.b"], [], ["a.b"]),
        (["~(?s)a.b"], [], ["a\nb", "a.b"]),
        (["~:[.]eu:.*", "a"], [], [":.eu:orders-value", "a"]),
        (["~~x"], [], ["~x"]),
    ],
)
def test_names_are_chosen(include: list[str], exclude: list[str], chosen: list[str]) -> None:
    selection = Selection(tuple(include), tuple(exclude))
    assert selection.select(NAMES, what="subject") == sorted(chosen)
    assert [name for name in sorted(NAMES) if selection.matches(name)] == sorted(chosen)


def test_a_literal_name_must_be_there() -> None:
    with pytest.raises(NotFound, match="No such topic: b, c") as failed:
        Selection(("c", "b", "x*", "a")).select(["a"], what="topic")
    assert failed.value.object_name == "c"
    assert Selection(("a",), ("zzz",)).select(["a"], what="topic") == ["a"]
    assert Selection(("a",), ("a",)).select(["a"], what="topic") == []


def test_patterns_that_match_nothing_are_known() -> None:
    assert Selection(("a*", "~b+", "c", "d?")).idle_patterns(["ab", "d"]) == ["~b+", "c", "d?"]


def test_what_cannot_be_a_selection_is_refused() -> None:
    with pytest.raises(InvalidOption, match="includes nothing"):
        Selection(())
    for patterns in ({"include": ("~(",)}, {"exclude": ("~(",)}):
        with pytest.raises(InvalidOption, match=r"'~\(' is not a regular expression") as failed:
            Selection(**patterns)
        assert failed.value.object_name == "~("


def test_equal_patterns_make_equal_selections() -> None:
    assert Selection() == Selection(("*",))
    assert Selection(("a",)) != Selection(("a",), ("b",))


@pytest.mark.parametrize(
    ("pattern", "literal"), [("a.b-c:d", True), ("a*", False), ("a?", False), ("[a]", False), ("~a", False)]
)
def test_literals(pattern: str, literal: bool) -> None:
    assert is_literal(pattern) is literal
