# Copyright: lifeboat.kafka contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft-deleting and purging versions of subjects, or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._core.change import Difference, Report
from .._core.counting import named
from .._core.errors import InvalidOption, LifeboatError, Refused
from .._core.settings import RegistrySettings
from .._registry import administration
from .._registry.detect import connect
from .._registry.dialect import Registry
from .._registry.listing import ListedVersion
from .._schemas.model import VersionKey
from .bounded import difference, listed
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
        return difference(before, after)

    def preview(self) -> Report:
        """Report the subjects, as many as there is room for."""
        subjects = [
            {
                "subject": each.subject,
                "soft_deleted": list(each.soft_deleted),
                "purged": list(each.purged),
                "changed": each.changed,
            }
            for each in self.deletions
        ]
        return Report(listed({"subjects": (subjects, len(subjects))}, most=None))

    def apply(self) -> Report:
        """Delete them.

        Raises:
            Refused: ``target_changed``: a subject that is to go as a whole got a version meanwhile.
            RegistryError: It was refused. The message says which subjects were done before.
        """
        done: list[str] = []
        for each in filter(lambda deletion: deletion.changed, self.deletions):
            try:
                self._delete(each)
            except LifeboatError as error:
                if error.facts.get("registry_code") == REFERENCED:
                    error.message += " Delete what refers to it first."
                error.message += f" Done before it: {named(done)}." if done else ""
                raise
            done.append(each.subject)
        return self.preview()

    def _delete(self, deletion: Deletion) -> None:
        if deletion.whole:
            self._delete_whole(deletion)
            return
        # Newest first, as a subject's newer versions may refer to its older ones.
        for number in reversed(deletion.soft_deleted):
            self.registry.soft_delete(VersionKey(deletion.subject, number))
        for number in reversed(deletion.purged):
            administration.purge_version(self.registry, VersionKey(deletion.subject, number))

    def _delete_whole(self, deletion: Deletion) -> None:
        """Delete a subject, but no version that came after its versions were listed.

        A version may still come between a look and the request after it. If that is the soft delete, the look after it
        finds the version; if that is the purge, the registry refuses it.
        """
        subject = deletion.subject
        self._refuse_newcomers(deletion, "Nothing of the subject was deleted")
        administration.delete_subject(self.registry, subject)
        if not deletion.purged:
            return
        purged_none = "The versions before it are soft-deleted, and none is purged"
        self._refuse_newcomers(deletion, purged_none)
        if not administration.purge_deleted_subject(self.registry, subject):
            self._refuse_newcomers(deletion, purged_none)
            raise _changed(subject, f"A version of {subject} was registered again", purged_none)

    def _refuse_newcomers(self, deletion: Deletion, so_far: str) -> None:
        known = {version.key for version in deletion.held}
        new = [
            version.key
            for version in self.registry.list_subject(deletion.subject)
            # As above, another context's subject may be listed.
            if version.key not in known and self.registry.read_version(version.key, deleted=True) is not None
        ]
        if new:
            raise _changed(deletion.subject, f"{new[-1]} was registered", so_far)


def _changed(subject: str, what: str, so_far: str) -> Refused:
    return Refused(
        f"{what} while its subject was being deleted, by somebody else. {so_far}. Make sure that nobody needs it any "
        "more, and run again to delete that as well.",
        code="target_changed",
        object_name=subject,
    )


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
