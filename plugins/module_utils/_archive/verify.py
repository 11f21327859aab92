# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading restore points back and checking every byte of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .._core.errors import Damaged, LifeboatError, StoreError
from .parts import Entry
from .points import RestorePoint
from .reader import PartReader
from .store import Store

_TOLD = 3


class Damage(NamedTuple):
    """Something that is not as it was written.

    Args:
        file: Where it lies, relative to the backup's folder.
        reason: What is wrong with it.
        costs: What is lost with it.
    """

    file: str
    reason: str
    costs: str


ContentCheck = Callable[[Iterator[tuple[Entry, bytes]]], Iterable[Damage]]
"""Looks at what a part says: given its entries with their contents, one after the other, it returns what is wrong."""


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found.

    Args:
        files: How many pieces of data the restore point names.
        size: How many bytes these have.
        damaged: What is not as it was written, sorted by file.
    """

    files: int
    size: int
    damaged: tuple[Damage, ...]


def verify_point(store: Store, point: RestorePoint, checks: Mapping[str, ContentCheck] | None = None) -> VerifyReport:
    """Read all that a restore point names, and compare it with the hashes that were noted when it was written.

    Damage is collected; it is not raised.

    Args:
        store: Where it lies.
        point: The restore point.
        checks: For parts whose content is looked at too, by name. What a check finds counts only where all bytes of
            the part are as written: what is missing would be reported again by those that refer to it.

    Raises:
        UnsupportedFormat: A document is newer than this release.
    """
    damaged: list[Damage] = []
    for name, ref in sorted(point.parts.items()):
        try:
            reader = PartReader(store, point, name)
        except (Damaged, StoreError) as error:
            damaged.append(_damage(ref.file, error, f"the whole part {name}"))
            continue
        found: list[Damage] = []
        pieces = _pieces(reader, found)
        check = (checks or {}).get(name)
        findings = [] if check is None else list(check(pieces))
        for _piece in pieces:
            pass
        damaged += _by_file(found) or findings
    parts = point.parts.values()
    return VerifyReport(
        files=sum(part.files for part in parts), size=sum(part.size for part in parts), damaged=tuple(sorted(damaged))
    )


def _pieces(reader: PartReader, found: list[Damage]) -> Iterator[tuple[Entry, bytes]]:
    """Yield a part's entries with their contents, and add to ``found`` what is damaged instead."""
    for page in reader.part.pages:
        try:
            entries = reader.entries_of(page)
        except (Damaged, StoreError) as error:
            found.append(_damage(page.file, error, f"{page.entries} files of the part {reader.part.name}"))
            continue
        for entry in entries:
            try:
                content = reader.read(entry)
            except (Damaged, StoreError) as error:
                found.append(_damage(entry.file, error, entry.cost()))
            else:
                yield entry, content


def _by_file(found: Iterable[Damage]) -> list[Damage]:
    """Tell of each file once: a pack that is gone costs thousands of pieces."""
    files: dict[str, list[Damage]] = {}
    for damage in found:
        files.setdefault(damage.file, []).append(damage)
    return [
        Damage(
            file,
            of[0].reason,
            ", ".join(damage.costs for damage in of[:_TOLD])
            + (f" and {len(of) - _TOLD} more pieces" if len(of) > _TOLD else ""),
        )
        for file, of in files.items()
    ]


def _damage(file: str, error: LifeboatError, costs: str) -> Damage:
    return Damage(file, str(error.facts.get("reason", error.message)), str(error.facts.get("costs", costs)))
