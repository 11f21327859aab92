# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two Protobuf texts say the same; of https://protobuf.dev/reference/protobuf/proto3-spec/."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What separates words, then the words themselves
_TOKEN = re.compile(
    r"""
    (?P<skipped>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<word>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w.]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = frozenset(
    {
        "edition",
        "enum",
        "extend",
        "extensions",
        "import",
        "message",
        "oneof",
        "option",
        "package",
        "reserved",
        "rpc",
        "service",
        "syntax",
    }
)


def protobuf_meaning(text: str) -> str:
    """Return a text that is equal for texts with the same statements, in the same order among those of one kind.

    Args:
        text: A ``.proto`` file. One that cannot be taken apart is only freed of comments and white space.
    """
    words = [match["word"] for match in _TOKEN.finditer(text) if match["word"]]
    rest = iter(words)
    try:
        return _block(rest, end=None)
    except (_Unbalanced, RecursionError):
        return " ".join(words)


class _Unbalanced(Exception):
    """A block or a value has no end."""


def _block(words: Iterator[str], end: str | None) -> str:
    """Read statements up to what ends their block, a brace or None for the text's end; return them by kind."""
    statements: list[tuple[str, str]] = []
    statement: list[str] = []
    while (word := next(words, None)) not in ("}", None):
        if word == "{" and ("=" not in statement or "group" in statement):
            inside = _block(words, "}")
            statements.append((statement[0] if statement else "", " ".join([*statement, "{", inside, "}"])))
            statement = []
        elif word == "{":
            statement += [word, *_value(words)]
        elif word != ";":
            statement.append(word)
        elif statement:  # a semicolon of its own is none
            statements.append((statement[0], " ".join([*statement, ";"])))
            statement = []
    if statement or word != end:
        raise _Unbalanced
    statements.sort(key=lambda each: each[0] if each[0] in _KINDS else "")
    return " ".join(written for _kind, written in statements)


def _value(words: Iterator[str]) -> Iterator[str]:
    """Read the rest of an option's value in braces."""
    depth = 1
    for word in words:
        yield word
        depth += {"{": 1, "}": -1}.get(word, 0)
        if depth == 0:
            return
    raise _Unbalanced
