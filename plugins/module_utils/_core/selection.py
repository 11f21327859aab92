# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing names by globs, regular expressions and literal names."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .errors import InvalidOption, NotFound
from .expressions import compiled

_GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True)
class Selection:
    """Names that match one of ``include`` and none of ``exclude``.

    Args:
        include: Patterns: a literal name, a glob (``*``, ``?``, ``[…]``), or ``~`` and a regular expression that
            must match the whole name.
        exclude: Patterns of the same kinds.

    Raises:
        InvalidOption: A regular expression cannot be compiled, or nothing is included.
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    _compiled: tuple[tuple[re.Pattern[str], ...], tuple[re.Pattern[str], ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.include:
            raise InvalidOption("A selection that includes nothing was given; leave the option out to take everything.")
        compiled = tuple(_compile(pattern) for pattern in self.include), tuple(_compile(p) for p in self.exclude)
        object.__setattr__(self, "_compiled", compiled)

    def matches(self, name: str) -> bool:
        """Tell whether a name is selected."""
        included, excluded = self._compiled
        return any(p.fullmatch(name) for p in included) and not any(p.fullmatch(name) for p in excluded)

    def select(self, names: Iterable[str], *, what: str) -> list[str]:
        """Return the selected ones of some names, sorted.

        Args:
            names: All names there are.
            what: What the names are, for the error: ``"subject"``.

        Raises:
            NotFound: A literal name of ``include`` is not among the names.
        """
        known = set(names)
        missing = [name for name in self.include if is_literal(name) and name not in known]
        if missing:
            raise NotFound(
                f"No such {what}: {', '.join(sorted(missing))}. A literal name must exist; "
                "use a glob for names that may be absent.",
                object_name=missing[0],
            )
        return sorted(name for name in known if self.matches(name))

    def idle_patterns(self, names: Sequence[str]) -> list[str]:
        """Return the patterns of ``include`` that match none of the names."""
        return [
            pattern
            for pattern, expression in zip(self.include, self._compiled[0], strict=True)
            if not any(expression.fullmatch(name) for name in names)
        ]


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern can only match the name that it spells."""
    return not pattern.startswith("~") and not _GLOB_CHARACTERS.intersection(pattern)


def _compile(pattern: str) -> re.Pattern[str]:
    if not pattern.startswith("~"):
        return re.compile(fnmatch.translate(pattern))
    try:
        return compiled(pattern[1:])
    except ValueError as error:
        raise InvalidOption(f"{pattern!r} is not a regular expression: {error}.", object_name=pattern) from error
