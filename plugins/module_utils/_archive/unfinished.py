# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that did not finish has archived of topics: the next run goes on from there.

A run notes its slices once they are durable. Notes are in no restore point and no authority: without them the next run
reads anew. They belong to a generation, a number that each run raises which takes some of them over: those of earlier
generations then count no more, even where they could not be deleted, so that notes never mix two histories of a log.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .._core.errors import Damaged, UnsupportedFormat
from .._core.fields import Fields
from .documents import UNFINISHED_TOPICS, encode, read, whole_number
from .layout import backup_folder, unfinished_folder, unfinished_generation, unfinished_path
from .parts import Entry, read_entry
from .slices import Slice
from .store import Store
from .topic_state import LastBatch, last_batch

_NAME_BYTES = 8
_SIZES_KNOWN = 10_000


class Origin(NamedTuple):
    """What a run's slices of a partition belong to.

    Args:
        topic_id: The topic's id; may be empty.
        began: Why the lineage began, one of `BEGINNINGS`.
        first: The first offset that is in no restore point of the lineage, or the log start where there is none.
    """

    topic_id: str
    began: str
    first: int


class Noted(NamedTuple):
    """A durable slice: its index entry, what it belongs to, and its last batch."""

    entry: Entry
    origin: Origin
    last: LastBatch | None


@dataclass(frozen=True)
class Unfinished:
    """What runs that did not finish have archived of a partition, without a gap.

    Args:
        topic: The topic's name.
        partition: Its number.
        lineage: The name of the lineage.
        origin: What it belongs to.
        slices: The slices, from ``origin.first`` on.
    """

    topic: str
    partition: int
    lineage: str
    origin: Origin
    slices: tuple[Noted, ...]

    @property
    def next(self) -> int:
        """The first offset that they do not cover."""
        return int(self.slices[-1].entry.facts["next"])

    @property
    def last(self) -> LastBatch | None:
        """Their last batch; None where they have none."""
        return next((each.last for each in reversed(self.slices) if each.last is not None), None)


class UnfinishedNotes:
    """The notes of a backup.

    Args:
        store: Where they lie.
        backup_id: The backup; it need not exist.
        generation: The newest one; 0 where there are no notes.
    """

    def __init__(self, store: Store, backup_id: str, generation: int) -> None:
        self._store = store
        self._backup_id = backup_id
        self.generation = generation

    @classmethod
    def find(cls, store: Store, backup_id: str) -> UnfinishedNotes:
        """Look which notes there are."""
        return cls(store, backup_id, max((found for found, _path in _files(store, backup_id)), default=0))

    def read(self) -> list[Unfinished]:
        """Return what the newest generation has of each partition; what cannot be read any more is passed over."""
        found: dict[tuple[str, int, str, Origin], list[Noted]] = {}
        for generation, path in _files(self._store, self._backup_id):
            if generation != self.generation:
                continue
            with contextlib.suppress(Damaged, UnsupportedFormat):
                fields = read(self._store.storage, path, UNFINISHED_TOPICS)
                for each in list(_read(fields)):
                    facts = each.entry.facts
                    key = facts["topic"], facts["partition"], facts["lineage"], each.origin
                    found.setdefault(key, []).append(each)
        size = functools.lru_cache(_SIZES_KNOWN)(self._store.storage.size)
        folder = backup_folder(self._backup_id)

        def is_there(entry: Entry) -> bool:
            return (size(f"{folder}/{entry.file}") or 0) >= entry.at + entry.length

        chains = ((*key, tuple(_chain(slices, key[3].first, is_there))) for key, slices in found.items())
        return [Unfinished(*chain) for chain in chains if chain[-1]]

    def next_generation(self, kept: Iterable[Unfinished]) -> UnfinishedNotes:
        """Return the notes of a run that goes on with some, so that all others count no more.

        Raises:
            StoreError: The store refuses to write.
        """
        following = UnfinishedNotes(self._store, self._backup_id, self.generation + 1)
        if self.generation:
            following.add([each for unfinished in kept for each in unfinished.slices])
            self.clear()
        return following

    def add(self, slices: Sequence[Noted]) -> None:
        """Note slices that are durable.

        Raises:
            StoreError: The store refuses to write.
        """
        path = unfinished_path(self._backup_id, self.generation, secrets.token_hex(_NAME_BYTES))
        content = encode(UNFINISHED_TOPICS, {"slices": [_document(each) for each in slices]})
        self._store.storage.create(path, content)

    def clear(self) -> None:
        """Delete the notes of this generation and of those before.

        Raises:
            StoreError: The store refuses.
        """
        for generation, path in list(_files(self._store, self._backup_id)):
            if generation <= self.generation:
                self._store.storage.delete(path)


def noted(of: Slice, origin: Origin) -> Noted:
    """Return what is to be noted of a slice whose file has its name."""
    if of.piece is None:
        raise ValueError(f"{of.topic}/{of.partition}: the slice from offset {of.start} on is not ended")
    return Noted(of.piece.entry(of.facts()), origin, of.last)


def _files(store: Store, backup_id: str) -> Iterator[tuple[int, str]]:
    for file in store.storage.files(unfinished_folder(backup_id)):
        generation = unfinished_generation(file.path)
        if generation is not None:
            yield generation, file.path


def _document(noted: Noted) -> dict[str, object]:
    last = None if noted.last is None else noted.last._asdict()
    return {**noted.origin._asdict(), "last": last, "entry": noted.entry.document()}


def _read(fields: Fields) -> Iterator[Noted]:
    for said in fields.objects("slices"):
        origin = Origin(said.required("topic_id", str), said.required("began", str), whole_number(said, "first"))
        last = last_batch(said)
        entry = read_entry(said.required("entry", dict))
        if entry is None:
            raise said.damaged("an entry must be a file with at, length and sha256")
        facts = Fields(fields.document, dict(entry.facts), "entry")
        for name in ("topic", "lineage"):
            facts.required(name, str)
        for name in ("partition", "start", "next"):
            whole_number(facts, name)
        yield Noted(entry, origin, last)


def _chain(noted: Iterable[Noted], first: int, is_there: Callable[[Entry], bool]) -> Iterator[Noted]:
    """Yield those slices that follow each other without a gap, as far as their files are there."""
    reached = first
    for each in sorted(noted, key=lambda each: int(each.entry.facts["start"])):
        if each.entry.facts["start"] == reached and is_there(each.entry):
            yield each
            reached = each.entry.facts["next"]
