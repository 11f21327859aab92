# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty store, and an archive whose indexes of topics get layers early."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._archive import increment
from ansible_collections.lifeboat.kafka.plugins.module_utils._archive.store import Store
from testbed.archives import make_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path)


@pytest.fixture
def layered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment, "ONE_LAYER_ENTRIES", 5)
    monkeypatch.setattr(increment, "MOST_LAYERS", 3)
