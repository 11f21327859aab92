#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topic_verify
short_description: Compare topics of a cluster with a restore point
description:
  - Reads topics, compares every record with what a restore point holds, and fails where they differ.
  - The topic that was backed up is recognised by its id, and compared offset by offset. Any other is taken for a
    restored copy, whose records must follow each other as M(lifeboat.kafka.topic_restore) brings them.
  - Records that retention has deleted since, and newer ones, are no difference, and are counted. In a compacted topic
    records may be missing. Where either is so, a warning tells how many of the restore point's records were not found.
  - Neither of the two takes away from the end of a log. A partition that ends before the restore point does differs.
  - A warning names the topics whose restore was begun and has not ended.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.kafka
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.topics
  - lifeboat.kafka.progress
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_kafka_store
requirements:
  - crc32c >= 2.7
  - cramjam >= 2.8
options:
  restore_point:
    description: The number of the restore point, or V(latest) for the newest complete one that holds O(topics).
    type: str
    default: latest
  partitions:
    description: Numbers of the partitions that are compared; by default all.
    type: list
    elements: int
  topic_mapping:
    description: The topics' names in the cluster by their names in the backup, as M(lifeboat.kafka.topic_restore) takes
      it.
    type: dict
    default: {}
  isolation:
    description: Whether restored copies lack the records of transactions that were aborted, or were not decided
      (V(committed)), or have them (V(uncommitted)).
    type: str
    choices: [committed, uncommitted]
    default: committed
  parallel:
    description: How many processes may read at the same time; by default as many as there are processors.
    type: int
  fail_on_difference:
    description: Whether the module fails when topics differ. Otherwise RV(differences) tells.
    type: bool
    default: true
  journal:
    description: The directory that M(lifeboat.kafka.topic_restore) was given as its journal. It tells where the records
      of restored copies begin, and whether their restore has ended. By default it lies in the store.
    type: path
notes:
  - The user needs the operations Describe, DescribeConfigs and Read on the topics.
seealso:
  - module: lifeboat.kafka.topic_restore
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Compare all topics with the newest restore point
  lifeboat.kafka.topic_verify:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Compare restored copies, and go on whatever comes of it
  lifeboat.kafka.topic_verify:
    kafka:
      bootstrap_servers: test-kafka.example.org:9092
    store:
      path: /srv/lifeboat
    backup_id: prod
    restore_point: 42
    topics: ["payments.*"]
    topic_mapping:
      payments.*: look.payments.*
    fail_on_difference: false
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
topics:
  description: What was compared. When the module fails, it is in the failure.
  returned: success
  type: dict
  contains:
    topics:
      description: How many topics.
      type: int
      sample: 12
    partitions:
      description: How many partitions.
      type: int
      sample: 48
    records:
      description: How many records are as they were backed up.
      type: int
      sample: 5000000
    newer:
      description: How many offsets there are behind what the restore point holds.
      type: int
      sample: 120
    trimmed:
      description: How many records the cluster has deleted since, from the beginning of its partitions on.
      type: int
      sample: 0
    compacted:
      description: How many others are missing in compacted topics.
      type: int
      sample: 0
    differing:
      description: How many records are missing, too many, or not as they were backed up.
      type: int
      sample: 0
differences:
  description: The first difference of each partition, and topics that are not there; 100 at most, and no more than
    fit into a result of 64 KiB. When the module fails, they are in the failure.
  returned: success
  type: list
  elements: dict
  contains:
    topic:
      description: The topic's name in the backup.
      type: str
      sample: orders
    target:
      description: Its name in the cluster.
      type: str
      sample: orders
    partition:
      description: The partition's number; null where the whole topic is meant.
      type: int
      sample: 0
    offset:
      description: The record's offset in the backup; null where it holds none.
      type: int
      sample: 4711
    target_offset:
      description: Its offset in the cluster.
      type: int
      sample: 4711
    what:
      description: V(timestamp), V(key), V(value) or V(headers), which is another one; V(missing) or V(unexpected), a
        record that is only in the one or the other; V(missing_topic); V(partitions), the topic has fewer of them.
      type: str
      sample: value
    records:
      description: How many records of the partition differ.
      type: int
      sample: 1
  sample: []
differences_omitted:
  description: How many more there are.
  returned: success
  type: int
  sample: 0
"""

import os

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, PROGRESS, TOPICS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.restore_source import TopicsAsked
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.verify_topics import (
    VerifyRequest,
    verify_topics,
)


def read(task: Task) -> Report:
    given = task.options
    parallel = len(os.sched_getaffinity(0)) if given["parallel"] is None else given["parallel"]
    request = VerifyRequest(
        TopicsAsked(
            given["backup_id"],
            given["restore_point"],
            Selection(tuple(given["topics"]), tuple(given["exclude_topics"])),
            given["partitions"],
            given["topic_mapping"],
        ),
        given["isolation"] == "committed",
        parallel,
        given["fail_on_difference"],
        given["journal"],
    )
    return verify_topics(task.kafka, task.store, request, task.progress)


def main() -> None:
    spec = {
        **BACKUP_ID,
        **TOPICS,
        **PROGRESS,
        "restore_point": {"type": "str", "default": "latest"},
        "partitions": {"type": "list", "elements": "int"},
        "topic_mapping": {"type": "dict", "default": {}},
        "isolation": {"type": "str", "choices": ["committed", "uncommitted"], "default": "committed"},
        "parallel": {"type": "int"},
        "fail_on_difference": {"type": "bool", "default": True},
        "journal": {"type": "path"},
    }
    run(spec, read, uses=("kafka", "store"))


if __name__ == "__main__":
    main()
