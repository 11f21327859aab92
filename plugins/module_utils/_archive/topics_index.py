# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of the part ``topics``: its order, and how an earlier point's index becomes a later one's.

First comes the entry of the definitions, then those of the topics' states, then the slices by topic, partition and
offset. Indexes are read and written as streams of entries, a page at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from .._core.errors import Damaged, LifeboatError, StoreError
from .definitions import DEFINITIONS
from .parts import Entry, PageRef, cut_into_pages
from .reader import PartReader
from .slices import SEGMENT

TOPIC = "topic"
"""The kind of a topic state's index entry."""

Key: TypeAlias = "tuple[int, str, int, int]"


class Indexed(NamedTuple):
    """An entry on its way into an index.

    Args:
        key: Its place there, of `key_of`.
        entry: The entry.
        page: The page of an earlier index that it comes from; None for a new one.
    """

    key: Key
    entry: Entry
    page: PageRef | None


def key_of(entry: Entry) -> Key:
    """Return the place of an entry in the index; what a newer release may have added comes last."""
    match entry.facts:
        case {"kind": "segment", "topic": str(topic), "partition": int(partition), "start": int(start)}:
            return 2, topic, partition, start
        case {"kind": "topic", "topic": str(topic)}:
            return 1, topic, 0, 0
        case {"kind": "definitions"}:
            return 0, "", 0, 0
    return 3, entry.file, entry.at, 0


def read_index(
    reader: PartReader, needed: Callable[[Entry], bool], damaged: list[LifeboatError] | None = None
) -> Iterator[Indexed]:
    """Yield the entries of an index that are still needed.

    Args:
        reader: Reads the part.
        needed: Tells which entries are needed.
        damaged: What is wrong with pages that cannot be read is added here; they are passed over.
    """
    for page in reader.part.pages:
        try:
            entries = reader.entries_of(page)
        except (Damaged, StoreError) as error:
            if damaged is not None:
                damaged.append(error)
            continue
        yield from (Indexed(key_of(entry), entry, page) for entry in entries if needed(entry))


def merge(streams: Iterable[Iterable[Indexed]]) -> Iterator[Indexed]:
    """Merge streams that are in the index's order; of equal entries, the one of the first stream is taken.

    Raises:
        ValueError: Two entries that are not equal have one place.
    """
    last: Indexed | None = None
    for found in heapq.merge(*streams, key=lambda found: found.key):
        if last is None or found.key != last.key:
            yield found
        elif found.entry != last.entry:
            raise ValueError(f"two entries for {found.key}: {last.entry} and {found.entry}")
        last = found


def pages(entries: Iterable[Indexed]) -> Iterator[tuple[PageRef | None, list[Entry]]]:
    """Cut an index into pages.

    Yields:
        For each page its entries, and the page of an earlier index that has the very same ones, if any.
    """
    for page in cut_into_pages((_cut_name(found.key), found) for found in entries):
        origin = page[0].page
        same = origin is not None and origin.entries == len(page) and all(found.page is origin for found in page)
        yield origin if same else None, [found.entry for found in page]


def is_segment(entry: Entry) -> bool:
    """Tell whether an entry is a slice of a segment."""
    return entry.facts.get("kind") == SEGMENT


def is_topic(entry: Entry) -> bool:
    """Tell whether an entry is a topic's state."""
    return entry.facts.get("kind") == TOPIC


def is_definitions(entry: Entry) -> bool:
    """Tell whether an entry is the document of the definitions."""
    return entry.facts.get("kind") == DEFINITIONS


def _cut_name(key: Key) -> str:
    return "/".join(map(str, key))
