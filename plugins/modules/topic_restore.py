#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topic_restore
short_description: Restore topics, and the offsets of their groups, from a restore point
description:
  - Creates topics as they were, and brings back every record once, in its partition, in order, with its key, value,
    headers and time. Record batches go back as they are wherever Kafka allows that.
  - Offsets begin anew, without holes. Committed offsets of groups are translated, and RV(offset_map) tells other
    consumers where to go on.
  - Nothing is deleted at the target. A topic that has records of others is refused, unless O(on_existing=append).
  - The records are written by an idempotent producer whose identity is journaled, so that a run that was killed, or
    lost its connection, is gone on with by the next one, and no record is doubled. A finished restore that is run again
    changes nothing.
  - While a topic is restored to, retention and compaction are held off, and so are the limits for times of records. All
    that was brought is read back and compared with the backup; only then the topic gets the configs that it had.
  - What the target would refuse (too large batches, too few brokers, policies, other numbers of partitions, groups with
    members) is found and told before the first byte is written. What the final retention will delete at once is a
    warning, also in check mode.
  - Topics in which schema registries keep their state, and Kafka's own, are neither restored nor restored to. Others
    whose names begin with C(__) are restored when they are named.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.kafka
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.topics
  - lifeboat.kafka.progress
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_kafka_store
requirements:
  - crc32c >= 2.7
  - cramjam >= 2.8
attributes:
  check_mode:
    support: partial
    details: Makes the same plan from the same reads. How many records there are is an upper limit where transactions
      were aborted, and offsets of groups in partitions with holes are only known once their records are there.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  restore_point:
    description:
      - The number of the restore point, or V(latest) for the newest complete one that holds O(topics).
      - With V(latest), a restore that an earlier run has begun is gone on with from its own restore point.
    type: str
    default: latest
  partitions:
    description: Numbers of the partitions whose records are restored; by default all. Topics are created with all of
      their partitions in any case.
    type: list
    elements: int
  topic_mapping:
    description:
      - New names of topics by their old ones.
      - Both names may hold one V(*), and what it stands for is carried over. A whole name goes before a pattern, and a
        longer pattern before a shorter one. Each must be, or match, a topic of the restore point.
    type: dict
    default: {}
  groups:
    description:
      - Of which groups the committed offsets are restored, by the same kinds of patterns as O(topics); none with an
        empty list. A literal name must exist.
      - Groups of the types V(classic) and V(consumer) are restored; others are listed in RV(groups.not_restored).
        Groups that have members are refused.
    type: list
    elements: str
    default: ['*']
  only_groups:
    description:
      - Whether nothing but the offsets of O(groups) is restored.
      - They can only be told where records have been restored. A topic into which O(restore_point) has not been
        restored to its end stops the run before anything is written.
    type: bool
    default: false
  exclude_groups:
    description: Which of O(groups) are left out, by the same kinds of patterns.
    type: list
    elements: str
    default: []
  group_offsets:
    description: What is done where a group has committed another offset at the target. V(preserve) leaves and lists it,
      V(overwrite) sets it.
    type: str
    choices: [preserve, overwrite]
    default: preserve
  isolation:
    description: Whether records of transactions that were aborted, or were not decided, are left out (V(committed)), or
      restored like others (V(uncommitted)).
    type: str
    choices: [committed, uncommitted]
    default: committed
  on_existing:
    description:
      - Whether a topic that has records of others stops the run (V(fail)), or gets the restored ones behind them
        (V(append)).
      - Stop all producers of such a topic until the run has ended. Where somebody writes to it all the same, the run
        fails, and the topic gets its own configs back; what was brought stays in it.
    type: str
    choices: [fail, append]
    default: fail
  on_damage:
    description: Whether a damaged piece of the backup stops the run (V(fail)), or is left out and listed (V(skip)).
      With O(isolation=committed), records of transactions that were open where a damaged piece held markers are left
      out and listed too, since nobody can tell whether they were committed.
    type: str
    choices: [fail, skip]
    default: fail
  replication_factor:
    description: How many replicas the partitions of created topics have; by default as many as they had.
    type: int
  config_overrides:
    description: Configs of created topics in the place of those that they had. A null leaves a config to the cluster.
    type: dict
    default: {}
  parallel:
    description: How many processes may write at the same time; by default as many as there are processors.
    type: int
  max_bytes_per_second:
    description: How many bytes all of them together may write a second; V(0) for no limit.
    type: int
    default: 0
  journal:
    description: Absolute path of a directory for the journal, for a store that cannot be written to. By default it lies
      in the store.
    type: path
notes:
  - The user needs the operations Create, Describe, DescribeConfigs, AlterConfigs, Read and Write on the topics,
    IdempotentWrite on the cluster, and Read and Describe on the groups. DescribeConfigs on the cluster lets it find
    more limits before a topic is created.
seealso:
  - module: lifeboat.kafka.topic_backup
  - module: lifeboat.kafka.topic_verify
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Show what a restore would do
  lifeboat.kafka.topic_restore:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod
  check_mode: true
  diff: true

- name: Bring all topics and groups back
  lifeboat.kafka.topic_restore:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Set groups back to where they were, in topics that were restored before
  lifeboat.kafka.topic_restore:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod
    only_groups: true
    group_offsets: overwrite

- name: Bring the topics of one team into a small cluster under other names, for a look
  lifeboat.kafka.topic_restore:
    kafka:
      bootstrap_servers: test-kafka.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_point: 42
    topics: ["payments.*"]
    topic_mapping:
      payments.*: look.payments.*
    groups: []
    replication_factor: 1
    config_overrides:
      min.insync.replicas: 1
      retention.ms: -1
"""

RETURN = r"""
backup:
  description: The restore point.
  returned: success
  type: dict
  contains:
    store:
      description: The store's directory.
      type: str
      sample: /srv/lifeboat
    backup_id:
      description: The backup's name.
      type: str
      sample: prod
    restore_point:
      description: Its number.
      type: int
      sample: 42
    committed_at:
      description: When it was committed.
      type: str
      sample: "2026-01-31T12:00:00.000Z"
    complete:
      description: Whether it holds all that was asked for.
      type: bool
      sample: true
    created:
      description: Always false here.
      type: bool
      sample: false
    parts:
      description: What it holds.
      type: list
      elements: str
      sample: [groups, topics]
    missing:
      description: Parts that it should hold and does not.
      type: list
      elements: str
      sample: []
goes_on:
  description: Whether V(latest) is the restore point of a restore that an earlier run has begun.
  returned: success
  type: bool
  sample: false
topics:
  description: What was restored of topics, or would be in check mode.
  returned: success
  type: dict
  contains:
    topics:
      description: How many topics were asked for.
      type: int
      sample: 12
    created:
      description: How many of them were created.
      type: int
      sample: 11
    unchanged:
      description: How many were restored already.
      type: int
      sample: 0
    partitions:
      description: How many partitions were asked for.
      type: int
      sample: 48
    records:
      description: How many records this run brought.
      type: int
      sample: 5000000
    records_there:
      description: How many an earlier run had brought of the same restore.
      type: int
      sample: 0
    bytes:
      description: How many bytes of record batches this run wrote.
      type: int
      sample: 352762292
plan:
  description: What was done with each topic; of the first 100, as many as fit into a result of 64 KiB, as in all lists
    here.
  returned: success
  type: list
  elements: dict
  contains:
    topic:
      description: Its name in the backup.
      type: str
      sample: orders
    target:
      description: Its name at the target.
      type: str
      sample: orders
    action:
      description: V(create), it was created; V(fill), it was there and empty; V(append), it has other records before
        the restored ones; V(go_on), an earlier run had begun; V(nothing), it was restored already.
      type: str
      sample: create
    partitions:
      description: How many of its partitions were asked for.
      type: int
      sample: 4
    records:
      description: How many records the backup has of them, those of aborted transactions included.
      type: int
      sample: 5000000
    records_there:
      description: How many were there before the run.
      type: int
      sample: 0
plan_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
groups:
  description: What was restored of groups, or would be in check mode.
  returned: success
  type: dict
  contains:
    groups:
      description: Of how many groups offsets were set.
      type: int
      sample: 9
    offsets:
      description: How many offsets were set.
      type: int
      sample: 36
    unchanged:
      description: How many were right already.
      type: int
      sample: 0
    kept:
      description: Offsets that are left as the target has them, the first 100, each with C(archived), what it would
        have been.
      type: list
      elements: dict
      sample: [{group: billing, topic: orders, partition: 0, offset: 120, archived: 100}]
    kept_omitted:
      description: How many more there are.
      type: int
      sample: 0
    clamped:
      description: How many lay outside of what the restore point holds, and became its nearer end.
      type: int
      sample: 0
    left_out:
      description: How many are of partitions that were not asked for.
      type: int
      sample: 0
    not_restored:
      description: Groups of other types, the first 100.
      type: list
      elements: dict
      sample: [{group: workers, type: share}]
    not_restored_omitted:
      description: How many more there are.
      type: int
      sample: 0
damaged:
  description: What O(on_damage=skip) left out, the first 100. In check mode, what is known of it without reading all.
  returned: success
  type: list
  elements: dict
  contains:
    topic:
      description: The topic's name in the backup.
      type: str
      sample: orders
    partition:
      description: The partition's number.
      type: int
      sample: 0
    start:
      description: The first offset at the source that is missing.
      type: int
      sample: 1000
    next:
      description: The first offset after it that is not.
      type: int
      sample: 2000
    reason:
      description: What is wrong.
      type: str
      sample: its content is not what was written
  sample: []
damaged_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
offset_map:
  description: Which offsets became which, for the first 100 partitions. In check mode only those of which it is known.
  returned: success
  type: list
  elements: dict
  contains:
    topic:
      description: The topic's name in the backup.
      type: str
      sample: orders
    target:
      description: Its name at the target.
      type: str
      sample: orders
    partition:
      description: The partition's number.
      type: int
      sample: 0
    source_start:
      description: The offset at the source of the first restored record.
      type: int
      sample: 4711
    target_start:
      description: What it became.
      type: int
      sample: 0
    records:
      description: How many records follow, itself included.
      type: int
      sample: 1250000
    shifted:
      description: Whether all offsets are shifted alike. Otherwise there are holes at the source, which the files in
        RV(offset_map_folder) tell.
      type: bool
      sample: true
offset_map_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
offset_map_folder:
  description: Where the whole of it lies, one file for each topic.
  returned: success
  type: str
  sample: /srv/lifeboat/journal/6f1c2a0e9b7d4c356f1c2a0e9b7d4c35/offset-maps
"""

import os

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, PROGRESS, TOPICS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_request import RestoreRequest
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_source import TopicsAsked
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_topics import RestoreTopics


def plan(task: Task) -> RestoreTopics:
    given = task.options
    request = RestoreRequest(
        asked=TopicsAsked(
            given["backup_id"],
            given["restore_point"],
            Selection(tuple(given["topics"]), tuple(given["exclude_topics"])),
            given["partitions"],
            given["topic_mapping"],
        ),
        groups=Selection(tuple(given["groups"]), tuple(given["exclude_groups"])) if given["groups"] else None,
        only_groups=given["only_groups"],
        overwrite_offsets=given["group_offsets"] == "overwrite",
        isolation=given["isolation"],
        append=given["on_existing"] == "append",
        skip_damaged=given["on_damage"] == "skip",
        replication_factor=given["replication_factor"],
        config_overrides=given["config_overrides"],
        parallel=len(os.sched_getaffinity(0)) if given["parallel"] is None else given["parallel"],
        bytes_per_second=given["max_bytes_per_second"],
        journal=given["journal"],
    )
    return RestoreTopics.prepare(task.kafka, task.store, request, task.progress, is_trial=task.is_trial)


def main() -> None:
    spec = {
        **BACKUP_ID,
        **TOPICS,
        **PROGRESS,
        "restore_point": {"type": "str", "default": "latest"},
        "partitions": {"type": "list", "elements": "int"},
        "topic_mapping": {"type": "dict", "default": {}},
        "groups": {"type": "list", "elements": "str", "default": ["*"]},
        "exclude_groups": {"type": "list", "elements": "str", "default": []},
        "only_groups": {"type": "bool", "default": False},
        "group_offsets": {"type": "str", "choices": ["preserve", "overwrite"], "default": "preserve"},
        "isolation": {"type": "str", "choices": ["committed", "uncommitted"], "default": "committed"},
        "on_existing": {"type": "str", "choices": ["fail", "append"], "default": "fail"},
        "on_damage": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        "replication_factor": {"type": "int"},
        "config_overrides": {"type": "dict", "default": {}},
        "parallel": {"type": "int"},
        "max_bytes_per_second": {"type": "int", "default": 0},
        "journal": {"type": "path"},
    }
    run(spec, plan, uses=("kafka", "store"))


if __name__ == "__main__":
    main()
