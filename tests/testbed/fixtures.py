# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pytest fixtures: components that start when a test first asks for them. Each pytest-xdist worker has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults.kafka_proxy import KafkaProxy

from testbed.apicurio import Apicurio
from testbed.axonops import AxonOpsRegistry
from testbed.certificates import Certificates
from testbed.component import UnavailableError
from testbed.contents import fill
from testbed.copies import Copies
from testbed.kafka import Kafka
from testbed.kafka_cluster import KafkaCluster
from testbed.mariadb import MariaDB
from testbed.modules import Outcome, Run, run_module
from testbed.oauth import OAuthServer
from testbed.postgresql import PostgreSQL
from testbed.secure_kafka import SecureKafka
from testbed.topic_backups import TopicBackups

RegistryFactory = Callable[..., AxonOpsRegistry]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    path = tmp_path / "store"
    run_module("backup_store", store={"path": str(path)}).succeeded()
    return path


@pytest.fixture
def run_in_store(store: Path) -> Run:
    """Run a module on a registry, with the store of the fixture ``store``."""

    def run(name: str, server: Any, **options: Any) -> Outcome:
        family = {"path": str(store)}
        given = {"store": family, "backup_id": "prod", "registry": {"url": server.endpoint}, **options}
        return run_module(name, **given)

    return run


@pytest.fixture
def export(run_in_store: Run) -> Run:
    """Back a registry up into the store of `run_in_store`: ``export(server, subjects=["orders"])``."""
    return partial(run_in_store, "schema_registry_export")


@pytest.fixture
def bring(run_in_store: Run) -> Run:
    """Import the backup in the store of `run_in_store`: ``bring(server, ids="assign")``."""
    return partial(run_in_store, "schema_registry_import")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority with a server's and a client's certificate."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A broker that all tests of the session share."""
    with Kafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[KafkaCluster]:
    """Two brokers that all tests of the session share: whoever stops one starts it again."""
    with KafkaCluster(2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def secure_kafka(certificates: Certificates) -> Iterator[SecureKafka]:
    """A broker with users and access control lists that all tests of the session share; it knows no tokens."""
    with SecureKafka(certificates) as broker:
        yield broker


@pytest.fixture(scope="session")
def token_kafka(certificates: Certificates) -> Iterator[SecureKafka]:
    """As `secure_kafka`, with tokens for the clients alice and bob."""
    with (
        OAuthServer({"alice": "alice-secret", "bob": "bob-secret"}) as server,
        SecureKafka(certificates, server) as broker,
    ):
        yield broker


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A database server that all tests of the session share; skips where none is installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(PostgreSQL())
        except UnavailableError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """The same with MariaDB."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(MariaDB())
        except UnavailableError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture
def registry_factory(request: pytest.FixtureRequest) -> Iterator[RegistryFactory]:
    """Starts empty registries: ``registry_factory(auth="basic", admin=("admin", "1"), tls=True)``.

    Takes what `AxonOpsRegistry` takes, and for convenience ``tls`` (with the fixture ``certificates``, as
    ``auth="mtls"`` always has) and ``storage`` (``memory``; ``postgresql`` and ``mariadb`` with the fixture of that
    name).
    """
    with ExitStack() as stack:

        def start(*, tls: bool = False, storage: str = "memory", **options: Any) -> AxonOpsRegistry:
            if tls or options.get("auth") == "mtls":
                options.setdefault("certificates", request.getfixturevalue("certificates"))
            if storage != "memory":
                options["database"] = request.getfixturevalue(storage)
            return stack.enter_context(AxonOpsRegistry(**options))

        yield start


@pytest.fixture
def registry(registry_factory: RegistryFactory) -> AxonOpsRegistry:
    """An empty registry in memory, without authentication, for this test alone."""
    return registry_factory()


@pytest.fixture(scope="session")
def filled_registry() -> Iterator[AxonOpsRegistry]:
    """A registry with something of everything, which all tests of the session share and only read."""
    with AxonOpsRegistry() as server:
        fill(server)
        yield server


@pytest.fixture
def postgres_registry(registry_factory: RegistryFactory) -> AxonOpsRegistry:
    """An empty registry that stores in PostgreSQL, for this test alone; skips where no server is installed."""
    return registry_factory(storage="postgresql")


@pytest.fixture(scope="session")
def apicurio_server() -> Iterator[Apicurio]:
    """An Apicurio Registry that all tests of the session share; take `apicurio` to find it empty."""
    with Apicurio() as server:
        yield server


@pytest.fixture
def apicurio(apicurio_server: Apicurio) -> Apicurio:
    """The shared Apicurio Registry, emptied before this test."""
    apicurio_server.clear()
    return apicurio_server


@pytest.fixture
def new_apicurio(apicurio_server: Apicurio) -> Apicurio:
    """The shared Apicurio Registry, started anew, so that it takes ids: it never held anything."""
    apicurio_server.restart()
    return apicurio_server


@pytest.fixture
def copies(kafka: Kafka, tmp_path: Path) -> Copies:
    """Backups and restores of topics of the shared broker, in a store and under names of the test's own."""
    return Copies(kafka, tmp_path / "store", prefix=f"{tmp_path.name}-")


@pytest.fixture
def backups(kafka: Kafka, tmp_path: Path) -> TopicBackups:
    """Backups of topics of the shared broker, in a store and under names of the test's own."""
    return TopicBackups(kafka, tmp_path)


@pytest.fixture
def proxy(kafka: Kafka) -> Iterator[KafkaProxy]:
    """A proxy before the shared broker, which does what the test asks for to requests."""
    with KafkaProxy(kafka) as proxy:
        yield proxy
