# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module backup_store."""

from __future__ import annotations

from pathlib import Path

from testbed.archives import tree
from testbed.modules import run_module


def test_makes_a_store_once(tmp_path: Path) -> None:
    place = tmp_path / "new" / "store"
    options = {"store": {"path": str(place)}, "state": "present"}

    checked = run_module("backup_store", check=True, **options).succeeded()
    assert checked["changed"]
    assert checked["store"] == {"path": str(place), "store_id": None, "format_version": 1}
    assert not place.exists()

    made = run_module("backup_store", diff=True, **options).succeeded()
    assert made["changed"]
    assert made["store"]["store_id"]
    held = tree(place)

    for check in (False, True):
        again = run_module("backup_store", check=check, **options).succeeded()
        assert not again["changed"]
        assert again["store"] == made["store"]
    assert tree(place) == held
