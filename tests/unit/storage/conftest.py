# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a folder of the test, and what it flushes and names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._storage import durable
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.filesystem import FilesystemStorage
from ansible_collections.lifeboat.kafka.plugins.module_utils._storage.port import (
    Storage,
)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return FilesystemStorage(str(tmp_path))


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed and what gets its name, in order; temporary names are shown as ``new``."""
    done: list[str] = []

    def shown(path: str) -> str:
        name = os.path.relpath(path, tmp_path)
        return f"{os.path.dirname(name)}/new" if ".tmp-" in name else name

    def spy(name: str, describe: Callable[..., str]) -> None:
        real = getattr(os, name)

        def step(*arguments: Any) -> None:
            done.append(describe(*arguments))
            real(*arguments)

        monkeypatch.setattr(durable.os, name, step)

    spy("fsync", lambda descriptor: f"flush {shown(os.readlink(f'/proc/self/fd/{descriptor}'))}")
    spy("link", lambda _source, target: f"name {shown(target)}")
    spy("replace", lambda _source, target: f"name {shown(target)}")
    flush_all = durable._flush_file_system
    monkeypatch.setattr(durable, "_flush_file_system", lambda path: bool(done.append("flush all")) or flush_all(path))
    return done
