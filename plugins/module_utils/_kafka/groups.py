# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of consumers and the offsets that they have committed: read and set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._core.errors import KafkaError
from .._core.kafka_names import TopicPartition
from .group_list import ListedGroup, list_groups
from .group_offsets import Committed, Offsets, read_committed, set_committed
from .session import Session, settled

_GONE = "dead"


class Group(NamedTuple):
    """A group of consumers, described.

    Args:
        group: Its name.
        type: ``classic`` or ``consumer`` (KIP-848).
        state: As the protocol says it, in lower case: ``empty``, ``stable``, …
        members: How many members it has.
        simple: Whether it only ever had offsets committed, without being joined.
    """

    group: str
    type: str
    state: str
    members: int
    simple: bool


class GroupAdmin(Session):
    """Asks and changes groups."""

    def groups(self) -> list[ListedGroup]:
        """List the groups of all types that the user may see, sorted by their names.

        Raises:
            KafkaError: The cluster cannot be asked.
        """
        return list_groups(self.settings, self.timeout)

    def describe_groups(self, names: Iterable[str]) -> dict[str, Group | KafkaError]:
        """Describe groups of the types ``classic`` and ``consumer``.

        Args:
            names: Which.

        Returns:
            Those that exist, or why one cannot be asked about.
        """
        found = self._each(
            names,
            lambda share: self._client.describe_consumer_groups(list(share), request_timeout=self.timeout),
            _group,
            doing=lambda name: f"Reading the group {name!r}",
            needs="Describe on the group",
        )
        return {name: group for name, group in found.items() if not (isinstance(group, Group) and group.state == _GONE)}

    def committed(self, group: str) -> Offsets:
        """Read what a group has committed; nothing for one that does not exist.

        Raises:
            KafkaError: ``not_authorized``, or ``unstable_offsets`` when a transaction did not end in time.
        """
        return settled(self.all_committed([group]))[group]

    def all_committed(self, groups: Iterable[str]) -> dict[str, Offsets | KafkaError]:
        """Read what many groups have committed, as `committed` does for one.

        Only offsets whose transactions are decided are taken (KIP-447); those of topics that the user may not see are
        not told by the cluster.

        Returns:
            For each group its offsets, or why they cannot be read.
        """

        return read_committed(self.settings, self.timeout, groups)

    def set_committed(self, group: str, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Set offsets of a group, which is made by that if there is none; those of other partitions stay.

        Raises:
            KafkaError: ``has_members``, ``unknown_topic``, ``not_authorized``, …; some of the offsets may be set.
        """
        settled(self.set_all_committed({group: offsets}))

    def set_all_committed(
        self, offsets: Mapping[str, Mapping[TopicPartition, Committed]]
    ) -> dict[str, KafkaError | None]:
        """Set offsets of many groups, as `set_committed` does those of one.

        Returns:
            For each group None, or why not all of them are set.
        """

        return set_committed(self.settings, self.timeout, {name: wanted for name, wanted in offsets.items() if wanted})


def _group(name: str, described: Any) -> Group:
    return Group(
        group=name,
        type=described.type.name.lower(),
        state=described.state.name.lower(),
        members=len(described.members),
        simple=described.is_simple_consumer_group,
    )
