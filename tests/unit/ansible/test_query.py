# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option query."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible import query
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import InvalidOption, MissingLibrary

REPORT = Report({"subjects": [{"name": "a", "count": 1}, {"name": "b", "count": 2}]}, ("Look.",))


def test_without_a_query_the_report_stays_as_it_is() -> None:
    assert query.queried(REPORT, None) is REPORT


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("subjects[].name", ["a", "b"]),
        ("sum(subjects[].count)", 3),
        ("nothing", None),
        ("subjects[?count > `1`].name", ["b"]),
    ],
)
def test_its_value_stands_beside_the_report(expression: str, result: object) -> None:
    told = query.queried(REPORT, expression)
    assert told.values == {**REPORT.values, "query_result": result}
    assert told.warnings == REPORT.warnings


@pytest.mark.parametrize("expression", ["", "subjects[", "sum(subjects)", "nonsense(subjects)"])
def test_an_expression_that_cannot_be_used_is_refused(expression: str) -> None:
    with pytest.raises(InvalidOption) as failed:
        query.queried(REPORT, expression)
    assert failed.value.object_name == "query"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "HAS_JMESPATH", False)
    assert query.queried(REPORT, None) is REPORT
    with pytest.raises(MissingLibrary, match="jmespath"):
        query.queried(REPORT, "subjects")
