# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded topic of a Confluent registry, on a broker."""

from __future__ import annotations

from testbed.kafka import Kafka
from testbed.records import Message, send
from testbed.topics import Topics

from .confluent_recorded import FOLDER
from .recordings import read_lines


def write_recorded(kafka: Kafka, topic: str, *, first: int = 0) -> None:
    """Write what a real registry wrote into its topic.

    Args:
        kafka: The broker.
        topic: The topic, which is made.
        first: How many records are left out at its beginning.
    """
    lines = read_lines(FOLDER / "schemas-topic.jsonl.gz")[first:]
    Topics(kafka.client).create(topic, 1, {"cleanup.policy": "compact"})
    sides = ([None if line[side] is None else line[side].encode() for side in ("key", "value")] for line in lines)
    send(kafka.client, topic, [Message(key, value) for key, value in sides])
