# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing a cluster's topics, with the cluster asked why one that was named is not to be seen."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.errors import KafkaError, NotFound
from .._core.kafka_names import select_topics
from .._core.selection import Selection, is_literal
from .._kafka.wire import Wire

_FORBIDDEN = "TOPIC_AUTHORIZATION_FAILED"


def choose_topics(wire: Wire, selection: Selection, names: Iterable[str]) -> list[str]:
    """Return the topics that a selection takes, sorted; see `select_topics`.

    Args:
        wire: A connection to the cluster.
        selection: What is asked for.
        names: All topics that the user may see.

    Raises:
        KafkaError: ``not_authorized``: the user may not see a topic that is named.
        NotFound: A topic that is named does not exist.
    """
    known = set(names)
    try:
        return select_topics(selection, known)
    except NotFound:
        hidden = [name for name in selection.include if is_literal(name) and name not in known]
        for topic in wire.topics(hidden).values():
            if topic.error == _FORBIDDEN:  # which is also said of topics that do not exist
                raise KafkaError(
                    f"The topic {topic.name!r} is not to be seen: the broker answered {_FORBIDDEN}. The user needs "
                    "Describe on the topic, if there is one.",
                    code="not_authorized",
                    object_name=topic.name,
                    kafka_error=_FORBIDDEN,
                ) from None
        raise
