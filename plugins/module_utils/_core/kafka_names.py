# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of topics tell: which ones are Kafka's own or a schema registry's, and are only taken when named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from .selection import Selection

TopicPartition: TypeAlias = "tuple[str, int]"

REGISTRY_TOPICS = ("_schemas", "_schema_encoders", "_dek_registry_keys", "_exporter_*")
"""Where schema registries keep what they hold; ordinary topics to Kafka itself."""

KAFKAS_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata")
"""Where brokers keep what they hold. Metadata calls the first three internal; the last one is not listed (KIP-500)."""

_REGISTRY_TOPICS = Selection(REGISTRY_TOPICS)


def is_registry_topic(name: str) -> bool:
    """Tell whether a topic is one of those that schema registries keep their state in."""
    return _REGISTRY_TOPICS.matches(name)


def is_internal(name: str) -> bool:
    """Tell whether a topic's name marks it as somebody's inner affair, as ``__consumer_offsets`` does."""
    return name.startswith("__")


def needs_naming(name: str) -> bool:
    """Tell whether a topic is only taken when it is named, and not by ``*``."""
    return is_internal(name) or is_registry_topic(name)


def select_topics(selection: Selection, names: Iterable[str]) -> list[str]:
    """Return the topics that a selection takes, sorted.

    Topics that need naming are taken by their literal names, and by patterns that begin as they do: ``_*`` takes
    ``_schemas``, ``__*`` also ``__consumer_offsets``, and ``*`` neither.

    Args:
        selection: What is asked for.
        names: All topics that there are.

    Raises:
        NotFound: A literal name is not among them.
    """
    return [name for name in selection.select(names, what="topic") if not needs_naming(name) or _named(name, selection)]


def _named(name: str, selection: Selection) -> bool:
    begins = "__" if is_internal(name) else "_"
    return any(
        pattern.removeprefix("~").removeprefix("^").startswith(begins) and Selection((pattern,)).matches(name)
        for pattern in selection.include
    )
