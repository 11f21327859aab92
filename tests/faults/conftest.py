# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup to import, and a registry behind a proxy to import it into; each test begins with new ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from faults.import_target import BACKUP, Target
from faults.makes import MAKES, SOURCES
from faults.registry_proxy import RegistryProxy

from testbed.apicurio_contents import Compatible
from testbed.modules import run_module


@pytest.fixture(scope="session")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives a store with one backup, by the name of what was backed up; tests copy it."""

    @cache
    def back_up(name: str) -> Path:
        store = tmp_path_factory.mktemp("backup") / "store"
        options = {"store": {"path": str(store)}}
        run_module("backup_store", **options).succeeded()
        start, fill = SOURCES[name]
        with start() as server:
            fill(server)
            registry = {"url": server.endpoint}
            run_module("schema_registry_export", registry=registry, backup_id=BACKUP, **options).succeeded()
        return store

    return back_up


@pytest.fixture
def backup(backups: Callable[[str], Path], make: str) -> Path:
    """A store with the backup that is imported into a make."""
    return backups(MAKES[make].backup)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Gives a registry of a make, which tests wipe."""
    with ExitStack() as stack:

        @cache
        def serve(make: str) -> Any:
            start = MAKES[make].start
            if start is None:
                return Compatible(request.getfixturevalue("apicurio_server"))
            return stack.enter_context(start())

        yield serve


@pytest.fixture
def server(servers: Callable[[str], Any]) -> Any:
    """A real registry."""
    return servers("axonops")


@pytest.fixture
def make() -> str:
    """Which make of registry is imported into; tests may say others."""
    return "axonops"


@pytest.fixture
def target(backup: Path, servers: Callable[[str], Any], make: str, tmp_path: Path) -> Iterator[Target]:
    """An empty registry, and a store of one's own to import from."""
    store = tmp_path / "store"
    shutil.copytree(backup, store)
    server = servers(make)
    server.wipe()
    with RegistryProxy(server.endpoint) as proxy:
        yield Target(MAKES[make], server, proxy, store)
