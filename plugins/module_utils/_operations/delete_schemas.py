# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft-deleting and purging versions of subjects, or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._core.change import Difference, Report
from .._core.errors import InvalidOption, RegistryError
from .._core.settings import RegistrySettings
from .._registry import administration
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._registry.listing import ListedVersion
from .._schemas.model import VersionKey
from .subject_requests import SubjectRequest, refuse_alias

REFERENCED = 42206
"""A registry's code for a version that others refer to."""


@dataclass(frozen=True)
class Deletion:
    """What a subject loses.

    Args:
        subject: The qualified subject.
        held: All its versions.
        soft_deleted: Those that are soft-deleted.
        purged: Those that are deleted for good.
        whole: Whether that is all that the subject has.
    """

    subject: str
    held: tuple[ListedVersion, ...]
    soft_deleted: tuple[int, ...]
    purged: tuple[int, ...]
    whole: bool

    @property
    def changed(self) -> bool:
        """Whether it loses anything."""
        return bool(self.soft_deleted or self.purged)


@dataclass(frozen=True)
class DeleteSchemas:
    """The plan to delete versions.

    Args:
        registry: Where.
        deletions: By subject, in their order.
    """

    registry: Registry
    deletions: tuple[Deletion, ...]

    @classmethod
    def plan(cls, settings: RegistrySettings, requests: Sequence[SubjectRequest], *, purge: bool) -> DeleteSchemas:
        """List the versions of the subjects.

        Raises:
            InvalidOption: A request cannot be used.
            RegistryError: ``aliased_subject``, or the registry gave no usable answer.
        """
        for request in requests:
            request.refuse(
                "purged" if purge else "absent",
                *("schema", "src", "schema_type", "references", "metadata", "rule_set", "normalize"),
            )
            if purge and request.versions is None:
                raise InvalidOption(
                    f"Say which versions of {request.subject} are purged: their numbers, or versions: all.",
                    object_name="versions",
                )
        numbers = [request.numbers() for request in requests]
        registry = connect(settings)
        registry.require_writable()
        return cls(
            registry,
            tuple(
                _planned(registry, request.subject, meant, purge)
                for request, meant in zip(requests, numbers, strict=True)
            ),
        )

    @property
    def changed(self) -> bool:
        """Whether anything is deleted."""
        return any(each.changed for each in self.deletions)

    def difference(self) -> Difference:
        """Show the versions of each subject before and after."""
        before, after = {}, {}
        for each in self.deletions:
            if each.changed:
                states = {v.key.version: "soft-deleted" if v.deleted else "live" for v in each.held}
                left = {number: state for number, state in states.items() if number not in each.purged}
                left |= dict.fromkeys(set(each.soft_deleted) & set(left), "soft-deleted")
                before[each.subject] = {f"version {number}": state for number, state in states.items()}
                after[each.subject] = {f"version {number}": state for number, state in left.items()}
        return Difference(before, after)

    def preview(self) -> Report:
        """Report every subject."""
        return Report(
            {
                "subjects": [
                    {
                        "subject": each.subject,
                        "soft_deleted": list(each.soft_deleted),
                        "purged": list(each.purged),
                        "changed": each.changed,
                    }
                    for each in self.deletions
                ]
            }
        )

    def apply(self) -> Report:
        """Delete them."""
        for each in self.deletions:
            try:
                self._delete(each)
            except RegistryError as error:
                if error.facts.get("registry_code") == REFERENCED:
                    error.message += " Delete what refers to it first."
                raise
        return self.preview()

    def _delete(self, deletion: Deletion) -> None:
        if not deletion.changed:
            return
        if deletion.whole and deletion.purged:
            self.registry.purge_subject(deletion.subject)
        elif deletion.whole:
            administration.delete_subject(self.registry, deletion.subject)
        else:
            # Newest first, as a subject's newer versions may refer to its older ones.
            for number in reversed(deletion.soft_deleted):
                self.registry.soft_delete(VersionKey(deletion.subject, number))
            for number in reversed(deletion.purged):
                administration.purge_version(self.registry, VersionKey(deletion.subject, number))


def _planned(registry: Registry, subject: str, numbers: tuple[int, ...] | None, purge: bool) -> Deletion:
    """Plan what a subject loses: the versions of some numbers, or all of them."""
    refuse_alias(registry, subject)
    held = tuple(registry.list_subject(subject))
    # Confluent answers for an unqualified name that is not in the default context from another one.
    if held and registry.read_version(held[0].key, deleted=True) is None:
        held = ()
    meant = [version for version in held if numbers is None or version.key.version in numbers]
    return Deletion(
        subject,
        held,
        soft_deleted=tuple(version.key.version for version in meant if not version.deleted),
        purged=tuple(version.key.version for version in meant) if purge else (),
        whole=numbers is None,
    )
