# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real components of the test bed."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from testbed import axonops
from testbed.axonops import AxonOpsRegistry
from testbed.cache import cache_root
from testbed.certificates import Certificates
from testbed.component import ComponentError
from testbed.kafka import Kafka
from testbed.postgresql import PostgreSQL

TESTS = Path(__file__).parents[1]
SCHEMA = {"schema": '"string"'}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def status(registry: AxonOpsRegistry, headers: dict[str, str], context: ssl.SSLContext | None = None) -> int:
    """HTTP status of a listing of the subjects with these headers alone."""
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
    request = urllib.request.Request(f"{registry.endpoint}/subjects", headers=headers)
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def topics(broker: Kafka) -> set[str]:
    return set(AdminClient({"bootstrap.servers": broker.endpoint}).list_topics(timeout=20).topics)


def test_kafka_keeps_records(kafka: Kafka) -> None:
    topic = f"orders-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": kafka.endpoint})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=20)
    producer = Producer({"bootstrap.servers": kafka.endpoint})
    producer.produce(topic, b"paid", key=b"7")
    assert producer.flush(20) == 0
    consumer = Consumer(
        {"bootstrap.servers": kafka.endpoint, "group.id": topic, "auto.offset.reset": "earliest"},
    )
    consumer.subscribe([topic])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert (message.key(), message.value()) == (b"7", b"paid")


def test_kafka_restarts_with_its_topics_and_wipes_them() -> None:
    with Kafka() as broker:
        admin = AdminClient({"bootstrap.servers": broker.endpoint, "log_level": 0})
        admin.create_topics([NewTopic("orders", 1, 1)])["orders"].result(timeout=20)
        broker.restart()
        assert "orders" in topics(broker)
        broker.wipe()
        assert "orders" not in topics(broker)
        assert "Kafka Server started" in broker.log_tail()


def test_a_port_in_use_is_told(kafka: Kafka) -> None:
    with pytest.raises(ComponentError, match=f"registry cannot listen on {kafka.endpoint}: another process does"):
        AxonOpsRegistry(port=kafka.port).start()


def test_a_registry_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.server.key.unlink()
    with pytest.raises(ComponentError, match=r"(?s)registry ended with status 1 before.*server\.key: no such file"):
        AxonOpsRegistry(certificates=certificates).start()


def test_registry_is_wiped_in_its_place(registry: AxonOpsRegistry) -> None:
    endpoint = registry.endpoint
    assert registry.call("GET", "/v1/metadata/version")["version"] == f"v{axonops.VERSION}"
    registry.call("POST", "/subjects/orders-value/versions", SCHEMA)
    assert registry.call("GET", "/subjects") == ["orders-value"]
    registry.wipe()
    assert registry.call("GET", "/subjects") is None
    assert registry.endpoint == endpoint
    assert status(registry, {}) == 200


def test_postgres_registry_keeps_schemas_over_a_restart(postgres_registry: AxonOpsRegistry) -> None:
    postgres_registry.call("POST", "/subjects/orders-value/versions", SCHEMA)
    postgres_registry.restart()
    assert postgres_registry.call("GET", "/subjects") == ["orders-value"]
    postgres_registry.wipe()
    assert postgres_registry.call("GET", "/subjects") is None


def test_postgresql_gives_databases(postgresql: PostgreSQL) -> None:
    postgresql.create_database("shop")
    postgresql.create_database("shop")
    with pytest.raises(ComponentError, match="syntax error"):
        postgresql.create_database('a" b')


@pytest.mark.parametrize("admin", [("admin", "admin"), ("root", "1"), ("admin", 'pa$$w ${HOME} "ö"')])
def test_basic_auth(registry_factory: Callable[..., AxonOpsRegistry], admin: tuple[str, str]) -> None:
    registry = registry_factory(auth="basic", admin=admin)
    assert registry.call("PUT", "/mode", {"mode": "READONLY"}) == {"mode": "READONLY"}
    registry.create_user("orders-value", "orders-value", "developer")
    registry.create_user("reader", "1", "readonly")
    assert status(registry, basic("orders-value", "orders-value")) == 200
    assert status(registry, basic("reader", "1")) == 200
    assert status(registry, basic("reader", "2")) == 401
    assert status(registry, {}) == 401


def test_api_key(registry_factory: Callable[..., AxonOpsRegistry]) -> None:
    registry = registry_factory(auth="api_key")
    key = registry.create_api_key("backup", "admin")
    assert status(registry, {"X-API-Key": key}) == 200
    assert status(registry, {"X-API-Key": key + "0"}) == 401


def test_tls(registry_factory: Callable[..., AxonOpsRegistry], certificates: Certificates) -> None:
    registry = registry_factory(tls=True, auth="basic")
    trusting = ssl.create_default_context(cafile=str(certificates.ca))
    assert registry.endpoint.startswith("https://")
    assert status(registry, basic(*registry.admin), trusting) == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        status(registry, {}, ssl.create_default_context())


def test_mtls(registry_factory: Callable[..., AxonOpsRegistry], certificates: Certificates) -> None:
    registry = registry_factory(auth="mtls")
    assert registry.call("PUT", "/mode", {"mode": "READONLY"}) == {"mode": "READONLY"}
    with pytest.raises(OSError, match=r"certificate required|reset"):
        status(registry, {}, ssl.create_default_context(cafile=str(certificates.ca)))


def test_registry_ends_with_its_starter() -> None:
    script = """
import time
from testbed.axonops import AxonOpsRegistry
registry = AxonOpsRegistry().start()
print(registry.port, registry.home, flush=True)
time.sleep(600)
"""
    env = dict(os.environ) | {"PYTHONPATH": str(TESTS)}
    with subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        port, home = starter.stdout.readline().split()
        starter.send_signal(signal.SIGKILL)
    while os.path.exists(home):
        pass
    assert not AxonOpsRegistry(port=int(port)).ready()


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The test bed's command line on a bed of this test's own."""
    name = f"test-{uuid.uuid4()}"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "testbed", "--bed", name, *arguments]
        return subprocess.run(line, cwd=TESTS, capture_output=True, text=True, check=False)

    yield run
    run("down")
    for left in (cache_root() / "beds").glob(f"{name}.*"):
        left.unlink()


def test_a_bed_outlives_its_command_and_ends_with_down(
    command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    up = command("up", "registry")
    kind, endpoint = up.stdout.split()
    assert (up.returncode, kind) == (0, "registry"), up.stderr
    with urllib.request.urlopen(f"{endpoint}/subjects", timeout=10) as answer:
        assert answer.status == 200
    assert command("up", "registry").stdout == up.stdout
    assert command("status").stdout == up.stdout
    (host,) = yaml.safe_load(command("inventory").stdout)["lifeboat"]["hosts"].values()
    assert host["lifeboat_registry"] == {"url": endpoint}
    other = command("up", "registry", "kafka")
    assert (other.returncode, other.stderr.partition(" is up with ")[2]) == (1, "registry: end it with `down` first\n")
    assert command("down").returncode == 0
    assert not AxonOpsRegistry(port=int(endpoint.rpartition(":")[2])).ready()
    assert command("status").returncode == 3
    assert command("down").returncode == 0
