# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topics, configs and groups of a real cluster, asked and changed over confluent-kafka."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from ansible_collections.lifeboat.kafka.plugins.module_utils._core.errors import KafkaError
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.settings import KafkaSettings
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.admin import Admin, WantedTopic
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.group_list import ListedGroup
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.group_offsets import Committed
from ansible_collections.lifeboat.kafka.plugins.module_utils._kafka.groups import Group
from testbed.groups import PROTOCOLS, commit, member, share_member, undecided
from testbed.kafka import QUICK_TO_RESTART, Kafka
from testbed.records import numbered, send
from testbed.topics import Topics

_names = (f"admin-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def admin(kafka: Kafka) -> Iterator[Admin]:
    with Admin(KafkaSettings.from_options(kafka.options)) as admin:
        yield admin


@pytest.fixture(scope="module")
def topics(kafka: Kafka) -> Topics:
    return Topics(kafka.client)


@pytest.fixture
def name() -> str:
    return next(_names)


@pytest.fixture
def topic(topics: Topics, kafka: Kafka, name: str) -> str:
    """A topic of two partitions with ten records each."""
    topics.create(name, 2)
    send(kafka.client, name, numbered(20, partitions=2))
    return name


def refusal(found: object) -> tuple[str, str | None]:
    assert isinstance(found, KafkaError)
    return found.code, found.facts.get("kafka_error")


def test_the_cluster_is_told(admin: Admin, topics: Topics, topic: str) -> None:
    assert admin.cluster_id() == topics._admin.list_topics(timeout=30).cluster_id
    assert admin.brokers() == [1]
    assert set(admin.topic_names()) == topics.names() >= {topic}


def test_the_configs_of_a_broker_are_told(admin: Admin) -> None:
    configs = admin.broker_configs()
    assert (configs["num.partitions"], configs["log.cleaner.backoff.ms"]) == ("1", "200")
    assert configs["message.max.bytes"] == "1048588"


def test_topics_are_created_as_they_are_defined(admin: Admin, topics: Topics, name: str) -> None:
    admin.create(name, 3, 1, {"cleanup.policy": "compact", "retention.ms": "-1"})
    defined = admin.definitions([name])[name]
    assert (defined.name, defined.partitions, defined.replication_factor) == (name, 3, 1)
    assert defined.configs == topics.configs(name) == {"cleanup.policy": "compact", "retention.ms": "-1"}
    assert defined.effective.items() >= {"cleanup.policy": "compact", "compression.type": "producer"}.items()
    assert len(bytes.fromhex(defined.topic_id)) == 16


def test_what_a_topic_would_meet_can_be_tried(admin: Admin, topics: Topics, name: str) -> None:
    admin.create(name, 1, -1, {}, try_only=True)
    assert name not in topics.names()


@pytest.mark.parametrize(
    ("partitions", "replicas", "configs", "code", "error", "told"),
    [
        (1, 3, {}, "not_enough_brokers", "INVALID_REPLICATION_FACTOR", "only 1 broker"),
        (0, 1, {}, "invalid_partitions", "INVALID_PARTITIONS", "partitions"),
        (1, 1, {"nonsense": "1"}, "invalid_config", "INVALID_CONFIG", "nonsense"),
        (1, 1, {"retention.ms": "soon"}, "invalid_config", "INVALID_CONFIG", "soon"),
    ],
)
def test_a_topic_that_cannot_be_says_why(
    admin: Admin, name: str, partitions: int, replicas: int, configs: dict[str, str], code: str, error: str, told: str
) -> None:
    for try_only in (True, False):
        with pytest.raises(KafkaError, match=told) as failed:
            admin.create(name, partitions, replicas, configs, try_only=try_only)
        assert refusal(failed.value) == (code, error)
        assert failed.value.object_name == name
    assert name not in admin.topic_names()


def test_one_topic_does_not_stand_in_the_way_of_others(admin: Admin, topic: str, name: str) -> None:
    names = [f"{name}-{number}" for number in range(700)]  # more than go into one request
    wanted = [WantedTopic(one, 1, 1, {"retention.ms": "-1"}) for one in [*names, topic, "not a name"]]
    found = admin.create_all(wanted)
    assert list(found) == [one.name for one in wanted]
    assert [one for one, problem in found.items() if problem is None] == names
    assert refusal(found[topic]) == ("already_exists", "TOPIC_ALREADY_EXISTS")
    assert refusal(found["not a name"]) == ("invalid_topic", "INVALID_TOPIC_EXCEPTION")

    assert set(admin.set_all_configs({one: {"retention.ms": "7"} for one in names}).values()) == {None}
    defined = admin.definitions(names)
    assert list(defined) == names
    assert {tuple(one.configs.items()) for one in defined.values()} == {(("retention.ms", "7"),)}


def test_more_partitions_than_a_controller_takes_at_once_are_created(admin: Admin, name: str) -> None:
    wanted = [WantedTopic(f"{name}-{number}", 2001, 1, {"retention.ms": "-1"}) for number in range(5)]
    found = admin.create_all(wanted, try_only=True)
    assert found == dict.fromkeys((topic.name for topic in wanted), None)


def test_configs_are_set_and_removed_one_by_one(admin: Admin, topics: Topics, topic: str) -> None:
    admin.set_configs(topic, {"retention.ms": " 01000000", "cleanup.policy": "compact, delete"})
    assert topics.configs(topic) == {"retention.ms": "1000000", "cleanup.policy": "compact,delete"}
    admin.set_configs(topic, {"retention.ms": None, "segment.ms": "60000"})
    admin.set_configs(topic, {})
    assert topics.configs(topic) == {"cleanup.policy": "compact,delete", "segment.ms": "60000"}
    with pytest.raises(KafkaError) as failed:
        admin.set_configs(topic, {"segment.ms": "1", "nonsense": "1"})
    assert refusal(failed.value) == ("invalid_config", "INVALID_CONFIG")
    assert topics.configs(topic)["segment.ms"] == "60000"
    found = admin.set_all_configs({"nothing": {"segment.ms": "1"}, topic: {"segment.ms": None}})
    assert refusal(found["nothing"]) == ("unknown_topic", "UNKNOWN_TOPIC_OR_PARTITION")
    assert topics.configs(topic) == {"cleanup.policy": "compact,delete"}


def test_a_topic_that_is_not_there_is_named(admin: Admin, topic: str) -> None:
    with pytest.raises(KafkaError, match="'nothing'") as failed:
        admin.definitions([topic, "nothing"])
    assert refusal(failed.value) == ("unknown_topic", "UNKNOWN_TOPIC_OR_PARTITION")


def test_nothing_is_asked_about_nothing(admin: Admin) -> None:
    assert admin.definitions([]) == admin.describe_groups([]) == admin.all_committed([]) == {}
    assert admin.create_all([]) == admin.set_all_configs({}) == admin.set_all_committed({}) == {}


def test_groups_of_all_types_are_listed(admin: Admin, kafka: Kafka, topic: str) -> None:
    names = {kind: f"{topic}-{kind}" for kind in ("simple", "share", *PROTOCOLS)}
    commit(kafka.client, names["simple"], {(topic, 0): 1})
    for protocol in PROTOCOLS:
        commit(kafka.client, names[protocol], {(topic, 0): 1}, protocol=protocol)
    with share_member(kafka.client, names["share"], topic):
        pass
    listed = {group.group: group for group in admin.groups() if group.group.startswith(topic)}
    assert list(listed) == sorted(listed)
    assert listed == {
        names["simple"]: ListedGroup(names["simple"], "classic", "empty", ""),
        names["classic"]: ListedGroup(names["classic"], "classic", "empty", "consumer"),
        names["consumer"]: ListedGroup(names["consumer"], "consumer", "empty", "consumer"),
        names["share"]: ListedGroup(names["share"], "share", "empty", "share"),
    }
    assert admin.describe_groups([*listed, "nobody"]) == {
        names["simple"]: Group(names["simple"], "classic", "empty", 0, simple=True),
        names["classic"]: Group(names["classic"], "classic", "empty", 0, simple=False),
        names["consumer"]: Group(names["consumer"], "consumer", "empty", 0, simple=False),
    }
    assert admin.committed(names["share"]) == {}
    with pytest.raises(KafkaError) as failed:
        admin.set_committed(names["share"], {(topic, 0): Committed(1)})
    assert refusal(failed.value) == ("unknown_group", "GROUP_ID_NOT_FOUND")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_groups_with_members_keep_their_offsets(admin: Admin, kafka: Kafka, topic: str, protocol: str) -> None:
    group = f"{topic}-{protocol}"
    with member(kafka.client, group, topic, protocol):
        described = admin.describe_groups([group])[group]
        assert isinstance(described, Group)
        assert (described.type, described.members, described.simple) == (protocol, 1, False)
        with pytest.raises(KafkaError, match="stop its consumers") as failed:
            admin.set_committed(group, {(topic, 0): Committed(5)})
        assert failed.value.code == "has_members"
    assert admin.committed(group) == {}
    admin.set_committed(group, {(topic, 0): Committed(5)})
    assert admin.committed(group) == {(topic, 0): Committed(5)}
    (listed,) = (one for one in admin.groups() if one.group == group)
    assert (listed.type, listed.state) == (protocol, "empty")


def test_offsets_are_read_as_they_were_committed(admin: Admin, kafka: Kafka, topic: str) -> None:
    commit(kafka.client, topic, {(topic, 0): 7}, metadata="mark »7« ü", leader_epoch=0)
    commit(kafka.client, topic, {(topic, 1): 0})
    words = "mark »7« ü\0"  # with the NUL that the client here commits
    assert admin.committed(topic) == {(topic, 0): Committed(7, 0, words), (topic, 1): Committed(0, None, "")}
    assert admin.committed("nobody") == {}


def test_offsets_are_set_as_they_were_read(admin: Admin, topic: str) -> None:
    offsets = {(topic, 0): Committed(7, 0, "mark »7« ü"), (topic, 1): Committed(0, None, "")}
    admin.set_committed(f"{topic}-a", offsets)
    assert admin.committed(f"{topic}-a") == offsets
    admin.set_committed(f"{topic}-a", {(topic, 1): Committed(9)})
    assert admin.committed(f"{topic}-a") == offsets | {(topic, 1): Committed(9)}


def test_one_group_does_not_stand_in_the_way_of_others(admin: Admin, kafka: Kafka, topic: str) -> None:
    wanted = {f"{topic}-{number}": {(topic, 0): Committed(number), (topic, 1): Committed(1)} for number in range(600)}
    with member(kafka.client, f"{topic}-3", topic):
        found = admin.set_all_committed({**wanted, f"{topic}-x": {("nothing", 0): Committed(1)}})
    refused = {group: problem for group, problem in found.items() if problem is not None}
    assert {group: refusal(problem) for group, problem in refused.items()} == {
        f"{topic}-3": ("has_members", "UNKNOWN_MEMBER_ID"),
        f"{topic}-x": ("unknown_topic", "UNKNOWN_TOPIC_OR_PARTITION"),
    }
    assert "topic 'nothing', partition 0" in str(refused[f"{topic}-x"])
    assert admin.all_committed(wanted) == wanted | {f"{topic}-3": {}}


def test_undecided_offsets_are_waited_for(admin: Admin, kafka: Kafka, topic: str) -> None:
    commit(kafka.client, topic, {(topic, 0): 1, (topic, 1): 1})
    with undecided(kafka.client, topic, {(topic, 0): 9}) as producer:
        with Admin(KafkaSettings.from_options(kafka.options), timeout=1) as hasty:
            found = hasty.all_committed([topic, "nobody"])
        assert found["nobody"] == {}
        assert refusal(found[topic]) == ("unstable_offsets", "UNSTABLE_OFFSET_COMMIT")
        late = threading.Timer(1, producer.commit_transaction)
        late.start()
        try:
            assert admin.committed(topic) == {(topic, 0): Committed(9), (topic, 1): Committed(1)}
        finally:
            late.join()


def test_a_session_outlives_a_restart_of_the_broker() -> None:
    with Kafka(config=QUICK_TO_RESTART) as broker:
        settings = KafkaSettings.from_options(broker.options)
        with Admin(settings) as admin, Admin(settings, timeout=2) as hasty:
            admin.create("survivor", 1, 1, {})
            assert hasty.topic_names() == ["survivor"]
            broker.kill()
            for call in (hasty.brokers, hasty.topic_names, lambda: hasty.definitions(["survivor"])):
                with pytest.raises(KafkaError) as failed:
                    call()
                assert failed.value.code == "unreachable"
                assert "Connection refused" in failed.value.message
            again = threading.Thread(target=broker.restart)
            again.start()
            try:
                assert admin.definitions(["survivor"])["survivor"].partitions == 1
            finally:
                again.join()
            assert admin.topic_names() == hasty.topic_names() == ["survivor"]
