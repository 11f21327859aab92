# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``backup`` object that every module returns."""

from __future__ import annotations

from typing import Any

from .._archive.commit import CommitResult
from .._archive.points import RestorePoint
from .._archive.store import Store
from .._core.clock import timestamp


def describe_point(store: Store, point: RestorePoint, *, created: bool = False) -> dict[str, Any]:
    """Describe a restore point.

    Args:
        store: Where it lies.
        point: The restore point.
        created: Whether this run made it.
    """
    return {
        "store": store.storage.location,
        "backup_id": point.backup_id,
        "restore_point": point.sequence,
        "committed_at": timestamp(point.committed_at),
        "complete": point.complete,
        "created": created,
        "parts": sorted(point.parts),
        "missing": list(point.missing),
    }


def describe_commit(store: Store, result: CommitResult) -> dict[str, Any]:
    """Describe what a commit made or confirmed."""
    return describe_point(store, result.point, created=result.created)


def describe_uncommitted(store: Store, backup_id: str, parts: list[str]) -> dict[str, Any]:
    """Describe a restore point that is not committed, by this module or in check mode."""
    return {
        "store": store.storage.location,
        "backup_id": backup_id,
        "restore_point": None,
        "committed_at": None,
        "complete": None,
        "created": False,
        "parts": parts,
        "missing": [],
    }
