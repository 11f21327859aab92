# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Linux tells of a process is read, whatever the program's name."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.process_stat import ProcessStat


@pytest.mark.parametrize("name", [b"python", b"a (b) c", b") Z 1 (", b""])
@pytest.mark.parametrize(("state", "ended"), [(b"S", False), (b"R", False), (b"Z", True), (b"X", True)])
def test_it_is_read_whatever_the_name(name: bytes, state: bytes, ended: bool) -> None:
    numbers = b" ".join(b"%d" % number for number in range(4, 53))
    assert ProcessStat.parse(b"77 (%s) %s %s\n" % (name, state, numbers)) == ProcessStat(ended, parent=4, started=22)
