# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory that topics need does not grow with them."""

from __future__ import annotations

import pytest
from benchmarks import results, run


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_bounded_at_any_size(capsys: pytest.CaptureFixture[str]) -> None:
    found = run.measure(run.LONG)
    with capsys.disabled():
        print(f"\n{results.table(found)}")
    assert [result.work for result in found if {"peak_mb", "workers_mb"} & set(result.missed())] == []
