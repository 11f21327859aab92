# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster is: its id, its brokers and their configs, the names of its topics."""

from __future__ import annotations

from typing import Any

from .._core.errors import KafkaError
from .confluent import ConfigResource, KafkaException
from .session import Session


class ClusterAdmin(Session):
    """Asks a cluster about itself."""

    def cluster_id(self) -> str:
        """Return the cluster's own id.

        Raises:
            KafkaError: It cannot be asked.
        """
        return str(self._describe_cluster().cluster_id)

    def brokers(self) -> list[int]:
        """Return the numbers of the brokers that run.

        Raises:
            KafkaError: It cannot be asked.
        """
        return sorted(node.id for node in self._describe_cluster().nodes)

    def broker_configs(self) -> dict[str, str]:
        """Return the configs that hold for one of the brokers that run, its defaults for new topics among them.

        Returns:
            Without secret ones; nothing where the user may not see them.

        Raises:
            KafkaError: It cannot be asked.
        """
        broker, *_others = self.brokers()
        resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
        found = self._each(
            [broker],
            lambda _share: {
                broker: self._client.describe_configs([resource], request_timeout=self.timeout)[resource],
            },
            lambda _broker, entries: entries,
            doing=lambda number: f"Reading the configs of broker {number}",
            needs="DescribeConfigs on the cluster",
        )[broker]
        if isinstance(found, KafkaError):
            if found.code == "not_authorized":
                return {}
            raise found
        return {key: entry.value for key, entry in sorted(found.items()) if entry.value is not None}

    def topic_names(self) -> list[str]:
        """Return the names of all topics that the user may see, sorted.

        Raises:
            KafkaError: The cluster cannot be asked.
        """
        self._describe_cluster()  # which says why there is no connection, where the next call would only time out
        try:
            return sorted(self._client.list_topics(timeout=self.timeout).topics)
        except KafkaException as error:
            raise self._trouble.fatal or self._trouble.unreachable("Listing the topics") from error

    def _describe_cluster(self) -> Any:
        future = self._client.describe_cluster(request_timeout=self.timeout)
        return self._one(future, "Asking for the brokers of the Kafka cluster")
