# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New names by old ones, as a user writes them: whole names, patterns with one star, regular expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidOption
from .expressions import check_template, compiled

STAR = "*"
EXPRESSION = "~"


@dataclass(frozen=True)
class Pattern:
    """Gives every name that fits a new one.

    Args:
        old: Text with one ``*``, or ``~`` and a regular expression that must match the whole name.
        new: Text with one ``*``, for which stands what it stood for in the old name; of a regular expression, text
            with ``\\1`` or ``\\g<name>`` for its groups.
        expression: The regular expression, or None.
    """

    old: str
    new: str
    expression: re.Pattern[str] | None

    def rename(self, name: str) -> str | None:
        """Return the new name, or None where the pattern does not fit."""
        if self.expression is not None:
            match = self.expression.fullmatch(name)
            return match.expand(self.new) if match else None
        before, _star, after = self.old.partition(STAR)
        fits = name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after)
        return self.new.replace(STAR, name[len(before) : len(name) - len(after)]) if fits else None


class Renaming:
    """New names by old ones: a whole name goes before patterns, and of these the first that fits.

    Args:
        option: The option that they were given in, for errors.
        mapping: New names by old ones, in the order in which patterns are tried.
        expressions: Whether a leading ``~`` makes a regular expression; else it is a character like any other.

    Raises:
        InvalidOption: It cannot be used; the message says why.
    """

    def __init__(self, option: str, mapping: Mapping[Any, Any], *, expressions: bool = False) -> None:
        self._option = option
        self.whole: dict[str, str] = {}
        self.patterns: list[Pattern] = []
        for old, new in mapping.items():
            if not isinstance(old, str) or not isinstance(new, str):
                raise self._impossible(old, new, "both must be text; put what only looks like it in quotes")
            if expressions and old.startswith(EXPRESSION):
                self.patterns.append(Pattern(old, new, self._expression(old, new)))
                continue
            if old.count(STAR) > 1 or new.count(STAR) != old.count(STAR):
                raise self._impossible(
                    old, new, "both must hold one *, and what it stands for is carried over, or neither"
                )
            if STAR in old:
                self.patterns.append(Pattern(old, new, None))
            else:
                self.whole[old] = new

    def name(self, old: str) -> str | None:
        """Return the new name, or None where nothing is said of the old one."""
        if old in self.whole:
            return self.whole[old]
        found = (pattern.rename(old) for pattern in self.patterns)
        return next((new for new in found if new is not None), None)

    def _expression(self, old: str, new: str) -> re.Pattern[str]:
        try:
            expression = compiled(old[len(EXPRESSION) :])
            check_template(expression, new)
        except ValueError as error:
            raise self._impossible(old, new, f"as a regular expression and what it becomes: {error}") from error
        return expression

    def _impossible(self, old: Any, new: Any, reason: str) -> InvalidOption:
        return InvalidOption(
            f"{self._option} cannot be used: {old!r}: {new!r} is not possible: {reason}.", object_name=self._option
        )
