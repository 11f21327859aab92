# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the documents for people as tests need them: their sections, their code, and the commands that they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LEFT_OUT = "…"
COMMAND = re.compile(r"^\$ (.*<<'(\w+)'\n(?:.*\n)*?\2|.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
PASSING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z"  # points in time
    r'|(?<="age_seconds": )\d+'
    r"|(?<=/journal/)[0-9a-f]{32}"  # the hash of a registry's address
    r'|[\d.]+ (?:KB|Bytes)|(?<="bytes": )\d+'  # sizes, which depend on the length of the registry's address
)


@dataclass(frozen=True)
class Shown:
    """A command as a document shows it, with what it prints."""

    command: str
    output: list[str]


@dataclass(frozen=True)
class Document:
    """A Markdown file of the checkout; ``name`` is its path in it."""

    name: str

    @property
    def path(self) -> Path:
        return CHECKOUT / self.name

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def marked(self, marker: str) -> str:
        """The text between two HTML comments, ``<!-- marker -->`` and ``<!-- /marker -->``."""
        return self.text.split(f"<!-- {marker} -->\n", 1)[1].split(f"<!-- /{marker} -->", 1)[0]

    def section(self, heading: str) -> str:
        """The text below a heading of the second level, up to the next one."""
        return re.split(r"^## ", self.text.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]

    def blocks(self, language: str, text: str | None = None) -> list[str]:
        """The fenced blocks of a language, in this document or in a part of its text."""
        return blocks(self.text if text is None else text, language)


def blocks(text: str, language: str) -> list[str]:
    """The contents of the fenced blocks of a language, each with its last line break."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shown(text: str) -> Iterator[Shown]:
    """The commands in the ``console`` blocks of a text, here-documents whole, with their output."""
    for block in blocks(text, "console"):
        for command, _end, output in COMMAND.findall(block):
            yield Shown(command, output.splitlines())


def unlike(expected: list[str], printed: str) -> str | None:
    """What was printed where that is not what a document shows, else None.

    A line of ``…`` stands for any lines. White space at ends does not count, nor does what `PASSING` finds.
    """
    pattern = "".join("(?:.*\n)*?" if line == LEFT_OUT else re.escape(line) + "\n" for line in _lines(expected))
    lines = _lines(printed.splitlines())
    return None if re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) else "\n".join(lines)


def _lines(given: list[str]) -> list[str]:
    text = "\n".join(line.rstrip() for line in given).strip("\n")
    return PASSING.sub("(varies)", text).split("\n") if text else []
