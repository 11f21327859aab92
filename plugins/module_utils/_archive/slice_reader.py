# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading slices with little memory: each is checked as a whole, and only then handed out to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import BinaryIO, Self

from .._core.errors import Damaged, NotFound
from .layout import backup_folder
from .parts import Entry
from .store import Store

_CHECK_BYTES = 256 * 1024


class SliceFile:
    """A slice that was found to be what was written, to be read from its beginning on.

    Args:
        file: Its file, which stands at the slice's beginning; closed with this.
        length: How many bytes the slice has.
        damaged: Makes the error for a reason.
    """

    def __init__(self, file: BinaryIO, length: int, damaged: Callable[[str], Damaged]) -> None:
        self._file = file
        self._left = length
        self._damaged = damaged

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """Return the next bytes, as many as that where the slice has so many.

        Raises:
            Damaged: The file was cut off since it was checked, or cannot be read any more.
        """
        wanted = min(size, self._left)
        try:
            content = self._file.read(wanted)
        except OSError as error:
            raise self._damaged(f"it cannot be read any more ({error.strerror})") from error
        if len(content) < wanted:
            raise self._damaged("it was cut off while it was read")
        self._left -= wanted
        return content


class SliceReader:
    """Reads slices of one backup.

    Args:
        store: Where it lies.
        backup_id: The backup.
    """

    def __init__(self, store: Store, backup_id: str) -> None:
        self._storage = store.storage
        self._folder = backup_folder(backup_id)

    def damage(self, entry: Entry) -> Damaged | None:
        """Return why a slice cannot be whole, as far as the length of its file tells, or None."""
        size = self._storage.size(f"{self._folder}/{entry.file}")
        if size is None:
            return self._damaged(entry, "it is missing")
        if size < entry.at + entry.length:
            return self._damaged(entry, f"it ends after {size} of {entry.at + entry.length} bytes")
        return None

    def open(self, entry: Entry) -> SliceFile:
        """Check a slice, and open it.

        Raises:
            Damaged: It is missing or not what was written. The facts tell ``topic``, ``partition``, ``start`` and
                ``next``.
        """
        try:
            file = self._storage.open(f"{self._folder}/{entry.file}")
        except NotFound as error:
            raise self._damaged(entry, "it is missing") from error
        try:
            self._check(file, entry)
            file.seek(entry.at)
        except BaseException:
            file.close()
            raise
        return SliceFile(file, entry.length, partial(self._damaged, entry))

    def _check(self, file: BinaryIO, entry: Entry) -> None:
        digest = hashlib.sha256()
        left = entry.length
        file.seek(entry.at)
        while left:
            try:
                piece = file.read(min(_CHECK_BYTES, left))
            except OSError as error:
                raise self._damaged(entry, f"it cannot be read ({error.strerror})") from error
            if not piece:
                end = entry.at + entry.length
                raise self._damaged(entry, f"it ends after {end - left} of {end} bytes")
            digest.update(piece)
            left -= len(piece)
        if digest.hexdigest() != entry.sha256:
            raise self._damaged(entry, "its content is not what was written")

    def _damaged(self, entry: Entry, reason: str) -> Damaged:
        where = f"{self._storage.location}/{self._folder}/{entry.file}"
        facts = {name: entry.facts[name] for name in ("topic", "partition", "start", "next")}
        message = f"{where} is damaged: {reason}. Lost with it: {entry.cost()}."
        return Damaged(message, object_name=where, reason=reason, costs=entry.cost(), **facts)
