# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new restore point takes over of the indexes of topics that its increments began from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from .._core.errors import LifeboatError
from .bases import Base
from .coverage import Coverage, is_needed
from .parts import TOPICS, Entry
from .reader import PartReader
from .store import Store
from .topic_state import TopicState
from .topics_index import Indexed, Layer, TopicsIndex, is_topic, key_of

MOST_LAYERS = 16
"""An increment that would make more layers than that merges all into one."""

ONE_LAYER_ENTRIES = 20_000
"""An index of no more slices than that has one layer: it is merged fast, and easily read by others."""


class Increment:
    """What becomes of the indexes of the bases.

    Args:
        store: Where they lie.
        states: What the new restore point is to hold.
        bases: What increments began from.

    Raises:
        Damaged: One of them cannot be read any more.
    """

    def __init__(self, store: Store, states: Sequence[TopicState], bases: Mapping[str, Base]) -> None:
        self.states = states
        self._bases = bases
        points = {base.point.sequence: base.point for base in bases.values()}
        self._indexes = {n: TopicsIndex(PartReader(store, point, TOPICS)) for n, point in points.items()}
        self._documents = {
            key_of(entry): Indexed(key_of(entry), entry, page)
            for index in self._indexes.values()
            for page in index.documents()
            for entry in index.entries_of(page)
        }
        lineages = {
            (topic, state.partition): (state.lineage, base.point.sequence)
            for topic, base in bases.items()
            for state in base.state.partitions
        }
        self._kept = {
            (of.topic, state.partition): (known[1], state)
            for of in states
            for state in of.partitions
            if (known := lineages.get((of.topic, state.partition))) is not None and known[0] == state.lineage
        }

    def trusted(self) -> dict[str, str]:
        """Return the hashes of files that need not be read to know what they hold."""
        return {index.definitions.file: index.definitions.sha256 for index in self._indexes.values()}

    def document(self, entry: Entry) -> Indexed:
        """Return a document's entry with the page that it comes from, if it is as it was."""
        known = self._documents.get(key_of(entry))
        return known if known is not None and known.entry == entry else Indexed(key_of(entry), entry, None)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the one base there is."""
        (index,) = self._indexes.values()
        return index.layers

    def keeps_layers(self, new: int) -> bool:
        """Tell whether so many new slices become a layer on those of the base.

        They do where the base has many slices, all of them of use but for those that retention has deleted meanwhile,
        and few layers; and where nothing at all has changed.
        """
        if len(self._indexes) != 1:
            return False
        topics = sum(1 for found in self._documents.values() if is_topic(found.entry))
        partitions = sum(len(base.state.partitions) for base in self._bases.values())
        of_use = all(base.whole for base in self._bases.values())
        if not of_use or len(self._bases) != topics or len(self._kept) != partitions:
            return False
        if not new and all(of == self._bases[of.topic].state for of in self.states if of.topic in self._bases):
            return True
        return len(self.layers) < MOST_LAYERS and sum(layer.entries for layer in self.layers) > ONE_LAYER_ENTRIES

    def coverage_of_new(self) -> Coverage:
        """Return what follows the new slices, where all others are kept."""
        reached = {
            (topic, state.partition): state.next
            for topic, base in self._bases.items()
            for state in base.state.partitions
            if state.next > state.start
        }
        return Coverage(self.states, reached)

    def slices(self, damaged: list[LifeboatError]) -> list[Iterator[Indexed]]:
        """Return the slices of each base that the new restore point names too; see `TopicsIndex.slices`."""
        return [index.slices(self._needed(sequence), damaged) for sequence, index in self._indexes.items()]

    def _needed(self, sequence: int) -> Callable[[Entry], bool]:
        def needed(entry: Entry) -> bool:
            kept = self._kept.get((entry.facts["topic"], entry.facts["partition"]))
            return kept is not None and kept[0] == sequence and is_needed(kept[1], entry.facts)

        return needed
