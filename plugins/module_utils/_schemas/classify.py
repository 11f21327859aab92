# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each version of an archive stands to what a target holds, and what a strategy makes of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from .capabilities import Capabilities
from .content import identity, same
from .import_plan import (
    ID_CONFLICT,
    IDENTICAL,
    LIVE_ON_TARGET,
    NEW,
    OVERWRITE,
    PRESERVE,
    SKIP,
    SOFT_DELETED_ON_TARGET,
    VERSION_CONFLICT,
    ImportOptions,
)
from .model import SchemaContent, SchemaVersion, VersionKey, context_of
from .wanted import Wanted

REGISTER = "register"
SOFT_DELETE = "soft_delete"
KEPT = "keep"
LEAVE = "leave"
OMIT = "omit"
PURGE = "purge"
REFUSE = "refuse"


@dataclass(frozen=True)
class Decision:
    """What is done about one version of the archive.

    Args:
        wanted: The version.
        classification: One of `import_plan.CLASSES`.
        action: One of the words above; `PURGE` asks for its subject to be purged, `REFUSE` forbids the import.
        why: For people, where it is not made as the archive has it.
        kind: With `REFUSE`, the problem's kind.
    """

    wanted: Wanted
    classification: str
    action: str
    why: str = ""
    kind: str = ""


def id_place(version: SchemaVersion) -> tuple[str, int]:
    """Return a version's context and id, within which a registry has one content."""
    return context_of(version.subject), version.id


class Held:
    """What a target holds, with the indexes that classification needs.

    Args:
        versions: Its versions.
        capabilities: Its own.
    """

    def __init__(self, versions: Mapping[VersionKey, SchemaVersion], capabilities: Capabilities) -> None:
        self.versions = versions
        self.capabilities = capabilities
        self._identities: dict[int, tuple[str, SchemaContent]] = {}
        self.by_subject: dict[str, list[SchemaVersion]] = defaultdict(list)
        self._by_id: dict[tuple[str, int], list[SchemaVersion]] = defaultdict(list)
        self._by_identity: dict[tuple[str, str], list[SchemaVersion]] = defaultdict(list)
        for key in sorted(versions):
            version = versions[key]
            self.by_subject[key.subject].append(version)
            self._by_id[id_place(version)].append(version)
            if not capabilities.second_id_for_content:
                self._by_identity[context_of(key.subject), self.identity(version.content)].append(version)

    def identity(self, content: SchemaContent) -> str:
        """Return what the target compares contents by."""
        # by object, since a content cannot be hashed; the content itself is kept so that its address stays its own
        found = self._identities.get(id(content))
        if found is None:
            found = self._identities[id(content)] = identity(content, self.capabilities.identity), content
        return found[0]

    def same_identity(self, one: SchemaContent, other: SchemaContent) -> bool:
        """Tell whether the target takes two contents for the same one."""
        return one == other or self.identity(one) == self.identity(other)

    def with_id(self, version: SchemaVersion) -> list[SchemaVersion]:
        """Return what the target holds under a version's id, in its context."""
        return self._by_id.get(id_place(version), [])

    def under_other_id(self, version: SchemaVersion) -> list[SchemaVersion]:
        """Return what has a version's content under another id in its context, if the target cannot hold both."""
        if self.capabilities.second_id_for_content:
            return []
        found = self._by_identity.get((context_of(version.subject), self.identity(version.content)), [])
        return [other for other in found if other.id != version.id]


def classify(wanted: Wanted, held: Held) -> tuple[str, str]:
    """Classify a version that is to keep its id, but for `CONTENT_CONFLICT`, which `Settling` finds.

    Returns:
        One of `import_plan.CLASSES`, and for all but `NEW` and `IDENTICAL` the reason.
    """
    version, there = wanted.version, held.versions.get(wanted.key)
    if there is not None:
        if there.id != version.id:
            return (
                VERSION_CONFLICT,
                f"the target has this version under the id {there.id}, the backup under {version.id}",
            )
        if not same(there.content, version.content) and not same(there.content, wanted.original):
            return VERSION_CONFLICT, "the target has other content in this version"
        if there.deleted == version.deleted:
            return IDENTICAL, ""
        if there.deleted:
            return SOFT_DELETED_ON_TARGET, "it is soft-deleted on the target"
        return LIVE_ON_TARGET, "it is live on the target and soft-deleted in the backup"
    for other in held.with_id(version):
        if not held.same_identity(other.content, version.content):
            return ID_CONFLICT, f"the target has other content under the id {version.id} ({other.key})"
    return NEW, ""


def decide(wanted: Wanted, held: Held, options: ImportOptions) -> Decision:
    """Decide by the strategy what is done about a version that is to keep its id."""
    classification, why = classify(wanted, held)

    def decision(action: str, reason: str = "", kind: str = "") -> Decision:
        return Decision(wanted, classification, action, reason, kind)

    if classification == IDENTICAL:
        return decision(KEPT)
    if classification == NEW:
        foreign = any(v.key not in options.unfinished for v in held.by_subject.get(wanted.key.subject, ()))
        if options.strategy == SKIP and foreign:
            return decision(LEAVE, "the target has this subject")
        return decision(REGISTER)
    if classification == LIVE_ON_TARGET:
        if options.strategy == OVERWRITE or wanted.key in options.unfinished:
            return decision(SOFT_DELETE)
        return decision(KEPT, why)
    if classification == SOFT_DELETED_ON_TARGET:
        if options.strategy != OVERWRITE:
            return decision(LEAVE, why)
        if held.capabilities.undelete_by_register:
            return decision(REGISTER)
    return conflict(wanted, classification, why, options, purge=classification != ID_CONFLICT)


def conflict(wanted: Wanted, classification: str, why: str, options: ImportOptions, *, purge: bool) -> Decision:
    """Decide by the strategy what is done about a conflict.

    Args:
        wanted: The version that cannot be brought in.
        classification: Its class.
        why: The reason.
        options: What was asked for.
        purge: Whether purging its subject would solve it.
    """
    if options.strategy == SKIP:
        return Decision(wanted, classification, LEAVE, why)
    if options.strategy == PRESERVE or not purge:
        return Decision(wanted, classification, REFUSE, why, classification)
    if not options.allow_purge:
        why = f"{why}; allow_purge: true would purge the subject and import it anew"
        return Decision(wanted, classification, REFUSE, why, "purge_not_allowed")
    return Decision(wanted, classification, PURGE, why)
