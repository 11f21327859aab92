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

import pytest
from faults.import_target import BACKUP, Target, fill_source
from faults.registry_proxy import RegistryProxy
from registries.confluent import Confluent
from registries.emulated import AnyRegistry, EmulatedRegistry

from testbed.axonops import AxonOpsRegistry
from testbed.modules import run_module

MAKES: dict[str, Callable[[], AnyRegistry]] = {
    "axonops": AxonOpsRegistry,
    "confluent": lambda: EmulatedRegistry(Confluent),
}


@pytest.fixture(scope="session")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one backup, which tests copy."""
    store = tmp_path_factory.mktemp("backup") / "store"
    options = {"store": {"path": str(store)}}
    run_module("backup_store", **options).succeeded()
    with AxonOpsRegistry() as server:
        fill_source(server)
        registry = {"url": server.endpoint}
        run_module("schema_registry_export", registry=registry, backup_id=BACKUP, **options).succeeded()
    return store


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], AnyRegistry]]:
    """Gives a registry of a make, which tests wipe."""
    with ExitStack() as stack:
        yield cache(lambda make: stack.enter_context(MAKES[make]()))


@pytest.fixture
def server(servers: Callable[[str], AnyRegistry]) -> AnyRegistry:
    """A real registry."""
    return servers("axonops")


@pytest.fixture
def make() -> str:
    """Which make of registry is imported into; tests may say others."""
    return "axonops"


@pytest.fixture
def target(backup: Path, servers: Callable[[str], AnyRegistry], make: str, tmp_path: Path) -> Iterator[Target]:
    """An empty registry, and a store of one's own to import from."""
    store = tmp_path / "store"
    shutil.copytree(backup, store)
    server = servers(make)
    server.wipe()
    with RegistryProxy(server.endpoint) as proxy:
        yield Target(server, proxy, store)
