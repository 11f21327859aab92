# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part ``topics`` of a restore point: writing its index as an earlier one's increment, and reading it back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._core.canonical import sha256_hex
from .._core.errors import Damaged, LifeboatError, StoreError
from .bases import Base
from .coverage import Coverage
from .definitions import DEFINITIONS, DEFINITIONS_FILE, ArchivedTopic, decode_definitions, encode_definitions
from .increment import Increment
from .layout import backup_folder, hashed_file, page_file, part_file
from .open_point import OpenPoint
from .parts import TOPICS, Entry, PageRef, Part, encode_page
from .points import PartRef, RestorePoint
from .reader import PartReader
from .sharing import Content, SharedFiles
from .store import Store
from .streamed import PackWriter, StreamedFiles
from .topic_state import TopicState
from .topics_index import TOPIC, Indexed, Layer, TopicsIndex, in_order, is_topic, key_of, layer_facts, merge, pages

_BATCH_BYTES = 8 * 1024 * 1024


class TopicsPartWriter:
    """Writes the part ``topics`` of an open restore point.

    Args:
        point: The open restore point.
        scope: What was asked for; JSON values that are equal for equal requests.
    """

    def __init__(self, point: OpenPoint, *, scope: Mapping[str, Any]) -> None:
        self._point = point
        self._scope = scope
        self._folder = backup_folder(point.backup_id)

    def finish(
        self,
        *,
        definitions: Iterable[ArchivedTopic],
        states: Iterable[TopicState],
        entries: Iterable[Entry],
        bases: Mapping[str, Base],
        summary: Mapping[str, Any],
        complete: bool = True,
    ) -> PartRef:
        """Write the definitions, the states, the index and the part's head, and hand the part to the restore point.

        The index of the bases is read and written as a stream. What is below a partition's start, of another lineage,
        or of a topic without a state, is left out. Pages that stay the same are shared.

        Args:
            definitions: How the topics were made.
            states: What the restore point is to hold of each topic, in any order.
            entries: The slices that are new, of `SegmentWriter.finish`, in any order; they are durable.
            bases: What each topic's increment began from, of `find_bases`; topics without one began anew.
            summary: What to tell of the part in listings, such as counts; JSON values, nothing of this run alone.
            complete: Whether all that was asked for is in it.

        Raises:
            ValueError: The slices do not cover what the states say.
            Refused: The restore point has another part of that name already.
            Busy: The restore point is no longer this run's.
            Damaged: The index of a base cannot be read any more.
            StoreError: The store refuses to write.
        """
        ordered = sorted(states, key=lambda state: state.topic)
        increment = Increment(self._point.store, ordered, bases)
        files = SharedFiles(self._point.store.storage, self._folder, increment.trusted(), listed=False)
        layers = self._write_layers(files, increment, list(in_order(entries)))
        documents = [_definitions(files, definitions, layers), *self._write_states(ordered, bases)]
        document_pages = _write_pages(files, (increment.document(entry) for entry in documents))
        part = Part(
            name=TOPICS,
            scope=self._scope,
            complete=complete,
            summary=summary,
            pages=(*document_pages, *(page for layer in layers for page in layer.pages)),
            files=len(documents) + sum(layer.entries for layer in layers),
            size=sum(entry.length for entry in documents) + sum(layer.size for layer in layers),
        )
        ref = part.ref()
        files.put([Content((part_file(TOPICS, ref.sha256),), part.encode(), ref.sha256)])
        self._point.add_part(part)
        return ref

    def _write_layers(self, files: SharedFiles, increment: Increment, new: Sequence[Indexed]) -> tuple[Layer, ...]:
        """Write the slices' pages: a layer on those of the base, or one in which all are merged. Raises as `finish`."""
        if increment.keeps_layers(len(new)):
            return (*increment.layers, *_write_layer(files, _covering(new, increment.coverage_of_new())))
        damaged: list[LifeboatError] = []
        merged = merge([*increment.slices(damaged), new])
        try:
            return _write_layer(files, _covering(merged, Coverage(increment.states)))
        except ValueError:
            # What a base's index no longer tells is why the slices do not fit together.
            if damaged:
                raise damaged[0] from None
            raise

    def _write_states(self, states: Sequence[TopicState], bases: Mapping[str, Base]) -> list[Entry]:
        """Return the entries of all states; those that are as in their base have its entry, the others go to packs."""
        same = []
        pieces = []
        with StreamedFiles(self._point.store.storage, self._folder) as files:
            packs = PackWriter(files)
            for state in states:
                base = bases.get(state.topic)
                # The state itself is compared first, since most are as they were, and to write one takes time.
                if base is not None and base.state == state:
                    same.append(base.entry)
                    continue
                content = state.encode()
                sha256 = sha256_hex(content)
                if base is not None and sha256 == base.entry.sha256:
                    same.append(base.entry)
                else:
                    pieces.append((state.topic, packs.add(content, sha256)))
            packs.flush()
            files.place(packs.take_full())
        new = (piece.entry({"kind": TOPIC, "topic": topic}) for topic, piece in pieces)
        return sorted((*same, *new), key=key_of)


class TopicsReader:
    """Reads the part ``topics`` of a restore point.

    Args:
        store: Where it lies.
        point: The restore point.

    Attributes:
        part: The part's head.
        index: Its index.

    Raises:
        NotFound: The restore point has no such part.
        Damaged, UnsupportedFormat: The part's head is missing, edited, or newer than this release.
    """

    def __init__(self, store: Store, point: RestorePoint) -> None:
        self._reader = PartReader(store, point, TOPICS)
        self.index = TopicsIndex(self._reader)
        self.part = self._reader.part

    def definitions(self) -> dict[str, ArchivedTopic]:
        """Return how the topics were made, by name.

        Raises:
            Damaged, UnsupportedFormat: The index or the document cannot be read.
        """
        entry = self.index.definitions
        return decode_definitions(self._reader.read(entry), self._reader.path(entry.file))

    def states(self, damaged: list[LifeboatError] | None = None) -> Iterator[TopicState]:
        """Yield what the restore point holds of each topic, sorted by name.

        Args:
            damaged: What is wrong with states and pages that cannot be read is added here, and they are passed over;
                None raises it.

        Raises:
            Damaged, UnsupportedFormat: The index or a state cannot be read.
        """
        for page in self.index.documents():
            with _collecting(damaged):
                for entry in self.index.entries_of(page):
                    if is_topic(entry):
                        with _collecting(damaged):
                            yield TopicState.decode(self._reader.read(entry), self._reader.path(entry.file))

    def segments(
        self, topics: Collection[str] | None = None, damaged: list[LifeboatError] | None = None
    ) -> Iterator[Entry]:
        """Yield the slices of some topics, or of all, sorted by topic, partition and offset.

        Those of a partition cover what its state says, from end to end; the first one may begin before it. Where
        pages are passed over, there may be gaps.

        Args:
            topics: Which topics; None for all.
            damaged: As for `states`.

        Raises:
            Damaged, UnsupportedFormat: The index or a state cannot be read.
        """
        coverage = Coverage(state for state in self.states(damaged) if topics is None or state.topic in topics)
        for found in self.index.slices(lambda entry: coverage.needs(entry.facts), damaged):
            yield found.entry

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a slice.

        Raises:
            Damaged: They are missing or not what was written. The facts tell ``topic``, ``partition``, ``start`` and
                ``next``.
        """
        try:
            return self._reader.read(entry)
        except Damaged as error:
            error.facts.update({name: entry.facts[name] for name in ("topic", "partition", "start", "next")})
            raise


@contextlib.contextmanager
def _collecting(damaged: list[LifeboatError] | None) -> Iterator[None]:
    """Add what cannot be read to a list, where there is one."""
    try:
        yield
    except (Damaged, StoreError) as error:
        if damaged is None:
            raise
        damaged.append(error)


def _definitions(files: SharedFiles, topics: Iterable[ArchivedTopic], layers: Iterable[Layer]) -> Entry:
    content = encode_definitions(topics)
    digest = sha256_hex(content)
    names = (DEFINITIONS_FILE, hashed_file(DEFINITIONS_FILE, digest))
    (file,) = files.put([Content(names, content, digest)])
    return Entry(file, 0, len(content), digest, {"kind": DEFINITIONS, "layers": layer_facts(layers)})


def _write_layer(files: SharedFiles, index: Iterable[Indexed]) -> tuple[Layer, ...]:
    """Write the pages of a layer; returns none where there is no slice."""
    sizes: list[int] = []

    def counted() -> Iterator[Indexed]:
        for found in index:
            sizes.append(found.entry.length)
            yield found

    written = tuple(_write_pages(files, counted()))
    return (Layer(written, sum(sizes)),) if written else ()


def _write_pages(files: SharedFiles, index: Iterable[Indexed]) -> list[PageRef]:
    """Write index pages durably, but for those that an earlier point has, and return all of them."""
    refs = []
    batch: list[Content] = []
    size = 0
    for shared, entries in pages(index):
        if shared is None:
            content = encode_page(entries)
            digest = sha256_hex(content)
            shared = PageRef(page_file(TOPICS, digest), digest, len(entries))
            batch.append(Content((shared.file,), content, digest))
            size += len(content)
        refs.append(shared)
        if size >= _BATCH_BYTES:
            files.put(batch)
            batch, size = [], 0
    if batch:
        files.put(batch)
    return refs


def _covering(index: Iterable[Indexed], coverage: Coverage) -> Iterator[Indexed]:
    """Pass an index on; raises `ValueError` where its slices do not cover what they must."""
    for found in index:
        if gap := coverage.add(found.entry.facts):
            raise ValueError(f"the index has a gap: {gap}")
        yield found
    for gap in coverage.missing():
        raise ValueError(f"the index has a gap: {gap}")
