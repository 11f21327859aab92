# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that others have journaled: who stands in the way, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import Busy, InvalidOption
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.earlier_runs import open_journal, over_runs
from testbed.archives import StillClock


def test_a_living_run_is_named_with_its_last_sign_of_life(tmp_path: Path) -> None:
    clock = StillClock()
    journal = open_journal("target", clock, store=None, directory=str(tmp_path))
    run = journal.begin("topic_restore", {})
    clock.advance(60)
    run.refresh()
    with pytest.raises(Busy, match=r"last sign of life 2026-01-31T12:01:00\.000Z.* dead after 900 seconds") as told:
        over_runs(journal)
    assert str(run.owner) in told.value.message
    clock.advance(901)
    assert [over.id for over in over_runs(journal)] == [run.id]
    clock.advance(-2 * 901)
    assert [over.id for over in over_runs(journal)] == [run.id], "a sign of life from the future tells nothing"


def test_a_journal_whose_name_is_none_is_refused() -> None:
    with pytest.raises(InvalidOption, match="NUL") as refused:
        open_journal("target", StillClock(), store=None, directory="/srv/\0")
    assert refused.value.object_name == "journal"
