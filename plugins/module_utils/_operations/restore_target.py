# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target of a restore: what it has of the topics, read; and the topics that it lacks, created."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from .._archive.journal import UndoJournal
from .._archive.restores import find_restore
from .._core.errors import Damaged, KafkaError, Refused
from .._core.kafka_names import TopicPartition
from .._kafka.admin import Admin, WantedTopic
from .._kafka.nodes import PASSING
from .._kafka.wire import Topic, Wire
from .._records.batch import Batch, read_header
from .restore_plan import CREATE, TargetTopic, TopicPlan, ends_to_look_at

T = TypeVar("T")

_UNKNOWN = "UNKNOWN_TOPIC_OR_PARTITION"
_PATIENCE = 60.0  # seconds until the target must have answered, and led the topics that it created
_PAUSE = 0.1


def target_identity(wire: Wire, servers: Sequence[str]) -> str:
    """Return what tells a cluster from others, for the journal."""
    return f"kafka:{wire.cluster_id or ','.join(sorted(servers))}"


def read_target(
    wire: Wire, admin: Admin, journal: UndoJournal, wanted: Mapping[str, Iterable[int]]
) -> dict[str, TargetTopic]:
    """Read what the target has of some topics.

    Args:
        wire: A connection to it.
        admin: Another one.
        journal: The target's journal.
        wanted: By the name at the target, the partitions that are of interest.

    Raises:
        KafkaError: The target cannot be asked, or does not let the user see a topic.
        Damaged, UnsupportedFormat: The journal cannot be read.
    """
    topics = {name: topic for name, topic in wire.topics(wanted).items() if is_there(topic)}
    definitions = admin.definitions(topics) if topics else {}
    restores = {name: find_restore(journal.storage, journal.target, name) for name in wanted}
    begun = [restore for name, restore in restores.items() if restore is not None and name in topics]
    partitions = {(name, number) for name in topics for number in wanted[name]}
    partitions |= {(restore.topic, number) for restore in begun for number in restore.partitions}
    partitions = {(name, number) for name, number in partitions if number in topics[name].partitions}
    ends = _read_ends(wire, partitions)
    last = _read_headers(wire, ends_to_look_at(begun, ends))
    ends_of, last_of = _by_topic(ends), _by_topic(last)
    return {
        name: TargetTopic(name, definitions.get(name), ends_of.get(name, {}), restores[name], last_of.get(name, {}))
        for name in wanted
    }


def _by_topic(found: Mapping[TopicPartition, T]) -> dict[str, dict[int, T]]:
    by_topic: dict[str, dict[int, T]] = {}
    for (topic, number), value in found.items():
        by_topic.setdefault(topic, {})[number] = value
    return by_topic


def is_there(topic: Topic) -> bool:
    """Tell whether a topic exists.

    Raises:
        KafkaError: The user may not see whether it does.
    """
    if topic.error in (None, _UNKNOWN):
        return topic.error is None
    raise KafkaError(
        f"Topic {topic.name!r} at the target cannot be looked at: the broker answered {topic.error}. The user needs "
        "Describe on the topic.",
        code="not_authorized" if topic.error == "TOPIC_AUTHORIZATION_FAILED" else None,
        object_name=topic.name,
        kafka_error=topic.error,
    )


def _read_ends(wire: Wire, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int] | KafkaError]:
    wanted = sorted(partitions)
    starts = wire.offsets("earliest", wanted) if wanted else {}
    ends = wire.offsets("latest", wanted) if wanted else {}
    found: dict[TopicPartition, tuple[int, int] | KafkaError] = {}
    for key in wanted:
        start, end = starts[key], ends[key]
        if isinstance(start, KafkaError):
            found[key] = start
        else:
            found[key] = end if isinstance(end, KafkaError) else (start, end)
    return found


def check_ends(wire: Wire, plans: Iterable[TopicPlan]) -> None:
    """Make sure that the partitions in which restores are to begin still end where they were seen to end.

    Raises:
        Refused: Somebody writes to one.
        KafkaError: The target cannot be asked.
    """
    begins = {
        (plan.name, number): plan.aims[number].start
        for plan in plans
        for number in plan.work
        if plan.action != CREATE and (plan.restore is None or number not in plan.restore.partitions)
    }
    for (topic, number), end in (wire.offsets("latest", sorted(begins)) if begins else {}).items():
        if isinstance(end, KafkaError):
            raise end
        if end != begins[topic, number]:
            raise Refused(
                f"Somebody is writing to topic {topic!r}, partition {number}: it ended at offset "
                f"{begins[topic, number]}, and ends at {end} now. Stop all producers of the topic until it is restored "
                "to, or name another topic with topic_mapping. Nothing was written to it.",
                code="active_producer",
                object_name=f"{topic}/{number}",
            )


def _read_headers(wire: Wire, places: Mapping[TopicPartition, int]) -> dict[TopicPartition, Batch]:
    found = {}
    for key, header in (wire.headers(places) if places else {}).items():
        if isinstance(header, KafkaError):
            raise header
        if header:
            try:
                found[key] = read_header(header)
            except Damaged:
                continue  # whoever looks for it sees that it is not the restore's own
    return found


def try_to_create(admin: Admin, topics: Sequence[WantedTopic]) -> dict[str, KafkaError | Refused]:
    """Ask the target whether it would create topics.

    Returns:
        Why it would not, by name.
    """
    answers = _patiently(lambda: admin.create_all(topics, try_only=True)) if topics else {}
    replicas = {topic.name: topic.replication_factor for topic in topics}
    return {name: _explained(name, replicas[name], error) for name, error in answers.items() if error is not None}


def create(wire: Wire, admin: Admin, topics: Sequence[WantedTopic], identities: dict[str, str]) -> None:
    """Create topics, and wait until brokers lead them.

    Args:
        wire: A connection to the target.
        admin: Another one.
        topics: Which.
        identities: Gets their ids, by name.

    Raises:
        KafkaError: The target does not create one, or nobody leads it in time.
    """
    # Where an answer got lost, some of the topics may be there already.
    for error in (_patiently(lambda: admin.create_all(topics)) if topics else {}).values():
        if error is not None and error.code != "already_exists":
            raise error
    _wait_for_leaders(wire, {topic.name: topic.partitions for topic in topics}, identities)


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until there is an answer; not for ever."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return ask()
        except KafkaError as error:
            if error.code not in PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _wait_for_leaders(wire: Wire, counts: Mapping[str, int], identities: dict[str, str]) -> None:
    left = dict(counts)
    deadline = time.monotonic() + _PATIENCE
    while left:
        for name, topic in wire.topics(left).items():
            led = [partition for partition in topic.partitions.values() if partition.leader >= 0]
            if topic.error is None and len(led) == left[name]:
                identities[name] = topic.topic_id
                del left[name]
        if left and time.monotonic() > deadline:
            name = next(iter(left))
            raise KafkaError(
                f"Topic {name!r} was created, but its partitions have no leaders yet. See that the brokers run, and "
                "run again.",
                code="no_leader",
                object_name=name,
            )
        if left:
            time.sleep(_PAUSE)


def set_configs(admin: Admin, configs: Mapping[str, Mapping[str, str | None]]) -> None:
    """Set configs of topics; None removes one.

    Raises:
        KafkaError: The target refuses one of them.
    """
    for error in (_patiently(lambda: admin.set_all_configs(configs)) if configs else {}).values():
        if error is not None:
            raise error


def _explained(name: str, replicas: int, error: KafkaError) -> KafkaError | Refused:
    advice = {
        "not_enough_brokers": f" It would have {replicas} replicas; another number is given with replication_factor.",
        "invalid_config": " Set another value, or null to leave it to the cluster, with config_overrides.",
        "policy_violation": " Configs are changed with config_overrides, replicas with replication_factor.",
    }
    error.message += advice.get(error.code, "")
    return error
