# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what surprises in a Confluent registry names tests that are there, for each surprise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from testbed.documents import CHECKOUT, Document

TABLE = Document("tests/fixtures/registries/confluent/README.md").section("Surprises")
ROWS = {
    int(number): re.findall(r"`(test_\w+\.py::test_\w+)`", tests)
    for number, tests in re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", TABLE, re.MULTILINE)
}
RECORDED = "test_confluent_recordings.py::"


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the tests of a file as the table names them, with their docstrings."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"{path.name}::{node.name}", ast.get_docstring(node) or ""


FILES = sorted((CHECKOUT / "tests").glob("*/**/test_*.py"))
TESTS = dict(test for path in FILES for test in docstrings(path))


def test_every_surprise_is_recorded_and_met_by_tests_that_exist() -> None:
    assert list(ROWS) == list(range(1, 30))
    for number, named in ROWS.items():
        assert set(named) <= TESTS.keys(), number
        assert named[0].startswith(RECORDED), number
        assert not all(name.startswith(RECORDED) for name in named), number


def test_tests_that_name_a_surprise_stand_with_it() -> None:
    named = {name: re.search(r"[Ss]urprises? (\d+(?:(?:, | and )\d+)*)", text) for name, text in TESTS.items()}
    found = {name: set(map(int, re.findall(r"\d+", said[1]))) for name, said in named.items() if said}
    assert len(found) > 10
    for name, numbers in found.items():
        assert numbers <= {number for number, tests in ROWS.items() if name in tests}, name
