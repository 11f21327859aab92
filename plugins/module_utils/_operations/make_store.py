# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a store."""

from __future__ import annotations

from dataclasses import dataclass

from .._archive.documents import FORMAT_VERSION
from .._archive.store import Store, storage_of
from .._core.change import Difference, Report
from .._core.settings import StoreSettings


@dataclass(frozen=True)
class StoreCreation:
    """The plan to mark a place as a store, empty where it is one.

    Args:
        settings: The place.
        existing: The store that is there already.
    """

    settings: StoreSettings
    existing: Store | None

    @classmethod
    def plan(cls, settings: StoreSettings) -> StoreCreation:
        """Look at the place.

        Raises:
            StoreError: It holds something else, or cannot be read.
            Damaged, UnsupportedFormat: Its marker cannot be read by this release.
        """
        return cls(settings, Store.find(storage_of(settings)))

    @property
    def changed(self) -> bool:
        """Whether there is no store yet."""
        return self.existing is None

    def difference(self) -> Difference:
        """Show the marker."""
        return Difference("no store\n", f"store in {self.settings.path}\n")

    def preview(self) -> Report:
        """Report the store as it would be; its id is not known before it is made."""
        return self._report(self.existing)

    def apply(self) -> Report:
        """Mark the place; when another process does so at the same time, both succeed."""
        return self._report(self.existing or Store.initialise(storage_of(self.settings))[0])

    def _report(self, store: Store | None) -> Report:
        return Report(
            {
                "store": {
                    "path": self.settings.path,
                    "store_id": store.store_id if store else None,
                    "format_version": FORMAT_VERSION,
                }
            }
        )
