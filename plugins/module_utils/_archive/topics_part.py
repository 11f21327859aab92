# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part ``topics`` of a restore point: writing its index as an earlier one's increment, and reading it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._core.canonical import sha256_hex
from .._core.errors import Damaged, LifeboatError
from .bases import Base
from .coverage import Coverage, is_needed
from .definitions import DEFINITIONS, DEFINITIONS_FILE, ArchivedTopic, decode_definitions, encode_definitions
from .layout import backup_folder, hashed_file, page_file, part_file
from .open_point import OpenPoint
from .parts import TOPICS, Entry, PageRef, Part, encode_page
from .points import PartRef, RestorePoint
from .reader import PartReader
from .sharing import Content, SharedFiles
from .store import Store
from .streamed import PackWriter, StreamedFiles
from .topic_state import PartitionState, TopicState
from .topics_index import TOPIC, Indexed, is_definitions, is_segment, is_topic, key_of, merge, pages, read_index

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
        self._files = SharedFiles(point.store.storage, self._folder, {}, listed=False)

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
        documents = [self._write_definitions(definitions), *self._write_states(ordered, bases)]
        new = sorted((Indexed(key_of(entry), entry, None) for entry in (*documents, *entries)), key=lambda of: of.key)
        needs = _Needs(ordered, bases, documents)
        damaged: list[LifeboatError] = []
        old = [
            read_index(PartReader(self._point.store, point, TOPICS), needs.of(point), damaged)
            for point in {base.point.sequence: base.point for base in bases.values()}.values()
        ]
        try:
            written = self._write_index(merge([*old, new]), Coverage(ordered))
        except ValueError:
            # What a base's index no longer tells is why the slices do not fit together.
            if damaged:
                raise damaged[0] from None
            raise
        part = Part(TOPICS, self._scope, complete, summary, *written)
        ref = part.ref()
        self._files.put([Content((part_file(TOPICS, ref.sha256),), part.encode(), ref.sha256)])
        self._point.add_part(part)
        return ref

    def _write_definitions(self, definitions: Iterable[ArchivedTopic]) -> Entry:
        content = encode_definitions(definitions)
        digest = sha256_hex(content)
        names = (DEFINITIONS_FILE, hashed_file(DEFINITIONS_FILE, digest))
        (file,) = self._files.put([Content(names, content, digest)])
        return Entry(file, 0, len(content), digest, {"kind": DEFINITIONS})

    def _write_states(self, states: Sequence[TopicState], bases: Mapping[str, Base]) -> list[Entry]:
        """Return the entries of all states; those that are as in their base have its entry, the others go to packs."""
        same = []
        pieces = []
        with StreamedFiles(self._point.store.storage, self._folder) as files:
            packs = PackWriter(files)
            for state in states:
                content = state.encode()
                base = bases.get(state.topic)
                if base is not None and sha256_hex(content) == base.entry.sha256:
                    same.append(base.entry)
                else:
                    pieces.append((state.topic, packs.add(content)))
            packs.flush()
            files.place(packs.take_full())
        return same + [piece.entry({"kind": TOPIC, "topic": topic}) for topic, piece in pieces]

    def _write_index(self, index: Iterable[Indexed], coverage: Coverage) -> tuple[tuple[PageRef, ...], int, int]:
        """Write the pages; return them, and how many entries and bytes they name. Raises as `finish`."""
        refs = []
        size = 0
        batch: list[Content] = []
        for shared, entries in pages(_covering(index, coverage)):
            if shared is None:
                content = encode_page(entries)
                digest = sha256_hex(content)
                shared = PageRef(page_file(TOPICS, digest), digest, len(entries))
                batch.append(Content((shared.file,), content, digest))
                if sum(len(page.content) for page in batch) >= _BATCH_BYTES:
                    self._files.put(batch)
                    batch = []
            refs.append(shared)
            size += sum(entry.length for entry in entries)
        if batch:
            self._files.put(batch)
        return tuple(refs), sum(ref.entries for ref in refs), size


class _Needs:
    """Tells which entries of earlier indexes belong to a new one.

    Args:
        states: What the new restore point is to hold.
        bases: What increments began from.
        documents: The entries of the definitions and the states.
    """

    def __init__(self, states: Iterable[TopicState], bases: Mapping[str, Base], documents: Iterable[Entry]) -> None:
        self._documents = {key_of(entry): entry for entry in documents}
        self._partitions: dict[tuple[str, int], tuple[int, PartitionState]] = {}
        for of in states:
            base = bases.get(of.topic)
            readable = {state.partition for state in base.state.partitions} if base is not None else ()
            for state in of.partitions:
                if base is not None and state.partition in readable:
                    self._partitions[of.topic, state.partition] = base.point.sequence, state

    def of(self, point: RestorePoint) -> Callable[[Entry], bool]:
        """Return what tells it of the entries of one restore point."""

        def needed(entry: Entry) -> bool:
            if not is_segment(entry):
                return self._documents.get(key_of(entry)) == entry
            sequence, state = self._partitions.get((entry.facts["topic"], entry.facts["partition"]), (0, None))
            return sequence == point.sequence and is_needed(state, entry.facts)

        return needed


class TopicsReader:
    """Reads the part ``topics`` of a restore point.

    Args:
        store: Where it lies.
        point: The restore point.

    Raises:
        NotFound: The restore point has no such part.
        Damaged, UnsupportedFormat: The part's head is missing, edited, or newer than this release.
    """

    def __init__(self, store: Store, point: RestorePoint) -> None:
        self._reader = PartReader(store, point, TOPICS)
        self.part = self._reader.part

    def definitions(self) -> dict[str, ArchivedTopic]:
        """Return how the topics were made, by name.

        Raises:
            Damaged, UnsupportedFormat: The index or the document cannot be read.
        """
        for entry in self._reader.entries():
            if is_definitions(entry):
                return decode_definitions(self._reader.read(entry), self._reader.path(entry.file))
            break
        raise Damaged(f"{self._reader.path(part_file(TOPICS, ''))} names no definitions of topics.", object_name=TOPICS)

    def states(self) -> Iterator[TopicState]:
        """Yield what the restore point holds of each topic, sorted by name; raises as `definitions`."""
        for entry in self._reader.entries():
            if is_segment(entry):
                return
            if is_topic(entry):
                yield TopicState.decode(self._reader.read(entry), self._reader.path(entry.file))

    def segments(self, topics: Collection[str] | None = None) -> Iterator[Entry]:
        """Yield the slices of some topics, or of all, sorted by topic, partition and offset.

        Raises:
            Damaged, UnsupportedFormat: The index cannot be read.
        """
        for entry in self._reader.entries():
            if is_segment(entry) and (topics is None or entry.facts["topic"] in topics):
                yield entry

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


def _covering(index: Iterable[Indexed], coverage: Coverage) -> Iterator[Indexed]:
    """Pass an index on; raises `ValueError` where its slices do not cover what they must."""
    for found in index:
        if is_segment(found.entry) and (gap := coverage.add(found.entry.facts)):
            raise ValueError(f"the index has a gap: {gap}")
        yield found
    for gap in coverage.missing():
        raise ValueError(f"the index has a gap: {gap}")
