# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes what a module returns with a JMESPath expression."""

from __future__ import annotations

from .._core.change import Report
from .._core.errors import InvalidOption, MissingLibrary

try:
    import jmespath
except ImportError:
    HAS_JMESPATH = False
else:
    HAS_JMESPATH = True


def queried(report: Report, expression: str | None) -> Report:
    """Add ``query_result`` to a report.

    Args:
        report: What the module found.
        expression: JMESPath over the report's values, or None for the report as it is.

    Raises:
        InvalidOption: The expression cannot be read, or does not fit the values.
        MissingLibrary: jmespath is not installed.
    """
    if expression is None:
        return report
    if not HAS_JMESPATH:
        raise MissingLibrary(
            "The option query needs the Python library jmespath >= 1.0; install it where this module runs.",
            object_name="jmespath",
        )
    try:
        result = jmespath.search(expression, dict(report.values))
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidOption(f"The query {expression!r} cannot be used: {error}.", object_name="query") from error
    return Report({**report.values, "query_result": result}, report.warnings)
