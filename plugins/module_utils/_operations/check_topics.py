# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking what the parts ``topics`` and ``groups`` of a restore point say, beyond the hashes of their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._archive.coverage import Coverage
from .._archive.definitions import decode_definitions
from .._archive.group_offsets import decode_groups
from .._archive.parts import Entry
from .._archive.points import RestorePoint
from .._archive.store import Store
from .._archive.topic_state import TopicState
from .._archive.topics_index import is_definitions, is_segment, is_topic
from .._archive.topics_part import TopicsReader
from .._archive.verify import ContentCheck, Damage
from .._core.errors import Damaged
from .._records.scan import scan

_NO_END = 2**63 - 1

_COUNTS = (
    "records",
    "transactional",
    "control",
    "largest",
    "min_timestamp",
    "max_timestamp",
    "log_append_time",
    "legacy",
    "codecs",
)


def check_topics(store: Store, point: RestorePoint) -> ContentCheck:
    """Return what checks the topics of a restore point.

    Every checksum in the record batches is right, each slice holds what its index entry says, the states of all topics
    can be read, and the slices cover what these say from end to end. A slice at a time is in memory.

    Args:
        store: Where it lies.
        point: The restore point.
    """

    def check(pieces: Iterator[tuple[Entry, bytes]]) -> Iterable[Damage]:
        found = [
            Damage(entry.file, why, entry.cost()) for entry, content in pieces for why in _problems(entry, content)
        ]
        return found or list(_uncovered(store, point))

    return check


def check_groups(pieces: Iterator[tuple[Entry, bytes]]) -> Iterable[Damage]:
    """Check that the groups' offsets can be read."""
    found = []
    for entry, content in pieces:
        try:
            decode_groups(content, entry.file)
        except Damaged as error:
            found.append(Damage(entry.file, str(error.facts.get("reason", error.message)), entry.cost()))
    return found


def _problems(entry: Entry, content: bytes) -> Iterator[str]:
    """Yield what is wrong with a piece, as sentences without a full stop."""
    try:
        if is_segment(entry):
            yield from _slice_problems(entry, content)
        elif is_topic(entry):
            state = TopicState.decode(content, entry.file)
            if state.topic != entry.facts["topic"]:
                yield f"it is the state of {state.topic}"
        elif is_definitions(entry):
            decode_definitions(content, entry.file)
    except Damaged as error:
        yield str(error.facts.get("reason", error.message))


def _slice_problems(entry: Entry, content: bytes) -> Iterator[str]:
    facts = entry.facts
    found = scan(content, 0, len(content), expected=facts["start"] if content else None, stop=_NO_END)
    if found.bytes != len(content):
        yield f"its batches end after {found.bytes} of {len(content)} bytes"
    elif found.batches:
        told = {name: facts.get(name) for name in _COUNTS} | {"base": facts.get("base", facts["start"])}
        held = {name: getattr(found, name) for name in _COUNTS} | {"base": found.first_offset}
        yield from (f"it holds {name} {held[name]}, not {told[name]}" for name in held if held[name] != told[name])
        if found.next_offset > facts["next"]:
            yield f"its batches end at offset {found.next_offset}"
        if facts.get("dense") and not (found.dense and found.next_offset == facts["next"]):
            yield "it lacks offsets that it should hold"


def _uncovered(store: Store, point: RestorePoint) -> Iterator[Damage]:
    """Yield the partitions that the slices do not cover; the index and the states were read before."""
    reader = TopicsReader(store, point)
    coverage = Coverage(reader.states())
    for found in reader.index.slices(lambda entry: coverage.needs(entry.facts)):
        if gap := coverage.add(found.entry.facts):
            yield Damage(found.entry.file, gap.reason, f"offsets from {gap.at} on of {gap.partition_name}")
    for gap in coverage.missing():
        yield Damage(point.parts["topics"].file, gap.reason, f"offsets from {gap.at} on of {gap.partition_name}")
