# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many registrations go at once to each make, as the guide has it."""

from __future__ import annotations

import re

from ansible_collections.lifeboat.kafka.plugins.module_utils._registry.detect import DIALECTS
from testbed.documents import Document

WORDS = {"one by one": 1, "four": 4}


def test_the_guide_says_how_many_registrations_go_at_once() -> None:
    section = Document("docs/guides/registries.md").section("How many at once")
    _head, *rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([^|]+) \|", section, re.MULTILINE)
    told = {make.lower(): WORDS[at_once] for make, at_once in rows}
    assert told == {make: dialect.declared.parallel_registrations for make, dialect in DIALECTS.items()}
