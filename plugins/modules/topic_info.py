#!/usr/bin/python
# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topic_info
short_description: Tell which topics a Kafka cluster has, and how much is in them
description:
  - Tells what cluster answers, which topics it has, and for each of them how many partitions and records.
author:
  - lifeboat.kafka contributors (!UNKNOWN)
extends_documentation_fragment:
  - lifeboat.kafka.kafka
  - lifeboat.kafka.topics
  - lifeboat.kafka.attributes
  - lifeboat.kafka.attributes.read_only
  - lifeboat.kafka.attributes.group_kafka
options:
  gather:
    description:
      - How much is told. V(summary) gives counts and a list of the topics, V(partitions) also a list of their
        partitions with their offsets, V(configs) also the configs that are set for each topic alone.
    type: str
    choices: [summary, partitions, configs]
    default: summary
  query:
    description:
      - A JMESPath expression over what this module returns. Its value is returned as RV(query_result).
      - It sees all topics and partitions, also those that are left out of a long result.
    type: str
requirements:
  - jmespath >= 1.0 (with O(query))
"""

EXAMPLES = r"""
- name: Look at a cluster
  lifeboat.kafka.topic_info:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092

- name: Find the topics of one team that have partitions without a leader
  lifeboat.kafka.topic_info:
    kafka:
      bootstrap_servers: kafka-1.example.org:9092
    topics: ["payments.*"]
    query: topics[?unavailable].topic

- name: Look at the configs of one topic
  lifeboat.kafka.topic_info:
    kafka:
      bootstrap_servers: kafka-1.example.org:9093
      security_protocol: SASL_SSL
      sasl_mechanism: SCRAM-SHA-512
      username: backup
      password: "{{ kafka_password }}"
      ca_cert: /etc/pki/kafka-ca.pem
    topics: [orders]
    gather: configs
"""

RETURN = r"""
cluster:
  description: The cluster.
  returned: success
  type: dict
  contains:
    id:
      description: Its id.
      type: str
      sample: MkU3OEVBNTcwNTJENDM2Qg
    brokers:
      description: The numbers of the brokers that run.
      type: list
      elements: int
      sample: [1, 2, 3]
counts:
  description: How much the selected topics hold, those included that are left out of RV(topics). C(records) counts
    offsets, and is more than there are records where a topic was compacted or written to in transactions.
  returned: success
  type: dict
  sample: {topics: 120, partitions: 960, records: 48211904, unavailable: 0}
topics:
  description: The selected topics, by name.
  returned: success
  type: list
  elements: dict
  contains:
    topic:
      description: Its name.
      type: str
      sample: orders
    topic_id:
      description: Its id as hexadecimal digits, or null where brokers have no ids.
      type: str
      sample: 0357e448fa0e44f3a985184f8d4da876
    internal:
      description: Whether Kafka calls it internal.
      type: bool
      sample: false
    partitions:
      description: How many partitions it has.
      type: int
      sample: 12
    replication_factor:
      description: How many brokers hold each of them.
      type: int
      sample: 3
    records:
      description: How many records it holds at most.
      type: int
      sample: 5000000
    unavailable:
      description: Its partitions that cannot be read.
      type: list
      elements: int
      sample: [7]
    configs:
      description: The configs that are set for this topic alone. Only with O(gather=configs).
      type: dict
      sample: {retention.ms: "-1"}
partitions:
  description: The partitions of the selected topics. C(low) is the first offset there is, C(high) the high watermark,
    C(stable) the offset before which all transactions are decided; all three are null where C(problem) is not.
  returned: O(gather=partitions)
  type: list
  elements: dict
  sample:
    - topic: orders
      partition: 0
      leader: 2
      replicas: [2, 3, 1]
      in_sync: [2, 3, 1]
      low: 1200
      high: 51200
      stable: 51200
      problem: null
      records: 50000
omitted:
  description: How many entries of RV(topics) and RV(partitions) are left out, since a result holds 64 KiB. Ask for
    fewer with O(topics), or use O(query).
  returned: success
  type: dict
  sample: {topics: 0}
query_result:
  description: What O(query) gave.
  returned: when O(query) is given
  type: raw
  sample: [payments.cards]
"""

from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.options import TOPICS
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.query import queried
from ansible_collections.lifeboat.kafka.plugins.module_utils._ansible.run import Task, run
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.change import Report
from ansible_collections.lifeboat.kafka.plugins.module_utils._core.selection import Selection
from ansible_collections.lifeboat.kafka.plugins.module_utils._operations.describe_topics import bounded, describe_topics


def read(task: Task) -> Report:
    given = task.options
    topics = Selection(tuple(given["topics"]), tuple(given["exclude_topics"]))
    return bounded(queried(describe_topics(task.kafka, topics, gather=given["gather"]), given["query"]))


def main() -> None:
    gather = {"type": "str", "choices": ["summary", "partitions", "configs"], "default": "summary"}
    run({**TOPICS, "gather": gather, "query": {"type": "str"}}, read, uses=("kafka",))


if __name__ == "__main__":
    main()
