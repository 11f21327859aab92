# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions as a user writes them."""

from __future__ import annotations

import re


def compiled(text: str) -> re.Pattern[str]:
    """Compile a regular expression.

    Raises:
        ValueError: It is none, or none that can be compiled; the message says why.
    """
    try:
        return re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("its groups are nested too deeply") from error


def check_template(expression: re.Pattern[str], template: str) -> None:
    """Check what a match becomes by `re.Match.expand`, before there is any.

    Raises:
        ValueError: It names a group that the expression lacks, or has an escape that means nothing.
    """
    # What also matches nothing has the same groups. The line's end ends a comment of a verbose expression.
    empty = re.compile(f"{expression.pattern}\n|").fullmatch("")
    try:
        if empty is not None:
            empty.expand(template)
    except (re.error, IndexError) as error:
        raise ValueError(str(error)) from error
