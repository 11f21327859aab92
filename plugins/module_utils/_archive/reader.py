# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a part back, every byte of it checked."""

from __future__ import annotations

from collections.abc import Iterator

from .._core.canonical import sha256_hex
from .._core.errors import Damaged, NotFound
from .documents import INDEX_PAGE, PART, decode
from .layout import backup_folder
from .parts import Entry, PageRef, Part, read_page
from .points import PartRef, RestorePoint
from .store import Store


class PartReader:
    """Reads one part of a restore point.

    Args:
        store: Where it lies.
        point: The restore point.
        name: The part's name.

    Attributes:
        part: Its head.

    Raises:
        NotFound: The restore point has no such part.
        Damaged, UnsupportedFormat: The part's head is missing, edited, or newer than this release.
    """

    def __init__(self, store: Store, point: RestorePoint, name: str) -> None:
        if name not in point.parts:
            raise NotFound(
                f"Restore point {point.sequence} of the backup {point.backup_id!r} has no part {name!r}; it has "
                f"{', '.join(sorted(point.parts)) or 'none'}.",
                object_name=f"{point.backup_id}/{point.sequence}",
            )
        self._storage = store.storage
        self._folder = backup_folder(point.backup_id)
        self.part = self._read_head(point.parts[name])

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, page by page.

        Raises:
            Damaged, UnsupportedFormat: A page is missing, edited, or newer than this release.
        """
        for page in self.part.pages:
            yield from self.entries_of(page)

    def entries_of(self, page: PageRef) -> list[Entry]:
        """Return the entries of one index page; raises as `entries`."""
        cost = f"{page.entries} files of the part {self.part.name}"
        content = self._checked(page.file, page.sha256, cost)
        entries = read_page(decode(content, INDEX_PAGE, self.path(page.file)))
        if len(entries) != page.entries:
            raise _damaged(self.path(page.file), f"it has {len(entries)} entries, not {page.entries}", cost)
        return entries

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of an entry.

        Raises:
            Damaged: They are missing or not what was written; the message says what that costs.
        """
        where = self.path(entry.file)
        try:
            with self._storage.open(f"{self._folder}/{entry.file}") as file:
                file.seek(entry.at)
                content = file.read(entry.length)
        except NotFound as error:
            raise _damaged(where, "it is missing", entry.cost()) from error
        except OSError as error:
            raise _damaged(where, f"it cannot be read ({error.strerror})", entry.cost()) from error
        if len(content) != entry.length:
            raise _damaged(where, f"it ends after {len(content)} of {entry.length} bytes", entry.cost())
        if sha256_hex(content) != entry.sha256:
            raise _damaged(where, "its content is not what was written", entry.cost())
        return content

    def path(self, file: str) -> str:
        """Return where a file lies, for people."""
        return f"{self._storage.location}/{self._folder}/{file}"

    def _read_head(self, ref: PartRef) -> Part:
        content = self._checked(ref.file, ref.sha256, f"the whole part {ref.name}")
        part = Part.from_document(decode(content, PART, self.path(ref.file)))
        if (part.name, part.files, part.size) != (ref.name, ref.files, ref.size):
            raise _damaged(self.path(ref.file), "it is not what the restore point says", f"the whole part {ref.name}")
        return part

    def _checked(self, file: str, digest: str, cost: str) -> bytes:
        try:
            content = self._storage.read(f"{self._folder}/{file}")
        except NotFound as error:
            raise _damaged(self.path(file), "it is missing", cost) from error
        if sha256_hex(content) != digest:
            raise _damaged(self.path(file), "its content is not what was written", cost)
        return content


def _damaged(where: str, reason: str, cost: str) -> Damaged:
    return Damaged(f"{where} is damaged: {reason}. Lost with it: {cost}.", object_name=where, reason=reason, costs=cost)
