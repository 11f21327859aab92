# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a part of a restore point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.canonical import sha256_hex
from .._core.errors import Damaged
from .documents import FORMAT_VERSION
from .layout import backup_folder, hashed_file, page_file, part_file
from .open_point import OpenPoint
from .parts import Entry, PageRef, Part, cut_into_pages, encode_page
from .points import PartRef, read_point, sequences
from .reader import PartReader
from .sharing import Content, SharedFiles
from .store import Store

_BATCH_FILES = 2000
_BATCH_BYTES = 32 * 1024 * 1024


class PartWriter:
    """Writes one part of an open restore point.

    Contents that are in the store already are not written again: those that the newest restore point with such a part
    names are recognised without being read.

    Args:
        point: The open restore point.
        name: The part's name, such as ``schema-registry``.
        scope: What was asked for; JSON values that are equal for equal requests.

    Raises:
        UnsupportedFormat: The backup was written to by a newer release.
    """

    def __init__(self, point: OpenPoint, name: str, *, scope: Mapping[str, Any]) -> None:
        self._point = point
        self._name = name
        self._scope = scope
        self._entries: dict[str, Entry] = {}
        trusted = _known_files(point.store, point.backup_id, name)
        self._files = SharedFiles(point.store.storage, backup_folder(point.backup_id), trusted)

    def add_files(self, files: Iterable[tuple[str, bytes, Mapping[str, Any]]]) -> None:
        """Add files to the part, in any order; they are durable on return.

        Args:
            files: For each its path in the backup (of `layout.path_of`, such as
                ``schema-registry/subjects/orders/v1.json``), its content, and facts for its index entry. Contents are
                taken in batches and not kept.

        Raises:
            ValueError: A path was added twice.
            Damaged: A file of the store that should hold such a content does not.
            Busy, StoreError: The store is being written to by others, or refuses to write.
        """
        for batch in _batches(files):
            contents = []
            for path, data, _facts in batch:
                digest = sha256_hex(data)
                contents.append(Content((path, hashed_file(path, digest)), data, digest))
            for file, content, (path, _data, facts) in zip(self._files.put(contents), contents, batch, strict=True):
                if path in self._entries:
                    raise ValueError(f"{path} was added to the part twice")
                self._entries[path] = Entry(file, 0, len(content.content), content.sha256, facts)

    def finish(
        self, *, summary: Mapping[str, Any], complete: bool = True, format_version: int = FORMAT_VERSION
    ) -> PartRef:
        """Write the index and the part's head, and hand the part to the restore point.

        Args:
            summary: What to tell of it in listings, such as counts; JSON values, nothing of this run alone.
            complete: Whether all that was asked for is in it.
            format_version: As in `Part`.

        Raises:
            Refused: The restore point has another part of that name already.
            Busy: The restore point is no longer this run's.
            StoreError: The store refuses to write.
        """
        documents = []
        pages = []
        for entries in cut_into_pages(sorted(self._entries.items())):
            content = encode_page(entries)
            digest = sha256_hex(content)
            pages.append(PageRef(page_file(self._name, digest), digest, len(entries)))
            documents.append(Content((pages[-1].file,), content, digest))
        part = Part(
            name=self._name,
            scope=self._scope,
            complete=complete,
            summary=summary,
            pages=tuple(pages),
            files=len(self._entries),
            size=sum(entry.length for entry in self._entries.values()),
            format_version=format_version,
        )
        ref = part.ref()
        self._files.put([*documents, Content((part_file(self._name, ref.sha256),), part.encode(), ref.sha256)])
        self._point.add_part(part)
        return ref


def _known_files(store: Store, backup_id: str, name: str) -> dict[str, str]:
    """Return the hashes of all files that the newest restore point with such a part names.

    What cannot be read is not known, and no reason not to make a new backup: its files are then read and compared.
    """
    known: dict[str, str] = {}
    for sequence in reversed(sequences(store, backup_id)):
        try:
            point = read_point(store, backup_id, sequence)
            if name not in point.parts:
                continue
            reader = PartReader(store, point, name)
            known[point.parts[name].file] = point.parts[name].sha256
            for page in reader.part.pages:
                known[page.file] = page.sha256
                known.update((entry.file, entry.sha256) for entry in reader.entries_of(page) if entry.at == 0)
        except Damaged:
            continue
        break
    return known


def _batches(
    files: Iterable[tuple[str, bytes, Mapping[str, Any]]],
) -> Iterator[list[tuple[str, bytes, Mapping[str, Any]]]]:
    batch = []
    size = 0
    for file in files:
        batch.append(file)
        size += len(file[1])
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
