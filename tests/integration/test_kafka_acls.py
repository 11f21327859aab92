# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The permissions that the guide names suffice, and when one of them is missing, that is said."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.admin import Admin
from testbed.documents import Document
from testbed.groups import commit
from testbed.modules import Outcome, run_module
from testbed.records import numbered, send
from testbed.secure_kafka import Permission, SecureKafka
from testbed.topics import Topics

GUIDE = Document("docs/guides/kafka-connections.md")
KINDS = {"topics": "topic", "groups": "group", "cluster": "cluster"}
_users = itertools.count()
_topics = (f"acl-new-{number}" for number in itertools.count())


def permissions(purpose: str, prefix: str = "acl-*") -> list[Permission]:
    """What the guide's table for a purpose names, for whatever begins alike."""
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \|", GUIDE.marked(purpose), re.MULTILINE)
    assert len(rows) >= 3
    words = [(KINDS[kind], re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()) for kind, operation in rows]
    return [(kind, prefix, operation) for kind, operation in words]


def less(purpose: str, kind: str, operation: str, *instead: str) -> list[Permission]:
    """The permissions for a purpose without one, and with others in its place."""
    left = [one for one in permissions(purpose) if (one[0], one[2]) != (kind, operation)]
    assert len(left) == len(permissions(purpose)) - 1
    return [*left, *((kind, "acl-*", other) for other in instead)]


@pytest.fixture(scope="module")
def broker(secure_kafka: SecureKafka) -> SecureKafka:
    """A broker with the topic acl-orders and the group acl-billing, and with others that are nobody's business."""
    topics = Topics(secure_kafka.client)
    topics.create_many({"acl-orders": 2, "other": 1})
    send(secure_kafka.client, "acl-orders", numbered(20, partitions=2))
    commit(secure_kafka.client, "acl-billing", {("acl-orders", 0): 4})
    commit(secure_kafka.client, "other", {("other", 0): 0})
    return secure_kafka


@pytest.fixture
def user(broker: SecureKafka) -> Iterator[str]:
    name = f"acl-user-{next(_users)}"
    broker.create_user(name, f"{name}-pw")
    yield name
    broker.forbid(name)


def family(broker: SecureKafka, user: str, allowed: list[Permission]) -> dict[str, Any]:
    """The option kafka of a user who may do this and nothing else."""
    broker.allow(user, *allowed)
    return broker.login(user, f"{user}-pw")


def back_up(kafka: dict[str, Any], folder: Path, **options: Any) -> Outcome:
    store = {"path": str(folder / "store")}
    run_module("backup_store", store=store).succeeded()
    return run_module("topic_backup", kafka=kafka, store=store, backup_id="prod", parallel=1, **options)


def test_these_suffice_to_back_up(broker: SecureKafka, user: str, tmp_path: Path) -> None:
    told = back_up(family(broker, user, permissions("backup")), tmp_path).succeeded()
    assert (told["topics"]["topics"], told["topics"]["records"]) == (1, 20)
    assert (told["groups"]["groups"], told["groups"]["offsets"]) == (1, 1)


@pytest.mark.parametrize(
    ("missing", "named", "told"),
    [
        (("topic", "read"), "acl-orders", "needs Describe on the topic"),
        (("topic", "read", "describe"), "acl-orders", "TOPIC_AUTHORIZATION_FAILED"),
        (("topic", "describe_configs"), "acl-orders", "needs DescribeConfigs on the topic"),
        (("group", "describe"), "acl-billing", "needs Describe on the group"),
    ],
)
def test_what_is_missing_to_back_up_is_named(
    broker: SecureKafka, user: str, tmp_path: Path, missing: tuple[str, ...], named: str, told: str
) -> None:
    kind, operation, *instead = missing
    kafka = family(broker, user, less("backup", kind, operation, *instead))
    failed = back_up(kafka, tmp_path, topics=["acl-orders"], groups=["acl-billing"]).failed()
    assert failed["failure"]["code"] == "not_authorized"
    assert failed["failure"]["object"].split("/")[0] == named
    assert told in failed["msg"]
    assert not list((tmp_path / "store").glob("prod/restore-points/*"))


def test_what_may_not_be_seen_is_not_taken_by_globs(broker: SecureKafka, user: str, tmp_path: Path) -> None:
    told = back_up(family(broker, user, less("backup", "group", "describe")), tmp_path).succeeded()
    assert (told["topics"]["topics"], told["groups"]["groups"]) == (1, 0)


@pytest.fixture(scope="module")
def store(broker: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A store with the topic and the group."""
    folder = tmp_path_factory.mktemp("acls")
    back_up(broker.options, folder, topics=["acl-orders"], groups=["acl-billing"]).succeeded()
    return {"path": str(folder / "store")}


def restore(kafka: dict[str, Any], store: dict[str, str], topic: str, journal: Path) -> Outcome:
    """Restore the topic and the group's offsets into a topic of another name."""
    return run_module(
        "topic_restore",
        kafka=kafka,
        store=store,
        backup_id="prod",
        topic_mapping={"acl-orders": topic},
        parallel=1,
        journal=str(journal),
    )


def test_these_suffice_to_restore(broker: SecureKafka, user: str, store: dict[str, str], tmp_path: Path) -> None:
    topic, kafka = next(_topics), family(broker, user, permissions("restore"))
    told = restore(kafka, store, topic, tmp_path).succeeded()
    assert told["topics"]["records"] == 20
    assert told["groups"]["offsets"] == 1
    assert Topics(broker.client).watermarks(topic) == {0: (0, 10), 1: (0, 10)}
    with Admin(KafkaSettings.from_options(kafka)) as admin:
        assert admin.committed("acl-billing")[topic, 0].offset == 4
    assert not restore(kafka, store, topic, tmp_path).succeeded()["changed"]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (("topic", "create"), "needs Create on the topic or on the cluster"),
        (("topic", "write"), "CLUSTER_AUTHORIZATION_FAILED"),  # no producer's id without a topic to write to
        (("topic", "read"), "TOPIC_AUTHORIZATION_FAILED"),
        (("topic", "alter_configs"), "needs DescribeConfigs on the topic"),  # which that permission brings along
        (("topic", "alter_configs", "describe_configs"), "needs AlterConfigs on the topic"),
        (("group", "read"), "needs Describe on the group"),
        (("group", "read", "describe"), "needs Read on the group and on its topics"),
    ],
)
def test_what_is_missing_to_restore_is_named(
    broker: SecureKafka, user: str, store: dict[str, str], tmp_path: Path, missing: tuple[str, ...], told: str
) -> None:
    kind, operation, *instead = missing
    topic, kafka = next(_topics), family(broker, user, less("restore", kind, operation, *instead))
    failed = restore(kafka, store, topic, tmp_path).failed()
    assert failed["failure"]["code"] == "not_authorized"
    assert told in failed["msg"]
    broker.allow(user, *permissions("restore"))
    restore(kafka, store, topic, tmp_path).succeeded()
    assert Topics(broker.client).watermarks(topic) == {0: (0, 10), 1: (0, 10)}


def test_permissions_on_the_cluster_are_enough_to_create(
    broker: SecureKafka, user: str, store: dict[str, str], tmp_path: Path
) -> None:
    allowed = [*less("restore", "topic", "create"), ("cluster", "kafka-cluster", "create")]
    restore(family(broker, user, allowed), store, next(_topics), tmp_path).succeeded()


def test_reading_suffices_to_verify(broker: SecureKafka, user: str, store: dict[str, str]) -> None:
    assert "| `topic_verify` | topics | `Read`, `DescribeConfigs` |" in GUIDE.text
    kafka = family(broker, user, [("topic", "acl-*", "read"), ("topic", "acl-*", "describe_configs")])
    told = run_module("topic_verify", kafka=kafka, store=store, backup_id="prod", parallel=1).succeeded()
    assert told["topics"]["records"] == 20


@pytest.mark.parametrize(
    ("operations", "told"),
    [
        (("read",), "needs DescribeConfigs on the topic"),
        (("describe", "describe_configs"), "TOPIC_AUTHORIZATION_FAILED"),
    ],
)
def test_what_is_missing_to_verify_is_named(
    broker: SecureKafka, user: str, store: dict[str, str], operations: tuple[str, ...], told: str
) -> None:
    kafka = family(broker, user, [("topic", "acl-*", operation) for operation in operations])
    failed = run_module("topic_verify", kafka=kafka, store=store, backup_id="prod", parallel=1).failed()
    assert failed["failure"]["code"] == "not_authorized"
    assert told in failed["msg"]


def test_the_configs_of_a_broker_are_told_to_those_who_may_see_them(broker: SecureKafka, user: str) -> None:
    kafka = family(broker, user, permissions("restore"))
    with Admin(KafkaSettings.from_options(kafka)) as admin:
        assert admin.broker_configs() == {}
    kafka = family(broker, user, [("cluster", "kafka-cluster", "describe_configs")])
    with Admin(KafkaSettings.from_options(kafka)) as admin:
        assert admin.broker_configs()["num.partitions"] == "1"
