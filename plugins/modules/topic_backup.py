#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topic_backup
short_description: Back up topics, and the offsets of their groups, into a restore point
description:
  - Copies the record batches of topics as the brokers have them, with compression, timestamps, headers and checksums,
    into files that are Kafka's own log segments. Each checksum is checked as it comes.
  - The first backup of a topic takes all that the brokers have of it, and the next ones what is new since then. Where
    nothing is new, no file is written but the note of when that was confirmed.
  - How the topics are made, and the offsets that groups have committed for them, are part of the restore point. The
    offsets are read before the ends of the topics, so that they lie within what is backed up.
  - A restore point holds each partition up to the end that it had when the run began. A compacted topic is read on
    until no key can be missing.
  - Whether the brokers still have what was archived is checked by the topic's id, the leader epochs and the last
    archived batch. Where they do not, such as after a topic was deleted and made again, a new lineage of the partition
    begins, and the result says so; earlier restore points keep what they hold.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.kafka
  - lifeboat.kafka.store
  - lifeboat.kafka.store.backup_id
  - lifeboat.kafka.store.lease
  - lifeboat.kafka.topics
  - lifeboat.kafka.progress
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.group_kafka_store
requirements:
  - crc32c >= 2.7
attributes:
  check_mode:
    support: partial
    details: It tells which offsets would be read. How many records and bytes these are is only known once they are
      read.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  restore_point:
    description:
      - The id of an open restore point, as M(lifeboat.kafka.restore_point) returned it, to write the parts V(topics)
        and V(groups) into.
      - When left out, a restore point of its own is opened and committed.
    type: str
  groups:
    description:
      - Of which groups the committed offsets are taken, by the same kinds of patterns as O(topics). A literal name must
        exist.
      - Only offsets of the selected topics are taken. Groups of other types than V(classic) and V(consumer) are noted
        with their type.
    type: list
    elements: str
    default: ['*']
  exclude_groups:
    description: Which of O(groups) are left out, by the same kinds of patterns.
    type: list
    elements: str
    default: []
  isolation:
    description:
      - Up to where partitions are read. V(committed) ends where the first undecided transaction begins; V(uncommitted)
        at what all replicas have.
      - Records of transactions that were aborted are archived either way; a restore leaves them out.
    type: str
    choices: [committed, uncommitted]
    default: committed
  on_unavailable:
    description:
      - What happens when a partition or a group cannot be read, such as one without a leader.
      - V(fail) ends the run, and nothing is committed. V(partial) backs up the rest; the restore point keeps what the
        one before has of the others, and is not complete, so that no restore takes it by default.
    type: str
    choices: [fail, partial]
    default: fail
  parallel:
    description: How many processes may read at the same time; by default as many as there are processors.
    type: int
  max_bytes_per_second:
    description: How many bytes all of them together may read a second; V(0) for no limit.
    type: int
    default: 0
notes:
  - The user needs the operations Read, Describe and DescribeConfigs on the topics, and Describe on the groups.
  - A compacted topic is archived anew as a whole when the newest restore point is older than nine tenths of its
    C(delete.retention.ms), since keys may have been deleted of which nothing is left. Set that to more than the time
    between two backups.
seealso:
  - module: lifeboat.kafka.restore_point
  - module: lifeboat.kafka.backup_verify
"""

EXAMPLES = r"""
- name: Back up all topics and groups
  lifeboat.kafka.topic_backup:
    kafka:
      bootstrap_servers: [kafka-1.example.org:9092, kafka-2.example.org:9092]
    store:
      path: /srv/lifeboat
    backup_id: prod

- name: Back up the topics of one team, slowly, and go on without what cannot be read
  lifeboat.kafka.topic_backup:
    kafka:
      bootstrap_servers: [kafka-1.example.org:9093]
      security_protocol: SASL_SSL
      sasl_mechanism: SCRAM-SHA-512
      username: backup
      password: "{{ kafka_password }}"
      ca_cert: /etc/pki/kafka-ca.pem
    store:
      path: /srv/lifeboat
    backup_id: prod-payments
    topics: ["payments.*"]
    exclude_topics: ["~payments[.]scratch[0-9]+"]
    groups: ["payments-*"]
    on_unavailable: partial
    parallel: 2
    max_bytes_per_second: 50000000
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
      description: Its number. Null where it is not committed yet, or would be made in check mode.
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
      description: Whether this run made it. False when it confirmed that nothing had changed.
      type: bool
      sample: true
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
  description: What the restore point holds of topics, and what this run read.
  returned: success
  type: dict
  contains:
    topics:
      description: How many topics.
      type: int
      sample: 12
    partitions:
      description: How many partitions these have.
      type: int
      sample: 48
    partitions_new:
      description: Of how many of them something was new, or is.
      type: int
      sample: 7
    offsets:
      description: How many offsets were to be read, transactions' markers and what compaction took away included.
      type: int
      sample: 125000
    offsets_resumed:
      description: How many offsets earlier runs had read that did not finish. They are in the restore point and not
        counted among the other numbers.
      type: int
      sample: 0
    records:
      description: How many records were read. Null in check mode.
      type: int
      sample: 124988
    bytes:
      description: How many bytes of record batches were written. Null in check mode.
      type: int
      sample: 9123456
    new_lineages:
      description: Partitions of which what is archived does not go on, the first 50.
      type: list
      elements: dict
      contains:
        topic:
          description: The topic.
          type: str
          sample: orders
        partition:
          description: The partition's number.
          type: int
          sample: 0
        began:
          description:
            - Why a new lineage begins. V(recreated), the topic was deleted and made again; V(unclean_election), a
              leader was elected that lacked records; V(gap), retention took records away before they were archived;
              V(purged_tombstones), a compacted topic was last archived too long ago.
          type: str
          sample: recreated
      sample: []
    new_lineages_omitted:
      description: How many more there are.
      type: int
      sample: 0
    unavailable:
      description: Partitions that could not be read, the first 50.
      type: list
      elements: dict
      contains:
        topic:
          description: The topic.
          type: str
          sample: orders
        partition:
          description: The partition's number.
          type: int
          sample: 3
        reason:
          description: Why.
          type: str
          sample: The leader has moved; try again.
      sample: []
    unavailable_omitted:
      description: How many more there are.
      type: int
      sample: 0
    settled:
      description: Whether no key can be missing of compacted topics.
      type: bool
      sample: true
groups:
  description: What the restore point holds of groups.
  returned: success
  type: dict
  contains:
    groups:
      description: How many groups.
      type: int
      sample: 9
    offsets:
      description: How many committed offsets these have.
      type: int
      sample: 36
    clamped:
      description: How many of these were beyond what the restore point holds, and are kept as its end.
      type: int
      sample: 0
"""

import os

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import BACKUP_ID, LEASE, PROGRESS, TOPICS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.backup_topics import (
    BackupOptions,
    BackupTopics,
)
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.topic_plan import TopicScope


def plan(task: Task) -> BackupTopics:
    given = task.options
    options = BackupOptions(
        scope=TopicScope(Selection(tuple(given["topics"]), tuple(given["exclude_topics"])), given["isolation"]),
        groups=Selection(tuple(given["groups"]), tuple(given["exclude_groups"])),
        partial=given["on_unavailable"] == "partial",
        parallel=len(os.sched_getaffinity(0)) if given["parallel"] is None else given["parallel"],
        bytes_per_second=given["max_bytes_per_second"],
    )
    return BackupTopics.plan(
        task.kafka,
        task.store,
        given["backup_id"],
        options,
        point_id=given["restore_point"],
        lease_timeout=given["lease_timeout"],
        progress=task.progress,
    )


def main() -> None:
    spec = {
        **BACKUP_ID,
        **LEASE,
        **TOPICS,
        **PROGRESS,
        "restore_point": {"type": "str"},
        "groups": {"type": "list", "elements": "str", "default": ["*"]},
        "exclude_groups": {"type": "list", "elements": "str", "default": []},
        "isolation": {"type": "str", "choices": ["committed", "uncommitted"], "default": "committed"},
        "on_unavailable": {"type": "str", "choices": ["fail", "partial"], "default": "fail"},
        "parallel": {"type": "int"},
        "max_bytes_per_second": {"type": "int", "default": 0},
    }
    run(spec, plan, uses=("kafka", "store"))


if __name__ == "__main__":
    main()
