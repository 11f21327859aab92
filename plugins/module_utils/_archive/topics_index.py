# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of the part ``topics``: its order, and how it is read and cut into pages as a stream.

On its first pages are the documents: the entry of the definitions, then those of the topics' states. The slices
follow in layers. Each layer is a number of pages, sorted by topic, partition and offset; an increment adds one, so that
the pages of the earlier ones stay as they are. The entry of the definitions tells how many pages each layer has.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

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


class Layer(NamedTuple):
    """Some pages of slices, sorted by topic, partition and offset.

    Args:
        pages: The pages.
        size: How many bytes their slices have.
    """

    pages: tuple[PageRef, ...]
    size: int

    @property
    def entries(self) -> int:
        """How many slices there are."""
        return sum(page.entries for page in self.pages)


class TopicsIndex:
    """The index of a part.

    Args:
        reader: Reads the part.

    Attributes:
        reader: The same.
        definitions: The entry of the definitions.
        layers: The slices, the oldest layer first.

    Raises:
        Damaged, UnsupportedFormat: Its first page cannot be read, or is none of such an index.
    """

    def __init__(self, reader: PartReader) -> None:
        self.reader = reader
        self._first = reader.entries_of(reader.part.pages[0]) if reader.part.pages else []
        if not self._first or not is_definitions(self._first[0]):
            raise self._damaged("the index of the topics does not begin with their definitions")
        self.definitions = self._first[0]
        self.layers = tuple(self._layers(self.definitions.facts.get("layers")))

    def documents(self) -> Iterator[PageRef]:
        """Yield the pages of the documents, the first ones."""
        yield from self.reader.part.pages[: -self._slice_pages() or None]

    def entries_of(self, page: PageRef) -> list[Entry]:
        """Return the entries of a page.

        Raises:
            Damaged, UnsupportedFormat: It cannot be read.
        """
        return self._first if page is self.reader.part.pages[0] else self.reader.entries_of(page)

    def slices(self, needed: Callable[[Entry], bool], damaged: list[LifeboatError] | None = None) -> Iterator[Indexed]:
        """Yield the slices that are needed, sorted by topic, partition and offset, a page of each layer in memory.

        Args:
            needed: Tells which are needed.
            damaged: What is wrong with pages that cannot be read is added here, and they are passed over; None
                raises it.

        Raises:
            Damaged, UnsupportedFormat: A page cannot be read.
        """
        return merge([self._slices(layer, needed, damaged) for layer in self.layers])

    def _slices(
        self, layer: Layer, needed: Callable[[Entry], bool], damaged: list[LifeboatError] | None
    ) -> Iterator[Indexed]:
        for page in layer.pages:
            try:
                entries = self.entries_of(page)
            except (Damaged, StoreError) as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            yield from (Indexed(key_of(entry), entry, page) for entry in entries if is_segment(entry) and needed(entry))

    def _layers(self, facts: Any) -> Iterator[Layer]:
        at = len(self.reader.part.pages)
        found = []
        for fact in reversed(facts if isinstance(facts, list) else [None]):
            match fact:
                case {"pages": int(count), "bytes": int(size)} if 0 < count < at:
                    found.append(Layer(self.reader.part.pages[at - count : at], size))
                    at -= count
                case _:
                    raise self._damaged("the entry of the definitions does not tell the layers of the slices")
        return reversed(found)

    def _slice_pages(self) -> int:
        return sum(len(layer.pages) for layer in self.layers)

    def _damaged(self, reason: str) -> Damaged:
        part = self.reader.part
        where = self.reader.path(part.ref().file)
        cost = f"the whole part {part.name}"
        message = f"{where} is damaged: {reason}. Lost with it: {cost}."
        return Damaged(message, object_name=where, reason=reason, costs=cost)


def layer_facts(layers: Iterable[Layer]) -> list[dict[str, int]]:
    """Return what the entry of the definitions says of the layers."""
    return [{"pages": len(layer.pages), "bytes": layer.size} for layer in layers]


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


def in_order(entries: Iterable[Entry]) -> Iterator[Indexed]:
    """Yield new entries in the index's order."""
    yield from sorted((Indexed(key_of(entry), entry, None) for entry in entries), key=lambda found: found.key)


def merge(streams: Sequence[Iterable[Indexed]]) -> Iterator[Indexed]:
    """Merge streams that are in the index's order."""
    return iter(streams[0]) if len(streams) == 1 else heapq.merge(*streams, key=lambda found: found.key)


def pages(entries: Iterable[Indexed]) -> Iterator[tuple[PageRef | None, list[Entry]]]:
    """Cut an index into pages.

    Yields:
        For each page its entries, and the page of an earlier index that has the very same ones, if any.
    """
    for page in cut_into_pages(("/".join(map(str, found.key)), found) for found in entries):
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
