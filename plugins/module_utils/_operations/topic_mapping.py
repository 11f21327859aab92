# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which names archived topics are restored. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.counting import named
from .._core.errors import InvalidOption, Refused
from .._core.kafka_names import KAFKAS_TOPICS, is_registry_topic
from .._core.renaming import STAR, Renaming

OPTION = "topic_mapping"

_STAR_ONLY = "patterns other than one * are not understood here"
_LEGAL = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SHOWN = 5


def target_names(mapping: Mapping[str, Any], selected: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the target's name of each selected topic.

    Args:
        mapping: New names by old ones, as a user has written them. Either both hold one ``*``, and what it stands for
            is carried over, or neither does. A whole name goes before a pattern, and a longer pattern before a shorter
            one.
        selected: The topics that are restored.
        known: All topics that the restore point holds.

    Returns:
        The new name by the old one; a topic that the mapping does not meet keeps its own.

    Raises:
        InvalidOption: The mapping cannot be used; the message says why.
        Refused: A topic that belongs to a schema registry, or to Kafka itself, would be read or written.
    """
    longest_first = {old: mapping[old] for old in sorted(mapping, key=lambda old: (-len(str(old)), str(old)))}
    renaming = Renaming(OPTION, longest_first)
    _check_known(renaming, set(known))
    names = {}
    for topic in sorted(selected):
        name = renaming.name(topic)
        names[topic] = topic if name is None else name
    for topic, name in names.items():
        _check_name(topic, name)
    _check_collisions(names)
    return names


def _check_known(renaming: Renaming, known: set[str]) -> None:
    for old in renaming.whole:
        if old not in known:
            said = f"the restore point holds no topic {old!r}"
            raise _invalid(said if _LEGAL.fullmatch(old) else f"{said}; {_STAR_ONLY}")
    for pattern in renaming.patterns:
        if all(pattern.rename(topic) is None for topic in known):
            said = f"no topic of the restore point matches {pattern.old!r}"
            raise _invalid(said if _LEGAL.fullmatch(pattern.old.replace(STAR, "x")) else f"{said}; {_STAR_ONLY}")


def _check_name(topic: str, name: str) -> None:
    for each in (topic, name):
        if each in KAFKAS_TOPICS or is_registry_topic(each):
            is_kafkas = each in KAFKAS_TOPICS
            whose = "Kafka's own" if is_kafkas else "where a schema registry keeps its state"
            instead = "" if is_kafkas else " Use lifeboat.kafka.schema_registry_import to restore a registry."
            raise Refused(
                f"Topic {each!r} is {whose}, so it is neither restored nor restored to.{instead}", object_name=each
            )
    if not _LEGAL.fullmatch(name) or name in (".", ".."):
        raise _invalid(
            f"{topic!r} would become {name!r}, which is no name of a topic: these have up to 249 letters, digits, "
            "dots, underscores and hyphens"
        )


def _check_collisions(names: Mapping[str, str]) -> None:
    olds = defaultdict(list)
    for topic, name in names.items():
        olds[name].append(topic)
    for name, topics in olds.items():
        if len(topics) > 1:
            raise _invalid(f"several topics would become {name!r}: {named(topics, _SHOWN)}")


def _invalid(reason: str) -> InvalidOption:
    return InvalidOption(f"{OPTION} cannot be used: {reason}.", object_name=OPTION)
