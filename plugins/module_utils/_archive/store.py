# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores: marked places that hold backups."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.errors import InvalidOption, NotFound, StoreError
from .._core.settings import StoreSettings
from .._storage.filesystem import FilesystemStorage
from .._storage.port import AlreadyExists, Storage
from .documents import STORE, encode, read
from .layout import MARKER, OPEN, RESTORE_POINTS, backup_id_of

_OF_FILE_SYSTEM = "lost+found"


@dataclass(frozen=True)
class Store:
    """A place that is marked as a store.

    Args:
        storage: Where its bytes lie.
        store_id: What tells it from all other stores.
    """

    storage: Storage
    store_id: str

    @classmethod
    def initialise(cls, storage: Storage) -> tuple[Store, bool]:
        """Mark a place as a store, made where it is missing; one that is marked already stays as it is.

        Returns:
            The store, and whether it was marked now.

        Raises:
            StoreError: It holds folders of something else (code ``not_empty``), or cannot be written to.
            Damaged, UnsupportedFormat: It has a marker that this release cannot read.
        """
        found = cls.find(storage)
        if found is not None:
            return found, False
        storage.prepare()
        try:
            storage.create(MARKER, encode(STORE, {"store_id": str(uuid.uuid4())}))
        except AlreadyExists:
            return cls.open(storage), False
        return cls.open(storage), True

    @classmethod
    def find(cls, storage: Storage) -> Store | None:
        """Return the store that a place is, or None where one could be made; nothing is written.

        Raises:
            StoreError: It holds something else (code ``not_empty``), or cannot be read.
            Damaged, UnsupportedFormat: It has a marker that this release cannot read.
        """
        if storage.size(MARKER) is not None:
            return cls.open(storage)
        strangers = [name for name in storage.folders() if name != _OF_FILE_SYSTEM and not name.startswith(".")]
        stranger = next(iter(strangers), None) or next(_files_of_others(storage), None)
        if stranger is not None:
            raise StoreError(
                f"{storage.location} is no store, and holds {stranger!r}. Name a new or an empty directory.",
                code="not_empty",
                object_name=storage.location,
            )
        return None

    @classmethod
    def open(cls, storage: Storage) -> Store:
        """Open a place that is marked as a store.

        Raises:
            StoreError: It is not marked (code ``not_a_store``), or cannot be read.
            Damaged, UnsupportedFormat: Its marker cannot be read by this release.
        """
        try:
            fields = read(storage, MARKER, STORE)
        except NotFound as error:
            raise StoreError(
                f"{storage.location} is not marked as a store. Is it mounted, and is the path right? The playbook "
                "lifeboat.kafka.init makes a new store, and so does the module backup_store.",
                code="not_a_store",
                object_name=storage.location,
            ) from error
        store_id = fields.required("store_id", str)
        fields.finish()
        return cls(storage, store_id)

    def backup_ids(self) -> list[str]:
        """Return the names of all backups that the store holds or that were begun, sorted."""
        return sorted(
            backup_id
            for folder in self.storage.folders()
            if (backup_id := backup_id_of(folder)) is not None
            and not {RESTORE_POINTS, OPEN}.isdisjoint(self.storage.folders(folder))
        )


def _files_of_others(storage: Storage) -> Iterator[str]:
    """Yield the files directly in a place, but for hidden ones, which file systems and file managers leave."""
    return (file.path for file in storage.files() if "/" not in file.path and not file.path.startswith("."))


def storage_of(settings: StoreSettings) -> Storage:
    """Return the place that the ``store`` option family names; it need not exist yet."""
    return FilesystemStorage(settings.path)


def storage_at(path: str) -> Storage:
    """Return a journal's directory as a place; it need not exist yet.

    Raises:
        InvalidOption: The path is not absolute.
    """
    if not path.startswith("/"):
        raise InvalidOption(f"journal must be an absolute path, not {path!r}.", object_name="journal")
    return FilesystemStorage(path)
