# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a backup: spares people from starting two runs at once, and names who has it.

No restore point's safety rests on it: two runs that both believe to have it meet at the name of the restore point.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .._core.clock import timestamp
from .._core.errors import Busy, Damaged, NotFound
from .._core.fields import Fields
from .._storage.port import AlreadyExists
from .documents import LEASE, encode, moment, read, texts
from .layout import lease_path
from .liveness import ProcessIdentity
from .store import Store

DAMAGED_LEASE = "damaged"
"""In place of a restore point's id: whatever has the lease, since it cannot be read."""


@dataclass(frozen=True)
class Lease:
    """What a run notes of itself while it makes a restore point.

    Args:
        point_id: The restore point in the making.
        opened_at: When it was opened.
        refreshed_at: The run's last sign of life.
        owner: The run's process; None where only time tells whether it lives.
        expected: The parts that the restore point must have to be complete.
    """

    point_id: str
    opened_at: datetime
    refreshed_at: datetime
    owner: ProcessIdentity | None
    expected: tuple[str, ...]

    @classmethod
    def read(cls, store: Store, backup_id: str) -> Lease | None:
        """Return a backup's lease, or None where nobody has it.

        Raises:
            Damaged, UnsupportedFormat: It cannot be read by this release.
        """
        try:
            return cls._read(store, backup_id)
        except NotFound:
            return None
        except Damaged as error:
            raise Damaged(
                f"{error.message} So it is not known whether a run is at work on the backup {backup_id!r}. See that "
                "none is, and take the lease away with lifeboat.kafka.restore_point, state: aborted, restore_point: "
                f"{DAMAGED_LEASE}.",
                object_name=error.object_name,
                **error.facts,
            ) from error

    @classmethod
    def _read(cls, store: Store, backup_id: str) -> Lease:
        fields = read(store.storage, lease_path(backup_id), LEASE)
        owner = fields.optional("owner", dict)
        lease = cls(
            point_id=fields.required("restore_point", str),
            opened_at=moment(fields, "opened_at"),
            refreshed_at=moment(fields, "refreshed_at"),
            owner=None if owner is None else ProcessIdentity.from_document(Fields(fields.document, owner, "owner")),
            expected=texts(fields, "expected"),
        )
        fields.finish()
        return lease

    def encode(self) -> bytes:
        """Return the document's bytes."""
        return encode(
            LEASE,
            {
                "restore_point": self.point_id,
                "opened_at": timestamp(self.opened_at),
                "refreshed_at": timestamp(self.refreshed_at),
                "owner": self.owner and self.owner.document(),
                "expected": list(self.expected),
            },
        )

    def take(self, store: Store, backup_id: str) -> bool:
        """Take the lease, if nobody has it; return whether that worked."""
        try:
            store.storage.create(lease_path(backup_id), self.encode())
        except AlreadyExists:
            return False
        return True

    @property
    def owner_text(self) -> str:
        """By whom the backup is written to, for messages."""
        who = f"by {self.owner}" if self.owner else "by a run whose process is not known"
        return f"being written to {who}"

    def busy(self, store: Store, backup_id: str, lease_timeout: float) -> Busy:
        """Return the error that names who has the lease, and how to go on."""
        return Busy(
            f"The backup {backup_id!r} in {store.storage.location} is {self.owner_text}, since "
            f"{timestamp(self.opened_at)}, last sign of life {timestamp(self.refreshed_at)}. Wait for it to end; "
            f"without a sign of life it counts as dead after {lease_timeout:g} seconds. Or give it up with "
            f"lifeboat.kafka.restore_point, state: aborted, restore_point: {self.point_id}.",
            object_name=f"{backup_id}/{self.point_id}",
            restore_point=self.point_id,
            owner=self.owner and self.owner.document(),
            since=timestamp(self.opened_at),
        )
