# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands, or may not stand, in the files of the repository: licences, machines' paths, package servers."""

from __future__ import annotations

import re

import pytest
from collection_copy import CHECKOUT, known_files

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.${}~)-])/(?:work|root|farm)(?=/|\s|$)", re.MULTILINE),
    "the host of a package server": re.compile(
        r"\b(?:pypi\.org|pythonhosted\.org|proxy\.golang\.org|sum\.golang\.org|repo1?\.maven\.(?:apache\.)?org"
        r"|registry\.npmjs\.org|static\.crates\.io|index\.crates\.io)\b"
    ),
}
COPIED = {"COPYING"}
HEADER = [
    "# Copyright: lifeboat.kafka contributors",
    "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
]
LICENSED = (".py", ".yml", ".yaml", ".toml", ".sh", ".ini", ".cfg", ".j2", ".txt")


def text_files() -> dict[str, str]:
    files = {}
    for name in known_files():
        content = (CHECKOUT / name).read_bytes()
        if name not in COPIED and b"\0" not in content:
            files[name] = content.decode()
    return files


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    pattern = FORBIDDEN[what]
    assert [f"{name}: {found.group()}" for name, text in text_files().items() for found in pattern.finditer(text)] == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see " + "/root" + "/notes"),
        ("a path of one machine", "HOME=" + "/work" + "/x"),
        ("the host of a package server", "https://" + "pypi" + ".org/simple"),
    ],
)
def test_forbidden_text_is_found(what: str, text: str) -> None:
    assert FORBIDDEN[what].search(text)


def test_python_files_begin_with_their_licence() -> None:
    python = {name: text for name, text in text_files().items() if name.endswith(".py") and text}
    assert [name for name, text in python.items() if not begins_with_licence(text)] == []


def begins_with_licence(text: str) -> bool:
    lines = text.splitlines()
    return (lines[1:] if lines[0].startswith("#!") else lines)[:3] == HEADER


def test_other_files_name_their_licence() -> None:
    others = {name: text for name, text in text_files().items() if name.endswith(LICENSED)}
    missing = [name for name, text in others.items() if text and "SPDX-License-Identifier: " not in text[:600]]
    assert [name for name in missing if not name.startswith("tests/fixtures/")] == []
