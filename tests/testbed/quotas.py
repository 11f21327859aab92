# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quotas of a real broker (KIP-546).

set_quota(kafka, "consumer_byte_rate", 1e6)
set_quota(kafka, "consumer_byte_rate", None)
"""

from __future__ import annotations

import time
from typing import Any

from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from testbed.kafka import Kafka

WAIT_SECONDS = 30


def set_quota(kafka: Kafka, name: str, value: float | None) -> None:
    """Set a quota of all clients that have none of their own, and wait until the broker knows of it.

    Args:
        kafka: The broker.
        name: Such as ``consumer_byte_rate``.
        value: In the quota's unit; None to remove it.
    """
    entry = AlterClientQuotasRequest.EntryData
    change = entry(
        entity=[entry.EntityData(entity_type="client-id", entity_name=None)],
        ops=[entry.OpData(key=name, value=value or 0.0, remove=value is None)],
    )
    network = NetworkSelector()
    manager = KafkaConnectionManager(network, bootstrap_servers=[kafka.endpoint])
    try:
        manager.bootstrap()
        request = AlterClientQuotasRequest(entries=[change], validate_only=False)
        answer = manager.run(manager.send(request, node_id=kafka.node_id))
        assert all(not each.error_code for each in answer.entries), answer
        deadline = time.monotonic() + WAIT_SECONDS
        while _quotas(manager, kafka).get(name) != value:
            assert time.monotonic() < deadline, f"the broker does not know of the quota {name}"
            time.sleep(0.05)
    finally:
        manager.close()
        network.close()


def _quotas(manager: Any, kafka: Kafka) -> dict[str, float]:
    request = DescribeClientQuotasRequest(components=[], strict=False)
    answer = manager.run(manager.send(request, node_id=kafka.node_id))
    return {each.key: each.value for entry in answer.entries or () for each in entry.values}
